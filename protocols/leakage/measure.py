"""What the exact score of one model says about each of its fields, by exact convolution (README §3, §4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from protocols.errors import ParameterError
from protocols.leakage.distribution import (
    BLOCK,
    EMPTY,
    WORK_LIMIT,
    ScoreDistribution,
    TooManyScoresError,
    add,
    levels,
    score_count,
    total,
    without_each,
)
from protocols.leakage.figures import Block, FieldLeakage, bounding, field_leakage
from protocols.leakage.population import POINTS_LIMIT, FieldPoints

Progress = Callable[[int, int], None]
"""Told (done, all) fields as the work goes on."""


class Method(StrEnum):
    """How figures were found: exactly, by seeded samples, or as the worst that any score could say."""

    EXACT = "exact"
    MONTE_CARLO = "monte_carlo"
    BOUND = "bound"


@dataclass(frozen=True)
class Leakage:
    """The figures of a model, or of several together.

    ``distinct_scores`` counts every bin, also those that no counted enterprise lies in, whatever the method; beyond
    a million or so it is an upper bound. ``samples`` is 0 where nothing was sampled.
    """

    method: Method
    distribution: ScoreDistribution
    fields: tuple[FieldLeakage, ...]
    distinct_scores: int
    samples: int = 0

    @property
    def score_bits(self) -> float:
        """log2 of the distinct scores: what one exact score can carry at most."""
        return math.log2(self.distinct_scores)

    @property
    def score_bits_milli(self) -> int:
        """The same in thousandths, rounded up: what the extraction ledger debits."""
        return math.ceil(1000 * self.score_bits)


def measure(fields: Sequence[FieldPoints], known: Collection[str] = (), progress: Progress | None = None) -> Leakage:
    """Return what the score says about each field, the fields being independent.

    ``known``: fields whose values the bank holds itself. It takes their points off the score, so the figures of the
    others are given those values, and the known ones are left out; the distribution is that of the whole score.

    Raises:
        ParameterError: no fields, one twice, a known one that the model does not read, or points beyond 2^62.
    """
    check(fields, known)
    laws = [levels(field) for field in fields]
    try:
        whole = total(laws)
        measured = tuple(_fields([field for field in fields if field.field not in known], progress))
    except TooManyScoresError:
        return bound(fields, known)
    return Leakage(Method.EXACT, whole, measured, whole.size)


def bound(fields: Sequence[FieldPoints], known: Collection[str] = ()) -> Leakage:
    """Return the worst figures that any score could have: it tells every bin of every field."""
    worst = tuple(bounding(field) for field in fields if field.field not in known)
    return Leakage(Method.BOUND, EMPTY, worst, score_count([field.points_array for field in fields]))


def check(fields: Sequence[FieldPoints], known: Collection[str]) -> None:
    """Raise :class:`ParameterError` where ``fields`` cannot be measured; see :func:`measure`."""
    names = [field.field for field in fields]
    if not names:
        raise ParameterError("a model has at least one field")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ParameterError(f"field {twice[0]}: it stands twice")
    if unread := sorted(set(known) - set(names)):
        raise ParameterError(f"field {unread[0]}: the model does not read it")
    if sum(max(abs(points) for points in field.points) for field in fields) >= POINTS_LIMIT:
        raise ParameterError("the sum of the fields' points breaks the bound of 2^62")


def _fields(fields: Sequence[FieldPoints], progress: Progress | None) -> Iterator[FieldLeakage]:
    others = without_each([levels(field) for field in fields])
    for done, (field, rest) in enumerate(zip(fields, others, strict=True), start=1):
        yield _exact(field, rest)
        if progress is not None:
            progress(done, len(fields))


def _exact(field: FieldPoints, rest: ScoreDistribution) -> FieldLeakage:
    """Return the figures of ``field`` where ``rest`` is the law of all other points."""
    if len(field.points) * rest.size > WORK_LIMIT:
        raise TooManyScoresError
    scores = add(levels(field), rest)
    points, prior = field.points_array, np.array(field.prior)
    step = max(BLOCK // rest.size, 1)

    def blocks() -> Iterator[Block]:
        for start in range(0, points.size, step):
            part = slice(start, start + step)
            bins = np.repeat(np.arange(points.size)[part], rest.size)
            places = scores.positions((points[part, None] + rest.scores).reshape(-1))
            yield bins, places, (prior[part, None] * rest.probabilities).reshape(-1)

    return field_leakage(field, blocks, scores.size)
