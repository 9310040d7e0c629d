"""Laws of the correlated oblivious transfer and of what it is made of."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.errors import PeerProtocolError
from protocols.primitives.oblivious_transfer.bit_matrix import transpose
from protocols.primitives.oblivious_transfer.consistency import universal_hash
from tests.support.oblivious_transfer import choices_of, outcomes, run, sides, waiting

WORD = st.integers(0, 2**64 - 1)
SEEDS = st.integers(0, 2**32 - 1)


def _words(seed: int, *shape: int) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, shape, dtype=np.uint64)


@settings(max_examples=15, deadline=None)
@given(choices=st.lists(st.booleans(), min_size=1, max_size=300), low=WORD, high=WORD, seed=st.binary(max_size=8))
def test_the_correlation_holds(choices: list[bool], low: int, high: int, seed: bytes) -> None:
    delta, bits = np.array([low, high], np.uint64), np.array(choices, np.bool_)
    sender, receiver = sides(bits, delta, seed=seed, session=seed)
    run(sender, receiver)
    q, t = outcomes(sender, receiver)
    assert ((q ^ t) == bits[:, None] * delta).all()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_changed_byte_gives_blocks_that_are_not_correlated(data: st.DataObject) -> None:
    choices = choices_of(140)
    sender, extension = waiting(choices)
    at = data.draw(st.integers(0, len(extension) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytearray(extension)
    changed[at] ^= change
    try:
        sender.receive(bytes(changed))
    except PeerProtocolError:
        assert sender.outcome() is None
    else:
        raise AssertionError("a change of one byte alone changes the weights of the hash, or a hash")


@settings(max_examples=30, deadline=None)
@given(words=st.integers(1, 20), seed=SEEDS)
def test_transposing_is_linear_and_moves_every_bit(words: int, seed: int) -> None:
    left, right = _words(seed, 128, words), _words(seed + 1, 128, words)
    assert (transpose(left ^ right) == transpose(left) ^ transpose(right)).all()
    counted = [int(np.bitwise_count(array).sum()) for array in (left, transpose(left))]
    assert counted[0] == counted[1]


@settings(max_examples=30, deadline=None)
@given(chunks=st.integers(1, 12), seed=SEEDS)
def test_the_hash_is_linear_uniform_in_its_last_block_and_tells_columns_apart(chunks: int, seed: int) -> None:
    left, right = _words(seed, 5, 2 * chunks + 2), _words(seed + 1, 5, 2 * chunks + 2)
    weights = _words(seed + 2, chunks, 2)
    hashed = universal_hash(left, weights)
    assert (universal_hash(left ^ right, weights) == hashed ^ universal_hash(right, weights)).all()
    moved = left.copy()
    moved[:, -2:] ^= right[:, -2:]
    assert (universal_hash(moved, weights) == hashed ^ right[:, -2:]).all()
    changed = left.copy()
    changed[:, 2 * (seed % chunks)] ^= np.uint64(1)
    assert (universal_hash(changed, weights) != hashed).any(axis=1).all()
