"""Multiplication in GF(2^128), compiled, against NumPy and against integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from protocols.primitives.blocks import Blocks
from protocols.primitives.gf128 import powers, scale, scale_reference

MODULUS = 1 << 128 | 0x87


def product(left: int, right: int) -> int:
    total = 0
    for bit in range(128):
        if right >> bit & 1:
            total ^= left << bit
    for bit in range(total.bit_length() - 1, 127, -1):
        if total >> bit & 1:
            total ^= MODULUS << (bit - 128)
    return total


def integer(block: Blocks) -> int:
    return int(block[0]) | int(block[1]) << 64


@pytest.mark.parametrize("factor", [0, 1, 2, 1 << 127, (1 << 128) - 1, 0x0123456789ABCDEF_FEDCBA9876543210])
def test_products_are_those_of_integers(factor: int) -> None:
    words = np.array([factor & (2**64 - 1), factor >> 64], np.uint64)
    blocks = np.random.default_rng(1).integers(0, 2**64, (40, 2), dtype=np.uint64)
    blocks[:4] = [[0, 0], [1, 0], [0, 2**63], [2**64 - 1, 2**64 - 1]]
    given = scale(blocks, words)
    assert [integer(block) for block in given] == [product(integer(block), factor) for block in blocks]
    assert (given == scale_reference(blocks, words)).all()


def test_read_only_and_sliced_blocks_will_do() -> None:
    wide = np.random.default_rng(2).integers(0, 2**64, (10, 4), dtype=np.uint64)
    wide.flags.writeable = False
    assert (scale(wide[:, :2], wide[0, 2:]) == scale(wide[:, :2].copy(), wide[0, 2:].copy())).all()
    assert scale(np.empty((0, 2), np.uint64), wide[0, :2]).shape == (0, 2)


def test_powers_double_from_one_to_the_next() -> None:
    values = [integer(power) for power in powers(np.array([5, 1 << 63], np.uint64))]
    assert all(product(first, 2) == second for first, second in itertools.pairwise(values))
