"""Writing many rows at once, fast on both databases.

PostgreSQL gets one statement over one array per column (``unnest``), SQLite the driver's own ``executemany``: five to
ten times faster than one statement per row. All rows of one call name the same columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Dialect,
    Insert,
    LargeBinary,
    Select,
    Subquery,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]
_KEPT = 256
"""Compiled statements: one for each table, set of columns and way of writing."""
_KEY = "key_"


def insert_rows(conn: Connection, table: Table, rows: Rows) -> None:
    """Insert ``rows``; a key that stands there already is an error."""
    if rows:
        _insert(conn, table, rows, _plain)


def insert_ignore(conn: Connection, table: Table, rows: Rows) -> int:
    """Insert ``rows``; one whose key stands there already is left out. Returns how many were inserted."""
    return _insert(conn, table, rows, _ignoring) if rows else 0


def upsert(conn: Connection, table: Table, rows: Rows, replace: Sequence[str]) -> None:
    """Insert ``rows``; where the primary key stands there already, replace the columns named in ``replace``.

    A key must not stand twice in ``rows``.
    """
    if rows:
        _insert(conn, table, rows, _replacing, tuple(replace))


def update_rows(conn: Connection, table: Table, rows: Rows, keys: Sequence[str]) -> int:
    """Set, in the row that ``keys`` name, every other column of each of ``rows``. Returns how many rows changed."""
    if not rows:
        return 0
    if conn.dialect.name == "postgresql":
        values = [name for name in rows[0] if name not in keys]
        given = _unnested(table, rows).subquery("given")
        return int(conn.execute(_joined_update(table, given, keys, values)).rowcount)
    return _driver_update(conn.dialect, table, tuple(rows[0]), tuple(keys)).run(conn, rows)


def _joined_update(table: Table, given: Subquery, keys: Sequence[str], values: Sequence[str]) -> Update:
    matching = and_(*(table.c[name] == given.c[name] for name in keys))
    return update(table).where(matching).values({name: given.c[name] for name in values})


def _plain(dialect: str, table: Table) -> Any:
    return _INSERTS[dialect](table)


def _ignoring(dialect: str, table: Table) -> Any:
    return _INSERTS[dialect](table).on_conflict_do_nothing()


def _replacing(dialect: str, table: Table, *replace: str) -> Any:
    statement = _INSERTS[dialect](table)
    changed = {name: statement.excluded[name] for name in replace}
    keys = [column.name for column in table.primary_key.columns]
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


_INSERTS: dict[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def _insert(conn: Connection, table: Table, rows: Rows, make: Callable[..., Any], replace: tuple[str, ...] = ()) -> int:
    if conn.dialect.name == "postgresql":
        statement = make("postgresql", table, *replace).from_select(list(rows[0]), _unnested(table, rows))
        return int(conn.execute(statement, execution_options={"preserve_rowcount": True}).rowcount)
    return _driver_insert(conn.dialect, table, make, replace, tuple(rows[0])).run(conn, rows)


def _unnested(table: Table, rows: Rows) -> Select[Any]:
    """A table of ``rows``: set-returning functions of one select list run in step (PostgreSQL, since 10)."""
    return select(*(_unnest(table.c[name], [row[name] for row in rows]) for name in rows[0]))


def _unnest(column: Column[Any], values: list[Any]) -> Any:
    if isinstance(column.type, JSON):  # an array of documents would be read as one document
        texts = bindparam(None, [json.dumps(value) for value in values], postgresql.ARRAY(Text), unique=True)
        return cast(func.unnest(texts), column.type).label(column.name)
    array = bindparam(None, values, postgresql.ARRAY(column.type), unique=True)
    return func.unnest(array, type_=column.type).label(column.name)


class _DriverStatement:
    """A statement compiled once for SQLite's driver, which is handed plain tuples: SQLAlchemy's own handling of
    statements and parameters costs more than SQLite does.
    """

    def __init__(self, dialect: Dialect, table: Table, statement: Insert | Update) -> None:
        compiled = statement.compile(dialect=dialect)
        self._text = str(compiled)
        self._names = [name.removeprefix(_KEY) for name in compiled.positiontup or []]
        self._converters = [_converter(dialect, table.c[name]) for name in self._names]

    def run(self, conn: Connection, rows: Rows) -> int:
        """Execute it for every row; returns how many rows changed."""
        return int(conn.exec_driver_sql(self._text, self._tuples(rows)).rowcount)

    def _tuples(self, rows: Rows) -> list[tuple[Any, ...]]:
        if len(self._names) > 1 and not any(self._converters):
            return list(map(itemgetter(*self._names), rows))
        plan = list(zip(self._names, self._converters, strict=True))
        return [tuple(convert(row[name]) if convert else row[name] for name, convert in plan) for row in rows]


@lru_cache(_KEPT)
def _driver_insert(
    dialect: Dialect, table: Table, make: Callable[..., Any], replace: tuple[str, ...], names: tuple[str, ...]
) -> _DriverStatement:
    statement = make(dialect.name, table, *replace).values({name: bindparam(name) for name in names})
    return _DriverStatement(dialect, table, statement)


@lru_cache(_KEPT)
def _driver_update(dialect: Dialect, table: Table, names: tuple[str, ...], keys: tuple[str, ...]) -> _DriverStatement:
    conditions = [table.c[name] == bindparam(_KEY + name) for name in keys]
    values: dict[str, Any] = {name: bindparam(name) for name in names if name not in keys}
    return _DriverStatement(dialect, table, update(table).where(*conditions).values(values))


def _converter(dialect: Dialect, column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, LargeBinary):  # SQLite takes bytes as they are
        return None
    return column.type.dialect_impl(dialect).bind_processor(dialect)
