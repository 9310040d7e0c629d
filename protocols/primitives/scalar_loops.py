"""The loops that reduce many integers of 512 bits modulo the order of ristretto255, compiled.

With the order 2^252 + c, c of 125 bits, what stands from bit 252 on counts as -c (a fold). Integers are held in limbs
of 28 bits, nine of which are 252. No branch and no index depends on a value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled

LIMB_BITS = 28
LOW = 9  # limbs below bit 252
_ALL = 19  # limbs of 512 bits
MASK = (1 << LIMB_BITS) - 1
_Words = NDArray[np.uint64]
_Limbs = NDArray[np.int64]


@compiled("void(int64[::1], int64)")
def _carry(limbs: _Limbs, last: int) -> None:
    """Bring the limbs below ``last`` into 0..2^28-1; what is over goes upwards, the sign into ``last``."""
    for at in range(last):
        limbs[at + 1] += limbs[at] >> LIMB_BITS
        limbs[at] &= MASK


@compiled("void(int64[::1], int64[::1], int64)")
def _fold(limbs: _Limbs, excess: _Limbs, top: int) -> None:
    """Take limbs 9 .. ``top`` times c from those below; the number stays what it is modulo the order.

    A sum is of five products of 28 bits each at most: it fits 64 bits.
    """
    for at in range(LOW, top + 1):
        high = limbs[at]
        limbs[at] = 0
        for place in range(5):
            limbs[at - LOW + place] -= high * excess[place]


@compiled("void(int64[::1], int64[::1])")
def add_to_negative(limbs: _Limbs, order: _Limbs) -> None:
    """Add the order to a negative number from -2^253 on, by a mask and not by a branch.

    The highest limb is -2..1, so half of it is -1 or 0. Only its sign would do as well, but the compiler makes a branch
    of what it can tell to be one of two values.
    """
    mask = limbs[LOW] >> 1
    for at in range(LOW + 1):
        limbs[at] += order[at] & mask
    _carry(limbs, LOW)


@compiled("void(int64[::1], int64[::1])")
def _settle(limbs: _Limbs, order: _Limbs) -> None:
    """Bring a number from -order .. 2 order - 1 into 0 .. order - 1."""
    add_to_negative(limbs, order)
    for at in range(LOW + 1):
        limbs[at] -= order[at]
    _carry(limbs, LOW)
    add_to_negative(limbs, order)


@compiled("void(uint64[:,::1], int64[::1], int64[::1], uint64[:,::1])")
def reduce_rows(words: _Words, excess: _Limbs, order: _Limbs, out: _Words) -> None:
    """Reduce rows of eight words to rows of four.

    The bounds: 512 bits fold to less than 2^386 in size, these to 2^260, these to 2^252 + 2^134, which is less than
    twice the order.
    """
    limbs = np.empty(_ALL, np.int64)
    for row in range(words.shape[0]):
        for at in range(_ALL):
            word, shift = LIMB_BITS * at // 64, LIMB_BITS * at % 64
            bits = words[row, word] >> np.uint64(shift)
            if shift > 64 - LIMB_BITS and word < 7:
                bits |= words[row, word + 1] << np.uint64(64 - shift)
            limbs[at] = np.int64(bits & np.uint64(MASK))
        for top, sign in ((18, 14), (14, 10), (10, 9)):  # the highest limb before a fold, and after it
            _fold(limbs, excess, top)
            _carry(limbs, sign)
        _settle(limbs, order)
        for word in range(4):
            bits = np.uint64(0)
            for at in range(LOW + 1):
                shift = LIMB_BITS * at - 64 * word
                if 0 <= shift < 64:
                    bits |= np.uint64(limbs[at]) << np.uint64(shift)
                elif -LIMB_BITS < shift < 0:
                    bits |= np.uint64(limbs[at]) >> np.uint64(-shift)
            out[row, word] = bits
