"""A fitted model of another library, as it is: points that are no integers yet, edges that stand on no grid yet."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from node.scorecards.numbers import list_number
from node.scorecards.texts import normal


@dataclass(frozen=True)
class FittedBins:
    """Points per interval ``[.., e1) [e1, e2) .. [ek, ..)`` of a numeric variable."""

    variable: str
    edges: tuple[Decimal, ...]
    points: tuple[float, ...]
    missing: float

    def value(self, text: str) -> float:
        """Return the points of a cell in normal form, not empty."""
        return self.points[bisect_right(self.edges, _number(text))]


@dataclass(frozen=True)
class FittedGroups:
    """Points per group of codes."""

    variable: str
    groups: tuple[tuple[str, ...], ...]
    points: tuple[float, ...]
    other: float
    missing: float

    def value(self, text: str) -> float:
        """Return the points of a cell in normal form, not empty."""
        for codes, points in zip(self.groups, self.points, strict=True):
            if text in codes:
                return points
        return self.other


@dataclass(frozen=True)
class FittedLinear:
    """``slope * value`` points; ``missing`` is the value that stands in for no value, None = not known."""

    variable: str
    slope: float
    missing: Decimal | None

    def value(self, text: str) -> float:
        """Return the points of a cell in normal form, not empty."""
        return self.slope * float(_number(text))


FittedField = FittedBins | FittedGroups | FittedLinear


@dataclass(frozen=True)
class FittedCard:
    """``score = constant + sum of the fields' points``; higher is better."""

    fields: tuple[FittedField, ...]
    constant: float
    notes: tuple[str, ...] = ()
    """What the exported file left open, in sentences for people."""

    def score(self, row: Mapping[str, str]) -> float:
        """Return the score of raw cells as the other library would, in floating point.

        :raises ValueError: a cell of a numeric variable is no number.
        """
        return self.constant + sum(_points(field, normal(row.get(field.variable) or "")) for field in self.fields)


def _points(field: FittedField, text: str) -> float:
    if text:
        return field.value(text)
    if isinstance(field, FittedLinear):
        return field.slope * float(field.missing or 0)
    return field.missing


def _number(text: str) -> Decimal:
    number = list_number(text)
    if number is None:
        raise ValueError("a cell of a numeric variable is no number")
    return number
