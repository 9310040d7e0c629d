"""The executor for homomorphic work: processes on this machine, each under a memory limit and every task a deadline.

SEAL's Python binding holds the interpreter's lock, so threads would stop the whole node. A worker that dies is
replaced and its task tried once more.

Batches take at most all workers but one at a time, so that an online call never waits behind a whole batch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from node.codes import Code
from node.errors import Refusal
from node.worker import Outcome, Worker, WorkerDied, WorkerLate

ResultT = TypeVar("ResultT")
TASKS = "node.jobs.work"
LONGEST_QUEUE = 10
"""After so many deadlines a task that waits for a free worker is given up."""


class ComputePool:
    """Runs picklable top-level functions in worker processes, which are started at once.

    Args:
        workers: number of processes, at least 1.
        memory_limit_mb: private memory of each.
        timeout_seconds: deadline of one attempt of one task.
    """

    def __init__(self, workers: int, memory_limit_mb: int, timeout_seconds: float) -> None:
        self._memory_limit_mb = memory_limit_mb
        self._timeout = timeout_seconds
        self._batch_lane = threading.BoundedSemaphore(max(1, workers - 1))
        self._guard = threading.Lock()
        self._closing = False
        self._workers = {Worker(memory_limit_mb, TASKS) for _ in range(workers)}
        # The one that worked last is taken first: it has the models of the moment ready. None: the pool is closed.
        self._free: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for worker in self._workers:
            self._free.put(worker)

    def run(self, function: Callable[..., ResultT], *arguments: Any, batch: bool = False) -> ResultT:
        """Return ``function(*arguments)`` computed in a worker; what the function raises is raised here.

        Raises:
            Refusal: ``COMPUTE_FAILED`` when workers died or ran out of time or memory twice; ``DRAINING`` when the
                pool was closed meanwhile; ``DEADLINE_EXCEEDED`` when other tasks kept the workers busy.
        """
        if not batch:
            return self._try_twice(function, arguments)
        if not self._batch_lane.acquire(timeout=self._timeout):
            raise Refusal(Code.DEADLINE_EXCEEDED, "other batches kept the workers busy")
        try:
            return self._try_twice(function, arguments)
        finally:
            self._batch_lane.release()

    def map(self, function: Callable[..., ResultT], argument_lists: Iterable[Sequence[Any]]) -> list[ResultT]:
        """Return the results of one task after another in the batch lane, in order."""
        return [self.run(function, *arguments, batch=True) for arguments in argument_lists]

    def _try_twice(self, function: Callable[..., ResultT], arguments: Sequence[Any]) -> ResultT:
        try:
            outcome = self._attempt(function, arguments)
        except (WorkerDied, WorkerLate):
            try:
                outcome = self._attempt(function, arguments)
            except (WorkerDied, WorkerLate) as fault:
                what = "a worker that died" if isinstance(fault, WorkerDied) else "a worker out of time"
                raise Refusal(Code.COMPUTE_FAILED, f"two attempts failed, the last one with {what}") from None
        result: ResultT = outcome.unwrap()
        return result

    def _attempt(self, function: Callable[..., Any], arguments: Sequence[Any]) -> Outcome:
        with self._worker() as worker:
            try:
                return worker.run(function, arguments, self._timeout)
            except WorkerDied:
                if self._closing:
                    raise _closed() from None
                raise

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """Lend a free worker, a living one."""
        try:
            worker = self._free.get(timeout=self._timeout * LONGEST_QUEUE)
        except queue.Empty:
            raise Refusal(Code.DEADLINE_EXCEEDED, "other tasks kept the workers busy") from None
        if worker is not None and not worker.alive:
            worker = self._replace(worker)
        if worker is None or self._closing:
            self._free.put(None)  # for the next one that waits
            raise _closed()
        try:
            yield worker
        finally:
            self._free.put(worker)

    def _replace(self, dead: Worker) -> Worker | None:
        dead.end()
        with self._guard:
            if self._closing:
                return None
            self._workers.discard(dead)
            fresh = Worker(self._memory_limit_mb, TASKS)
            self._workers.add(fresh)
        return fresh

    def close(self) -> None:
        """Stop the workers; running tasks are ended and their callers told (the journal knows what to repeat)."""
        with self._guard:
            self._closing = True
        for worker in self._workers:
            worker.end()
        self._free.put(None)

    def __enter__(self) -> ComputePool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _closed() -> Refusal:
    return Refusal(Code.DRAINING, "the node is stopping")
