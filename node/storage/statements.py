"""Reading by many keys inside the databases' limits, and locks by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, any_, bindparam, func, literal_column, select
from sqlalchemy.dialects import postgresql

SLICE = 900
"""Values per IN-list: below the 999 variables that older SQLite builds allow."""

FEW = 32
"""Values up to which SQLAlchemy's cached statement is the faster way."""
_KEYS = "keys_to_select_by"

Item = TypeVar("Item")


def slices(values: Iterable[Item], size: int = SLICE) -> Iterator[list[Item]]:
    """Cut ``values`` into lists of at most ``size``."""
    iterator = iter(values)
    while part := list(islice(iterator, size)):
        yield part


class SelectIn:
    """A statement for the rows whose ``column`` is one of many values: made once, run again and again.

    Making a statement anew for every question costs SQLAlchemy more than the databases take to answer it.
    """

    def __init__(self, statement: Select[Any], column: ColumnElement[Any]) -> None:
        """Take a statement whose other parameters are named (``bindparam``)."""
        self._statement = statement
        self._column = column
        self._few = statement.where(column.in_(bindparam(_KEYS, expanding=True)))
        array = bindparam(_KEYS, type_=postgresql.ARRAY(column.type))
        self._array = statement.where(column == any_(array))
        self._bulk: _DriverSelect | None = None

    def __call__(self, conn: Connection, values: Iterable[Any], **parameters: Any) -> Iterator[Any]:
        """Yield the rows as tuples in the order of the statement's columns, however many values there are.

        The order of the rows is not defined. A value given twice may give its row twice.
        """
        wanted = list(values)
        if not wanted:
            return
        if conn.dialect.name == "postgresql":
            yield from conn.execute(self._array, {_KEYS: wanted, **parameters})
        elif len(wanted) <= FEW:
            yield from conn.execute(self._few, {_KEYS: wanted, **parameters}).all()
        else:
            if self._bulk is None:
                self._bulk = _DriverSelect(conn, self._statement, self._column)
            for part in slices(wanted):
                yield from self._bulk.rows(conn, part, parameters)


class _DriverSelect:
    """One statement compiled for SQLite's driver, which is handed thousands of plain keys (texts or bytes).

    SQLAlchemy's own expansion of long IN-lists costs three times what SQLite takes to answer them.
    """

    def __init__(self, conn: Connection, statement: Select[Any], column: ColumnElement[Any]) -> None:
        compiled = statement.where(column.in_([literal_column(_KEYS)])).compile(dialect=conn.dialect)
        self._before, _, self._after = str(compiled).partition(_KEYS)
        names = list(compiled.positiontup or ())
        split = self._before.count("?")
        self._first, self._last = names[:split], names[split:]
        self._fixed = dict(compiled.params)
        self._converters = [_converter(conn, chosen) for chosen in statement.selected_columns]

    def rows(self, conn: Connection, keys: Sequence[Any], parameters: Mapping[str, Any]) -> Iterable[Any]:
        """Return the rows of one slice of keys."""
        text = f"{self._before}{','.join('?' * len(keys))}{self._after}"
        given = {**self._fixed, **parameters}
        first, last = (tuple(given[name] for name in names) for names in (self._first, self._last))
        found = conn.exec_driver_sql(text, (*first, *keys, *last)).all()
        plan = self._converters
        if not any(plan):
            return found
        return [tuple(make(value) if make else value for make, value in zip(plan, row, strict=True)) for row in found]


def _converter(conn: Connection, chosen: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    """Return what makes a driver's value the column's; bytes come from SQLite as they are."""
    if isinstance(chosen.type, LargeBinary):
        return None
    return chosen.type.dialect_impl(conn.dialect).result_processor(conn.dialect, None)


def lock_name(conn: Connection, name: str) -> None:
    """Hold the lock called ``name`` until the transaction ends.

    PostgreSQL: an advisory lock. SQLite needs none: a writing transaction is alone already.
    """
    if conn.dialect.name == "postgresql":
        digest = hashlib.sha256(name.encode("utf-8")).digest()
        conn.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], "big", signed=True))))
