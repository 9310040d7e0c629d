"""How one field of a model becomes columns (README §3): bins, groups of codes, or a quantised number.

A field sees ticks or code indices as int64 and :data:`MISSING`; it gives non-negative integers of at most 16 bits.
The three kinds share one interface: ``column_count``, ``maxima``, ``fill``, ``extremes``, ``draw``, ``write``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError

MISSING = -(2**63)
"""The tick and the code index that stand for «no value»."""

MAX_COLUMNS = 1024
MAX_CODES = 4096
MAX_NAME_BYTES = 128
MAX_COLUMN_VALUE = 65535
_OFFSET = 1 << 63

DrawBelow = Callable[[int], int]
"""A uniform integer below the argument."""


def _check_name(name: str) -> None:
    if not 1 <= len(name.encode("utf-8")) <= MAX_NAME_BYTES:
        raise ParameterError(f"a field's name has 1 to {MAX_NAME_BYTES} bytes")


def _check_tick(name: str, value: int) -> None:
    if not MISSING < value < _OFFSET:
        raise ParameterError(f"field {name}: a bound is not a 64-bit tick")


def _write_tick(writer: Writer, value: int) -> None:
    writer.uint(value + _OFFSET, 8)


def _read_tick(reader: Reader) -> int:
    return reader.uint(8, 2 * _OFFSET - 1) - _OFFSET


def _one_hot(out: NDArray[np.uint16], chosen: NDArray[np.intp]) -> None:
    out[chosen, np.arange(chosen.size)] = 1


def _draw_one_hot(count: int, below: DrawBelow) -> tuple[int, ...]:
    chosen = below(count)
    return tuple(int(place == chosen) for place in range(count))


@dataclass(frozen=True)
class BinnedField:
    """A numeric field cut at ``edges``: k ascending edges make k + 1 bins ``[low, high)``, then «missing»."""

    field: str
    edges: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_name(self.field)
        for edge in self.edges:
            _check_tick(self.field, edge)
        if any(left >= right for left, right in zip(self.edges, self.edges[1:], strict=False)):
            raise ParameterError(f"field {self.field}: edges do not ascend")

    @property
    def column_count(self) -> int:
        """Bins and «missing»."""
        return len(self.edges) + 2

    @property
    def maxima(self) -> tuple[int, ...]:
        """The largest value that each column may take."""
        return (1,) * self.column_count

    def fill(self, values: NDArray[np.int64], out: NDArray[np.uint16]) -> None:
        """Write the columns of ``values`` (ticks, shape (rows,)) into ``out``, zeros of shape (columns, rows)."""
        edges = np.array(self.edges, dtype=np.int64)
        chosen = np.searchsorted(edges, values, side="right")
        _one_hot(out, np.where(values == MISSING, self.column_count - 1, chosen))

    def extremes(self, weights: Sequence[int]) -> tuple[int, int]:
        """The smallest and the largest points that the field can give."""
        return min(weights), max(weights)

    def draw(self, below: DrawBelow) -> tuple[int, ...]:
        """Return the columns of a random row: exactly one bin is set."""
        return _draw_one_hot(self.column_count, below)

    def write(self, writer: Writer) -> None:
        """Append the canonical encoding, without the kind."""
        writer.text(self.field).uint(len(self.edges), 2)
        for edge in self.edges:
            _write_tick(writer, edge)

    @classmethod
    def read(cls, reader: Reader) -> BinnedField:
        """Read what :meth:`write` wrote."""
        name = reader.text(MAX_NAME_BYTES)
        count = reader.uint(2, MAX_COLUMNS)
        return cls(name, tuple(_read_tick(reader) for _ in range(count)))


@dataclass(frozen=True)
class GroupedField:
    """A code field: one column for each group of code indices, then «other», then «missing».

    ``codes`` is the length of the catalogue's code list; indices are ``0 .. codes - 1``.
    """

    field: str
    codes: int
    groups: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        _check_name(self.field)
        if not 1 <= self.codes <= MAX_CODES:
            raise ParameterError(f"field {self.field}: a code list has 1 to {MAX_CODES} codes")
        members = [code for group in self.groups for code in group]
        if not all(self.groups) or len(set(members)) != len(members):
            raise ParameterError(f"field {self.field}: groups are empty or overlap")
        if any(not 0 <= code < self.codes for code in members):
            raise ParameterError(f"field {self.field}: a group names a code outside the list")

    @property
    def column_count(self) -> int:
        """Groups, «other» and «missing»."""
        return len(self.groups) + 2

    @property
    def maxima(self) -> tuple[int, ...]:
        """The largest value that each column may take."""
        return (1,) * self.column_count

    def fill(self, values: NDArray[np.int64], out: NDArray[np.uint16]) -> None:
        """Write the columns of ``values`` (code indices, shape (rows,)) into ``out``, zeros (columns, rows).

        Raises:
            ParameterError: an index lies outside the code list.
        """
        missing = values == MISSING
        if np.any(~missing & ((values < 0) | (values >= self.codes))):
            raise ParameterError(f"field {self.field}: a value lies outside the code list")
        table = np.full(self.codes, len(self.groups), dtype=np.intp)
        for place, group in enumerate(self.groups):
            table[list(group)] = place
        _one_hot(out, np.where(missing, self.column_count - 1, table[np.where(missing, 0, values)]))

    def extremes(self, weights: Sequence[int]) -> tuple[int, int]:
        """The smallest and the largest points that the field can give."""
        return min(weights), max(weights)

    def draw(self, below: DrawBelow) -> tuple[int, ...]:
        """Return the columns of a random row: exactly one group is set."""
        return _draw_one_hot(self.column_count, below)

    def write(self, writer: Writer) -> None:
        """Append the canonical encoding, without the kind."""
        writer.text(self.field).uint(self.codes, 2).uint(len(self.groups), 2)
        for group in self.groups:
            writer.uint(len(group), 2)
            for code in group:
                writer.uint(code, 2)

    @classmethod
    def read(cls, reader: Reader) -> GroupedField:
        """Read what :meth:`write` wrote."""
        name = reader.text(MAX_NAME_BYTES)
        codes = reader.uint(2, MAX_CODES, 1)
        groups = tuple(cls._read_group(reader, codes) for _ in range(reader.uint(2, MAX_COLUMNS)))
        return cls(name, codes, groups)

    @staticmethod
    def _read_group(reader: Reader, codes: int) -> tuple[int, ...]:
        return tuple(reader.uint(2, codes - 1) for _ in range(reader.uint(2, codes, 1)))


@dataclass(frozen=True)
class LinearField:
    """A numeric field as ONE integer column ``(value - low) // quantum``, then a 0/1 column «missing».

    Ticks in ``low .. high``; the column reaches at most 65,535. A missing value sets the first column to zero.
    """

    field: str
    low: int
    high: int
    quantum: int

    def __post_init__(self) -> None:
        _check_name(self.field)
        _check_tick(self.field, self.low)
        _check_tick(self.field, self.high)
        if self.quantum < 1 or self.low > self.high:
            raise ParameterError(f"field {self.field}: an empty range or a quantum below one")
        if self.high - self.low >= _OFFSET or self.quantum >= _OFFSET:
            raise ParameterError(f"field {self.field}: the range does not fit 63 bits")
        if self.top > MAX_COLUMN_VALUE:
            raise ParameterError(f"field {self.field}: the quantum is too small, a column has 16 bits")

    @property
    def top(self) -> int:
        """The largest value of the quantised column."""
        return (self.high - self.low) // self.quantum

    @property
    def column_count(self) -> int:
        """The quantised value and «missing»."""
        return 2

    @property
    def maxima(self) -> tuple[int, ...]:
        """The largest value that each column may take."""
        return (self.top, 1)

    def fill(self, values: NDArray[np.int64], out: NDArray[np.uint16]) -> None:
        """Write the columns of ``values`` (ticks, shape (rows,)) into ``out``, zeros of shape (2, rows).

        Raises:
            ParameterError: a value lies outside ``low .. high``.
        """
        missing = values == MISSING
        if np.any(~missing & ((values < self.low) | (values > self.high))):
            raise ParameterError(f"field {self.field}: a value lies outside its range")
        out[0] = (np.where(missing, self.low, values) - self.low) // self.quantum
        out[1] = missing

    def extremes(self, weights: Sequence[int]) -> tuple[int, int]:
        """The smallest and the largest points that the field can give."""
        slope, missing = weights
        reached = (0, slope * self.top, missing)
        return min(reached), max(reached)

    def draw(self, below: DrawBelow) -> tuple[int, ...]:
        """Return the columns of a random row: one time in eight «missing», else a uniform value."""
        return (0, 1) if below(8) == 0 else (below(self.top + 1), 0)

    def write(self, writer: Writer) -> None:
        """Append the canonical encoding, without the kind."""
        writer.text(self.field)
        for value in (self.low, self.high, self.quantum):
            _write_tick(writer, value)

    @classmethod
    def read(cls, reader: Reader) -> LinearField:
        """Read what :meth:`write` wrote."""
        name = reader.text(MAX_NAME_BYTES)
        return cls(name, _read_tick(reader), _read_tick(reader), _read_tick(reader))


PublicField = BinnedField | GroupedField | LinearField
KINDS: dict[int, type[BinnedField] | type[GroupedField] | type[LinearField]] = {
    1: BinnedField,
    2: GroupedField,
    3: LinearField,
}
"""The byte that names a kind in the canonical encoding; never reused."""
