"""The figures of one field from the joint law of its bin and the score, given in blocks (README §4).

A block is three arrays of one length: bins, positions of scores, and masses (a probability, or a share of samples).
Three passes over the blocks are made, so that a table of bins times scores never has to stand in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.leakage.disclosure import COMMON, gives_away
from protocols.leakage.population import FieldPoints, Sensitivity
from protocols.leakage.runs import RunFigures, Runs

Block = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]
Blocks = Callable[[], Iterator[Block]]


@dataclass(frozen=True)
class BinLeakage:
    """One bin. ``disclosed_share``: share of its members with a posterior of at least 0.95, whatever its prior."""

    label: str
    points: int
    prior: float
    disclosed_share: float
    worst_posterior: float


@dataclass(frozen=True)
class FieldLeakage:
    """What the score says about one field (README §4); shares and probabilities from 0 to 1.

    ``gain`` and ``disclosed_share`` are over the bins as the model draws them, ``run_gain`` and ``run_share`` over runs
    of neighbouring bins, which no needless edge can thin out. ``standard_error`` is that of ``gain``, 0 when exact;
    ``gain_low`` is a second estimate that errs downwards, equal to ``gain`` when exact.
    """

    field: str
    sensitivity: Sensitivity
    largest_prior: float
    gain: float
    gain_low: float
    standard_error: float
    disclosed_share: float
    worst_bin: str
    worst_posterior: float
    run_gain: float
    run_gain_of: str
    run_share: float
    run_share_of: str
    uncertain_share: float
    bins: tuple[BinLeakage, ...]


@dataclass(frozen=True)
class _Law:
    """Sums over the blocks: mass of every score, of its likeliest bin, and of every bin."""

    scores: NDArray[np.float64]
    likeliest: NDArray[np.float64]
    bins: NDArray[np.float64]


def field_leakage(field: FieldPoints, blocks: Blocks, positions: int, samples: int = 0) -> FieldLeakage:
    """Return the figures of ``field``; its scores stand at ``positions`` places.

    ``samples``: how many independent draws the masses come from, 0 when they are exact. Each pair of bin and position
    stands in the blocks once at most.
    """
    law = _law(field, blocks, positions)
    disclosed, posterior = _bins(field, blocks, law)
    runs = Runs.of(field, positions)
    for bins, places, masses in blocks():
        runs.take(bins, places, masses)
    gain = float(law.likeliest.sum()) - max(field.prior)
    return _assemble(field, gain, _standard_error(law, samples), disclosed, posterior, runs.figures())


def bounding(field: FieldPoints) -> FieldLeakage:
    """Return the worst figures that any score could have for ``field``: it tells every bin."""
    told, gain = [1.0] * len(field.points), 1 - max(field.prior)
    runs = RunFigures(gain, "every bin", float(gain > 0), "every bin")
    return _assemble(field, gain, 0.0, told, told, runs)


def _assemble(
    field: FieldPoints,
    gain: float,
    standard_error: float,
    disclosed: list[float],
    posterior: list[float],
    runs: RunFigures,
) -> FieldLeakage:
    columns = zip(field.labels, field.points, field.prior, disclosed, posterior, strict=True)
    judged = [share if prior <= COMMON else 0.0 for share, prior in zip(disclosed, field.prior, strict=True)]
    worst = max(range(len(judged)), key=judged.__getitem__)
    return FieldLeakage(
        field=field.field,
        sensitivity=field.sensitivity,
        largest_prior=max(field.prior),
        gain=max(gain, 0.0),
        gain_low=max(gain, 0.0),
        standard_error=standard_error,
        disclosed_share=judged[worst],
        worst_bin=field.labels[worst] if judged[worst] else "",
        worst_posterior=max(posterior),
        run_gain=runs.gain,
        run_gain_of=runs.gain_of,
        run_share=runs.share,
        run_share_of=runs.share_of,
        uncertain_share=field.uncertain_share,
        bins=tuple(BinLeakage(*column) for column in columns),
    )


def _law(field: FieldPoints, blocks: Blocks, positions: int) -> _Law:
    law = _Law(np.zeros(positions), np.zeros(positions), np.zeros(len(field.points)))
    for bins, places, masses in blocks():
        law.scores[:] += np.bincount(places, masses, positions)
        law.bins[:] += np.bincount(bins, masses, law.bins.size)
        np.maximum.at(law.likeliest, places, masses)
    return law


def _bins(field: FieldPoints, blocks: Blocks, law: _Law) -> tuple[list[float], list[float]]:
    """Return, for each bin, the share of its members who are given away, and its largest posterior."""
    given, posterior = np.zeros(len(field.points)), np.zeros(len(field.points))
    for bins, places, masses in blocks():
        of_score = law.scores[places]
        posteriors = np.divide(masses, of_score, out=np.zeros_like(masses), where=of_score > 0)
        np.maximum.at(posterior, bins, posteriors)
        sure = gives_away(masses, of_score)
        given += np.bincount(bins[sure], masses[sure], given.size)
    shares = np.divide(given, law.bins, out=np.zeros_like(given), where=law.bins > 0)
    return np.minimum(shares, 1.0).tolist(), np.minimum(posterior, 1.0).tolist()


def _standard_error(law: _Law, samples: int) -> float:
    """Return the standard error of the mean, over samples, of the posterior of the likeliest bin."""
    if not samples:
        return 0.0
    posterior = np.divide(law.likeliest, law.scores, out=np.zeros_like(law.scores), where=law.scores > 0)
    mean = float(law.likeliest.sum())
    return math.sqrt(max(float((law.scores * posterior**2).sum()) - mean**2, 0.0) / samples)
