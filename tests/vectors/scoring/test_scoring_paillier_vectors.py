"""Known answers of ``paillier-3072-1``: recorded digests, and a textbook Paillier in plain integers that opens them."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import pytest
from gmpy2 import powmod

from protocols.primitives.paillier import PaillierSecretKey, draw_unit, stream

VECTORS = json.loads((Path(__file__).parent / "paillier-3072-1.json").read_text(encoding="utf-8"))
CASES = VECTORS["ciphertexts"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def key() -> PaillierSecretKey:
    return PaillierSecretKey.generate(bytes.fromhex(VECTORS["master_seed"]))


def primes(key: PaillierSecretKey) -> tuple[int, int]:
    secret = key.export_secret()
    return int.from_bytes(secret[32:224], "big"), int.from_bytes(secret[224:], "big")


def is_probable_prime(n: int) -> bool:
    """Miller and Rabin's test to the first twenty primes, in plain integers."""
    shift = ((n - 1) & (1 - n)).bit_length() - 1
    odd = (n - 1) >> shift
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71):
        power = powmod(base, odd, n)
        if power not in (1, n - 1) and all(powmod(power, 2**i, n) != n - 1 for i in range(1, shift)):
            return False
    return True


def test_key(key: PaillierSecretKey) -> None:
    assert sha256(key.public_key.encode()) == VECTORS["modulus_sha256"]
    p, q = primes(key)
    assert p * q == key.public_key.modulus
    for prime in (p, q):
        assert prime.bit_length() == 1536
        assert prime >> 1534 == 3
        assert is_probable_prime(prime)
    assert math.gcd(p * q, (p - 1) * (q - 1)) == 1


def test_the_first_prime_of_the_stream_is_taken(key: PaillierSecretKey) -> None:
    """The search skips nothing: every candidate before the recorded place is composite."""
    octets = stream(bytes.fromhex(VECTORS["master_seed"]), "p")
    for _ in range(VECTORS["p_place"]):
        candidate = int.from_bytes(octets.bytes(192), "big") | 3 << 1534 | 1
        assert powmod(2, candidate - 1, candidate) != 1
    assert int.from_bytes(octets.bytes(192), "big") | 3 << 1534 | 1 == primes(key)[0]


@pytest.mark.parametrize("case", CASES, ids=[str(case["weight"]) for case in CASES])
def test_ciphertext(case: dict[str, str], key: PaillierSecretKey) -> None:
    weight, unit = int(case["weight"]), draw_unit(stream(bytes.fromhex(case["seed"]), "r"), key.public_key.modulus)
    ciphertext = key.public_key.encrypt(weight, unit)
    assert sha256(key.public_key.encode_ciphertext(ciphertext)) == case["sha256"]
    p, q = primes(key)
    n = p * q
    assert ciphertext == (1 + weight * n) * powmod(unit, n, n * n) % (n * n)
    order = math.lcm(p - 1, q - 1)
    opened = (powmod(ciphertext, order, n * n) - 1) // n * pow(order, -1, n) % n
    assert opened == weight % n
    assert key.decrypt(ciphertext) == weight
