"""Hashes of blocks by AES instructions, compiled; each loop says what a function of ``blocks`` says in NumPy.

``keys`` is what :func:`protocols.primitives.aes_instructions.round_keys` gives. To be imported only where the processor
has the instructions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.aes_instructions import RoundKeys, encrypt
from protocols.primitives.compiled import compiled

_Blocks = NDArray[np.uint64]
_THREE = "void(uint64[:,::1], uint64[:,::1], uint64[:,::1])"
_FOUR = "void(uint64[:,::1], uint64[:,::1], uint64[:,::1], uint64[:,::1])"


@compiled(_THREE)
def permute(keys: RoundKeys, blocks: _Blocks, out: _Blocks) -> None:
    """Write π(x) for every block x."""
    for row in range(blocks.shape[0]):
        out[row, 0], out[row, 1] = encrypt(keys.ctypes.data, blocks[row, 0], blocks[row, 1])


@compiled(_THREE)
def hash_blocks(keys: RoundKeys, blocks: _Blocks, out: _Blocks) -> None:
    """Write π(x) ⊕ x for every block x."""
    for row in range(blocks.shape[0]):
        low, high = encrypt(keys.ctypes.data, blocks[row, 0], blocks[row, 1])
        out[row, 0] = low ^ blocks[row, 0]
        out[row, 1] = high ^ blocks[row, 1]


@compiled(_FOUR)
def hash_with_tweak(keys: RoundKeys, blocks: _Blocks, tweaks: _Blocks, out: _Blocks) -> None:
    """Write π(π(x) ⊕ i) ⊕ π(x) for every block x with its tweak i."""
    for row in range(blocks.shape[0]):
        low, high = encrypt(keys.ctypes.data, blocks[row, 0], blocks[row, 1])
        outer_low, outer_high = encrypt(keys.ctypes.data, low ^ tweaks[row, 0], high ^ tweaks[row, 1])
        out[row, 0] = outer_low ^ low
        out[row, 1] = outer_high ^ high


@compiled(_FOUR)
def hash_twice(left: RoundKeys, right: RoundKeys, blocks: _Blocks, out: _Blocks) -> None:
    """Write π_left(x) ⊕ x and behind it π_right(x) ⊕ x for every block x; ``out`` (n, 4)."""
    for row in range(blocks.shape[0]):
        low, high = blocks[row, 0], blocks[row, 1]
        first_low, first_high = encrypt(left.ctypes.data, low, high)
        second_low, second_high = encrypt(right.ctypes.data, low, high)
        out[row, 0] = first_low ^ low
        out[row, 1] = first_high ^ high
        out[row, 2] = second_low ^ low
        out[row, 3] = second_high ^ high
