"""GF(2^128): blocks times one factor, modulo x^128 + x^7 + x^2 + x + 1; bit i of a block is the coefficient of x^i.

The compiled loops have no branch and no table index that depends on either factor. One takes the processor's
carry-less products (``gf128_kernel``), the other is for processors without; :func:`scale_reference` says the same in
NumPy and is what both are tested against.
"""

from __future__ import annotations

import numpy as np

from protocols.primitives.blocks import Blocks
from protocols.primitives.carryless import AVAILABLE
from protocols.primitives.compiled import compiled

_ONE = np.uint64(1)
_TOP = np.uint64(63)
_REDUCTION = np.uint64(0x87)
_BITS = 128


def scale(blocks: Blocks, factor: Blocks) -> Blocks:
    """Return every block (n, 2) times ``factor`` (2,), which may be SECRET: the time is the same for all values."""
    if not AVAILABLE:
        return scale_portable(blocks, factor)
    from protocols.primitives import gf128_kernel

    out = np.empty((len(blocks), 2), np.uint64)
    rows, words = (np.require(each, requirements=["C", "W"]) for each in (blocks, factor))
    gf128_kernel.scale(rows, words, out)
    return out


def scale_portable(blocks: Blocks, factor: Blocks) -> Blocks:
    """Return what :func:`scale` returns, on any processor."""
    out = np.empty((len(blocks), 2), np.uint64)
    _scale(np.require(blocks, requirements=["C", "W"]), powers(factor), out)
    return out


def powers(factor: Blocks) -> Blocks:
    """Return ``factor`` times x^0 … x^127, (128, 2)."""
    value, out = int(factor[0]) | int(factor[1]) << 64, np.empty((_BITS, 2), np.uint64)
    for bit in range(_BITS):
        out[bit] = value & (2**64 - 1), value >> 64
        value = (value << 1) ^ (-(value >> (_BITS - 1)) & (1 << _BITS | int(_REDUCTION)))
    return out


def scale_reference(blocks: Blocks, factor: Blocks) -> Blocks:
    """Return what :func:`scale` returns: shift, reduce, add, from the factor's highest bit down."""
    low, high = np.zeros(len(blocks), np.uint64), np.zeros(len(blocks), np.uint64)
    for bit in range(_BITS - 1, -1, -1):
        carry = high >> _TOP
        high = (high << _ONE) | (low >> _TOP)
        low = (low << _ONE) ^ (carry * _REDUCTION)
        mask = -(factor[bit // 64 :][:1] >> np.uint64(bit % 64) & _ONE)  # an array: a scalar would warn
        low ^= blocks[:, 0] & mask
        high ^= blocks[:, 1] & mask
    return np.stack([low, high], axis=1)


@compiled("void(uint64[:,::1], uint64[:,::1], uint64[:,::1])")
def _scale(blocks: Blocks, multiples: Blocks, out: Blocks) -> None:
    """Add up, for every bit of a block that is one, the multiple of the factor that belongs to it."""
    for row in range(blocks.shape[0]):
        low, high = np.uint64(0), np.uint64(0)
        for half in range(2):
            word = blocks[row, half]
            for bit in range(64):
                mask = np.uint64(0) - (word & _ONE)
                word >>= _ONE
                low ^= multiples[64 * half + bit, 0] & mask
                high ^= multiples[64 * half + bit, 1] & mask
        out[row, 0], out[row, 1] = low, high
