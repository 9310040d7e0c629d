"""optbinning scorecards: from the JSON that :func:`export_optbinning` writes, or from the CSV of ``Scorecard.table()``.

The table prints edges with two decimals; the JSON carries them exactly. A pickled scorecard is not read: unpickling
runs code. optbinning's event is the bad outcome here, so its WoE ``ln(good% / bad%)`` with a negative weight gives more
points to the good; its odds are good:bad.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from node.scorecards.fitted import FittedBins, FittedCard, FittedField, FittedGroups
from node.scorecards.import_settings import ScalingSettings, parsed
from node.scorecards.import_tables import edges_of, invalid, is_interval, points_of, read_rows
from node.scorecards.numbers import plain
from node.scorecards.texts import normal

WHAT = "optbinning export"
_EXTRA = ("Special", "Missing")
_PRINTED_GROUP = re.compile(r"\[(.*)\]", re.DOTALL)
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Variable(_Part):
    name: Annotated[str, Field(min_length=1)]
    edges: tuple[str, ...] | None = None
    groups: tuple[tuple[str, ...], ...] | None = None
    points: Annotated[tuple[float, ...], Field(min_length=1)]
    neutral: float
    missing: float


class _Export(_Part):
    library: Literal["optbinning"]
    intercept: float
    scaling: ScalingSettings | None = None
    variables: Annotated[tuple[_Variable, ...], Field(min_length=1)]


def export_optbinning(scorecard: Any) -> dict[str, Any]:
    """Return a fitted ``optbinning.Scorecard`` as a JSON object that :func:`from_export` reads."""
    table = scorecard.table(style="detailed")
    names = list(dict.fromkeys(table["Variable"]))
    return {
        "library": "optbinning",
        "intercept": float(scorecard.intercept_),
        "scaling": _scaling(scorecard),
        "variables": [_variable(scorecard, name, table[table["Variable"] == name]) for name in names],
    }


def _scaling(scorecard: Any) -> dict[str, Any] | None:
    """The scaling where it is of points to double the odds; a min-max scaling has none."""
    if scorecard.scaling_method != "pdo_odds":
        return None
    given = scorecard.scaling_method_params
    odds, pdo = (plain(Decimal(str(given[key]))) for key in ("odds", "pdo"))
    return {"base_score": round(given["scorecard_points"]), "base_odds": odds, "pdo": pdo}


def _variable(scorecard: Any, name: str, rows: Any) -> dict[str, Any]:
    binned = scorecard.binning_process_.get_binned_variable(name)
    by_label = dict(zip(rows["Bin"].astype(str), rows["Points"], strict=True))
    points = [float(value) for label, value in by_label.items() if label not in _EXTRA]
    shape: dict[str, Any] = (
        {"groups": [[str(code) for code in group] for group in binned.splits]}
        if binned.dtype == "categorical"
        else {"edges": [plain(Decimal(repr(float(edge)))) for edge in binned.splits]}
    )
    neutral = _neutral(rows["WoE"].tolist(), rows["Points"].tolist())
    return {"name": name, **shape, "points": points, "neutral": neutral, "missing": float(by_label["Missing"])}


def _neutral(woe: Sequence[float], points: Sequence[float]) -> float:
    """Points at WoE zero, which optbinning gives a code that it never saw: points are linear in WoE."""
    pairs = sorted(zip(map(float, woe), map(float, points), strict=True))
    (low, low_points), (high, high_points) = pairs[0], pairs[-1]
    if high == low:
        return low_points
    return low_points - low * (high_points - low_points) / (high - low)


def from_export(content: bytes | str) -> tuple[FittedCard, ScalingSettings | None]:
    """Read the JSON of :func:`export_optbinning`; ``INVALID_INPUT`` names the path of what is wrong."""
    export = parsed(_Export, content, WHAT)
    return FittedCard(tuple(_field(one) for one in export.variables), export.intercept), export.scaling


def _field(variable: _Variable) -> FittedField:
    if variable.groups is not None and len(variable.groups) == len(variable.points):
        groups = tuple(tuple(normal(code) for code in group) for group in variable.groups)
        return FittedGroups(variable.name, groups, variable.points, variable.neutral, variable.missing)
    if variable.edges is not None and len(variable.edges) + 1 == len(variable.points):
        edges = tuple(Decimal(edge) for edge in variable.edges)
        return FittedBins(variable.name, edges, variable.points, variable.missing)
    raise invalid(WHAT, f"variable {variable.name!r}: points do not fit its edges or groups")


def from_table(content: bytes) -> FittedCard:
    """Read the CSV of ``Scorecard.table(style="summary")`` or ``"detailed"``.

    :raises Refusal: ``INVALID_INPUT``; the message names the variable.
    """
    tables = read_rows(content, ("Variable", "Bin", "Points"), WHAT)
    fields = tuple(_table_field(name, rows) for name, rows in tables.items())
    notes = (
        "the table prints edges with two decimals; export as JSON for exact edges",
        "the table has no intercept: 0 is taken, right unless intercept_based=True",
    )
    return FittedCard(fields, 0.0, notes)


def _table_field(name: str, rows: Sequence[Mapping[str, str]]) -> FittedField:
    what = f"{WHAT}, variable {name!r}"
    by_label = {row["Bin"]: points_of(row["Points"], what) for row in rows}
    labels = [label for label in by_label if label not in _EXTRA]
    if "Missing" not in by_label or not labels:
        raise invalid(what, "it has no bin, or no row Missing")
    points, missing = tuple(by_label[label] for label in labels), by_label["Missing"]
    if all(map(is_interval, labels)):
        return FittedBins(name, edges_of(labels, what), points, missing)
    groups = tuple(_codes(label, what) for label in labels)
    return FittedGroups(name, groups, points, by_label.get("Special", missing), missing)


def _codes(label: str, what: str) -> tuple[str, ...]:
    """Codes of a printed group; how it is printed depends on the versions (see the test)."""
    match = _PRINTED_GROUP.search(label)
    if match is None or "..." in match.group(1):
        raise invalid(what, "a group of codes is printed in short or not readable; export as JSON")
    quoted = [single or double for single, double in _QUOTED.findall(match.group(1))]
    return tuple(normal(code) for code in quoted or match.group(1).split(", "))
