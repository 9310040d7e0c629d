"""SQLAlchemy engines for the two databases a node may use: SQLite (WAL) and PostgreSQL (psycopg 3).

Every wait is bounded: locks, statements, connections and idle transactions all have a limit, so no call hangs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from node.codes import Code
from node.errors import Refusal

LOCK_SECONDS = 30
STATEMENT_SECONDS = 120
CONNECT_SECONDS = 10
IDLE_SECONDS = 300
POOL_SIZE = 8
POOL_OVERFLOW = 56


def make_engine(url: str) -> Engine:
    """Return an engine for ``sqlite:///FILE`` or ``postgresql://…``.

    Raises :class:`Refusal` with ``CONFIG_INVALID`` for every other URL; the URL itself is never repeated.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise Refusal(Code.CONFIG_INVALID, "storage.url must begin with sqlite:/// or postgresql://")


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        raise Refusal(Code.CONFIG_INVALID, "storage.url is not a database URL") from None


def _sqlite(url: URL) -> Engine:
    if url.database in {None, "", ":memory:"}:
        raise Refusal(Code.CONFIG_INVALID, "storage.url must name a file: a node's state has to survive it")
    _create_private(Path(str(url.database)))
    return _sqlite_engine(url, _prepare_sqlite, "BEGIN IMMEDIATE")


def reader_of(engine: Engine) -> Engine:
    """Return an engine of the same database whose transactions can change nothing.

    SQLite's has connections of its own: switching one between reading and writing makes it prepare every statement
    again.
    """
    if engine.dialect.name == "sqlite":
        return _sqlite_engine(engine.url, _prepare_sqlite_reader, "BEGIN")
    return engine.execution_options(postgresql_readonly=True)


def _sqlite_engine(url: URL, prepare: Callable[[SqliteConnection, object], None], begin: str) -> Engine:
    """Return an engine that takes the write lock at once where it will be needed (``BEGIN IMMEDIATE``): a late
    upgrade of a read lock fails under WAL.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": LOCK_SECONDS},
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=LOCK_SECONDS,
        pool_use_lifo=True,  # the connection whose page cache is warm
    )
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _create_private(path: Path) -> None:
    """Create the file readable by its owner alone; SQLite gives its journals the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Refusal(Code.STORAGE_UNAVAILABLE, f"the database file cannot be opened ({error.strerror})") from None


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver opens no transaction by itself: our listener does
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a journalled effect survives a power cut, not only a crash
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _prepare_sqlite_reader(connection: SqliteConnection, record: object) -> None:
    _prepare_sqlite(connection, record)
    connection.execute("PRAGMA query_only = ON").close()


def _postgresql(url: URL) -> Engine:
    limits = {
        "statement_timeout": STATEMENT_SECONDS * 1000,
        "lock_timeout": LOCK_SECONDS * 1000,
        "idle_in_transaction_session_timeout": IDLE_SECONDS * 1000,
    }
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": LOCK_SECONDS * 1000,
        "application_name": "banktax",
    }
    return create_engine(
        url,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        connect_args=arguments,
        pool_pre_ping=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=LOCK_SECONDS,
    )
