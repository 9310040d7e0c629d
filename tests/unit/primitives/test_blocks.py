from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.primitives import blocks
from protocols.primitives.aes_instructions import round_keys
from protocols.primitives.blocks import hash_blocks, hash_twice, hash_with_tweak, permute, permute_reference
from protocols.primitives.gf128 import scale, scale_portable, scale_reference
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


def test_the_key_schedule_is_that_of_fips_197() -> None:
    # FIPS 197, appendix A.1: the last round key
    keys = round_keys(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    assert keys[10].tobytes().hex() == "d014f9a8c9ee2589e13f0cc8b6630ca6"


@pytest.mark.parametrize("shape", [(0, 2), (1, 2), (1000, 2), (7, 9, 2)])
def test_the_loops_hash_as_the_reference_does(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(9)
    given = generator.integers(0, 2**64, shape, dtype=np.uint64)
    tweaks, key, other = given[..., ::-1].copy(), generator.bytes(16), generator.bytes(16)

    def all_hashes() -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint64]]]:
        found = [permute(key, given), hash_blocks(key, given), hash_twice(key, other, given)]
        return [*found, hash_with_tweak(key, given, tweaks)]

    here = all_hashes()
    monkeypatch.setattr(blocks, "AVAILABLE", False)
    for one, another in zip(here, all_hashes(), strict=True):
        assert one.shape == another.shape
        assert (one == another).all()
    assert (permute_reference(key, given) == here[0]).all()


@pytest.mark.parametrize("factor", [0, 1, 2, 1 << 127, 2**128 - 1, 0x0123456789ABCDEFFEDCBA9876543210])
def test_scaling_is_multiplication_in_the_field(factor: int) -> None:
    given = np.random.default_rng(2).integers(0, 2**64, (50, 2), dtype=np.uint64)
    words = np.array([factor % 2**64, factor >> 64], np.uint64)
    expected = [times(number(each), factor) for each in given]
    assert [number(each) for each in scale(given, words)] == expected
    assert [number(each) for each in scale_portable(given, words)] == expected
    assert [number(each) for each in scale_reference(given, words)] == expected
