"""Which cells of a confusion table are shown: never a small one, never one that follows from the others."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.psi.classes.suppression import suppress

LARGEST = 8
MINIMUM = 3


def _row(*others: int, agreeing: int = 1) -> list[int | None]:
    """Return what is shown of the other four cells of the first row."""
    table = np.zeros((5, 5), np.int64)
    table[0] = (agreeing, *others)
    assert suppress(table, MINIMUM)[0][0] == agreeing
    return suppress(table, MINIMUM)[0][1:]


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ((0, 0, 0, 0), [0, 0, 0, 0]),
        ((3, 4, 5, 6), [3, 4, 5, 6]),
        ((1, 0, 0, 0), [None] * 4),
        ((9, 0, 0, 0), [None] * 4),
        ((9, 5, 0, 0), [9, None, None, None]),
        ((20, 15, 9, 1), [20, 15, None, None]),
        ((20, 15, 2, 1), [20, 15, None, None]),
        ((3, 2, 2, 2), [None] * 4),
        ((7, 2, 2, 2), [7, None, None, None]),
    ],
)
def test_rows_by_hand(counts: tuple[int, ...], shown: list[int | None]) -> None:
    assert _row(*counts) == shown


def test_every_row_up_to_eight_loans_a_cell() -> None:
    """All 6,561 rows: what is hidden could be all in any one of the hidden classes, and is of enough loans."""
    published = {counts: tuple(_row(*counts)) for counts in product(range(LARGEST + 1), repeat=4)}
    for counts, shown in published.items():
        hidden = [place for place, cell in enumerate(shown) if cell is None]
        assert all(cell is None or cell == counts[place] for place, cell in enumerate(shown))
        if not any(counts):
            continue
        assert all(cell is None or cell >= MINIMUM for cell in shown), (counts, shown)
        if not hidden:
            continue
        together = sum(counts[place] for place in hidden)
        assert len(hidden) >= 2
        assert len(hidden) == 4 or together >= MINIMUM
        for place in hidden:
            other = list(counts)
            for each in hidden:
                other[each] = together if each == place else 0
            again = tuple(_row(*other)) if max(other) > LARGEST else published[tuple(other)]
            assert again == shown, f"{counts} is told from {other}"


def test_rows_do_not_depend_on_each_other() -> None:
    table = np.diag([5, 5, 5, 5, 5]).astype(np.int64)
    table[2, 0], table[4, 1] = 1, 9
    shown = suppress(table, MINIMUM)
    assert shown[0] == [5, 0, 0, 0, 0]
    assert shown[2] == [None, None, 5, None, None]
    assert shown[4] == [None, None, None, None, 5]


@pytest.mark.parametrize(
    ("table", "minimum"),
    [(np.zeros((4, 5), np.int64), 3), (np.full((5, 5), -1), 3), (np.zeros((5, 5), np.int64), 1)],
)
def test_what_is_no_table_or_no_minimum(table: np.ndarray[tuple[int, int], np.dtype[np.int64]], minimum: int) -> None:
    with pytest.raises(ParameterError):
        suppress(table, minimum)
