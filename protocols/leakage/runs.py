"""What the score says about runs of neighbouring bins (README §4.4): the figures that needless edges cannot thin out.

A bank may cut one bin into ten that differ by a point, and let other fields blur the difference: each of the ten is
then hard to tell, while their union, the fact that matters, stays plain. So every run of neighbours is measured as
«inside or outside», in the order of values and in the order of points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.leakage.disclosure import COMMON, gives_away
from protocols.leakage.population import FieldPoints

MOST_STEPS = 64
LEAST_STEPS = 8
_WORK = 2**24


@dataclass(frozen=True)
class RunFigures:
    """The largest gain over runs and the run that has it; the largest share given away and its run."""

    gain: float
    gain_of: str
    share: float
    share_of: str


class Runs:
    """Gathers the joint law of runs and scores: one :class:`_Ladder` by value, one by points."""

    def __init__(self, ladders: tuple[_Ladder, ...]) -> None:
        self._ladders = ladders

    @classmethod
    def of(cls, field: FieldPoints, positions: int) -> Runs:
        """Return an empty collection for the bins of ``field`` and scores at ``positions`` places."""
        points = np.array(field.points)
        by_value = np.arange(points.size)
        _, by_points = np.unique(points, return_inverse=True)
        return cls((_Ladder(field, by_value, positions), _Ladder(field, by_points.reshape(-1), positions)))

    def take(self, bins: NDArray[np.intp], places: NDArray[np.intp], masses: NDArray[np.float64]) -> None:
        """Add masses of bins and scores."""
        for ladder in self._ladders:
            ladder.take(bins, places, masses)

    def figures(self) -> RunFigures:
        """Return the worst figures of all runs."""
        found = [figures for ladder in self._ladders for figures in ladder.figures()]
        if not found:
            return RunFigures(0.0, "", 0.0, "")
        gain, share = max(found, key=lambda run: run.gain), max(found, key=lambda run: run.share)
        return RunFigures(max(gain.gain, 0.0), gain.gain_of, share.share, share.share_of if share.share else "")


class _Ladder:
    """Bins in one order, ``rank`` each (equal ranks stay together), in at most :data:`MOST_STEPS` steps."""

    def __init__(self, field: FieldPoints, rank: NDArray[np.intp], positions: int) -> None:
        self._field, self._rank = field, rank
        self._prior = np.array(field.prior)
        self._step = self._steps(positions)
        self._rows = np.zeros((int(self._step.max()) + 1, positions))

    def _steps(self, positions: int) -> NDArray[np.intp]:
        """Return the step of each bin; where there are too many ranks, steps of about equal prior."""
        most = min(max(math.isqrt(_WORK // positions), LEAST_STEPS), MOST_STEPS)
        ranks = int(self._rank.max()) + 1
        if ranks <= most:
            return self._rank
        mass = np.bincount(self._rank, self._prior, ranks)
        middle = np.cumsum(mass) - mass / 2
        _, step = np.unique(np.minimum((middle * most).astype(np.intp), most - 1), return_inverse=True)
        return step.reshape(-1)[self._rank]

    def take(self, bins: NDArray[np.intp], places: NDArray[np.intp], masses: NDArray[np.float64]) -> None:
        np.add.at(self._rows.reshape(-1), self._step[bins] * self._rows.shape[1] + places, masses)

    def figures(self) -> Iterator[RunFigures]:
        """Yield the figures of every run but the whole."""
        steps = self._rows.shape[0]
        of_step = np.bincount(self._step, self._prior, steps)
        scores = self._rows.sum(axis=0)
        for first in range(steps):
            last = steps - 1 if first == 0 else steps
            inside = np.cumsum(self._rows[first:last], axis=0)
            prior = np.cumsum(of_step[first:last])
            gains = np.maximum(inside, scores - inside).sum(axis=1) - np.maximum(prior, 1 - prior)
            sure = np.where(gives_away(inside, scores), inside, 0.0).sum(axis=1)
            members = inside.sum(axis=1)
            shares = np.divide(sure, members, out=np.zeros_like(sure), where=(members > 0) & (prior <= COMMON))
            for offset in {int(np.argmax(gains)), int(np.argmax(shares))} if gains.size else ():
                name = self._name(first, first + offset)
                yield RunFigures(float(gains[offset]), name, min(float(shares[offset]), 1.0), name)

    def _name(self, first: int, last: int) -> str:
        inside = np.flatnonzero((self._step >= first) & (self._step <= last))
        inside = inside[np.argsort(self._rank[inside], kind="stable")]
        start, end = self._field.labels[inside[0]], self._field.labels[inside[-1]]
        return start if inside.size == 1 else f"{start} … {end}" if inside.size > 2 else f"{start}, {end}"
