"""Independent fields whose scores are too many to follow: exact posteriors at sampled scores (README §6.2).

The fields are parted into two halves. Each half's law is exact, and at one score s the mass of every bin follows from
both by summing over the ways to reach s. So only the average over scores is sampled; no posterior is estimated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.leakage.distribution import (
    BLOCK,
    ScoreDistribution,
    TooManyScoresError,
    levels,
    total,
    without_each,
)
from protocols.leakage.figures import Block, FieldLeakage, field_leakage
from protocols.leakage.population import FieldPoints
from protocols.randomness import Randomness

HALF_LIMIT = 2**19
"""Distinct sums that one half of the fields may reach."""
TABLE_LIMIT = 2**25
"""Entries that the table of bins and sums of one half may have."""
_LOOKUPS = 2**29


@dataclass(frozen=True, eq=False)
class _Half:
    """Some fields: the law of their points' sum, and the mass of every bin with every sum, a row for each bin."""

    places: tuple[int, ...]
    law: ScoreDistribution
    table: NDArray[np.float64]


def sampled_fields(
    fields: Sequence[FieldPoints], randomness: Randomness, samples: int
) -> tuple[tuple[FieldLeakage, ...], int]:
    """Return the figures of each field and how many scores they rest on: fewer than asked where the halves are large.

    Raises:
        TooManyScoresError: a half of the fields reaches too many sums.
    """
    halves = _halves(fields)
    samples = min(samples, max(_LOOKUPS // sum(half.law.size for half in halves), 256))
    scores = _draw(fields, randomness, samples)
    posteriors = _posteriors(fields, halves, scores)
    return tuple(_figures(field, found) for field, found in zip(fields, posteriors, strict=True)), samples


def _halves(fields: Sequence[FieldPoints]) -> tuple[_Half, _Half]:
    """Return the fields in two halves with about equally many combinations of points."""
    laws = [levels(field) for field in fields]
    chosen: tuple[list[int], list[int]] = ([], [])
    weight = [0.0, 0.0]
    for place in sorted(range(len(laws)), key=lambda place: -laws[place].size):
        side = int(weight[1] < weight[0])
        chosen[side].append(place)
        weight[side] += np.log2(laws[place].size)
    return _half(fields, laws, chosen[0]), _half(fields, laws, chosen[1])


def _half(fields: Sequence[FieldPoints], laws: Sequence[ScoreDistribution], places: list[int]) -> _Half:
    mine = [laws[place] for place in places]
    law = total(mine, limit=HALF_LIMIT)
    bins = sum(len(fields[place].points) for place in places)
    if bins * law.size > TABLE_LIMIT:
        raise TooManyScoresError
    table, row = np.zeros((bins, law.size)), 0
    for place, rest in zip(places, without_each(mine, limit=HALF_LIMIT), strict=True):
        for points, prior in zip(fields[place].points, fields[place].prior, strict=True):
            table[row, law.positions(rest.scores + points)] = prior * rest.probabilities
            row += 1
    return _Half(tuple(places), law, table)


def _draw(fields: Sequence[FieldPoints], randomness: Randomness, samples: int) -> NDArray[np.int64]:
    """Return the scores of ``samples`` enterprises."""
    scores = np.zeros(samples, dtype=np.int64)
    for field in fields:
        words = np.frombuffer(randomness.bytes(8 * samples), dtype="<u8") >> np.uint64(11)
        below = np.cumsum(field.prior)[:-1]
        bins = np.searchsorted(below, words.astype(np.float64) * 2.0**-53, side="right")
        scores += field.points_array[bins]
    return scores


def _posteriors(
    fields: Sequence[FieldPoints], halves: tuple[_Half, _Half], scores: NDArray[np.int64]
) -> list[NDArray[np.float64]]:
    """Return, for each field, the posterior of its bins at each score, shape (bins, samples)."""
    found = [np.empty((len(field.points), scores.size)) for field in fields]
    step = max(BLOCK // max(half.law.size for half in halves), 1)
    for start in range(0, scores.size, step):
        part = slice(start, start + step)
        for half, other in (halves, halves[::-1]):
            beside = other.law.lookup(scores[part] - half.law.scores[:, None])
            whole = half.law.probabilities @ beside
            joint, row = half.table @ beside, 0
            for place in half.places:
                bins = len(fields[place].points)
                found[place][:, part] = joint[row : row + bins] / whole
                row += bins
    return found


def _figures(field: FieldPoints, posteriors: NDArray[np.float64]) -> FieldLeakage:
    """Return the figures where each sampled score counts as a score of its own."""
    bins, samples = posteriors.shape
    of_bin = np.repeat(np.arange(bins), samples)
    block: Block = (of_bin, np.tile(np.arange(samples), bins), posteriors.reshape(-1) / samples)

    def blocks() -> Iterator[Block]:
        yield block

    return field_leakage(field, blocks, samples, samples)
