"""Power that is cut at any step of a node: two processes allow that at chance moments only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from node.storage.database import Database


class PowerCut(BaseException):
    """The node is dead from here on. Not an ``Exception``: nothing in a node may survive it by catching everything."""


class Fuse:
    """Counts a node's steps (transactions and calls) once armed, cuts its power at one; then every step fails."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._lock = threading.Lock()
        self.blown = False

    def arm(self, steps: int) -> None:
        """Let ``steps`` further steps pass."""
        self._left = steps

    def step(self) -> None:
        """Pass a point at which the power may be cut."""
        with self._lock:
            if not self.blown and self._left is not None:
                self._left -= 1
                self.blown = self._left < 0
        self.check()

    def check(self) -> None:
        """Return if the power is on."""
        if self.blown:
            raise PowerCut


class FusedDatabase(Database):
    """A database whose node can lose its power before a transaction, inside it, or right after it was committed."""

    def __init__(self, database: Database, fuse: Fuse) -> None:
        super().__init__(database.engine)
        self._fuse = fuse

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._fuse.check()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._fuse.check()
        with super().write() as connection:
            yield connection
            self._fuse.step()  # takes the transaction along
        self._fuse.step()  # written, but nobody was told
