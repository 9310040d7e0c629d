"""The loop of the check, compiled: all trees summed to one row over GF(2^128). README clause 8.1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled
from protocols.primitives.vole.trailing import trailing_zeros

_Words = NDArray[np.uint64]

_ONE = np.uint64(1)
_TOP = np.uint64(63)
_REDUCTION = np.uint64(0x87)
_AT_ONCE = 128
"""Words of a row, an even number: the sums of all 128 powers of x then stay in the processor's cache."""


@compiled("void(uint64[:,::1], uint64[:,::1], uint64[::1])")
def combine_trees(rows: _Words, weights: _Words, out: _Words) -> None:
    """Write to ``out`` (w,) the sum of ``rows`` (t, w), blocks of two words each, times their ``weights`` (t, 2).

    Weights are PUBLIC, and what the loop branches on; rows are secret. First what belongs to each power of x, then
    Horner's rule over the powers.
    """
    sums = np.empty((128, _AT_ONCE), np.uint64)
    for start in range(0, rows.shape[1], _AT_ONCE):
        width = min(_AT_ONCE, rows.shape[1] - start)
        sums[:] = np.uint64(0)
        for row in range(rows.shape[0]):
            for half in range(2):
                bits = weights[row, half]
                while bits:
                    power = 64 * half + trailing_zeros(bits)
                    bits &= bits - _ONE
                    for column in range(width):
                        sums[power, column] ^= rows[row, start + column]
        for column in range(0, width, 2):
            low, high = np.uint64(0), np.uint64(0)
            for power in range(127, -1, -1):
                carry = np.uint64(0) - (high >> _TOP)
                high = ((high << _ONE) | (low >> _TOP)) ^ sums[power, column + 1]
                low = (low << _ONE) ^ (carry & _REDUCTION) ^ sums[power, column]
            out[start + column], out[start + column + 1] = low, high
