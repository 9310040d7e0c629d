"""How often a field's values occur: counts on one fixed partition, as the bureau signs them (README §2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from protocols.errors import ParameterError

_TICK_LIMIT = 2**63


@dataclass(frozen=True)
class Cell:
    """``count`` enterprises whose value lies in ``[low, high)`` (ticks), or is one of ``codes``, or is missing.

    ``missing`` may stand beside a range or codes: a missing cell that was too small to be told is merged with them.
    """

    count: int
    low: int | None = None
    high: int | None = None
    codes: tuple[int, ...] = ()
    missing: bool = False

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ParameterError("a cell counts fewer than zero enterprises")
        if (self.low is None) is not (self.high is None):
            raise ParameterError("a cell has a low and a high end, or neither")
        if self.low is not None and self.high is not None and not -_TICK_LIMIT < self.low < self.high < _TICK_LIMIT:
            raise ParameterError("a cell's range is empty or does not consist of 64-bit ticks")
        if self.is_range and self.codes:
            raise ParameterError("a cell is a range or codes, not both")
        if not (self.is_range or self.codes or self.missing):
            raise ParameterError("a cell says nothing of what it counts")
        if any(code < 0 for code in self.codes) or len(set(self.codes)) != len(self.codes):
            raise ParameterError("a cell's codes repeat or are negative")

    @property
    def is_range(self) -> bool:
        """Whether it counts numbers."""
        return self.low is not None


@dataclass(frozen=True)
class FieldCells:
    """One field's cells: ranges that adjoin and ascend, or disjoint codes; one cell at most counts missing values."""

    field: str
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        if self.total == 0:
            raise ParameterError(f"field {self.field}: the frequencies count no enterprise")
        if any(cell.is_range for cell in self.cells) and any(cell.codes for cell in self.cells):
            raise ParameterError(f"field {self.field}: cells of numbers and of codes are mixed")
        if sum(cell.missing for cell in self.cells) > 1:
            raise ParameterError(f"field {self.field}: missing values are counted twice")
        if any(left.high != right.low for left, right in pairwise(self.ranges)):
            raise ParameterError(f"field {self.field}: the cells leave a gap, overlap or do not ascend")
        codes = [code for cell in self.cells for code in cell.codes]
        if len(set(codes)) != len(codes):
            raise ParameterError(f"field {self.field}: a code stands in two cells")

    @cached_property
    def ranges(self) -> tuple[Cell, ...]:
        """The cells of numbers, ascending."""
        return tuple(cell for cell in self.cells if cell.is_range)

    @cached_property
    def total(self) -> int:
        """How many enterprises were counted."""
        return sum(cell.count for cell in self.cells)
