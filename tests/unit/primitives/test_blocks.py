from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.primitives.blocks import hash_blocks, hash_with_tweak, permute
from protocols.primitives.gf128 import scale, scale_reference
from tests.support.oblivious_transfer import number
from tests.support.oblivious_transfer_reference import times

KEY = bytes(range(16))


def _blocks(data: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    return np.frombuffer(data, dtype="<u8").reshape(-1, 2).astype(np.uint64)


def test_the_permutation_is_aes_128_on_little_endian_words() -> None:
    # FIPS 197, appendix C.1
    plain, cipher = bytes.fromhex("00112233445566778899aabbccddeeff"), "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert permute(KEY, _blocks(plain)).tobytes().hex() == cipher
    assert permute(KEY, np.empty((0, 2), np.uint64)).shape == (0, 2)


def test_hashes_of_blocks_are_what_their_definitions_say() -> None:
    def pi(block: bytes) -> bytes:
        return Cipher(algorithms.AES128(KEY), modes.ECB()).encryptor().update(block)

    def added(left: bytes, right: bytes) -> bytes:
        return bytes(a ^ b for a, b in zip(left, right, strict=True))

    x, tweak = bytes(range(16, 32)), bytes([7]) + bytes(15)
    assert hash_blocks(KEY, _blocks(x)).tobytes() == added(pi(x), x)
    assert hash_with_tweak(KEY, _blocks(x), _blocks(tweak)).tobytes() == added(pi(added(pi(x), tweak)), pi(x))


@pytest.mark.parametrize("factor", [0, 1, 2, 1 << 127, 2**128 - 1, 0x0123456789ABCDEFFEDCBA9876543210])
def test_scaling_is_multiplication_in_the_field(factor: int) -> None:
    blocks = np.random.default_rng(2).integers(0, 2**64, (50, 2), dtype=np.uint64)
    words = np.array([factor % 2**64, factor >> 64], np.uint64)
    expected = [times(number(each), factor) for each in blocks]
    assert [number(each) for each in scale(blocks, words)] == expected
    assert [number(each) for each in scale_reference(blocks, words)] == expected
