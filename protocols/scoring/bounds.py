"""What a model may be under ``bfv-8192-1``: score, correctness and circuit privacy, derived (README §7).

Everything is a function of the profile and of the columns' maxima, so that bank, auditor and bureau get the same
numbers; :func:`distance_log2` also takes noise that the bank MEASURED on its own ciphertexts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from protocols.errors import ParameterError
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.scoring.model import PublicModel

DISTANCE_LIMIT_LOG2 = -40.0
"""A model whose response is further than 2^-40 from one that shows the scores alone is refused."""
TAIL_LOG2 = -64
"""Probability, as log2, that any noise coefficient of a model and one fresh zero exceeds the tail bound."""


@dataclass(frozen=True)
class NoiseBounds:
    """The noise of one response, in the worst case over rows and honest randomness."""

    coefficient_bound: float
    """tau: no coefficient of a fresh ciphertext's noise exceeds it but with probability 2^TAIL_LOG2."""
    total_bound: float
    """B: what one coefficient of the sum can reach before the switch down."""
    distance_log2: float
    """log2 of the statistical distance of one response, README §7.3."""
    correctness_margin_log2: float
    """log2 of (noise that still decrypts) / (noise after the switch down), without any probability."""


def tail_bound(ciphertexts: int) -> float:
    """Return tau for ``ciphertexts`` fresh ciphertexts (README §7.2).

    One coefficient of ``e u + e0 + e1 s`` is, for given u and s, a sum of at most 2N + 1 independent CBD(21), each
    subgaussian with variance proxy 21/2 (Hoeffding: 42 halves of a sign), so ``P(|v| > tau) <= 2 exp(-tau^2 / 2 p)``.
    The encoding's rounding adds at most one half.
    """
    N = BFV_8192_1.degree
    proxy = BFV_8192_1.error_halves / 2 * (2 * N + 1)
    log_of_inverse = math.log(2 * N * ciphertexts) - TAIL_LOG2 * math.log(2)
    return math.sqrt(2 * proxy * log_of_inverse) + 0.5


def distance_log2(total: float) -> float:
    """Return log2 of ``2 N B q'/q + 2^TAIL_LOG2`` for the noise ``total`` = B (README §7.3).

    Twice: noise and c1 share (u, e1), so a boundary counts on either side, not on the side of a noise that is fixed.
    """
    switched_away = math.log2(BFV_8192_1.modulus) - math.log2(BFV_8192_1.response_prime)
    hidden = math.log2(2 * BFV_8192_1.degree * total) - switched_away
    return math.log2(2.0**hidden + 2.0**TAIL_LOG2)


def total_noise(norms: Sequence[float], maxima: Sequence[int], fresh: float) -> float:
    """Return B: ``sum_j ||e_j||_1 max x_j`` plus the noise of one fresh encryption of zero."""
    return sum(norm * top for norm, top in zip(norms, maxima, strict=True)) + fresh


def noise_bounds(public: PublicModel) -> NoiseBounds:
    """Return the worst-case bounds of a model; what :func:`require` judges."""
    N = BFV_8192_1.degree
    tau = tail_bound(public.column_count + 1)
    total = total_noise([N * tau] * public.column_count, public.maxima, tau)
    return NoiseBounds(tau, total, distance_log2(total), _margin_log2(public.maxima))


def _margin_log2(maxima: Sequence[int]) -> float:
    """Correctness, README §7.1: every inequality in its worst case, so that decryption never fails by chance."""
    N, halves = BFV_8192_1.degree, BFV_8192_1.error_halves
    worst_coefficient = halves * (2 * N + 1) + 0.5
    before = worst_coefficient * (N * sum(maxima) + 1)
    factor = math.prod(BFV_8192_1.data_primes[1:])
    rounding = 0.5 * (N + 1) * sum(1 / prime for prime in BFV_8192_1.data_primes[1:-1]) + 0.5 * (N + 1)
    after = before / factor + rounding
    return math.log2(BFV_8192_1.response_prime / (2 * BFV_8192_1.plain_modulus)) - math.log2(after)


def require(public: PublicModel) -> NoiseBounds:
    """Return the bounds of a model that the profile can carry.

    Raises:
        ParameterError: the distance is over 2^-40, or decryption could fail.
    """
    bounds = noise_bounds(public)
    if bounds.distance_log2 > DISTANCE_LIMIT_LOG2:
        raise ParameterError(
            f"the noise bound is broken: distance 2^{bounds.distance_log2:.1f} is over 2^{DISTANCE_LIMIT_LOG2:.0f}"
        )
    if bounds.correctness_margin_log2 <= 0:
        raise ParameterError("the noise bound is broken: a response could fail to decrypt")
    return bounds


def union_log2(per_response: float, responses: int) -> float:
    """Return log2 of the statistical distance of ``responses`` responses together (union bound)."""
    return per_response + math.log2(responses)
