"""What the attacks on one evaluation work on: a key, a model of yes-or-no fields, and rows of made-up features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.primitives.bfv_packing import unpack_polynomials
from protocols.primitives.bfv_sampling import Small
from protocols.randomness import SeededRandomness, derive_seed
from protocols.scoring.bfv import BfvEngine
from protocols.scoring.engine import EncryptedModel
from protocols.scoring.model import BinnedField, PublicModel, SecretModel

ENGINE = BfvEngine()


def seeded(seed: int, label: str) -> SeededRandomness:
    """Return the stream of one purpose of an attack."""
    return SeededRandomness(derive_seed(seed.to_bytes(32, "big"), f"attack/{label}"))


def generator(seed: int, label: str) -> np.random.Generator:
    """Return numpy's generator for one purpose of an attack."""
    return np.random.default_rng(int.from_bytes(seeded(seed, label).bytes(16), "big"))


def fields(count: int, edges: int = 1) -> PublicModel:
    """Return ``count`` fields of ``edges`` + 1 bins and «missing» each."""
    return PublicModel(tuple(BinnedField(f"field-{place:02d}", tuple(range(edges))) for place in range(count)))


def one_hot(bins: NDArray[np.int64], width: int) -> NDArray[np.uint16]:
    """Return the columns of ``bins``, shape (fields, rows), for fields of ``width`` columns each."""
    out = np.zeros((bins.shape[0], width, bins.shape[1]), dtype=np.uint16)
    np.put_along_axis(out, bins[:, None, :], 1, axis=1)
    return out.reshape(-1, bins.shape[1])


@dataclass(frozen=True)
class Subject:
    """An honest model with its key, as the bank holds it: the bank may look at everything but the features."""

    key: BfvSecretKey
    model: SecretModel
    encrypted: EncryptedModel

    @cached_property
    def ciphertexts(self) -> NDArray[np.uint64]:
        """All ciphertexts, residues of shape (columns, 2, primes, N)."""
        return np.stack([unpack_polynomials(each, 2) for each in self.encrypted.ciphertexts])

    @cached_property
    def errors(self) -> NDArray[np.int64]:
        """The noise of every ciphertext, shape (columns, N)."""
        pairs = zip(self.ciphertexts, self.model.weights, strict=True)
        errors: list[Small] = [self.key.noise(residues, weight) for residues, weight in pairs]
        return np.stack(errors)


@lru_cache(maxsize=4)
def subject(public: PublicModel, weights: tuple[int, ...], master: bytes = bytes(range(32))) -> Subject:
    """Encrypt a model under the key of ``master``; made once."""
    key = BfvSecretKey(master)
    model = SecretModel(public, weights)
    return Subject(key, model, ENGINE.encrypt_model(key, model))
