"""The bank's own part of a score, computed in the clear from columns of the applicants' list, exactly."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from node.codes import Code, Reason
from node.errors import Refusal
from node.scorecards.format import BinnedPoints, GroupedPoints, LinearWeight, Scorecard
from node.scorecards.numbers import decimal_of, list_number, quotient_floor
from node.scorecards.texts import normal

_Field = BinnedPoints | GroupedPoints | LinearWeight
_PointsOf = Callable[[str], int | None]


def bank_parts(
    card: Scorecard, columns: Mapping[str, Sequence[str | None]], rows: int
) -> tuple[NDArray[np.int64], list[Reason | None]]:
    """Return base score + intercept points + points of the bank's fields for every row of a list.

    :param columns: column name -> the cells as text; None, an empty or a blank cell is a missing value.
    :param rows: number of rows; every column has so many cells.
    :returns: ``(rows,)`` integers, and per row None or ``BANK_DATA_MISSING`` where a cell is malformed (its value
        here then means nothing).
    :raises Refusal: ``INVALID_INPUT`` naming a column that the list lacks.
    """
    total = np.full(rows, card.base_score + card.intercept_points, dtype=np.int64)
    malformed = np.zeros(rows, dtype=np.bool_)
    for field in card.bank_fields:
        points, bad = _field_points(field, _column(columns, field.field, rows))
        total += points
        malformed |= bad
    reasons: list[Reason | None] = [Reason.BANK_DATA_MISSING if bad else None for bad in malformed.tolist()]
    return total, reasons


def _column(columns: Mapping[str, Sequence[str | None]], name: str, rows: int) -> Sequence[str | None]:
    if name not in columns:
        raise Refusal(
            Code.INVALID_INPUT,
            f"the list has no column {name!r}, which the scorecard reads as a bank field",
            remedy="Add the column; for a single score give --value NAME=VALUE.",
        )
    if len(columns[name]) != rows:
        raise Refusal(Code.INVALID_INPUT, f"the column {name!r} has {len(columns[name])} cells for {rows} rows")
    return columns[name]


def _field_points(field: _Field, cells: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Points of one field per row, and where the cell is malformed. Each distinct cell is worked out once."""
    points_of = _points_function(field)
    found: dict[str | None, int | None] = {None: field.missing}
    for cell in set(cells) - {None}:
        text = normal(str(cell))
        found[cell] = points_of(text) if text else field.missing
    bad = np.fromiter((found[cell] is None for cell in cells), dtype=np.bool_, count=len(cells))
    points = np.fromiter((found[cell] or 0 for cell in cells), dtype=np.int64, count=len(cells))
    return points, bad


def _points_function(field: _Field) -> _PointsOf:
    match field:
        case BinnedPoints():
            return _binned(field)
        case GroupedPoints():
            return _grouped(field)
        case LinearWeight():
            return _linear(field)


def _binned(field: BinnedPoints) -> _PointsOf:
    edges = [decimal_of(edge) for edge in field.edges]

    def points(text: str) -> int | None:
        value = list_number(text)
        return None if value is None else field.points[bisect_right(edges, value)]

    return points


def _grouped(field: GroupedPoints) -> _PointsOf:
    table = {code: group.points for group in field.groups for code in group.codes}
    return lambda text: table.get(text, field.other)


def _linear(field: LinearWeight) -> _PointsOf:
    low, high, quantum = (decimal_of(text) for text in (field.low, field.high, field.quantum))

    def points(text: str) -> int | None:
        value = list_number(text)
        if value is None or not low <= value <= high:
            return None
        return field.weight * quotient_floor(value, low, quantum)

    return points
