"""Infers what every column is, and builds the bureau's catalogue from it.

A column becomes a number (integer or decimal, with range, step and a grid of bin edges) or codes (levels, the rare ones
put together). What carries nothing, or is no feature (free text, identifiers), is left out with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.demo.dataset import Dataset, need
from node.demo.numeric_columns import NumericColumn, grid, numeric_column, outward, years_of_dates

MAXIMUM_LEVELS = 40
MAXIMUM_CODE_LENGTH = 64
RARE_ROWS = 5
INFORMATIVE_MISSING = 0.01
FREE_TEXT_SHARE = 0.5
_YEARS = (1900, 2100)
_RESERVED = frozenset({"uscc", "default", "split"})

FieldKind = Literal["integer", "decimal", "code"]


@dataclass(frozen=True)
class InferredField:
    """What one column was taken to be. Decimals are exact text."""

    id: str
    """Identifier in the catalogue and name of the column in the prepared files."""
    column: str
    """Name in the file that was given."""
    type: FieldKind
    unit: str = ""
    low: str | None = None
    high: str | None = None
    step: str | None = None
    edges: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    missing: float = 0.0
    """Share of rows without a value, 0..1."""
    note: str = ""
    calendar: bool = False
    """Whether the numbers are calendar years: offered, but not fitted on (fit.py says why)."""


@dataclass(frozen=True)
class LeftOut:
    """A column that is not used, and why."""

    column: str
    why: str


@dataclass(frozen=True)
class InferredTable:
    """One side's columns, prepared: every cell is one that the inferred type allows."""

    fields: tuple[InferredField, ...]
    cells: Mapping[str, pa.Array]
    """Field id -> text, null = missing."""
    values: Mapping[str, NDArray[np.float64]]
    """Field id -> numbers, NaN = missing, for the numeric fields."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Inferred:
    """Both sides of a dataset, prepared."""

    bank: InferredTable
    bureau: InferredTable


def infer(data: Dataset) -> Inferred:
    """Infer both sides.

    :raises Refusal: ``INVALID_INPUT`` where the bureau's side has no column that could be a feature.
    """
    bank, bureau = infer_table(data.bank), infer_table(data.bureau)
    if not bureau.fields:
        raise need("bureau.csv has no column that varies: nothing to score on")
    return Inferred(bank, bureau)


def infer_table(columns: Mapping[str, pa.Array]) -> InferredTable:
    """Infer the columns of one side."""
    fields: list[InferredField] = []
    cells: dict[str, pa.Array] = {}
    values: dict[str, NDArray[np.float64]] = {}
    left_out: list[LeftOut] = []
    taken = set(_RESERVED)
    for name, column in columns.items():
        found = _infer_column(_identifier(name, taken), name, column)
        if isinstance(found, LeftOut):
            left_out.append(found)
            continue
        field, prepared, numbers = found
        taken.add(field.id.lower())
        fields.append(field)
        cells[field.id] = prepared
        if numbers is not None:
            values[field.id] = numbers
    return InferredTable(tuple(fields), cells, values, tuple(left_out))


def catalogue_body(table: InferredTable, catalogue_id: str, version: int, bureau: str) -> dict[str, Any]:
    """Return the JSON body of the catalogue that offers the bureau's inferred fields, every one for scoring."""
    return {
        "catalogue_id": catalogue_id,
        "version": version,
        "bureau": bureau,
        "fields": [_catalogue_field(field) for field in table.fields],
    }


def _catalogue_field(field: InferredField) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": field.id,
        "name_zh": field.column[:200],
        "name_en": field.column[:200],
        "type": field.type,
        "unit": field.unit,
        "sensitivity": "ordinary",
        "provision": "score_only",
        "block": "demo",
    }
    if field.type == "code":
        return {**entry, "codes": list(field.codes)}
    return {**entry, "low": field.low, "high": field.high, "step": field.step, "grid": list(field.edges)}


def _identifier(name: str, taken: set[str]) -> str:
    """A name that a catalogue allows, distinct from those taken."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-")[:48]
    base = base if base[:1].isalpha() else f"field_{base}".rstrip("_")
    candidate, count = base, 1
    while candidate.lower() in taken:
        count += 1
        candidate = f"{base}_{count}"
    return candidate


_Found = tuple[InferredField, pa.Array, NDArray[np.float64] | None]


def _infer_column(identifier: str, name: str, column: pa.Array) -> _Found | LeftOut:
    rows, present = len(column), len(column) - column.null_count
    if present == 0:
        return LeftOut(name, "no value in any row")
    years = years_of_dates(column)
    numbers = numeric_column(column if years is None else years)
    missing = 1 - present / rows
    if numbers is not None and not _looks_like_codes(numbers):
        return _numeric(identifier, name, numbers, "year of a date" if years is not None else "", missing)
    return _coded(identifier, name, column if numbers is None else numbers.cells, missing)


def _looks_like_codes(numbers: NumericColumn) -> bool:
    """Whether few, uneven integers stand for something else (an industry, a region) rather than count."""
    present = numbers.values[~np.isnan(numbers.values)]
    distinct = np.unique(present)
    if len(distinct) == 1:
        return True  # a constant: only whether it is missing can say anything
    if numbers.decimals or len(distinct) > MAXIMUM_LEVELS or len(distinct) < 3 or len(present) < 20 * len(distinct):
        return False
    gaps = np.diff(distinct)
    even = (distinct[-1] - distinct[0]) / float(np.gcd.reduce(gaps.astype(np.int64))) + 1
    return bool(distinct[0] >= 10 and distinct[-1] < 100 and len(distinct) < 0.8 * even)


def _numeric(identifier: str, name: str, numbers: NumericColumn, note: str, missing: float) -> _Found:
    low, high = outward(numbers.values, numbers.decimals)
    calendar = _are_calendar_years(numbers)
    notes = [note] if note else []
    if calendar:
        notes.append("calendar years: not fitted on")
    if numbers.blanked:
        notes.append(f"{numbers.blanked} cells that are no number made missing")
    if numbers.rounded:
        notes.append("rounded to the digits that a catalogue allows")
    field = InferredField(
        identifier,
        name,
        "decimal" if numbers.decimals else "integer",
        unit=_unit(numbers),
        low=low,
        high=high,
        step=f"{10.0**-numbers.decimals:.{numbers.decimals}f}",
        edges=grid(numbers.values, numbers.decimals),
        missing=missing,
        note="; ".join(notes),
        calendar=calendar,
    )
    return field, numbers.cells, numbers.values


def _unit(numbers: NumericColumn) -> str:
    power = f"10^{-numbers.power}" if numbers.power else ""
    return " ".join(part for part in (power, "%" if numbers.percent else "") if part)


def _are_calendar_years(numbers: NumericColumn) -> bool:
    low, high = float(np.nanmin(numbers.values)), float(np.nanmax(numbers.values))
    return numbers.decimals == 0 and numbers.power == 0 and _YEARS[0] <= low and high <= _YEARS[1]


def _coded(identifier: str, name: str, column: pa.Array, missing: float) -> _Found | LeftOut:
    counted = pc.value_counts(column.drop_null())
    levels = sorted(zip(counted.field(1).to_pylist(), counted.field(0).to_pylist(), strict=True), key=_frequent_first)
    present = len(column) - column.null_count
    if len(levels) == 1 and missing < INFORMATIVE_MISSING:
        return LeftOut(name, "the same value in every row")
    if len(levels) > MAXIMUM_LEVELS and len(levels) > FREE_TEXT_SHARE * present:
        return LeftOut(name, "identifier or free text: nearly all differ")
    kept = _kept_levels(levels)
    if len(kept) == len(levels):
        return InferredField(identifier, name, "code", codes=tuple(sorted(kept)), missing=missing), column, None
    rest = _unused("OTHER", kept)
    prepared = pc.if_else(pc.is_in(column, value_set=pa.array(kept)), column, rest)
    prepared = pc.if_else(column.is_valid(), prepared, pa.scalar(None, pa.string()))
    note = f"{len(levels) - len(kept)} rare levels put together as {rest}"
    return (
        InferredField(identifier, name, "code", codes=(*sorted(kept), rest), missing=missing, note=note),
        prepared,
        None,
    )


def _frequent_first(level: tuple[int, str]) -> tuple[int, str]:
    return -level[0], level[1]


def _kept_levels(levels: list[tuple[int, str]]) -> list[str]:
    """Levels that stay themselves: all of them where few and fit for a code list, else the frequent ones."""
    fit = [(count, text) for count, text in levels if len(text) <= MAXIMUM_CODE_LENGTH and text.isprintable()]
    if len(fit) <= MAXIMUM_LEVELS:
        return [text for _, text in fit]
    return [text for count, text in fit[: MAXIMUM_LEVELS - 1] if count >= RARE_ROWS]


def _unused(word: str, taken: list[str]) -> str:
    while word in taken:
        word += "_"
    return word
