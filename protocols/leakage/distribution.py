"""Exact distributions of sums of points, and what they are made of: one field added at a time (README §3).

Only positive numbers are added, nothing is subtracted and no transform is used: every probability carries a relative
error of about the number of additions times 2^-53, the far tails too, and the set of reachable scores is exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from protocols.leakage.population import FieldPoints

SUPPORT_LIMIT = 2**18
"""More distinct scores than these are not followed."""
WORK_LIMIT = 2**28
"""More sums than these are not made in one step."""
BLOCK = 2**21
"""Sums that are held in memory at once."""
_DENSE_SPAN = 2**16
_TABLE_SPAN = 2**23


class TooManyScoresError(Exception):
    """A distribution passes a limit and was not followed."""


@dataclass(frozen=True, eq=False)
class ScoreDistribution:
    """Every reachable score (int64, ascending, distinct) and its probability (float64, may be zero)."""

    scores: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def size(self) -> int:
        """How many distinct scores there are."""
        return int(self.scores.size)

    def positions(self, scores: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return where each of ``scores`` stands; all of them must be reachable."""
        if self._span > 4 * self.size + _DENSE_SPAN:
            return np.searchsorted(self.scores, scores).astype(np.intp)
        found: NDArray[np.intp] = self._places[scores - self.scores[0]]
        return found

    def lookup(self, scores: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability of each of ``scores``; zero for those that cannot be reached."""
        if self._span > _TABLE_SPAN:
            places = np.minimum(np.searchsorted(self.scores, scores), self.size - 1)
            return np.where(self.scores[places] == scores, self.probabilities[places], 0.0)
        above = scores - (self.scores[0] - 1)
        inside = (above > 0) & (above <= self._span)
        return self._dense[np.where(inside, above, 0)]

    @cached_property
    def _span(self) -> int:
        return int(self.scores[-1]) - int(self.scores[0]) + 1

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        table = np.zeros(self._span, dtype=np.intp)
        table[self.scores - self.scores[0]] = np.arange(self.size)
        return table

    @cached_property
    def _dense(self) -> NDArray[np.float64]:
        """The probability of every number from just below the lowest score, where it is zero, to the highest."""
        table = np.zeros(self._span + 1)
        table[self.scores - self.scores[0] + 1] = self.probabilities
        return table


CERTAIN_ZERO = ScoreDistribution(np.zeros(1, dtype=np.int64), np.ones(1))
"""The empty sum."""
EMPTY = ScoreDistribution(np.empty(0, dtype=np.int64), np.empty(0))
"""What stands for a distribution that was not followed."""


def collect(scores: NDArray[np.int64], masses: NDArray[np.float64]) -> ScoreDistribution:
    """Return the distribution of ``scores`` in any order, each with its mass; equal ones are added."""
    low = int(scores.min())
    span = int(scores.max()) - low + 1
    if span <= 4 * scores.size + _DENSE_SPAN:
        reached = np.zeros(span, dtype=bool)
        reached[scores - low] = True
        sums = np.bincount(scores - low, weights=masses, minlength=span).astype(np.float64)
        places = np.flatnonzero(reached)
        return ScoreDistribution(places + low, sums[places])
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ScoreDistribution(ordered[starts], np.add.reduceat(masses[order], starts))


def levels(field: FieldPoints) -> ScoreDistribution:
    """Return the distribution of one field's points."""
    return collect(field.points_array, np.array(field.prior))


def add(one: ScoreDistribution, other: ScoreDistribution, limit: int = SUPPORT_LIMIT) -> ScoreDistribution:
    """Return the distribution of the sum of two independent scores.

    Raises:
        TooManyScoresError: the sum has more than ``limit`` distinct scores, or takes more than :data:`WORK_LIMIT`.
    """
    few, many = sorted((one, other), key=lambda distribution: distribution.size)
    if few.size + many.size - 1 > limit or few.size * many.size > WORK_LIMIT:
        raise TooManyScoresError
    step, found = max(BLOCK // many.size, 1), None
    for start in range(0, few.size, step):
        part = slice(start, start + step)
        scores = (few.scores[part, None] + many.scores).reshape(-1)
        masses = (few.probabilities[part, None] * many.probabilities).reshape(-1)
        if found is not None:
            scores, masses = np.concatenate([found.scores, scores]), np.concatenate([found.probabilities, masses])
        found = collect(scores, masses)
        if found.size > limit:
            raise TooManyScoresError
    assert found is not None
    return found


def score_count(fields: Sequence[NDArray[np.int64]]) -> int:
    """Return how many scores fields with these points can reach: exactly, or an upper bound where they are too many."""
    reached = [np.unique(points) for points in fields]
    try:
        return total([ScoreDistribution(points, np.zeros(points.size)) for points in reached]).size
    except TooManyScoresError:
        combinations = math.prod(points.size for points in reached)
        unit = int(np.gcd.reduce(np.concatenate([np.diff(points) for points in reached])))
        return min(combinations, sum(int(points[-1]) - int(points[0]) for points in reached) // unit + 1)


def total(
    fields: Sequence[ScoreDistribution], start: ScoreDistribution = CERTAIN_ZERO, limit: int = SUPPORT_LIMIT
) -> ScoreDistribution:
    """Return the distribution of ``start`` and all of ``fields`` together; see :func:`add`."""
    for field in fields:
        start = add(start, field, limit)
    return start


def without_each(
    fields: Sequence[ScoreDistribution], outside: ScoreDistribution = CERTAIN_ZERO, limit: int = SUPPORT_LIMIT
) -> Iterator[ScoreDistribution]:
    """Yield, for each field in order, the distribution of ``outside`` and all OTHER fields.

    Halves are split again and again: F log F additions, and log F distributions in memory.
    """
    if len(fields) == 1:
        yield outside
    elif fields:
        middle = len(fields) // 2
        yield from without_each(fields[:middle], total(fields[middle:], outside, limit), limit)
        yield from without_each(fields[middle:], total(fields[:middle], outside, limit), limit)
