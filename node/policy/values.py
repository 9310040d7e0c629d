"""From the texts of a data source to ticks, exactly: one value, or a column of a million.

A column is parsed as a matrix of characters with integer arithmetic; what is not a plain decimal or an exact code
(white space, full-width digits, exponents) goes through the same scalar function that single values use, so both
agree. No float is involved anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Protocol, Self, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.policy.decimalmatrix import LIMIT, parse_block
from node.policy.shapes import exact, power
from node.policy.textmatrix import as_arrow, blocks
from protocols.scoring.model import MISSING as MISSING

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 64
_WIDTH = 24  # characters of the fast path: sign, eighteen digits, point, and room for zeros

Texts: TypeAlias = Sequence[str | None] | pa.Array


class ValueFault(StrEnum):
    """Why a text is no value of its field."""

    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    OFF_STEP = "off_step"
    UNKNOWN_CODE = "unknown_code"


_MESSAGES = {
    ValueFault.NOT_A_NUMBER: "is not a decimal number",
    ValueFault.OUT_OF_RANGE: "is outside the field's range",
    ValueFault.OFF_STEP: "is not a multiple of the field's step",
    ValueFault.UNKNOWN_CODE: "is not one of the field's codes",
}


class ValueRejected(ValueError):  # noqa: N818 - a verdict on a value
    """A text is no value of its field; ``fault`` says why, and the text itself is not repeated."""

    def __init__(self, fault: ValueFault) -> None:
        super().__init__(_MESSAGES[fault])
        self.fault = fault


@dataclass(frozen=True)
class ParsedColumn:
    """Ticks of a column, int64 of shape (rows,); rows in ``faults`` hold MISSING there and are not values."""

    ticks: NDArray[np.int64]
    faults: dict[int, ValueFault]


class Scale(Protocol):
    """How the texts of one field become ticks and back."""

    def to_tick(self, value: str | Decimal) -> int:
        """Return the tick of one value, MISSING for a blank text; raises :class:`ValueRejected`."""
        ...

    def from_tick(self, tick: int) -> str:
        """Return the text of one tick, empty for MISSING; raises :class:`ValueRejected`."""
        ...

    def column(self, texts: Texts) -> ParsedColumn:
        """Return the ticks of a column and the faults by row; None and blank texts are MISSING."""
        ...


def ticks_from_strings(scale: Scale, texts: Texts) -> tuple[NDArray[np.int64], dict[int, ValueFault]]:
    """Return ``(ticks, faults by row)`` of a column; see :class:`ParsedColumn`."""
    column = scale.column(texts)
    return column.ticks, column.faults


@dataclass(frozen=True)
class NumericScale:
    """Numbers between ``low`` and ``high`` that are multiples of ``step``; all three count in 10^-decimals."""

    low: int
    high: int
    step: int
    decimals: int

    @classmethod
    def build(cls, low: str, high: str, step: str, *, integral: bool) -> Self:
        """Return the scale of a field; ValueError names the member that does not fit the others."""
        mantissa, decimals = exact(step)
        if mantissa <= 0:
            raise ValueError("step: must be above zero")
        if integral and mantissa % power(decimals):
            raise ValueError("step: an integer field's step is a whole number")
        scale = cls(
            _units(low, "low", mantissa, decimals), _units(high, "high", mantissa, decimals), mantissa, decimals
        )
        if scale.low > scale.high:
            raise ValueError("high: is below low")
        return scale

    @property
    def tick_low(self) -> int:
        """Smallest tick."""
        return self.low // self.step

    @property
    def tick_high(self) -> int:
        """Largest tick."""
        return self.high // self.step

    def to_tick(self, value: str | Decimal) -> int:
        """Return value / step; see :class:`Scale`."""
        text = value if isinstance(value, Decimal) else _plain(value)
        return MISSING if text == "" else self._ticks(text, self.low, self.high)

    def span_to_ticks(self, span: str | Decimal) -> int:
        """Return a distance between two values in ticks, at least one; raises :class:`ValueRejected`."""
        return self._ticks(span, self.step, max(self.high - self.low, self.step))

    def _ticks(self, text: str | Decimal, low: int, high: int) -> int:
        mantissa, decimals = _number(text)
        # Compare and divide as integers over the common denominator 10^(decimals + self.decimals).
        units, one = mantissa * power(self.decimals), power(decimals)
        if not low * one <= units <= high * one:
            raise ValueRejected(ValueFault.OUT_OF_RANGE)
        tick, rest = divmod(units, self.step * one)
        if rest:
            raise ValueRejected(ValueFault.OFF_STEP)
        return tick

    def from_tick(self, tick: int) -> str:
        """Return tick * step without exponent or trailing zeros; see :class:`Scale`."""
        if tick == MISSING:
            return ""
        if not self.tick_low <= tick <= self.tick_high:
            raise ValueRejected(ValueFault.OUT_OF_RANGE)
        units = tick * self.step
        whole, part = divmod(abs(units), power(self.decimals))
        behind = f"{part:0{self.decimals}d}".rstrip("0") if part else ""
        return ("-" if units < 0 else "") + str(whole) + ("." + behind if behind else "")

    def column(self, texts: Texts) -> ParsedColumn:
        """Parse a column; see :class:`Scale`."""
        array = _as_arrow(texts)
        ticks = np.full(len(array), MISSING, dtype=np.int64)
        faults: dict[int, ValueFault] = {}
        for start, characters, lengths in blocks(array, _WIDTH):
            units, plain = parse_block(characters, lengths, self.decimals)
            quotient, rest = np.divmod(units, self.step)
            good = plain & (units >= self.low) & (units <= self.high) & (rest == 0)
            ticks[start : start + len(units)][good] = quotient[good]
            _settle(self, array, start + np.flatnonzero(~good & (lengths > 0)), ticks, faults)
        return ParsedColumn(ticks, faults)


@dataclass(frozen=True)
class CodeScale:
    """Values out of an ordered list of codes; a tick is the place in the list."""

    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.codes:
            raise ValueError("codes: a code field needs at least one")

    @cached_property
    def _places(self) -> dict[str, int]:
        return {code: place for place, code in enumerate(self.codes)}

    def to_tick(self, value: str | Decimal) -> int:
        """Return the code's place, trying the text as it stands first and then in NFKC; see :class:`Scale`."""
        text = str(value)
        place = self._places.get(text, self._places.get(plain := _plain(text)))
        if place is None and plain:
            raise ValueRejected(ValueFault.UNKNOWN_CODE)
        return MISSING if place is None else place

    def from_tick(self, tick: int) -> str:
        """Return the code at a place; see :class:`Scale`."""
        if tick == MISSING:
            return ""
        if not 0 <= tick < len(self.codes):
            raise ValueRejected(ValueFault.UNKNOWN_CODE)
        return self.codes[tick]

    def column(self, texts: Texts) -> ParsedColumn:
        """Parse a column; see :class:`Scale`."""
        array = _as_arrow(texts)
        places = pc.index_in(array, pa.array(self.codes, pa.large_string()))
        ticks = np.where(
            pc.is_valid(places).to_numpy(zero_copy_only=False),
            pc.fill_null(places, 0).to_numpy(zero_copy_only=False).astype(np.int64),
            np.int64(MISSING),
        )
        faults: dict[int, ValueFault] = {}
        written = pc.fill_null(pc.greater(pc.binary_length(array), 0), False).to_numpy(zero_copy_only=False)
        _settle(self, array, np.flatnonzero((ticks == MISSING) & written), ticks, faults)
        return ParsedColumn(ticks, faults)


def _settle(
    scale: Scale, array: pa.Array, rows: NDArray[np.intp], ticks: NDArray[np.int64], faults: dict[int, ValueFault]
) -> None:
    """Parse the rows that the fast path left over, one by one."""
    for row, text in zip(rows.tolist(), array.take(pa.array(rows)).to_pylist(), strict=True):
        try:
            ticks[row] = scale.to_tick(text or "")
        except ValueRejected as rejected:
            faults[row] = rejected.fault


def _as_arrow(texts: Texts) -> pa.Array:
    try:
        return as_arrow(texts)
    except UnicodeEncodeError:
        # A lone surrogate is no character, so the text is no value; U+FFFD keeps its row refused and its place.
        return as_arrow([text and text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts])


def _plain(text: str) -> str:
    return text if text.isascii() and text == text.strip() else unicodedata.normalize("NFKC", text).strip()


def _number(text: str | Decimal) -> tuple[int, int]:
    if isinstance(text, str) and (len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text)):
        raise ValueRejected(ValueFault.NOT_A_NUMBER)
    value = Decimal(text)
    if not value.is_finite():
        raise ValueRejected(ValueFault.NOT_A_NUMBER)
    if value and value.adjusted() > _LONGEST_NUMBER:
        raise ValueRejected(ValueFault.OUT_OF_RANGE)
    return exact(value)


def _units(text: str, name: str, step: int, decimals: int) -> int:
    mantissa, own = exact(text)
    units, rest = divmod(mantissa * power(decimals), power(own))
    if rest or units % step:
        raise ValueError(f"{name}: is not a multiple of step")
    if abs(units) > LIMIT:
        raise ValueError(f"{name}: is too large for its step")
    return units
