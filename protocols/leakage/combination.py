"""Several models on the common refinement of their bins, their scores packed into one number (README §6.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.leakage.distribution import score_count
from protocols.leakage.partition import Parts, refine
from protocols.leakage.population import POINTS_LIMIT, points_of, split
from protocols.leakage.rank import rank
from protocols.scoring.model import PublicField, SecretModel


@dataclass(frozen=True, eq=False)
class CombinedField:
    """One field: its parts, and the points of each model in them, shape (models, parts); zeros where it is not read."""

    field: str
    parts: Parts
    points: NDArray[np.int64]


def combine(models: Sequence[SecretModel]) -> tuple[CombinedField, ...]:
    """Return the fields that any of ``models`` reads, in the order in which they first stand."""
    readers: dict[str, list[tuple[int, PublicField, tuple[int, ...]]]] = {}
    for place, model in enumerate(models):
        for field, weights in split(model):
            readers.setdefault(field.field, []).append((place, field, weights))
    found = []
    for name, read_by in readers.items():
        parts = refine([field for _, field, _ in read_by])
        points = np.zeros((len(models), parts.members.size), dtype=np.int64)
        for place, field, weights in read_by:
            points[place] = points_of(field, weights, parts)
        found.append(CombinedField(name, parts, points))
    return tuple(found)


def pack(fields: Sequence[CombinedField]) -> list[NDArray[np.int64]] | None:
    """Return, for each field, one number for each part, whose sums tell every model's score apart.

    Each model takes the digits that its scores need, behind those of the model before; None where 62 bits are too few.
    """
    packed, stride = [np.zeros(field.points.shape[1], dtype=np.int64) for field in fields], 1
    for model in range(len(fields[0].points)):
        above = [field.points[model] - field.points[model].min() for field in fields]
        unit = int(np.gcd.reduce(np.concatenate(above))) or 1
        digits = sum(int(points.max()) for points in above) // unit + 1
        if stride * digits >= POINTS_LIMIT:
            return None
        for target, points in zip(packed, above, strict=True):
            target += points // unit * stride
        stride *= digits
    return packed


def most_combinations(fields: Sequence[CombinedField]) -> int:
    """Return an upper bound of the combinations of scores that the models can reach."""
    by_model = [score_count([field.points[model] for field in fields]) for model in range(len(fields[0].points))]
    by_field = [int(np.unique(field.points, axis=1).shape[1]) for field in fields]
    return min(math.prod(by_model), math.prod(by_field))


def independent_models(fields: Sequence[CombinedField]) -> int:
    """Return the rank of the models' points, constants taken off each field."""
    offsets = np.concatenate([field.points - field.points[:, :1] for field in fields], axis=1)
    return rank([[int(entry) for entry in row] for row in offsets])


def unknowns(fields: Sequence[CombinedField]) -> int:
    """Return how many free bins the fields have together; as many independent models solve for all of them."""
    return sum(int(field.points.shape[1]) - 1 for field in fields)
