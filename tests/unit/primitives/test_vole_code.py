"""The code, the trees and the parameters of the silent vector OLE."""

from __future__ import annotations

import itertools
from math import log2

import numpy as np
import pytest

from protocols.primitives.blocks import Blocks, hash_blocks, random_blocks
from protocols.primitives.vole.code import compress, compress_reference, parts, taps
from protocols.primitives.vole.parameters import (
    CONVOLUTION_WINDOW,
    EXPANDER_WEIGHT,
    MAXIMUM_LENGTH,
    RELATIVE_DISTANCE,
    VoleParameters,
    noise_weight,
)
from protocols.primitives.vole.puncturable import TreeKeys, grow, grow_punctured, leaf_sums
from protocols.primitives.vole.sums import combine_bits
from protocols.randomness import SeededRandomness, derive_seed

LENGTHS = (1, 2, 3, 100, 843, 3372, 6789, 65_537, 2**20, 2**22, MAXIMUM_LENGTH)
RANDOMNESS = SeededRandomness(derive_seed(b"seed", "vole code"))


# ---- parameters


@pytest.mark.parametrize("length", LENGTHS)
def test_there_is_noise_enough_and_room_enough(length: int) -> None:
    parameters = VoleParameters.for_length(length)
    assert parameters.noise_length >= 2 * length
    assert parameters.bias_bits >= 128
    assert parameters.guessing_bits >= 128
    assert parameters.leaves % 2 == 0
    assert 2 ** (parameters.depth - 1) < parameters.leaves <= 2**parameters.depth
    assert parameters.width(parameters.depth) == parameters.leaves
    widths = [1, *(parameters.width(level) for level in range(1, parameters.depth + 1))]
    assert all(below % 2 == 0 and below <= 2 * above for above, below in itertools.pairwise(widths))


def test_the_noise_is_not_that_of_the_bound_for_bits() -> None:
    """(1 - 2d)^t asks for fewer parts: an information set then often has no 128 positions of noise."""
    bits = -128 / log2(1 - 2 * 0.15)
    few = VoleParameters(2**20, round(bits), 8424)
    assert few.guessing_bits < 1
    assert noise_weight() > 3 * bits
    assert (1 - RELATIVE_DISTANCE) ** noise_weight() <= 2**-128 < (1 - RELATIVE_DISTANCE) ** (noise_weight() - 1)


# ---- code


@pytest.mark.parametrize("length", [1, 5, 843, 4_000])
@pytest.mark.parametrize("words", [2, 4])
def test_the_compiled_map_is_the_one_of_the_definition(length: int, words: int) -> None:
    parameters = VoleParameters.for_length(length)
    noise = np.random.default_rng(length).integers(0, 2**64, (parameters.noise_length, words), dtype=np.uint64)
    expected = compress_reference(noise, parameters)
    assert (compress(noise, parameters) == expected).all()


def test_the_map_is_linear_and_alike_for_every_column() -> None:
    parameters = VoleParameters.for_length(1_000)
    one, two = (
        np.random.default_rng(seed).integers(0, 2**64, (parameters.noise_length, 2), dtype=np.uint64) for seed in (1, 2)
    )
    both = compress(np.concatenate([one, two], axis=1), parameters)
    total = compress(one ^ two, parameters)
    assert (both[:, :2] == compress(one, parameters)).all()
    assert (both[:, :2] ^ both[:, 2:] == total).all()


def test_every_tap_and_every_part_is_used() -> None:
    parameters = VoleParameters.for_length(5_000)
    drawn = taps(parameters)
    assert drawn[0] == 0
    shares = [(drawn >> np.uint32(bit) & np.uint32(1)).mean() for bit in range(CONVOLUTION_WINDOW)]
    assert all(abs(share - 0.5) < 0.03 for share in shares)
    bounds = [(first, after) for first, after, _ in parts(parameters)]
    assert len(bounds) == EXPANDER_WEIGHT
    assert (bounds[0][0], bounds[-1][1]) == (0, parameters.noise_length)
    assert all(first[1] == second[0] for first, second in itertools.pairwise(bounds))


def test_words_of_the_code_are_heavy() -> None:
    """Rows of H, read off the images of all unit vectors: far above the distance that is counted on."""
    parameters = VoleParameters.for_length(300)
    identity = np.zeros((parameters.noise_length, 2), np.uint64)
    weights = np.zeros(parameters.length)
    for first in range(0, parameters.noise_length, 128):
        noise = identity.copy()
        for bit in range(min(128, parameters.noise_length - first)):
            noise[first + bit, bit // 64] = np.uint64(1) << np.uint64(bit % 64)
        weights += np.unpackbits(compress(noise, parameters).view(np.uint8), axis=1).sum(axis=1)
    assert weights.min() / parameters.noise_length > 3 * RELATIVE_DISTANCE


# ---- trees


def plain_leaf(root: Blocks, place: int, parameters: VoleParameters, keys: TreeKeys) -> Blocks:
    node = root
    for level in range(parameters.depth - 1, -1, -1):
        node = hash_blocks(keys.right if place >> level & 1 else keys.left, node.reshape(1, 2))[0]
    return node


@pytest.mark.parametrize("leaves", [2, 8, 10, 16, 18, 62])
def test_all_leaves_but_one(leaves: int) -> None:
    parameters = VoleParameters(1, 5, leaves)
    keys = TreeKeys.of_session(b"run")
    roots = random_blocks(5, RANDOMNESS)
    levels = list(grow(roots, parameters, keys))
    whole = levels[-1][0]
    assert whole.shape == (5, leaves, 2)
    assert all((whole[2, place] == plain_leaf(roots[2], place, parameters, keys)).all() for place in range(leaves))
    for place in range(leaves):
        positions = np.full(5, place)
        told = [sums[:, ~(place >> (parameters.depth - level)) & 1] for level, (_, sums) in enumerate(levels, start=1)]
        punctured = grow_punctured(positions, parameters, keys, told)
        assert not punctured[:, place].any()
        assert (np.delete(punctured, place, axis=1) == np.delete(whole, place, axis=1)).all()
        assert (leaf_sums(whole) ^ leaf_sums(punctured) == whole[:, place]).all()


def test_keys_belong_to_one_run() -> None:
    one, two = TreeKeys.of_session(b"one"), TreeKeys.of_session(b"two")
    assert len({*one, *two}) == 6


def test_bits_are_summed_with_powers_of_x() -> None:
    blocks = random_blocks(256, RANDOMNESS)
    expected = []
    for value in range(2):
        total = 0
        for place in range(128):
            low, high = blocks[128 * value + place].tolist()
            total ^= (low | high << 64) << place
        for bit in range(total.bit_length() - 1, 127, -1):
            if total >> bit & 1:
                total ^= (1 << 128 | 0x87) << (bit - 128)
        expected.append([total & (2**64 - 1), total >> 64])
    assert combine_bits(blocks).tolist() == expected
