"""Plain decimals out of a matrix of characters, with integer arithmetic over whole rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LIMIT = 2**62  # of a value in units, so that comparisons with a field's range never overflow
_DIGITS = 18  # the largest number of digits whose value always fits int64
_POINT, _MINUS, _PLUS, _ZERO = (np.uint8(ord(character)) for character in ".-+0")


def parse_block(
    characters: NDArray[np.uint8], lengths: NDArray[np.int64], decimals: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return ``(units, plain)`` for texts given as (width, rows) characters.

    ``units`` counts in 10^-decimals, exactly, where ``plain`` is true: an optional sign, at most eighteen digits, an
    optional point between two digits, and no digit lost to the unit. Where ``plain`` is false the units mean nothing.
    """
    width, rows = characters.shape
    mantissa = np.zeros(rows, dtype=np.int64)
    digits = np.zeros(rows, dtype=np.int8)
    behind = np.zeros(rows, dtype=np.int8)
    points = np.zeros(rows, dtype=np.int8)
    signed = (characters[0] == _MINUS) | (characters[0] == _PLUS)
    for place in range(min(width, int(lengths.max(initial=0)))):
        digit = characters[place] - _ZERO
        is_digit = (digit < 10) & (digits < _DIGITS)
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        digits += is_digit
        behind += is_digit & (points > 0)
        points += characters[place] == _POINT
    # Every character is accounted for, so whatever is not a digit, the sign or the one point makes the row not plain.
    plain = (
        (lengths <= width)
        & (signed.astype(np.int8) + digits + points == lengths)
        & (points <= 1)
        & (digits > behind)
        & ((points == 0) | (behind > 0))
    )
    units, exact = _rescale(mantissa, behind, decimals)
    return np.where(characters[0] == _MINUS, -units, units), plain & exact


def _rescale(
    mantissa: NDArray[np.int64], behind: NDArray[np.int8], decimals: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return mantissa * 10^(decimals - behind) and where it is exact and within :data:`LIMIT`."""
    shift = decimals - behind.astype(np.int64)
    up = np.array([10**power for power in range(_DIGITS + 1)], dtype=np.int64)
    factor = up[np.clip(shift, 0, _DIGITS)]
    divisor = up[np.clip(-shift, 0, _DIGITS)]
    fits = mantissa <= LIMIT // factor
    quotient, rest = np.divmod(mantissa, divisor)
    return np.where(fits, quotient, 0) * factor, fits & (rest == 0)
