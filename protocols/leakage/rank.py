"""The rank of integer rows, exactly: elimination without fractions (README §6.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence


def rank(rows: Sequence[Sequence[int]]) -> int:
    """Return how many of ``rows`` are linearly independent; all have one length."""
    left, found = [list(row) for row in rows], 0
    while left:
        pivot = left.pop()
        column = next((place for place, entry in enumerate(pivot) if entry), None)
        if column is None:
            continue
        found += 1
        left = [_eliminated(row, pivot, column) for row in left]
    return found


def _eliminated(row: list[int], pivot: list[int], column: int) -> list[int]:
    """Return a multiple of ``row`` less one of ``pivot`` that is zero in ``column``, free of common factors."""
    if not row[column]:
        return row
    mine, its = row[column], pivot[column]
    changed = [its * entry - mine * other for entry, other in zip(row, pivot, strict=True)]
    factor = math.gcd(*changed) or 1
    return [entry // factor for entry in changed]
