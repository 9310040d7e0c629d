"""A node's database: reading and writing transactions, migrations, and errors that name no secret."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from node.codes import Code
from node.errors import Refusal
from node.storage.bulk import insert_ignore, insert_rows, update_rows, upsert
from node.storage.engines import LOCK_SECONDS, make_engine, reader_of
from node.storage.migrate import upgrade
from node.storage.statements import SelectIn, lock_name, slices

__all__ = [
    "Database",
    "SelectIn",
    "insert_ignore",
    "insert_rows",
    "lock_name",
    "open_database",
    "slices",
    "update_rows",
    "upsert",
]


class Database:
    """One database, shared by all threads of a node.

    ``read()`` and ``write()`` give a connection inside one transaction: committed when the block ends, rolled back
    when it raises. A broken, full, locked or unreachable database raises ``Refusal(STORAGE_UNAVAILABLE)``; a broken
    constraint SQLAlchemy's ``IntegrityError``, without the driver's sentence, which quotes values.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = reader_of(engine)
        # SQLite has one writer; its own waiting is unfair and starves threads, a lock here serves them in turn.
        self._writer: _Writer | None = _Writer() if engine.dialect.name == "sqlite" else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that cannot change anything."""
        with _refusing(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write. SQLite: alone from its start. PostgreSQL: READ COMMITTED and row locks.

        Not nested: pass the connection on instead. A nested call in one thread raises ``RuntimeError`` on SQLite.
        """
        if self._writer is None:
            with self._writing() as connection:
                yield connection
            return
        with self._writer.turn(), self._writing() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _refusing(), self.engine.connect() as connection, connection.begin():
            yield connection

    def upgrade(self) -> None:
        """Bring the tables to this release's form. Safe to call by several processes at once."""
        with self.write() as connection:
            upgrade(connection)

    def dispose(self) -> None:
        """Close all pooled connections."""
        self._reader.dispose()
        self.engine.dispose()

    def __repr__(self) -> str:
        return f"Database({self.engine.dialect.name})"


class _Writer:
    """Lets one thread at a time write, in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        if self._holder == threading.get_ident():
            raise RuntimeError("a writing transaction is open in this thread already: pass its connection on")
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            raise Refusal(Code.STORAGE_UNAVAILABLE, "the database is busy: another write did not end in time")
        self._holder = threading.get_ident()
        try:
            yield
        finally:
            self._holder = None
            self._lock.release()


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn the database's failures into a refusal, our own mistakes into an error without the values at fault."""
    try:
        yield
    except PoolTimeoutError:
        raise Refusal(Code.STORAGE_UNAVAILABLE, "all database connections are in use") from None
    except DBAPIError as error:
        raise _translated(error).with_traceback(error.__traceback__) from None


def _translated(error: DBAPIError) -> Exception:
    """Name the failure by its class and code only: a driver's sentence may hold hosts, users and values."""
    original = error.orig
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    name = f"{type(original).__name__} {code or ''}".rstrip()
    if isinstance(error, _MISTAKES) and not error.connection_invalidated:
        return type(error)(error.statement, None, RuntimeError(name), hide_parameters=True)
    return Refusal(Code.STORAGE_UNAVAILABLE, f"the database failed: {name}")


_MISTAKES = (DataError, IntegrityError, ProgrammingError)


def open_database(url: str) -> Database:
    """Open the database at ``url`` (``sqlite:///FILE``, ``postgresql://USER:PASSWORD@HOST/NAME``).

    Connects lazily. Raises :class:`Refusal`: ``CONFIG_INVALID`` for a URL of another kind, ``STORAGE_UNAVAILABLE``
    for a file that cannot be created.
    """
    return Database(make_engine(url))
