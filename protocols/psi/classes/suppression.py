"""Which cells of a confusion table are shown. README clause 6.

Of every row the reader knows the diagonal and the sum of the other cells: the loans that agree and the mismatching ones
are his result. What must not be told is which class the bureau gives to single ones of these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.psi.classes.entries import CLASSES

Table = NDArray[np.int64]
"""Shape (5, 5): row the bank's class, column the bureau's, in the order of the levels; a count of loans a cell."""
SMALLEST_MINIMUM = 2


def suppress(table: Table, minimum: int) -> list[list[int | None]]:
    """Return the table with ``None`` for every cell that is not shown.

    Args:
        table: counts, shape (5, 5).
        minimum: a shown cell off the diagonal has at least so many loans (at least 2).

    Raises:
        ParameterError: another shape, a negative count, or a smaller ``minimum``.
    """
    if table.shape != (CLASSES, CLASSES) or bool((table < 0).any()) or minimum < SMALLEST_MINIMUM:
        raise ParameterError(f"a confusion table has {CLASSES} x {CLASSES} counts; no cell of one loan is shown")
    shown: list[list[int | None]] = []
    for own, counts in enumerate(table.tolist()):
        hidden = _hidden({column: count for column, count in enumerate(counts) if column != own}, minimum)
        shown.append([None if column in hidden else count for column, count in enumerate(counts)])
    return shown


def _hidden(counts: dict[int, int], minimum: int) -> frozenset[int]:
    """Return the columns of one row's cells off the diagonal that are hidden.

    Small cells first; then the smallest of the others until what is hidden could all be in any one of the hidden cells:
    two of them at least, ``minimum`` loans in them together, and every shown cell larger than that sum.
    """
    if not any(counts.values()):
        return frozenset()  # no mismatching loan: the reader knows that all are zero
    order = sorted(counts, key=lambda column: (counts[column], column))
    small = sum(count < minimum for count in counts.values())
    if not small:
        return frozenset()
    for size in range(small, len(order) + 1):  # a small one alone is never enough: two are hidden at least
        together = sum(counts[column] for column in order[:size])
        rest: Sequence[int] = order[size:]
        if together >= minimum and all(counts[column] > together for column in rest):
            return frozenset(order[:size])
    return frozenset(order)
