"""The attacker's arithmetic: exact products in the ring of ``bfv-8192-1``, and residues of integers of any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_packing import Residues, unpack_residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_sampling import Small
from protocols.primitives.bfv_seal import ring
from protocols.scoring.engine import EncryptedScores

N = BFV_8192_1.degree
Q = BFV_8192_1.modulus
Q_RESPONSE = BFV_8192_1.response_prime
T = BFV_8192_1.plain_modulus
SWITCHED_AWAY = Q // Q_RESPONSE
"""p1 p2: what a response is divided by."""
PRIMES = np.array(BFV_8192_1.data_primes, dtype=np.int64)[:, None]


def constant(value: int) -> Residues:
    """Return the constant polynomial ``value`` modulo q, shape (primes, N)."""
    out = np.zeros((len(PRIMES), N), dtype=np.uint64)
    out[:, 0] = [value % prime for prime in BFV_8192_1.data_primes]
    return out


def reduced(values: NDArray[np.int64]) -> Residues:
    """Return signed 63-bit integers modulo q; a polynomial becomes shape (primes, N)."""
    out: Residues = np.remainder(values, PRIMES).astype(np.uint64)
    return out


def added(*elements: Residues) -> Residues:
    """Return the sum of ring elements modulo q."""
    out: Residues = sum(elements[1:], elements[0]) % PRIMES.astype(np.uint64)
    return out


def negated(element: Residues) -> Residues:
    """Return minus a ring element modulo q."""
    primes = PRIMES.astype(np.uint64)
    out: Residues = (primes - element) % primes
    return out


def times(element: Residues, small: Small) -> Residues:
    """Return a ring element times a small polynomial, modulo q."""
    pair = ring().transform(ring().pair(np.stack([element, element])))
    out: Residues = ring().residues(ring().restore(ring().product(pair, ring().plain(small))))[0]
    return out


def lifted(element: Residues, count: int = N) -> list[int]:
    """Return the first ``count`` coefficients as integers in -q/2 .. q/2, by the Chinese remainder theorem."""
    factors = [Q // prime * pow(Q // prime, -1, prime) for prime in BFV_8192_1.data_primes]
    columns = element[:, :count].T.tolist()
    sums = (sum(value * factor for value, factor in zip(column, factors, strict=True)) % Q for column in columns)
    return [value - Q if value > Q // 2 else value for value in sums]


def rotated(values: NDArray[np.int64], places: int) -> NDArray[np.int64]:
    """Return a polynomial times X^places; what passes X^N comes back negative."""
    out = np.roll(values, places)
    out[:places] *= -1
    return out


def sparse_times(values: NDArray[np.int64], place: int, modulus: int) -> NDArray[np.int64]:
    """Return a polynomial times 1 - X^place, centred modulo ``modulus``."""
    return centred(values - rotated(values, place), modulus)


def centred(values: NDArray[np.int64], modulus: int) -> NDArray[np.int64]:
    """Return residues in -modulus/2 .. modulus/2."""
    out: NDArray[np.int64] = (values + modulus // 2) % modulus - modulus // 2
    return out


def shared_part(scores: EncryptedScores) -> NDArray[np.int64]:
    """Return c1 of a response modulo q', shape (N,)."""
    return unpack_residues(scores.shared, N, Q_RESPONSE).astype(np.int64)


def row_part(scores: EncryptedScores) -> NDArray[np.int64]:
    """Return the coefficients of c0 that a response carries, modulo q', shape (row_count,)."""
    return unpack_residues(scores.rows, scores.row_count, Q_RESPONSE).astype(np.int64)
