"""The executor for homomorphic work: processes on this machine, each under a memory limit and every task a deadline.

SEAL's Python binding holds the interpreter's lock, so threads would stop the whole node. Workers are started fresh
(never forked: no generator state is inherited). A worker that dies is replaced and its task tried once more.

Batches take at most all workers but one at a time, so that an online call never waits behind a whole batch.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from types import TracebackType
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from node.codes import Code
from node.errors import Refusal

ResultT = TypeVar("ResultT")
ORPHAN_SECONDS = 1.0
OUT_OF_MEMORY = 12  # ENOMEM, as a worker's exit code
LONGEST_QUEUE = 10
"""After so many deadlines a task is given up that no worker reports: one that died just then took it along."""


def prepare_worker(megabytes: int, parent: int) -> None:
    """Begin a worker: under its memory limit, and for as long as the node lives. A killed node tells nobody."""
    limit_memory(megabytes)
    threading.Thread(target=_end_with, args=(parent,), name="end-with-node", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def run_task(function: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """Run one task in a worker. Out of memory the worker ends at once and is replaced: an allocation that fails inside
    SEAL leaves its memory pool locked, and whatever frees a polynomial afterwards would wait for ever.
    """
    try:
        return function(*arguments)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def limit_memory(megabytes: int) -> None:
    """Cap this process's private memory; an allocation beyond it raises ``MemoryError`` or ends the worker."""
    limit = megabytes << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class ComputePool:
    """Runs picklable top-level functions in worker processes.

    Args:
        workers: number of processes, at least 1.
        memory_limit_mb: private memory of each.
        timeout_seconds: deadline of one attempt of one task.
    """

    def __init__(self, workers: int, memory_limit_mb: int, timeout_seconds: float) -> None:
        self._workers = workers
        self._memory_limit_mb = memory_limit_mb
        self._timeout = timeout_seconds
        self._batch_lane = threading.BoundedSemaphore(max(1, workers - 1))
        self._guard = threading.Lock()
        self._closing = False
        self._running: set[Future[Any]] = set()
        self._pool = self._start()

    def _start(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._workers,
            initializer=prepare_worker,
            initargs=[self._memory_limit_mb, os.getpid()],
            context=multiprocessing.get_context("spawn"),
        )

    def run(self, function: Callable[..., ResultT], *arguments: Any, batch: bool = False) -> ResultT:
        """Return ``function(*arguments)`` computed in a worker; what the function raises is raised here.

        Raises:
            Refusal: ``COMPUTE_FAILED`` when workers died or ran out of time or memory twice; ``DRAINING`` when the
                pool was closed meanwhile; ``DEADLINE_EXCEEDED`` when other batches kept the workers busy.
        """
        if not batch:
            return self._attempt(function, arguments)
        if not self._batch_lane.acquire(timeout=self._timeout):
            raise Refusal(Code.DEADLINE_EXCEEDED, "other batches kept the workers busy")
        try:
            return self._attempt(function, arguments)
        finally:
            self._batch_lane.release()

    def map(self, function: Callable[..., ResultT], argument_lists: Iterable[Sequence[Any]]) -> list[ResultT]:
        """Return the results of one task after another in the batch lane, in order."""
        return [self.run(function, *arguments, batch=True) for arguments in argument_lists]

    def _attempt(self, function: Callable[..., ResultT], arguments: Sequence[Any]) -> ResultT:
        for last in (False, True):
            future = self._schedule(function, arguments)
            try:
                return future.result(self._timeout * LONGEST_QUEUE)
            except CancelledError:
                raise _closed() from None
            except (BrokenExecutor, ProcessExpired, TimeoutError, MemoryError) as error:
                future.cancel()  # where it still waits
                if last:
                    raise Refusal(Code.COMPUTE_FAILED, f"two attempts ended with {type(error).__name__}") from None
        raise AssertionError("unreachable")

    def _schedule(self, function: Callable[..., ResultT], arguments: Sequence[Any]) -> Future[ResultT]:
        with self._guard:
            if self._closing:
                raise _closed()
            if not self._pool.active:  # not started yet, or broken: a worker died while it had nothing to do
                self._replace()
            future: Future[ResultT] = self._pool.schedule(run_task, args=[function, *arguments], timeout=self._timeout)
            self._running.add(future)
        future.add_done_callback(self._forget)
        return future

    def _replace(self) -> None:
        """Start a pool in place of a broken one, which is cleared away meanwhile: that may take seconds."""
        broken, self._pool = self._pool, self._start()
        threading.Thread(target=_bury, args=(broken,), name="broken-pool", daemon=True).start()

    def _forget(self, future: Future[Any]) -> None:
        with self._guard:
            self._running.discard(future)

    def close(self) -> None:
        """Stop the workers; running tasks are ended and their callers told (the journal knows what to repeat)."""
        with self._guard:
            self._closing = True
            running = list(self._running)
        for future in running:  # the pool itself would leave whoever waits for them waiting
            future.cancel()
        _bury(self._pool)

    def __enter__(self) -> ComputePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _closed() -> Refusal:
    return Refusal(Code.DRAINING, "the node is stopping")


def _bury(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()
