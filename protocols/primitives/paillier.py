"""Paillier encryption (Eurocrypt 1999) under profile ``paillier-3072-1``: the ONLY file that imports ``phe``.

``phe`` encrypts and decrypts one integer; what it leaves open is closed here (protocols/scoring/README.md §10): its
encoding with a public exponent is not used, a peer's modulus is checked, the prime search is our own and a function of
a seed, ciphertexts are canonical and coprime to the modulus.
"""

from __future__ import annotations

from functools import lru_cache

import gmpy2
from gmpy2 import gcd
from phe import paillier as library

from protocols.errors import ParameterError, PeerProtocolError
from protocols.randomness import SEED_BYTES, Randomness, SeededRandomness, derive_seed

PROFILE_NAME = "paillier-3072-1"
MODULUS_BITS = 3072
PUBLIC_KEY_BYTES = MODULUS_BITS // 8
CIPHERTEXT_BYTES = 2 * PUBLIC_KEY_BYTES
PRIME_BITS = MODULUS_BITS // 2
PRIME_ROUNDS = 64
"""Rounds of the primality test; FIPS 186-5 table B.1 asks for fewer at this size."""
SMALL_FACTOR_BOUND = 2**20
_CLOSENESS_BITS = PRIME_BITS - 100
_TOP_TWO_AND_ODD = 3 << (PRIME_BITS - 2) | 1


def search_prime(stream: Randomness) -> int:
    """Return a prime of 1,536 bits with its top two bits set (README §10.1).

    Big-endian candidates of 192 bytes are read one after the other, top two bits and lowest bit are set, and the first
    that passes the test is taken: uniform over such primes, and a function of the stream.
    """
    while True:
        candidate = int.from_bytes(stream.bytes(PRIME_BITS // 8), "big") | _TOP_TWO_AND_ODD
        if gmpy2.is_prime(candidate, PRIME_ROUNDS):
            return candidate


def draw_unit(stream: Randomness, modulus: int) -> int:
    """Return a uniform unit modulo ``modulus``: big-endian words of 384 bytes, the first that is one."""
    while True:
        candidate = int.from_bytes(stream.bytes(PUBLIC_KEY_BYTES), "big")
        if 0 < candidate < modulus and gcd(candidate, modulus) == 1:
            return candidate


class PaillierPublicKey:
    """A modulus n that has passed every check that its holder can be put to without the factors."""

    def __init__(self, modulus: int) -> None:
        _check_modulus(modulus)
        self.modulus = modulus
        self.modulus_squared = modulus * modulus
        self._key = library.PaillierPublicKey(modulus)

    def encode(self) -> bytes:
        """Return n, big-endian in 384 bytes."""
        return self.modulus.to_bytes(PUBLIC_KEY_BYTES, "big")

    @classmethod
    def decode(cls, data: bytes) -> PaillierPublicKey:
        """Return the key that ``data`` encodes.

        Raises:
            PeerProtocolError: the size is not exact, or n is even, short, prime, a power or has a small factor.
        """
        if len(data) != PUBLIC_KEY_BYTES:
            raise PeerProtocolError("a public key has the wrong size")
        return cls(int.from_bytes(data, "big"))

    def encrypt(self, value: int, unit: int) -> int:
        """Return ``(1 + n)^value unit^n mod n^2`` for a signed ``value``; negative ones as ``n - |value|``."""
        return int(self._key.raw_encrypt(value % self.modulus, r_value=unit))

    def encode_ciphertext(self, ciphertext: int) -> bytes:
        """Return a ciphertext, big-endian in 768 bytes."""
        return ciphertext.to_bytes(CIPHERTEXT_BYTES, "big")

    def decode_ciphertext(self, data: bytes) -> int:
        """Return the ciphertext that ``data`` encodes.

        Raises:
            PeerProtocolError: the size is not exact, or it is not a unit modulo n^2.
        """
        if len(data) != CIPHERTEXT_BYTES:
            raise PeerProtocolError("a ciphertext has the wrong size")
        value = int.from_bytes(data, "big")
        if not 0 < value < self.modulus_squared or gcd(value, self.modulus) != 1:
            raise PeerProtocolError("a ciphertext is not a unit modulo n^2")
        return value


def _check_modulus(modulus: int) -> None:
    if modulus.bit_length() != MODULUS_BITS or modulus % 2 == 0:
        raise PeerProtocolError(f"a Paillier modulus is odd and has {MODULUS_BITS} bits")
    if gmpy2.gcd(modulus, _small_primes()) != 1:
        raise PeerProtocolError("a Paillier modulus has a small factor")
    if gmpy2.is_prime(modulus, PRIME_ROUNDS) or gmpy2.is_power(modulus):
        raise PeerProtocolError("a Paillier modulus is a prime or a power")


@lru_cache(maxsize=1)
def _small_primes() -> gmpy2.mpz:
    """The product of all primes up to the bound, 1.5 million bits."""
    return gmpy2.primorial(SMALL_FACTOR_BOUND)


class PaillierSecretKey:
    """The primes of one model's key and the master seed that they come from; opaque, never pickled."""

    def __init__(self, master: bytes, p: int, q: int) -> None:
        if len(master) != SEED_BYTES:
            raise ParameterError(f"a master seed has {SEED_BYTES} bytes")
        if gcd(p * q, (p - 1) * (q - 1)) != 1 or abs(p - q).bit_length() <= _CLOSENESS_BITS:
            raise ParameterError("the primes do not make a Paillier key: draw another master seed")
        self._master, self._p, self._q = master, p, q
        self.public_key = PaillierPublicKey(p * q)
        self._key = library.PaillierPrivateKey(library.PaillierPublicKey(p * q), p, q)

    @classmethod
    def generate(cls, master: bytes) -> PaillierSecretKey:
        """Return the key that a SECRET 32-byte master seed gives; about half a second."""
        if len(master) != SEED_BYTES:
            raise ParameterError(f"a master seed has {SEED_BYTES} bytes")
        p, q = (search_prime(stream(master, label)) for label in ("p", "q"))
        return cls(master, p, q)

    @classmethod
    def from_secret(cls, secret: bytes) -> PaillierSecretKey:
        """Return the key whose :meth:`export_secret` gave ``secret``."""
        half = PRIME_BITS // 8
        if len(secret) != SEED_BYTES + 2 * half:
            raise ParameterError("a Paillier key has another size")
        master, p, q = secret[:SEED_BYTES], secret[SEED_BYTES:-half], secret[-half:]
        return cls(master, int.from_bytes(p, "big"), int.from_bytes(q, "big"))

    def export_secret(self) -> bytes:
        """Return the SECRET master seed and primes, 416 bytes, for sealing at rest and for nothing else."""
        return self._master + b"".join(prime.to_bytes(PRIME_BITS // 8, "big") for prime in (self._p, self._q))

    def secret_seed(self, label: str, *context: bytes) -> bytes:
        """Return a SECRET 32-byte seed of this key for one labelled purpose."""
        return derive_seed(self._master, f"{PROFILE_NAME}/{label}", *context)

    def decrypt(self, ciphertext: int) -> int:
        """Return the signed value of a ciphertext, between -n/2 and n/2."""
        n = self.public_key.modulus
        value = int(self._key.raw_decrypt(ciphertext))
        return value - n if value > n // 2 else value

    def __repr__(self) -> str:
        return "PaillierSecretKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a secret key cannot be pickled")


def stream(seed: bytes, label: str) -> SeededRandomness:
    """Return the byte stream that ``seed`` gives for one labelled purpose of this profile."""
    return SeededRandomness(derive_seed(seed, f"{PROFILE_NAME}/{label}"))


class PowerTable:
    """Powers of one ciphertext c for exponents 0 .. maximum, at equal work for every exponent (README §10.4).

    An exponent is read as ``digits`` digits below ``base``; digit d costs one product with a full-size ``c^(base^i
    (d + 1))``, never a skipped one, and :attr:`excess` is the constant that comes of the ones added.
    """

    def __init__(self, ciphertext: int, maximum: int, modulus_squared: int) -> None:
        self._modulus = gmpy2.mpz(modulus_squared)
        self._base = min(16, maximum + 1)
        self._rows: list[list[gmpy2.mpz]] = []
        step, remaining = gmpy2.mpz(ciphertext), maximum
        while remaining > 0 or not self._rows:
            self._rows.append(self._powers(step))
            step = self._rows[-1][self._base - 1]
            remaining //= max(self._base, 2)
        self.excess = self.product(gmpy2.mpz(1), 0)

    def _powers(self, step: gmpy2.mpz) -> list[gmpy2.mpz]:
        """Return step^1 .. step^base."""
        powers = [step]
        for _ in range(self._base - 1):
            powers.append(powers[-1] * step % self._modulus)
        return powers

    def product(self, total: gmpy2.mpz, exponent: int) -> gmpy2.mpz:
        """Return ``total * c^exponent * excess mod n^2``."""
        for row in self._rows:
            exponent, digit = divmod(exponent, self._base)
            total = total * row[digit] % self._modulus
        return total


def inner_products(
    key: PaillierPublicKey, tables: list[PowerTable], rows: list[list[int]], stream_of_units: Randomness
) -> list[int]:
    """Return for every row ``prod_j c_j^(x_j) * r^n mod n^2`` with a fresh unit r."""
    modulus = gmpy2.mpz(key.modulus_squared)
    excess = gmpy2.mpz(1)
    for table in tables:
        excess = excess * table.excess % modulus
    correction = gmpy2.invert(excess, modulus)
    out = []
    for row in rows:
        total = correction
        for table, exponent in zip(tables, row, strict=True):
            total = table.product(total, exponent)
        unit = gmpy2.powmod(draw_unit(stream_of_units, key.modulus), key.modulus, modulus)
        out.append(int(total * unit % modulus))
    return out
