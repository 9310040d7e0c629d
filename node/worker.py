"""One worker process: how the node holds it, and what runs inside it.

Each worker has a pipe of its own. A pool whose workers share one queue is stopped for good by a worker that is killed
while it holds the queue's lock; here a death is the end of one pipe, seen at once by the one thread that waits for it.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

START_SECONDS = 120.0
"""Longest time that a fresh process may take to import what it needs, on a busy machine."""
ORPHAN_SECONDS = 1.0
OUT_OF_MEMORY = 12  # ENOMEM, as a worker's exit code
_CONTEXT = multiprocessing.get_context("spawn")  # never forked: no generator state is inherited


class WorkerDied(Exception):  # noqa: N818 - what happened, said by the pool in its own words
    """The process ended before its answer was there."""


class WorkerLate(Exception):  # noqa: N818
    """The process did not answer in time, and was ended."""


@dataclass(frozen=True)
class Outcome:
    """What a task came to: its value, or what it raised."""

    value: Any = None
    error: BaseException | None = None

    def unwrap(self) -> Any:
        """Return the value, or raise."""
        if self.error is not None:
            raise self.error
        return self.value


class Worker:
    """A process that does one task at a time. Starting it returns at once; it imports what it needs meanwhile.

    Args:
        memory_limit_mb: private memory, in MiB.
        module: where most tasks come from; it is imported before the first one is there.
    """

    def __init__(self, memory_limit_mb: int, module: str) -> None:
        self._channel, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(
            target=_serve, args=(theirs, memory_limit_mb, module, os.getpid()), name="compute", daemon=True
        )
        self._process.start()
        theirs.close()  # the worker holds the only other end: its death is the end of the pipe
        self._ready = False
        self._late = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def run(self, function: Callable[..., Any], arguments: Sequence[Any], seconds: float) -> Outcome:
        """Return what ``function(*arguments)`` came to; one thread at a time.

        Raises:
            WorkerDied, WorkerLate: the worker is of no more use.
        """
        if not self._ready:
            with self._deadline(START_SECONDS):
                self._channel.recv()
            self._ready = True
        with self._deadline(seconds):
            self._channel.send((function, tuple(arguments)))
            outcome: Outcome = self._channel.recv()
        return outcome

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """End the process when time is up: whatever waits on the pipe then, sending or receiving, comes back."""
        watch = threading.Timer(seconds, self._expire)
        watch.daemon = True
        watch.start()
        try:
            yield
        except (EOFError, OSError):
            self.end()
            raise (WorkerLate if self._late else WorkerDied) from None
        finally:
            watch.cancel()

    def _expire(self) -> None:
        self._late = True
        self._process.kill()

    def end(self) -> None:
        """End the process, whatever it does, and leave no zombie."""
        self._process.kill()
        self._process.join()


def limit_memory(megabytes: int) -> None:
    """Cap this process's private memory; an allocation beyond it raises ``MemoryError`` or ends the worker."""
    limit = megabytes << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _serve(channel: Connection, megabytes: int, module: str, parent: int) -> None:
    """Be a worker: under the memory limit, one task after the other, for as long as the node lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the node, which then closes the pool
    limit_memory(megabytes)
    threading.Thread(target=_end_with, args=(parent,), name="end-with-node", daemon=True).start()
    try:
        importlib.import_module(module)
        channel.send(None)
        while True:
            function, arguments = channel.recv()
            channel.send(_outcome(function, arguments))
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the node let go of its end
        return
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    """Do one task. Out of memory the worker ends at once and is replaced: an allocation that fails inside SEAL leaves
    its memory pool locked, and whatever frees a polynomial afterwards would wait for ever.
    """
    try:
        return Outcome(function(*arguments))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:
        return Outcome(error=error)


def _end_with(parent: int) -> None:
    """A killed node tells nobody, and a task may be long."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)
