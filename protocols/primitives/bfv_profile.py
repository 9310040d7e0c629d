"""The BFV profile ``bfv-8192-1`` (protocols/scoring/README.md §4): literal, checked when built, immutable.

Parameters never come from a peer: a message names a profile, and a profile is found here or the message is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from protocols.errors import ParameterError

SECURITY_128_BITS = {4096: 109, 8192: 218, 16384: 438}
"""Largest modulus, in bits, of 128-bit classical security with ternary secrets (homomorphicencryption.org, 2018)."""


@dataclass(frozen=True)
class BfvProfile:
    """Ring degree, moduli and plain modulus of textbook BFV (eprint 2012/144) over ``Z[X]/(X^N + 1)``."""

    name: str
    degree: int
    data_primes: tuple[int, ...]
    special_prime: int
    plain_modulus: int
    error_halves: int
    """The error of one coefficient is CBD(error_halves): variance error_halves / 2."""

    def __post_init__(self) -> None:
        primes = (*self.data_primes, self.special_prime)
        if len(set(primes)) != len(primes) or any(prime % (2 * self.degree) != 1 for prime in primes):
            raise ParameterError("the moduli are not distinct or do not split the ring")
        if math.prod(primes).bit_length() > SECURITY_128_BITS[self.degree]:
            raise ParameterError("the moduli are too large for 128-bit security")

    @property
    def modulus(self) -> int:
        """q, the product of the data primes."""
        return math.prod(self.data_primes)

    @property
    def response_prime(self) -> int:
        """q', the one prime that is left after the switch down."""
        return self.data_primes[0]

    @property
    def residue_bits(self) -> tuple[int, ...]:
        """Bits of one packed residue, for each data prime."""
        return tuple(prime.bit_length() for prime in self.data_primes)

    @property
    def polynomial_bytes(self) -> int:
        """Bytes of one packed element of the ring modulo q."""
        return sum(self.degree * bits // 8 for bits in self.residue_bits)

    @property
    def response_residue_bytes(self) -> int:
        """Bytes of one packed residue modulo q'."""
        return self.residue_bits[0] // 8


BFV_8192_1 = BfvProfile(
    name="bfv-8192-1",
    degree=8192,
    data_primes=(0xFFFFFFFFC001, 0x3FFFFFFEF4001, 0x3FFFFFFFCC001),
    special_prime=0x3FFFFFFFFC001,
    plain_modulus=2**32,
    error_halves=21,
)
