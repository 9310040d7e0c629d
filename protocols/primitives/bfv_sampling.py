"""The samplers of key generation and encryption, each a specified function of one byte stream (README §6).

A stream serves ONE polynomial; values that are rejected are skipped, and what is left of a stream is never used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_packing import Residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.randomness import Randomness, SeededRandomness, derive_seed

Small = NDArray[np.int64]
"""A ring element with small signed coefficients, shape (N,)."""

_TERNARY_LIMIT = 255  # 3 * 85: bytes below it are uniform modulo 3


def _first(count: int, draw: Callable[[int], Residues]) -> Residues:
    """Return the first ``count`` values that ``draw`` accepts, in the stream's order."""
    accepted = draw(count)
    while accepted.size < count:
        accepted = np.concatenate([accepted, draw(count)])
    return accepted[:count]


def ternary(stream: Randomness, count: int = BFV_8192_1.degree) -> Small:
    """Return uniform coefficients in {-1, 0, 1}: bytes b < 255 in order, each b mod 3 - 1."""

    def draw(wanted: int) -> Residues:
        octets = np.frombuffer(stream.bytes(wanted), dtype=np.uint8)
        return octets[octets < _TERNARY_LIMIT].astype(np.uint64)

    return (_first(count, draw) % np.uint64(3)).astype(np.int64) - 1


def centred_binomial(stream: Randomness, count: int = BFV_8192_1.degree) -> Small:
    """Return CBD(21) errors: little-endian 64-bit words, ones in bits 0..20 less ones in bits 21..41."""
    halves = BFV_8192_1.error_halves
    words = np.frombuffer(stream.bytes(8 * count), dtype="<u8")
    mask = np.uint64((1 << halves) - 1)
    ones = np.bitwise_count(words & mask).astype(np.int64)
    errors: Small = ones - np.bitwise_count(words >> np.uint64(halves) & mask).astype(np.int64)
    return errors


def uniform(stream: Randomness, modulus: int, count: int = BFV_8192_1.degree) -> Residues:
    """Return uniform residues: little-endian 64-bit words cut to the modulus' bits, those below it in order."""
    mask = np.uint64((1 << modulus.bit_length()) - 1)

    def draw(wanted: int) -> Residues:
        words = np.frombuffer(stream.bytes(8 * wanted), dtype="<u8") & mask
        return words[words < np.uint64(modulus)].astype(np.uint64)

    return _first(count, draw)


def stream(seed: bytes, label: str) -> SeededRandomness:
    """Return the byte stream that ``seed`` gives for one labelled purpose of this profile."""
    return SeededRandomness(derive_seed(seed, f"{BFV_8192_1.name}/{label}"))


def uniform_element(seed: bytes) -> Residues:
    """Expand a PUBLIC seed to the uniform ring element ``a``, shape (primes, N); one stream for each prime."""
    return np.stack([uniform(stream(seed, f"a/{place}"), prime) for place, prime in enumerate(BFV_8192_1.data_primes)])
