"""What an auditor does with a master seed, the weights and a model's ciphertexts: make all of it again and compare.

One column at a time, so that a model of any size takes the memory of one ciphertext. Equality with what the seed gives
proves the weights, the honest noise and the honest key at once (README §11); the rest here says WHAT is wrong where it
is not equal: another weight, other randomness, randomness that two columns share, a value that is not canonical.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.primitives.bfv_packing import unpack_polynomials
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.paillier import PUBLIC_KEY_BYTES, PaillierSecretKey
from protocols.scoring.bounds import distance_log2, tail_bound, total_noise
from protocols.scoring.engine import SecretKeyMaterial
from protocols.scoring.engines import engine_of_profile
from protocols.scoring.model import SecretModel
from protocols.transcript import digest


class ColumnState(StrEnum):
    """What became of one column's comparison."""

    SAME = "same"
    OTHER_RANDOMNESS = "other_randomness"
    """It holds its weight, but not under the randomness that the seed gives: its noise is nobody's."""
    OTHER_WEIGHT = "other_weight"
    """It does not hold the weight that the model file says, or its noise is beyond every honest one."""
    MALFORMED = "malformed"


@dataclass(frozen=True)
class ColumnReview:
    """One ciphertext beside the one that was made again."""

    state: ColumnState
    noise_norm: int
    """||e_j||_1 of the ciphertext that was GIVEN; 0 for Paillier and where it could not be measured."""
    largest_coefficient: int
    randomness: bytes
    """A digest that two ciphertexts share exactly when they share their randomness; empty where malformed."""


@dataclass(frozen=True)
class CertifiedNoise:
    """What the measured noise of all columns comes to."""

    total_bound: float
    """B of README §7.3, from the real errors; 0 for Paillier."""
    distance_log2: float
    """log2 of the statistical distance of one response; minus infinity for Paillier."""


def review_columns(
    profile: str, key: SecretKeyMaterial, model: SecretModel, given: Iterable[bytes]
) -> Iterator[ColumnReview]:
    """Yield the comparison of every ciphertext of ``given``, which has one for each weight, in order."""
    engine = engine_of_profile(profile)
    again = engine.encrypt_columns(key, model)
    for made, ciphertext, weight in zip(again, given, model.weights, strict=True):
        yield _compare(key, made, ciphertext, weight)


def noise_of(profile: str, model: SecretModel, norms: Iterable[int]) -> CertifiedNoise:
    """Return what the noise norms of all columns come to for one response; the fresh zero's at its tail bound."""
    if profile != BFV_8192_1.name:
        return CertifiedNoise(0.0, engine_of_profile(profile).noise_distance_log2(model.public))
    total = total_noise(tuple(norms), model.public.maxima, tail_bound(1))
    return CertifiedNoise(total, distance_log2(total))


def _compare(key: SecretKeyMaterial, made: bytes, given: bytes, weight: int) -> ColumnReview:
    look = partial(_look_bfv, key) if isinstance(key, BfvSecretKey) else partial(_look_paillier, key)
    try:
        holds, norm, largest, randomness = look(given, weight)
    except PeerProtocolError:
        return ColumnReview(ColumnState.MALFORMED, 0, 0, b"")
    different = ColumnState.OTHER_RANDOMNESS if holds else ColumnState.OTHER_WEIGHT
    return ColumnReview(ColumnState.SAME if made == given else different, norm, largest, randomness)


def _look_bfv(key: BfvSecretKey, given: bytes, weight: int) -> tuple[bool, int, int, bytes]:
    """Return whether it holds the weight, its noise, and a digest of c1 = a u + e1."""
    residues = unpack_polynomials(given, 2)
    randomness = digest("certification/randomness", given[BFV_8192_1.polynomial_bytes :])
    try:
        noise = np.abs(key.noise(residues, weight))
    except ParameterError:
        return False, 0, 0, randomness
    return True, int(noise.sum()), int(noise.max()), randomness


def _look_paillier(key: SecretKeyMaterial, given: bytes, weight: int) -> tuple[bool, int, int, bytes]:
    """Return whether it holds the weight, no noise, and a digest of c mod n = r^n mod n."""
    if not isinstance(key, PaillierSecretKey):
        raise ParameterError("the key belongs to no engine that is known here")
    ciphertext = key.public_key.decode_ciphertext(given)
    remainder = (ciphertext % key.public_key.modulus).to_bytes(PUBLIC_KEY_BYTES, "big")
    return key.decrypt(ciphertext) == weight, 0, 0, digest("certification/randomness", remainder)
