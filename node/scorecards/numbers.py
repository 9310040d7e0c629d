"""Exact decimals as text: what a scorecard file and an applicants' list carry, never floats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"

# What a bank's own list may hold: also a sign, leading zeros, a bare point and the exponent that programs print.
_LIST_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")


def _positive(text: str) -> str:
    if Decimal(text) <= 0:
        raise ValueError("must be above zero")
    return text


DecimalText = Annotated[str, Field(pattern=DECIMAL_PATTERN, description='a decimal in quotes, such as "-0.5"')]
PositiveDecimalText = Annotated[DecimalText, AfterValidator(_positive)]


def decimal_of(text: str) -> Decimal:
    """Return the exact value of a decimal of the file; raises ValueError where the text is no such decimal."""
    if not re.fullmatch(DECIMAL_PATTERN, text):
        raise ValueError("not a decimal")
    return Decimal(text)


def is_ascending(texts: Iterable[str]) -> bool:
    """Say whether every decimal is above the one before it."""
    return all(left < right for left, right in pairwise(map(Decimal, texts)))


def list_number(text: str) -> Decimal | None:
    """Return the value of a number in a bank's list, exactly, or None where it is no number."""
    return Decimal(text) if _LIST_NUMBER.fullmatch(text) else None


def quotient_floor(value: Decimal, low: Decimal, quantum: Decimal) -> int:
    """Return ``floor((value - low) / quantum)`` exactly, whatever the precision of the decimal context."""
    return int((Fraction(value) - Fraction(low)) // Fraction(quantum))


def exact_ticks(value: Decimal, step: Decimal) -> int | None:
    """Return ``value / step`` where that is an integer, else None."""
    ratio = Fraction(value) / Fraction(step)
    return ratio.numerator if ratio.denominator == 1 else None


def from_ticks(ticks: int, step: Decimal) -> Decimal:
    """Return ``ticks * step`` exactly."""
    with localcontext(prec=80):
        return ticks * step


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros after the point."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text
