"""Moduli and ciphertexts that a hostile bank could send, and the equal-work powers."""

from __future__ import annotations

import pickle

import gmpy2
import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.paillier import (
    CIPHERTEXT_BYTES,
    PaillierPublicKey,
    PaillierSecretKey,
    PowerTable,
    draw_unit,
    inner_products,
    stream,
)
from tests.support.scoring_models import MASTER, key_of, seeded


@pytest.fixture(scope="module")
def key() -> PaillierSecretKey:
    made = key_of("paillier")
    assert isinstance(made, PaillierSecretKey)
    return made


def test_an_honest_modulus_passes(key: PaillierSecretKey) -> None:
    assert PaillierPublicKey.decode(key.public_key.encode()).modulus == key.public_key.modulus


@pytest.mark.parametrize(
    ("modulus", "words"),
    [
        (7, "3072 bits"),
        (2**3072 - 2, "odd"),
        (2**3071 - 1, "3072 bits"),
        (int(gmpy2.next_prime(2**3071)), "prime or a power"),
        (int(gmpy2.next_prime(3 * 2**1534)) ** 2, "prime or a power"),
        (int(gmpy2.next_prime(7 * 2**1021)) ** 3, "prime or a power"),
        (1048573 * int(gmpy2.next_prime(2**3052)), "small factor"),
        (3**1938, "small factor"),
    ],
    ids=["tiny", "even", "short", "prime", "square", "cube", "small factor", "smooth"],
)
def test_a_hostile_modulus_is_refused(modulus: int, words: str) -> None:
    with pytest.raises(PeerProtocolError, match=words):
        PaillierPublicKey(modulus)


def test_a_modulus_of_the_wrong_size_is_refused(key: PaillierSecretKey) -> None:
    for data in (b"", key.public_key.encode()[1:], key.public_key.encode() + b"\0"):
        with pytest.raises(PeerProtocolError, match="size"):
            PaillierPublicKey.decode(data)


def test_a_ciphertext_that_is_no_unit_is_refused(key: PaillierSecretKey) -> None:
    public = key.public_key
    p = int.from_bytes(key.export_secret()[32:224], "big")
    for value in (0, public.modulus, public.modulus_squared, public.modulus_squared + 1, p, 5 * p):
        with pytest.raises(PeerProtocolError, match="unit"):
            public.decode_ciphertext(value.to_bytes(CIPHERTEXT_BYTES, "big"))
    with pytest.raises(PeerProtocolError, match="size"):
        public.decode_ciphertext(bytes(CIPHERTEXT_BYTES - 1))


def test_a_unit_is_below_its_modulus_and_coprime() -> None:
    class Listed:
        def __init__(self) -> None:
            self.words = [15, 0, 7, 3, 8]

        def bytes(self, count: int) -> bytes:
            return self.words.pop(0).to_bytes(count, "big")

    assert draw_unit(Listed(), 15) == 7


def test_a_key_survives_sealing_and_shows_nothing(key: PaillierSecretKey) -> None:
    again = PaillierSecretKey.from_secret(key.export_secret())
    assert again.public_key.modulus == key.public_key.modulus
    assert again.secret_seed("x") == key.secret_seed("x")
    assert "redacted" in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(ParameterError):
        PaillierSecretKey.from_secret(key.export_secret()[1:])
    with pytest.raises(ParameterError):
        PaillierSecretKey.generate(MASTER[1:])


def test_primes_that_are_too_close_are_refused(key: PaillierSecretKey) -> None:
    p = int.from_bytes(key.export_secret()[32:224], "big")
    with pytest.raises(ParameterError, match="another master seed"):
        PaillierSecretKey(MASTER, p, int(gmpy2.next_prime(p)))


@pytest.mark.parametrize("maximum", [0, 1, 2, 15, 16, 255, 256, 65535])
def test_powers_are_exact_up_to_their_maximum(maximum: int) -> None:
    modulus = int(gmpy2.next_prime(2**200)) ** 2
    table = PowerTable(3, maximum, modulus)
    for exponent in {0, 1, maximum // 3, maximum - 1, maximum} & set(range(maximum + 1)):
        found = table.product(gmpy2.mpz(1), exponent) * gmpy2.invert(table.excess, modulus) % modulus
        assert found == pow(3, exponent, modulus)


def test_powers_cost_the_same_products_for_every_exponent() -> None:
    class Counting:
        """A number that counts its products."""

        def __init__(self) -> None:
            self.products = 0

        def __mul__(self, other: object) -> Counting:
            self.products += 1
            return self

        def __mod__(self, other: object) -> Counting:
            return self

    table = PowerTable(3, 65535, 2**4096 - 1)
    counts = set()
    for exponent in (0, 1, 16, 4095, 65535):
        counter = Counting()
        table.product(counter, exponent)
        counts.add(counter.products)
    assert counts == {4}


def test_rows_are_randomised_each_with_its_own_unit(key: PaillierSecretKey) -> None:
    public = key.public_key
    ciphertext = public.encrypt(-3, draw_unit(stream(MASTER, "test"), public.modulus))
    tables = [PowerTable(ciphertext, 1, public.modulus_squared)]
    products = inner_products(public, tables, [[1], [1], [0]], seeded("units"))
    assert len(set(products)) == 3
    assert [key.decrypt(product) for product in products] == [-3, -3, 0]
