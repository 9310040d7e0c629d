"""The universal hash by which the receiver shows that all columns hold the same choices. README clause 5."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.blocks import Blocks


def universal_hash(columns: NDArray[np.uint64], weights: Blocks) -> Blocks:
    """Return ``h(x) = x_c + sum w_j x_j`` over GF(2^128) of every column, (columns, 2).

    A column is c + 1 blocks, x_0 first: ``columns`` is (columns, 2 (c + 1)), ``weights`` (c, 2), PUBLIC and uniform.
    Linear over GF(2). Two columns that differ collide with at most 2^-128; a uniform last block makes the hash uniform.
    """
    chunks = len(weights)
    blocks = columns.reshape(len(columns), chunks + 1, 2).transpose(1, 2, 0)
    terms = np.ascontiguousarray(blocks[:chunks]).reshape(chunks, -1)
    total = np.zeros_like(blocks[chunks])
    one, top, fold = np.uint64(1), np.uint64(63), np.uint64(0x87)
    for bit in range(127, -1, -1):
        low, high = total
        carry = high >> top
        chosen = (weights[:, bit // 64] >> np.uint64(bit % 64) & one).astype(np.bool_)
        summed = np.bitwise_xor.reduce(terms[chosen], axis=0).reshape(total.shape)
        total = np.stack([(low << one) ^ (carry * fold), (high << one) | (low >> top)]) ^ summed
    return np.ascontiguousarray((total ^ blocks[chunks]).T)
