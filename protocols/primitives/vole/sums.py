"""Noise values from transfers of their bits: ``sum of t_k x^k`` over GF(2^128), 128 transfers a value.

README clause 4.3.
"""

from __future__ import annotations

import numpy as np

from protocols.primitives.blocks import Blocks
from protocols.primitives.compiled import compiled

_ONE = np.uint64(1)
_TOP = np.uint64(63)
_REDUCTION = np.uint64(0x87)
_BITS = 128


def combine_bits(transferred: Blocks) -> Blocks:
    """Return for every 128 blocks t_0 … t_127 of ``transferred`` (128 m, 2) their sum with x^k as factors, (m, 2)."""
    out = np.zeros((len(transferred) // _BITS, 2), np.uint64)
    _combine(np.ascontiguousarray(transferred), out)
    return out


@compiled("void(uint64[:,::1], uint64[:,::1])")
def _combine(blocks: Blocks, out: Blocks) -> None:
    """Horner's rule from the highest power down: shift, reduce, add; no branch."""
    for value in range(out.shape[0]):
        low, high = np.uint64(0), np.uint64(0)
        for place in range(_BITS - 1, -1, -1):
            carry = np.uint64(0) - (high >> _TOP)
            high = (high << _ONE) | (low >> _TOP)
            low = (low << _ONE) ^ (carry & _REDUCTION)
            low ^= blocks[_BITS * value + place, 0]
            high ^= blocks[_BITS * value + place, 1]
        out[value, 0], out[value, 1] = low, high
