"""Cuts a feature into a few bins and gives each its weight of evidence (WOE).

WOE of a bin = ln(share of the bad in it / share of the good in it), smoothed by half a row; so a bin with more bad
enterprises has a larger WOE. Missing and other have bins of their own where enough rows fall there, else WOE 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAXIMUM_BINS = 6
MINIMUM_SHARE = 0.05
MINIMUM_ROWS = 8
_SMOOTHING = 0.5


@dataclass(frozen=True)
class Bins:
    """A feature cut into bins. Bin numbers: the bins in order, then «other» (codes only), then missing."""

    numbers: NDArray[np.int64]
    """``(rows,)`` bin of every row that was given."""
    woe: NDArray[np.float64]
    """Weight of evidence of every bin."""
    information_value: float
    """Sum over bins of (bad share - good share) * WOE; under 0.02 a feature says next to nothing."""
    edges: tuple[int, ...] = ()
    """Numeric features: places of the chosen edges among those offered."""
    groups: tuple[tuple[int, ...], ...] = ()
    """Code features: the code numbers of every group."""


def cut_numbers(values: NDArray[np.float64], edges: NDArray[np.float64], bad: NDArray[np.bool_]) -> Bins:
    """Choose among ``edges`` (ascending) so that at most :data:`MAXIMUM_BINS` bins with enough rows remain."""
    missing = np.isnan(values)
    fine = np.searchsorted(edges, np.where(missing, 0.0, values), side="right")
    table = _table(fine[~missing], bad[~missing], len(edges) + 1)
    starts = _merge_neighbours(table, _minimum(len(values)))
    chosen = tuple(start - 1 for start in starts[1:])
    coarse = np.searchsorted(np.array(starts), fine, side="right") - 1
    numbers = np.where(missing, len(starts), coarse)
    return _measured(numbers, bad, len(starts) + 1, optional=1, edges=chosen)


def cut_codes(indices: NDArray[np.int64], codes: int, bad: NDArray[np.bool_]) -> Bins:
    """Group codes (indices below ``codes``, -1 = missing) of like risk; rare codes fall into «other»."""
    table = _table(indices[indices >= 0], bad[indices >= 0], codes)
    frequent = np.flatnonzero(table.sum(axis=1) >= _minimum(len(indices)))
    if not len(frequent):
        frequent = np.array([int(np.argmax(table.sum(axis=1)))])
    risk = (table[frequent, 1] + _SMOOTHING) / (table[frequent].sum(axis=1) + 2 * _SMOOTHING)
    ordered = frequent[np.argsort(risk, kind="stable")]
    starts = [*_merge_neighbours(table[ordered], 1), len(ordered)]
    groups = tuple(tuple(map(int, sorted(ordered[a:b]))) for a, b in pairwise(starts))
    bin_of_code = np.full(codes + 1, len(groups), dtype=np.int64)
    for place, group in enumerate(groups):
        bin_of_code[list(group)] = place
    bin_of_code[codes] = len(groups) + 1  # index -1
    return _measured(bin_of_code[indices], bad, len(groups) + 2, optional=2, groups=groups)


def _minimum(rows: int) -> int:
    return max(MINIMUM_ROWS, round(MINIMUM_SHARE * rows))


def _table(bins: NDArray[np.int64], bad: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """``(count, 2)``: good and bad rows of every bin."""
    flat = np.bincount(2 * bins + bad, minlength=2 * count)
    return np.asarray(flat.reshape(count, 2), dtype=np.int64)


def _merge_neighbours(table: NDArray[np.int64], minimum: int) -> list[int]:
    """Merge neighbours until every bin has ``minimum`` rows and few enough are left; returns where bins start.

    First the smallest bin joins the neighbour of more like risk, then the two neighbours of most like risk join.
    """
    rows = [row.astype(np.float64) for row in table]
    starts = list(range(len(rows)))
    while len(rows) > 1:
        sizes = [float(row.sum()) for row in rows]
        small = int(np.argmin(sizes))
        if sizes[small] >= minimum and len(rows) <= MAXIMUM_BINS:
            break
        gaps = np.abs(np.diff([_risk(row) for row in rows]))
        join = _nearer(small, gaps) if sizes[small] < minimum else int(np.argmin(gaps))
        rows[join] = rows[join] + rows.pop(join + 1)
        starts.pop(join + 1)
    return starts


def _nearer(place: int, gaps: NDArray[np.float64]) -> int:
    """The left one of the pair that ``place`` forms with its neighbour of more like risk."""
    if place == 0:
        return 0
    if place == len(gaps):
        return place - 1
    return place - 1 if gaps[place - 1] <= gaps[place] else place


def _risk(row: NDArray[np.float64]) -> float:
    return float((row[1] + _SMOOTHING) / (row.sum() + 2 * _SMOOTHING))


def _measured(
    numbers: NDArray[np.int64],
    bad: NDArray[np.bool_],
    count: int,
    *,
    optional: int,
    edges: tuple[int, ...] = (),
    groups: tuple[tuple[int, ...], ...] = (),
) -> Bins:
    """WOE and information value of every bin; the last ``optional`` bins are neutral where they hold few rows."""
    table = _table(numbers, bad, count) + _SMOOTHING
    good_share, bad_share = table[:, 0] / table[:, 0].sum(), table[:, 1] / table[:, 1].sum()
    woe = np.log(bad_share / good_share)
    few = table.sum(axis=1) - 2 * _SMOOTHING < MINIMUM_ROWS
    few[: count - optional] = False
    woe[few] = 0.0
    return Bins(numbers, woe, float(np.sum((bad_share - good_share) * woe)), edges, groups)
