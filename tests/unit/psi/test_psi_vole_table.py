"""The key-value store of `vole`: what it decodes to, what it hides, how it fails, and why it rarely does."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.errors import LocalProtocolError, ParameterError
from protocols.primitives.blocks import Blocks
from protocols.psi.vole.parameters import STATISTICAL_BITS, VoleIntersectionParameters
from protocols.psi.vole.table import decode, encode, rows_of
from protocols.psi.vole.table_bounds import dependence_log2
from protocols.psi.vole.table_core import positions
from protocols.psi.vole.table_shape import TableShape
from protocols.randomness import SeededRandomness, derive_seed

SIZES = (1, 2, 3, 100, 1_024, 7_000, 2**15, 2**16, 100_000, 2**20, 2**22, 2**24)


def blocks(count: int, seed: int) -> Blocks:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), dtype=np.uint64)


def randomness(name: str) -> SeededRandomness:
    return SeededRandomness(derive_seed(b"table", name))


@pytest.mark.parametrize("count", [0, 1, 2, 50, 5_000, 70_000])
def test_every_key_decodes_to_its_value(count: int) -> None:
    shape = TableShape.for_items(max(1, count), STATISTICAL_BITS)
    keys, values = blocks(count, 1), blocks(count, 2)
    made = encode(keys, values, shape, randomness("one"))
    assert (decode(made.blocks, keys, shape, made.seed) == values).all()
    assert made.failed_seeds == 0


def test_decoding_is_the_sum_that_the_specification_says() -> None:
    shape = TableShape.for_items(70_000, STATISTICAL_BITS)
    assert shape.bins > 1
    table, keys, seed = blocks(shape.size, 3), blocks(200, 4), bytes(range(16))
    rows = rows_of(keys, shape, seed)
    expected = np.zeros((200, 2), np.uint64)
    for row, places in enumerate(positions(rows.places, shape)):
        for place in places:
            expected[row] ^= table[place]
        for bit in range(shape.dense):
            if int(rows.dense[row]) >> bit & 1:
                expected[row] ^= table[shape.sparse + bit]
    assert (decode(table, keys, shape, seed) == expected).all()


def test_decoding_is_linear_and_random_elsewhere() -> None:
    shape = TableShape.for_items(1_000, STATISTICAL_BITS)
    one, two, keys, seed = blocks(shape.size, 5), blocks(shape.size, 6), blocks(300, 7), bytes(16)
    total = decode(one ^ two, keys, shape, seed)
    assert (total == decode(one, keys, shape, seed) ^ decode(two, keys, shape, seed)).all()
    made = encode(blocks(1_000, 8), np.zeros((1_000, 2), np.uint64), shape, randomness("zero"))
    others = decode(made.blocks, keys, shape, made.seed)
    assert abs(np.unpackbits(others.view(np.uint8)).mean() - 0.5) < 0.02


def test_each_run_has_a_seed_of_its_own() -> None:
    shape = TableShape.for_items(10, STATISTICAL_BITS)
    stream = randomness("stream")
    seeds = {encode(blocks(10, 1), blocks(10, 2), shape, stream).seed for _ in range(20)}
    assert len(seeds) == 20


def test_a_key_that_stands_twice_with_two_values_is_never_encoded() -> None:
    keys = blocks(50, 9)
    keys[7] = keys[31]
    with pytest.raises(LocalProtocolError, match="no seed encodes"):
        encode(keys, blocks(50, 10), TableShape.for_items(50, STATISTICAL_BITS), randomness("twice"))


def test_more_pairs_than_the_shape_takes() -> None:
    shape = TableShape.for_items(10, STATISTICAL_BITS)
    with pytest.raises(ParameterError):
        encode(blocks(11, 1), blocks(11, 2), shape, randomness("many"))
    with pytest.raises(ParameterError):
        decode(blocks(shape.size + 1, 1), blocks(1, 2), shape, bytes(16))


@pytest.mark.parametrize("items", SIZES)
@pytest.mark.parametrize("bits", [40, 48, 60])
def test_a_seed_fails_with_at_most_two_to_the_minus_lambda(items: int, bits: int) -> None:
    """Dependent rows take half of it; the capacity of a bin and the expansion are derived for the rest."""
    shape = TableShape.for_items(items, bits)
    assert dependence_log2(shape.bin_capacity, shape.bins, shape.third, shape.dense) <= -(bits + 1)
    assert shape.dense >= bits
    assert shape.bins * shape.bin_capacity >= items
    assert shape.size <= 1.5 * items + 3 * 128 + 64 or items < 1_024


@pytest.mark.parametrize("sizes", [(1, 1), (1_024, 1_024), (2**20, 2**20), (2**24, 2**24), (1_024, 2**24)])
def test_tags_are_long_enough_and_not_longer(sizes: tuple[int, int]) -> None:
    width = VoleIntersectionParameters(*sizes, bytes(32)).tag_bytes
    pairs = np.log2(sizes[0]) + np.log2(sizes[1])
    assert pairs - 8 * width <= -STATISTICAL_BITS < pairs - 8 * (width - 1)


def test_a_run_is_named_by_session_sizes_and_lambda() -> None:
    names = {
        VoleIntersectionParameters(100, 200, bytes(32)).run,
        VoleIntersectionParameters(200, 100, bytes(32)).run,
        VoleIntersectionParameters(100, 200, b"\x01" * 32).run,
        VoleIntersectionParameters(100, 200, bytes(32), 41).run,
    }
    assert len(names) == 4
