"""The noise that a built model really has, measured by who holds its key: the bank, or the auditor (README §7.4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.errors import ParameterError
from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.primitives.bfv_packing import unpack_polynomials
from protocols.scoring.bounds import distance_log2, tail_bound, total_noise
from protocols.scoring.engine import EncryptedModel, SecretKeyMaterial
from protocols.scoring.model import SecretModel


@dataclass(frozen=True)
class MeasuredNoise:
    """Sizes of the noise of every ciphertext, and what follows for one response."""

    largest_coefficient: int
    norms: tuple[int, ...]
    """||e_j||_1, one for each column."""
    distance_log2: float
    """log2 of the statistical distance of one response; the fresh zero's noise at its tail bound."""


def measured_noise(key: SecretKeyMaterial, encrypted: EncryptedModel, model: SecretModel) -> MeasuredNoise:
    """Return the noise of a ``bfv-8192-1`` model; a check that its ciphertexts hold its weights, too.

    Raises:
        ParameterError: the key is of another engine, or a ciphertext does not hold its weight.
    """
    if not isinstance(key, BfvSecretKey):
        raise ParameterError("noise is measured with a BFV key")
    errors = [
        key.noise(unpack_polynomials(ciphertext, 2), weight)
        for ciphertext, weight in zip(encrypted.ciphertexts, model.weights, strict=True)
    ]
    norms = tuple(int(np.abs(error).sum()) for error in errors)
    total = total_noise(norms, model.public.maxima, tail_bound(1))
    return MeasuredNoise(max(int(np.abs(error).max()) for error in errors), norms, distance_log2(total))
