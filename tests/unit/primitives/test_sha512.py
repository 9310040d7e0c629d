"""Many hashes at once are those of ``hashlib``."""

from __future__ import annotations

import hashlib
import platform

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.primitives.sha512 import BLOCK_BYTES, Midstate, hash_messages
from protocols.primitives.sha512_lanes import compress_eight
from tests.support.assembly import conditional_jumps

TWO_BLOCKS = (
    b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
)
# NIST, Cryptographic Standards and Guidelines, example values of SHA-512 (FIPS 180-4): one block and two.
PUBLISHED = {
    b"abc": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    TWO_BLOCKS: "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
    "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909",
}


def _messages(count: int, length: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1000 * count + length).integers(0, 256, (count, length), dtype=np.uint8)


def _expected(messages: NDArray[np.uint8], prefix: bytes = b"") -> list[bytes]:
    return [hashlib.sha512(prefix + message.tobytes()).digest() for message in messages]


def _rows(digests: NDArray[np.uint8]) -> list[bytes]:
    assert digests.dtype == np.uint8
    assert digests.shape[1] == 64
    return [digest.tobytes() for digest in digests]


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("message", PUBLISHED)
def test_published_vectors(message: bytes, count: int) -> None:
    digests = hash_messages(np.frombuffer(message * count, np.uint8).reshape(count, -1))
    assert [digest.tobytes().hex() for digest in digests] == [PUBLISHED[message]] * count


def test_every_length_hashes_as_hashlib_hashes_it() -> None:
    for length in range(401):
        messages = _messages(9, length)  # more than the lanes, and not a multiple of them
        assert _rows(hash_messages(messages)) == _expected(messages), length


@pytest.mark.parametrize("count", [*range(18), 511, 512, 513, 1025])
def test_every_count_hashes_as_hashlib_hashes_it(count: int) -> None:
    for length in (36, 200):
        messages = _messages(count, length)
        assert _rows(hash_messages(messages)) == _expected(messages)


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_a_kept_state_stands_for_the_blocks_before(blocks: int) -> None:
    prefix = bytes(range(BLOCK_BYTES)) * blocks
    for length in (0, 18, 111, 112, 300):
        messages = _messages(9, length)
        assert _rows(hash_messages(messages, Midstate(prefix))) == _expected(messages, prefix)


def test_rows_that_do_not_follow_each_other_in_memory() -> None:
    messages = np.asfortranarray(_messages(10, 40))[::-1, 3:30]
    assert _rows(hash_messages(messages)) == _expected(messages)


def test_a_state_is_kept_after_whole_blocks_only() -> None:
    with pytest.raises(ParameterError, match="128"):
        Midstate(bytes(127))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86-64")
def test_the_rounds_have_no_branch_at_all() -> None:
    assert conditional_jumps(compress_eight, "void(uint64[:,::1], uint64[:,::1])") == []
