"""The shape of the oblivious key-value store: bins, positions of a bin, dense columns, and why they suffice.

README clause 4. Every number is derived here from the number of items and λ; the bounds are in
:mod:`protocols.psi.vole.table_bounds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

from protocols.errors import ParameterError
from protocols.psi.vole.table_bounds import fullest_bin, large_core_expansion

MEAN_BIN = 2**15
"""Items of a bin on average, at least: a bin then fits a core's share of the processor's caches."""
CORE_LIMIT = 2**13
"""Rows that elimination takes on after peeling; more count as a failed seed."""
SMALL_EXPANSION = 1.3
"""Positions per item where no core can be too large to eliminate: above the peeling threshold 1.222."""
SMALLEST_THIRD = 128
_BITS_OF_A_LOOKUP = 8


@dataclass(frozen=True)
class TableShape:
    """``bins`` bins of three thirds of ``third`` positions each, then ``dense`` columns that all items share."""

    items: int
    bins: int
    bin_capacity: int
    """Items that a bin takes; a seed that overfills one is a failed seed."""
    third: int
    dense: int
    """A multiple of 8, at most 64."""

    def __post_init__(self) -> None:
        if self.dense % _BITS_OF_A_LOOKUP or not 0 < self.dense <= 64:
            raise ParameterError("dense columns come in eights, at most 64")
        if min(self.items, self.bins, self.bin_capacity, self.third) < 1:
            raise ParameterError("a table has items, bins and positions")
        if max(self.size, self.items) >= 2**31:
            raise ParameterError("a table has less than 2^31 positions")

    @property
    def size(self) -> int:
        """Blocks of the table."""
        return self.sparse + self.dense

    @property
    def sparse(self) -> int:
        """Blocks of all bins; the dense columns follow them."""
        return 3 * self.third * self.bins

    @classmethod
    @lru_cache(maxsize=64)
    def for_items(cls, items: int, statistical_bits: int) -> TableShape:
        """Return the shape for 1..2^24 items that fails with at most ``2^-statistical_bits`` a seed.

        The share of each cause: dependent rows a half, a bin too full a quarter, a core too large a quarter.
        """
        bins = max(1, items // MEAN_BIN)
        capacity = fullest_bin(items, bins, statistical_bits + 2)
        expansion = SMALL_EXPANSION
        if capacity > CORE_LIMIT:
            expansion = large_core_expansion(capacity, statistical_bits + 2 + log2(bins))
        third = max(SMALLEST_THIRD, ceil(capacity * expansion / 3))
        dense = _BITS_OF_A_LOOKUP * ceil(statistical_bits / _BITS_OF_A_LOOKUP)
        return cls(items, bins, capacity, third, dense)
