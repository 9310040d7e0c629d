"""Known answers of ``bfv-8192-1``: made once by the independent integers of tests/support/bfv_integers.py, and kept.

Three checks hold one another: the recorded digests, the node's code, and the independent code run again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from protocols.primitives.bfv_keys import BfvEncryptor, BfvPublicKey, BfvSecretKey
from protocols.primitives.bfv_packing import pack_polynomials, unpack_polynomials
from protocols.primitives.bfv_sampling import centred_binomial, stream, ternary, uniform_element
from tests.support import bfv_integers as integers

VECTORS = json.loads((Path(__file__).parent / "bfv-8192-1.json").read_text(encoding="utf-8"))
MASTER = bytes.fromhex(VECTORS["master_seed"])
CASES = VECTORS["ciphertexts"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def key() -> BfvSecretKey:
    return BfvSecretKey(MASTER)


@pytest.fixture(scope="module")
def public(key: BfvSecretKey) -> BfvPublicKey:
    return key.public_key()


@pytest.fixture(scope="module")
def slow_key(public: BfvPublicKey) -> tuple[integers.Polynomial, integers.Polynomial]:
    return integers.public_key(MASTER, public.seed)


def test_samplers_give_the_recorded_first_values() -> None:
    samples = VECTORS["samples"]
    assert ternary(stream(MASTER, "s"))[:16].tolist() == samples["s"]
    assert centred_binomial(stream(MASTER, "e"))[:16].tolist() == samples["e"]
    a = uniform_element(bytes.fromhex(VECTORS["public_seed"]))
    assert a[:, :2].tolist() == samples["a"]


def test_samplers_agree_with_the_slow_ones_everywhere() -> None:
    seed = bytes.fromhex(VECTORS["public_seed"])
    assert ternary(stream(MASTER, "s")).tolist() == integers.ternary(MASTER, "s")
    assert centred_binomial(stream(MASTER, "e")).tolist() == integers.errors(MASTER, "e")
    expected = [[value % prime for value in integers.public_a(seed)] for prime in integers.PRIMES]
    assert uniform_element(seed).tolist() == expected


def test_public_key(public: BfvPublicKey, slow_key: tuple[integers.Polynomial, integers.Polynomial]) -> None:
    encoded = public.encode()
    assert public.seed.hex() == VECTORS["public_seed"]
    assert sha256(encoded) == VECTORS["public_key_sha256"]
    assert encoded == public.seed + integers.pack(slow_key[0])


@pytest.mark.parametrize("case", CASES, ids=[str(case["weight"]) for case in CASES])
def test_ciphertext(
    case: dict[str, str], public: BfvPublicKey, slow_key: tuple[integers.Polynomial, integers.Polynomial]
) -> None:
    weight, seed = int(case["weight"]), bytes.fromhex(case["seed"])
    encoded = pack_polynomials(BfvEncryptor(public).encrypt(weight, seed))
    assert sha256(encoded) == case["sha256"]
    c0, c1 = integers.encrypt(slow_key, weight, seed)
    assert encoded == integers.pack(c0) + integers.pack(c1)


@pytest.mark.parametrize("weight", [0, 1, -1, 2**31 - 1, 1 - 2**31])
def test_the_encryption_equation_holds_in_integers(weight: int, key: BfvSecretKey, public: BfvPublicKey) -> None:
    """``c0 + c1 s = round(q w / t) + small``, with the product made outside the node's arithmetic."""
    ciphertext = BfvEncryptor(public).encrypt(weight, bytes(31) + b"\x07")
    c0, c1 = ([integers.crt(tuple(map(int, parts))) for parts in element.T] for element in ciphertext)
    phase = integers.add(c0, integers.multiply(c1, key.secret_polynomial.tolist()))
    phase[0] -= (2 * integers.Q * weight + integers.T) // (2 * integers.T)
    noise = integers.centred([value % integers.Q for value in phase])
    assert 100 < max(map(abs, noise)) < 4500
    assert np.array_equal(key.noise(ciphertext, weight), noise)


def test_packing_agrees_with_one_long_number() -> None:
    data = integers.pack(integers.public_a(MASTER))
    assert pack_polynomials(unpack_polynomials(data, 1)) == data
