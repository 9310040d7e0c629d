"""Blocks times one factor in GF(2^128) by carry-less products; to be imported only where the processor has them."""

from __future__ import annotations

import numpy as np

from protocols.primitives.blocks import Blocks
from protocols.primitives.carryless import multiply
from protocols.primitives.compiled import compiled

_REDUCTION = np.uint64(0x87)


@compiled("void(uint64[:,::1], uint64[::1], uint64[:,::1])")
def scale(blocks: Blocks, factor: Blocks, out: Blocks) -> None:
    """Multiply as polynomials, four products; x^128 is x^7 + x^2 + x + 1, so the two upper words are folded down."""
    low, high = factor[0], factor[1]
    for row in range(blocks.shape[0]):
        first, second = blocks[row, 0], blocks[row, 1]
        word0, word1 = multiply(first, low)
        word2, word3 = multiply(second, high)
        middle_low, middle_high = multiply(first, high)
        other_low, other_high = multiply(second, low)
        word1 ^= middle_low ^ other_low
        word2 ^= middle_high ^ other_high
        folded_low, folded_high = multiply(word3, _REDUCTION)
        word1 ^= folded_low
        word2 ^= folded_high
        folded_low, folded_high = multiply(word2, _REDUCTION)
        out[row, 0] = word0 ^ folded_low
        out[row, 1] = word1 ^ folded_high
