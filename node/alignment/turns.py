"""One thread at a time for one name: a second one waits, and finds done what it came for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from node.codes import Code
from node.errors import Refusal


class Turns:
    """Locks by name. ``refused`` is said to whoever waited ``seconds`` in vain."""

    def __init__(self, seconds: float, refused: str) -> None:
        self._seconds = seconds
        self._refused = refused
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Hold the name's turn.

        Raises:
            Refusal: ``DEADLINE_EXCEEDED``.
        """
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        if not lock.acquire(timeout=self._seconds):
            raise Refusal(Code.DEADLINE_EXCEEDED, self._refused)
        try:
            yield
        finally:
            lock.release()
