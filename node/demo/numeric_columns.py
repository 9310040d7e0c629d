"""Recognises columns of numbers and brings their cells to plain, bounded decimals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.scorecards.numbers import plain

INTEGER_DIGITS = 14
FRACTION_DIGITS = 9
"""A catalogue's decimals have at most 15 digits before the point and 9 behind it; one is kept for rounding outward."""

NUMERIC_SHARE = 0.95
GRID_QUANTILES = 20
GRID_DIGITS = 3

_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$"
_PADDED = r"^[+-]?0[0-9]"
_GROUPED = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$"
_PERCENT = r"^[+-]?[0-9.]+%$"
_DATE = r"^[0-9]{4}([-/.][0-9]{1,2}[-/.][0-9]{1,2}([ T].*)?|年[0-9]{1,2}月[0-9]{1,2}日)$"


@dataclass(frozen=True)
class NumericColumn:
    """A column of plain decimals and what was found out about it."""

    cells: pa.Array
    """Text, null = missing."""
    values: NDArray[np.float64]
    """The same as numbers, NaN = missing; good enough to fit on, never used to score."""
    decimals: int
    power: int
    """The cells are the original values times 10^power."""
    blanked: int
    """Cells that were no number and became missing."""
    rounded: bool
    percent: bool = False
    """Whether every number was followed by a percent sign."""


def years_of_dates(cells: pa.Array) -> pa.Array | None:
    """Return the years of a column of ISO-like dates as text, or None where it is no such column."""
    present = pc.match_substring_regex(cells.drop_null(), _DATE)
    if len(present) == 0 or not pc.all(present).as_py():
        return None
    return pc.utf8_slice_codeunits(cells, 0, 4)


def numeric_column(cells: pa.Array) -> NumericColumn | None:
    """Return the column as numbers, or None where it is text (also where numbers are padded with zeros, like 007).

    A few strange cells (under 5 %) in a column of numbers become missing. Thousands may be set apart by commas; where
    every number carries a percent sign, that is the column's unit.
    """
    percent = _are_percentages(cells)
    if percent:
        cells = pc.replace_substring(cells, "%", "")
    grouped = pc.match_substring_regex(cells, _GROUPED)
    cells = pc.if_else(grouped, pc.replace_substring(cells, ",", ""), cells)
    is_number = pc.match_substring_regex(cells, _NUMBER)
    present = len(cells) - cells.null_count
    numbers = pc.sum(is_number).as_py() or 0
    if numbers == 0 or numbers < NUMERIC_SHARE * present:
        return None
    kept = pc.if_else(is_number, cells, pa.scalar(None, pa.string()))
    if pc.any(pc.match_substring_regex(kept, _PADDED)).as_py():
        return None
    return replace(_measured(_plain_cells(kept), present - numbers), percent=percent)


def _are_percentages(cells: pa.Array) -> bool:
    signed = pc.match_substring_regex(cells.drop_null(), _PERCENT)
    return len(signed) > 0 and bool(pc.all(signed).as_py())


def _measured(cells: pa.Array, blanked: int) -> NumericColumn:
    decimals = _decimals(cells)
    values = _floats(cells)
    largest = float(np.nanmax(np.abs(values)))
    power = _power(largest, decimals)
    allowed = _allowed_decimals(largest * 10.0**power)
    rounded = decimals + power > allowed if power == 0 else True
    if power or rounded:
        cells = _rescaled(cells, power, allowed)
        decimals, values = _decimals(cells), _floats(cells)
    return NumericColumn(cells, values, decimals, power, blanked, rounded)


def _power(largest: float, decimals: int) -> int:
    """Power of ten that brings a huge or tiny column into the catalogue's digits; mostly zero."""
    if largest == 0:
        return 0
    magnitude = math.floor(math.log10(largest)) + 1
    if magnitude > INTEGER_DIGITS:
        return INTEGER_DIGITS - magnitude
    return -magnitude + 1 if decimals > FRACTION_DIGITS and magnitude < -2 else 0


def _allowed_decimals(largest: float) -> int:
    magnitude = max(1, math.floor(math.log10(largest)) + 1) if largest > 0 else 1
    return max(0, min(FRACTION_DIGITS, INTEGER_DIGITS - magnitude))


def _plain_cells(cells: pa.Array) -> pa.Array:
    """Write numbers plainly: no exponent, no plus sign, no zeros behind the point that say nothing."""
    if pc.any(pc.match_substring_regex(cells, "[eE]")).as_py():
        cells = _each_distinct(cells, lambda text: plain(Decimal(text)))
    steps = ((r"^\+", ""), (r"(\.[0-9]*?)0+$", r"\1"), (r"\.$", ""), (r"^(-?)\.", r"\g<1>0."), ("^-0$", "0"))
    for pattern, replacement in steps:
        cells = pc.replace_substring_regex(cells, pattern, replacement.replace(r"\g<1>", r"\1"))
    return cells


def _each_distinct(cells: pa.Array, change: object) -> pa.Array:
    assert callable(change)
    encoded = cells.dictionary_encode()
    changed = [change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(changed, type=pa.string()).take(encoded.indices)


def _rescaled(cells: pa.Array, power: int, decimals: int) -> pa.Array:
    unit = Decimal(1).scaleb(-decimals)

    def change(text: str) -> str:
        with localcontext(prec=120):
            return plain(Decimal(text).scaleb(power).quantize(unit, rounding=ROUND_HALF_EVEN))

    return _each_distinct(cells, change)


def _decimals(cells: pa.Array) -> int:
    point = pc.find_substring(cells, ".")
    behind = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.utf8_length(cells), point), 1))
    return int(pc.max(behind).as_py() or 0)


def _floats(cells: pa.Array) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.asarray(cells.cast(pa.float64()).fill_null(float("nan")))
    return found


def outward(values: NDArray[np.float64], decimals: int) -> tuple[str, str]:
    """Return a range that holds every value: smallest and largest, rounded outward to two digits, on the step."""
    low, high = (Decimal(repr(float(value))) for value in (np.nanmin(values), np.nanmax(values)))
    spread = high - low
    return _nice(low, spread, decimals, ROUND_FLOOR, 2), _nice(high, spread, decimals, ROUND_CEILING, 2)


def grid(values: NDArray[np.float64], decimals: int) -> tuple[str, ...]:
    """Return the edges to allow: every distinct value of a column with few, else rounded quantiles; ascending.

    Quantiles are taken of all values and of those beside the most frequent one, so that a column that is mostly
    zero keeps edges among the rest.
    """
    present = values[~np.isnan(values)]
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= GRID_QUANTILES:
        return tuple(_on_step(value, decimals) for value in distinct[1:])
    rest = present[present != distinct[np.argmax(counts)]]
    shares = np.arange(1, GRID_QUANTILES) / GRID_QUANTILES
    picks = np.concatenate([np.quantile(part, shares, method="inverted_cdf") for part in (present, rest)])
    low, high = (Decimal(repr(float(value))) for value in (distinct[0], distinct[-1]))
    candidates = (Decimal(repr(float(value))) for value in picks)
    texts = {_nice(value, high - low, decimals, ROUND_HALF_EVEN, GRID_DIGITS) for value in candidates}
    return tuple(sorted((text for text in texts if low < Decimal(text) <= high), key=Decimal))


def _on_step(value: float, decimals: int) -> str:
    return plain(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN))


def _nice(value: Decimal, spread: Decimal, decimals: int, rounding: str, digits: int) -> str:
    """Round to a few significant digits of the value or the column's spread, but never finer than the step."""
    adjusted = [number.adjusted() for number in (value, spread) if number]
    exponent = max(min(adjusted, default=0) - digits + 1, -decimals)
    with localcontext(prec=120):
        return plain(value.quantize(Decimal(1).scaleb(exponent), rounding=rounding))
