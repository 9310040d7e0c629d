"""A model's fields as they are measured: the points of every bin, and the share of enterprises in it (README §2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.leakage.cells import FieldCells
from protocols.leakage.partition import Parts, refine
from protocols.scoring.model import LinearField, PublicField, SecretModel

SUM_TOLERANCE = 1e-9
"""How far a field's priors may be from one altogether."""
POINTS_LIMIT = 2**62
"""Points lie strictly between ``-POINTS_LIMIT`` and ``POINTS_LIMIT``, and so must every sum of them."""


class Sensitivity(StrEnum):
    """How closely a field is guarded; a disclosable one is public by law and exempt from every threshold."""

    ORDINARY = "ordinary"
    SENSITIVE = "sensitive"
    DISCLOSABLE = "disclosable"


@dataclass(frozen=True, repr=False)
class FieldPoints:
    """One field: for each bin its label, its SECRET points, and the share of enterprises in it.

    ``order`` is the place of each bin by rank, for :mod:`~protocols.leakage.copula`; empty: as the bins stand.
    ``uncertain_share`` is the share of enterprises whose bin had to be guessed from coarser frequencies, 0 to 1.
    """

    field: str
    sensitivity: Sensitivity
    labels: tuple[str, ...]
    points: tuple[int, ...]
    prior: tuple[float, ...]
    order: tuple[int, ...] = ()
    uncertain_share: float = 0.0

    def __post_init__(self) -> None:
        bins = len(self.points)
        if not bins:
            raise ParameterError(f"field {self.field}: it has no bin")
        if not len(self.labels) == len(self.prior) == bins:
            raise ParameterError(f"field {self.field}: labels, points and frequencies differ in number")
        if self.order and sorted(self.order) != list(range(bins)):
            raise ParameterError(f"field {self.field}: the order is no permutation of the bins")
        if any(not math.isfinite(share) or share < 0 for share in self.prior):
            raise ParameterError(f"field {self.field}: a frequency is negative or no number")
        if abs(math.fsum(self.prior) - 1) > SUM_TOLERANCE:
            raise ParameterError(f"field {self.field}: the frequencies do not sum to one")
        if any(abs(points) >= POINTS_LIMIT for points in self.points):
            raise ParameterError(f"field {self.field}: points break the bound of 2^62")
        if not 0 <= self.uncertain_share <= 1:
            raise ParameterError(f"field {self.field}: the uncertain share is no share")

    @property
    def points_array(self) -> NDArray[np.int64]:
        """The points as an array, one for each bin."""
        return np.array(self.points, dtype=np.int64)

    def __repr__(self) -> str:
        return f"FieldPoints({self.field}, {len(self.points)} bins, <redacted>)"


def field_points(
    model: SecretModel, cells: Mapping[str, FieldCells], sensitivity: Mapping[str, Sensitivity]
) -> tuple[FieldPoints, ...]:
    """Return the fields of ``model``, in its order, over the frequencies ``cells`` (by field).

    Raises:
        ParameterError: a field without frequencies or sensitivity, or frequencies of another kind.
    """
    found = []
    for field, weights in split(model):
        parts = refine([field])
        points = points_of(field, weights, parts)
        found.append(populate(field.field, parts, tuple(points.tolist()), cells, sensitivity))
    return tuple(found)


def split(model: SecretModel) -> list[tuple[PublicField, tuple[int, ...]]]:
    """Return the fields of a model, each with its weights."""
    found, start = [], 0
    for field in model.public.fields:
        found.append((field, model.weights[start : start + field.column_count]))
        start += field.column_count
    return found


def points_of(field: PublicField, weights: tuple[int, ...], parts: Parts) -> NDArray[np.int64]:
    """Return the points that ``field`` gives in each of ``parts``, through the very columns of an evaluation."""
    members = parts.members
    if isinstance(field, LinearField):  # another model's parts may lie outside the range, where no value can be
        members = np.where(members == members[-1], members, np.clip(members, field.low, field.high))
    columns = np.zeros((field.column_count, members.size), dtype=np.uint16)
    field.fill(members, columns)
    return np.array(weights, dtype=np.int64) @ columns.astype(np.int64)


def populate(
    name: str,
    parts: Parts,
    points: tuple[int, ...],
    cells: Mapping[str, FieldCells],
    sensitivity: Mapping[str, Sensitivity],
) -> FieldPoints:
    """Return the field ``name`` with ``points`` in each of ``parts``; see :func:`field_points`."""
    if name not in cells:
        raise ParameterError(f"field {name}: there are no frequencies of it")
    if name not in sensitivity:
        raise ParameterError(f"field {name}: its sensitivity is not known")
    counts, guessed = parts.counts(cells[name])
    total = cells[name].total
    prior = tuple((counts / total).tolist())
    return FieldPoints(name, sensitivity[name], parts.labels, points, prior, parts.order, guessed / total)
