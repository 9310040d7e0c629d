"""Turns a fitted model into a scorecard file: edges to the grid, points to integers; every change is kept."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Any

from node.codes import Code
from node.errors import Refusal
from node.policy.catalogue import Catalogue, CatalogueField
from node.scorecards.fitted import FittedBins, FittedCard, FittedField, FittedGroups, FittedLinear
from node.scorecards.format import POINTS_LIMIT, Scorecard, parse_scorecard
from node.scorecards.import_settings import ImportSettings, LinearSettings, to_text
from node.scorecards.numbers import plain

COARSE_SHARE = 0.25
"""A linear field whose rounding can change a score by more than this share of the PDO gets a note."""

DEFAULT_STEPS = 1000
"""A linear field is cut into about so many quanta unless the settings say otherwise."""

_BANK_DIGITS = Decimal("0.000000001")


@dataclass(frozen=True)
class RoundedPoints:
    """Points of one bin before and after rounding."""

    field: str
    bin: str
    exact: float
    points: int

    @property
    def error(self) -> float:
        """Rounded minus exact."""
        return self.points - self.exact


@dataclass(frozen=True)
class MovedEdge:
    """An edge that moved to the catalogue's grid."""

    field: str
    before: str
    after: str


@dataclass
class Changes:
    """What became of the fitted model on its way to the file."""

    rounded: list[RoundedPoints] = field(default_factory=list)
    moved: list[MovedEdge] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    largest: dict[str, float] = field(default_factory=dict)
    """Field -> largest rounding error that a value of it can bring."""

    def round(self, name: str, label: str, exact: float) -> int:
        """Round points to the nearest integer (half to even) and remember the error."""
        if not math.isfinite(exact) or abs(exact) > POINTS_LIMIT:
            raise Refusal(Code.BOUND_EXCEEDED, f"field {name!r}, {label}: the points are no number below 2^31")
        points = round(exact)
        self.rounded.append(RoundedPoints(name, label, exact, points))
        self.largest[name] = max(self.largest.get(name, 0.0), abs(points - exact))
        return points

    @property
    def total_error(self) -> float:
        """Largest rounding error that a whole score can have."""
        return sum(self.largest.values())


def to_scorecard(card: FittedCard, settings: ImportSettings, catalogue: Catalogue) -> tuple[Scorecard, Changes]:
    """Return the scorecard file of a fitted model and what was changed.

    A variable whose name (after ``rename``) is a catalogue field is the bureau's; any other is a column of the
    bank's own list.

    :raises Refusal: ``INVALID_INPUT`` where a variable does not fit its field; ``BOUND_EXCEEDED`` for huge points.
    """
    changes = Changes(notes=list(card.notes))
    scaling = settings.need_scaling()
    known = {entry.id: entry for entry in catalogue.fields}
    constant = card.constant - scaling.base_score
    fields: list[dict[str, Any]] = []
    for fitted in card.fields:
        name = settings.field_of(fitted.variable)
        entry, moved = _field(fitted, name, known.get(name), settings, changes)
        fields.append(entry)
        constant += moved
    intercept = changes.round("intercept", "every enterprise", constant)
    return parse_scorecard(to_text(_document(settings, catalogue, fields, intercept))), changes


def _document(
    settings: ImportSettings, catalogue: Catalogue, fields: list[dict[str, Any]], intercept: int
) -> dict[str, Any]:
    linear = any(entry["type"] == "linear" for entry in fields)
    return {
        "format": "banktax-scorecard-1",
        **settings.model_dump(
            mode="json", include={"name", "version", "supersedes", "model_class", "purposes", "expires"}
        ),
        "catalogue": {"id": catalogue.catalogue_id, "version": catalogue.version},
        "kind": "linear" if linear else "scorecard",
        "sign": "higher_is_better",
        **settings.need_scaling().model_dump(mode="json"),
        "intercept_points": intercept,
        "fields": fields,
    }


def _field(
    fitted: FittedField, name: str, entry: CatalogueField | None, settings: ImportSettings, changes: Changes
) -> tuple[dict[str, Any], float]:
    """The field's part of the file, and the points that move from it to the intercept."""
    head = {"field": name, "source": "bank" if entry is None else "bureau"}
    match fitted:
        case FittedBins():
            return {"type": "bins", **head, **_bins(fitted, name, entry, changes)}, 0.0
        case FittedGroups():
            return {"type": "groups", **head, **_groups(fitted, name, changes)}, 0.0
        case FittedLinear():
            own = settings.linear.get(fitted.variable, LinearSettings())
            body, moved = _linear(fitted, name, entry, own, changes)
            if changes.largest[name] > COARSE_SHARE * float(settings.need_scaling().pdo):
                changes.notes.append(
                    f"{name}: points are rounded coarsely; let the score count in thousandths of a point"
                )
            return {"type": "linear", **head, **body}, moved


def _bins(fitted: FittedBins, name: str, entry: CatalogueField | None, changes: Changes) -> dict[str, Any]:
    snapped = _snapped(fitted.edges, name, entry, changes)
    keep = [place for place in range(len(fitted.points)) if not _vanished(snapped, place)]
    if len(keep) < len(fitted.points):
        changes.notes.append(f"{name}: {len(fitted.points) - len(keep)} bins vanished, the grid is too coarse for them")
    edges = sorted(set(snapped))
    labels = _labels([plain(edge) for edge in edges])
    points = [changes.round(name, label, fitted.points[place]) for label, place in zip(labels, keep, strict=True)]
    return {
        "edges": [plain(edge) for edge in edges],
        "points": points,
        "missing": changes.round(name, "missing", fitted.missing),
    }


def _vanished(edges: Sequence[Decimal], place: int) -> bool:
    """Whether bin ``place``, between the edges before and after it, has become empty."""
    return 0 < place < len(edges) and edges[place - 1] == edges[place]


def _snapped(edges: Sequence[Decimal], name: str, entry: CatalogueField | None, changes: Changes) -> list[Decimal]:
    if entry is None:
        return [edge.quantize(_BANK_DIGITS, rounding=ROUND_HALF_EVEN) for edge in edges]
    grid = [Decimal(entry.from_tick(tick)) for tick in entry.edge_grid.ascending()]
    if edges and not grid:
        raise Refusal(Code.INVALID_INPUT, f"field {name!r}: the catalogue's grid has no edge")
    snapped = [_nearest(grid, _next_value(edge, entry)) for edge in edges]
    changes.moved += [
        MovedEdge(name, plain(before), plain(after))
        for before, after in zip(edges, snapped, strict=True)
        if before != after
    ]
    return snapped


def _next_value(edge: Decimal, entry: CatalogueField) -> Decimal:
    """Return the first value of the field at or above an edge: between two steps an edge divides nothing else."""
    if entry.step is None:
        return edge
    step = Decimal(entry.step)
    return (edge / step).to_integral_value(ROUND_CEILING) * step


def _nearest(grid: Sequence[Decimal], edge: Decimal) -> Decimal:
    place = bisect_left(grid, edge)
    return min(grid[max(0, place - 1) : place + 1], key=lambda allowed: abs(allowed - edge))


def _labels(edges: Sequence[str]) -> list[str]:
    ends = ["..", *edges, ".."]
    return [f"[{low}, {high})" for low, high in pairwise(ends)]


def _groups(fitted: FittedGroups, name: str, changes: Changes) -> dict[str, Any]:
    groups = [
        {"codes": list(codes), "points": changes.round(name, ", ".join(codes), points)}
        for codes, points in zip(fitted.groups, fitted.points, strict=True)
    ]
    return {
        "groups": groups,
        "other": changes.round(name, "other", fitted.other),
        "missing": changes.round(name, "missing", fitted.missing),
    }


def _linear(
    fitted: FittedLinear, name: str, entry: CatalogueField | None, own: LinearSettings, changes: Changes
) -> tuple[dict[str, Any], float]:
    """``slope * value = slope * (low + quantum / 2) + slope * quantum * quanta``, up to half a quantum."""
    low = _bound(own.low, None if entry is None else entry.low, name)
    high = _bound(own.high, None if entry is None else entry.high, name)
    step = None if entry is None or entry.step is None else Decimal(entry.step)
    quantum = Decimal(own.quantum) if own.quantum else _default_quantum(low, high, step)
    steps = int((high - low) // quantum)
    middle = float(low + quantum / 2)
    weight = changes.round(name, "one quantum", fitted.slope * float(quantum))
    changes.largest[name] *= max(1, steps)
    stand_in = Decimal(own.missing) if own.missing is not None else fitted.missing
    if stand_in is None:
        changes.notes.append(f"{name}: no value is known that stands in for a missing one; the lowest is taken")
        stand_in = low
    missing = changes.round(name, "missing", fitted.slope * (float(stand_in) - middle))
    body = {"low": plain(low), "high": plain(high), "quantum": plain(quantum), "weight": weight, "missing": missing}
    return body, fitted.slope * middle


def _bound(own: str | None, declared: str | None, name: str) -> Decimal:
    if own is None and declared is None:
        raise Refusal(
            Code.INVALID_INPUT,
            f"field {name!r}: no catalogue gives its range",
            remedy="Add low, high and quantum under linear in the import settings.",
        )
    return Decimal(own or declared or 0)


def _default_quantum(low: Decimal, high: Decimal, step: Decimal | None) -> Decimal:
    """A multiple of the step that makes about :data:`DEFAULT_STEPS` quanta."""
    unit = step or Decimal("0.001")
    return max(1, math.ceil((high - low) / unit / DEFAULT_STEPS)) * unit
