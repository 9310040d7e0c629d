"""The loop over the characters of many codes, compiled. README clause 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled

_HALF = 12


@compiled(
    "void(Array(uint8, 2, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True), int64, uint64[:,::1], boolean[::1])"
)
def pack_letters(
    letters: NDArray[np.uint8],
    digits: NDArray[np.uint8],
    base: int,
    items: NDArray[np.uint64],
    odd: NDArray[np.bool_],
) -> None:
    """Write to ``items`` (n, 2) the codes that stand in ``letters`` (n, width), zero bytes behind each.

    ``digits`` (256,) gives the digit of a byte, 255 where it has none. ``odd`` tells which codes cannot be packed: a
    byte without a digit, more than 24 characters, a zero byte before another one, nothing at all.
    """
    width = letters.shape[1]
    for row in range(letters.shape[0]):
        length = width
        while length > 0 and letters[row, length - 1] == 0:
            length -= 1
        strange = length == 0 or length > 2 * _HALF
        for half in range(2):
            number = np.uint64(0)
            for column in range(min(length, _HALF * (half + 1)) - 1, _HALF * half - 1, -1):
                digit = digits[letters[row, column]]
                strange = strange or digit == 0 or digit == 255
                number = number * np.uint64(base) + np.uint64(digit)
            items[row, half] = number
        odd[row] = strange
