"""Matrices of bits in 64-bit words: transposing 128 columns to rows of 128 bits. README clause 4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.blocks import Blocks

COLUMNS = 128
_WORD_BITS = 64
# At width s: the bits of a word whose index has no s in it.
_HALVES = tuple(
    (width, np.uint64(sum(1 << bit for bit in range(_WORD_BITS) if not bit & width))) for width in (32, 16, 8, 4, 2, 1)
)


def transpose(columns: NDArray[np.uint64]) -> Blocks:
    """Return the rows, (64 w, 2), of the matrix with ``columns``, (128, w); bit 0 of word 0 is the first row's.

    All squares of 64 by 64 bits at once, halving them in six steps: the same work whatever the bits are.
    """
    words = columns.shape[1]
    squares = np.ascontiguousarray(columns.reshape(2, _WORD_BITS, words).transpose(1, 0, 2))
    for width, mask in _HALVES:
        halves = squares.reshape(_WORD_BITS // (2 * width), 2, width, 2 * words)
        upper, lower = halves[:, 0], halves[:, 1]
        exchanged = ((upper >> np.uint64(width)) ^ lower) & mask
        lower ^= exchanged
        upper ^= exchanged << np.uint64(width)
    return np.ascontiguousarray(squares.transpose(2, 0, 1)).reshape(_WORD_BITS * words, 2)
