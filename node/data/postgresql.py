"""Tax data out of a PostgreSQL table or query: one read-only snapshot, streamed as exact texts.

The query is first declared as a cursor through the extended protocol, which takes exactly one statement and only a
SELECT. What passes that is one complete SELECT, so it cannot break out of the ``COPY (…) TO STDOUT`` around it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, cast

import psycopg
from psycopg import sql

from node.codes import Code
from node.data.csvstream import CsvTable
from node.data.sources import unreadable
from node.errors import Refusal

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 1800
_TABLE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)?")


@dataclass(frozen=True)
class PostgresqlSource:
    """A table's name (``schema.table``) or a SELECT. The URL holds a password, so it is never shown.

    Rows are numbered from 2, as in a CSV file with a header.
    """

    url: str = field(repr=False)
    query: str = field(repr=False)
    statement_seconds: int = STATEMENT_SECONDS

    @contextmanager
    def open(self) -> Iterator[CsvTable]:
        """Connect and run the query; see :class:`node.data.sources.Source`."""
        try:
            with self._connect() as connection, connection.cursor() as cursor:
                query = _select(self.query)
                declare = sql.SQL("DECLARE banktax_import NO SCROLL CURSOR FOR {}").format(query)
                cursor.execute(declare, prepare=True)
                cursor.execute("CLOSE banktax_import")
                copy_out = sql.SQL("COPY (\n{}\n) TO STDOUT (FORMAT csv, HEADER true)").format(query)
                with cursor.copy(copy_out) as copy:
                    stream = io.BufferedReader(_Stream(iter(copy)), 1 << 20)
                    yield CsvTable(cast(IO[bytes], stream), encoding="utf-8", delimiter=",")
        except psycopg.Error as error:
            raise _explained(error) from None

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        url = re.sub(r"^postgresql\+psycopg://", "postgresql://", self.url)
        connection = psycopg.connect(
            url,
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={self.statement_seconds * 1000} -c client_encoding=UTF8",
            application_name="banktax-import",
            keepalives_idle=30,
            tcp_user_timeout=60_000,
        )
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection


class _Stream(io.RawIOBase):
    """The parts of a COPY as a file."""

    def __init__(self, parts: Iterator[bytes | bytearray | memoryview]) -> None:
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._parts, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _select(query: str) -> sql.Composable:
    text = query.strip().removesuffix(";").rstrip()
    if _TABLE.fullmatch(text):
        return sql.SQL("SELECT * FROM {}").format(sql.Identifier(*text.split(".")))
    return sql.SQL(cast("object", text))  # type: ignore[arg-type] # the operator's own SELECT, checked as said above


def _explained(error: psycopg.Error) -> Refusal:
    """Only messages about names and grammar are passed on: others may quote values."""
    state = error.sqlstate or ""
    if state.startswith("42"):
        return unreadable("query", error.diag.message_primary or state)
    if state == "57014":
        return Refusal(Code.DEADLINE_EXCEEDED, "the source's query took longer than its time limit")
    if isinstance(error, psycopg.OperationalError):
        return Refusal(Code.STORAGE_UNAVAILABLE, f"the source's database cannot be used {state}".rstrip())
    return unreadable("query", f"the database refused it: {type(error).__name__} {state}".rstrip())
