"""The engine ``paillier`` under profile ``paillier-3072-1``: for a thin line, 768 bytes a row back (README §10)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError, ScoreRangeError
from protocols.primitives.paillier import (
    PROFILE_NAME,
    PaillierPublicKey,
    PaillierSecretKey,
    PowerTable,
    draw_unit,
    inner_products,
    stream,
)
from protocols.randomness import SEED_BYTES, Randomness
from protocols.scoring.engine import (
    Decryptor,
    EncryptedModel,
    EncryptedScores,
    Evaluator,
    Progress,
    SecretKeyMaterial,
    check_columns,
)
from protocols.scoring.model import SCORE_LIMIT, PublicModel, SecretModel
from protocols.scoring.wire import PAILLIER_WIRE
from protocols.transcript import digest


class PaillierEvaluator:
    """The bureau's side: a table of powers for each column."""

    def __init__(self, encrypted: EncryptedModel, public: PublicModel) -> None:
        if encrypted.profile != PROFILE_NAME:
            raise PeerProtocolError("the encrypted model has another profile")
        if len(encrypted.ciphertexts) != public.column_count:
            raise PeerProtocolError("the encrypted model has another number of columns")
        self._public = public
        self._key = PaillierPublicKey.decode(encrypted.public_key)
        self._tables = [
            PowerTable(self._key.decode_ciphertext(ciphertext), maximum, self._key.modulus_squared)
            for ciphertext, maximum in zip(encrypted.ciphertexts, public.maxima, strict=True)
        ]

    @property
    def profile(self) -> str:
        """The profile's name."""
        return PROFILE_NAME

    @property
    def public(self) -> PublicModel:
        """The model that is evaluated."""
        return self._public

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        return PAILLIER_WIRE.chunk_rows

    def evaluate(self, columns: NDArray[np.uint16], randomness: Randomness) -> EncryptedScores:
        """Return the encrypted scores of ``columns``, shape (column_count, rows); see :class:`Evaluator`."""
        check_columns(self._public, columns, self.chunk_rows)
        units = stream(randomness.bytes(SEED_BYTES), "rerandomise")
        products = inner_products(self._key, self._tables, columns.T.tolist(), units)
        rows = b"".join(self._key.encode_ciphertext(product) for product in products)
        return EncryptedScores.of_all(self.profile, columns.shape[1], b"", rows)


class PaillierDecryptor:
    """The bank's side."""

    def __init__(self, key: PaillierSecretKey) -> None:
        self._key = key

    @property
    def profile(self) -> str:
        """The profile's name."""
        return PROFILE_NAME

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        return PAILLIER_WIRE.chunk_rows

    def decrypt(self, scores: EncryptedScores) -> NDArray[np.int64]:
        """Return the scores of the kept rows, int64 of shape (row_count,); see :class:`Decryptor`."""
        if scores.profile != self.profile:
            raise PeerProtocolError("a response has another profile than the key")
        size = PAILLIER_WIRE.row_bytes
        parts = [scores.rows[start : start + size] for start in range(0, len(scores.rows), size)]
        public = self._key.public_key
        values = [self._key.decrypt(public.decode_ciphertext(part)) for part in parts]
        if any(abs(value) >= SCORE_LIMIT for value in values):
            raise ScoreRangeError("a decrypted value lies outside the profile's range")
        return np.array(values, dtype=np.int64)


class PaillierEngine:
    """The scheme for a thin line and few rows."""

    name = "paillier"
    profile = PROFILE_NAME
    chunk_rows = PAILLIER_WIRE.chunk_rows
    row_bytes = PAILLIER_WIRE.row_bytes

    def generate(self, master: bytes) -> SecretKeyMaterial:
        """Return the key that a SECRET 32-byte master seed gives; about half a second."""
        return PaillierSecretKey.generate(master)

    def from_secret(self, secret: bytes) -> SecretKeyMaterial:
        """Return the key whose ``export_secret`` gave ``secret``."""
        return PaillierSecretKey.from_secret(secret)

    def encrypt_model(
        self, key: SecretKeyMaterial, model: SecretModel, progress: Progress | None = None
    ) -> EncryptedModel:
        """Encrypt every weight, each with a unit from its own seed; a function of key and model (README §10.2)."""
        ciphertexts = []
        for ciphertext in self.encrypt_columns(key, model):
            ciphertexts.append(ciphertext)
            if progress is not None:
                progress(len(ciphertexts), len(model.weights))
        return EncryptedModel(self.profile, self.public_key(key), tuple(ciphertexts))

    def public_key(self, key: SecretKeyMaterial) -> bytes:
        """Return the public key in its canonical form."""
        return _own(key).public_key.encode()

    def encrypt_columns(self, key: SecretKeyMaterial, model: SecretModel) -> Iterator[bytes]:
        """Yield the ciphertexts of :meth:`encrypt_model` one by one, so that none has to be kept."""
        secret = _own(key)
        public = secret.public_key
        identity = digest("scoring/model-seed", model.export_secret())
        for place, weight in enumerate(model.weights):
            seed = secret.secret_seed("ciphertext", identity, place.to_bytes(4, "big"))
            unit = draw_unit(stream(seed, "r"), public.modulus)
            yield public.encode_ciphertext(public.encrypt(weight, unit))

    def evaluator(self, encrypted: EncryptedModel, public: PublicModel) -> Evaluator:
        """Check everything that a peer sent and make the tables."""
        return PaillierEvaluator(encrypted, public)

    def decryptor(self, key: SecretKeyMaterial) -> Decryptor:
        """Return what opens responses to this key's model."""
        return PaillierDecryptor(_own(key))

    def noise_distance_log2(self, public: PublicModel) -> float:
        """Return minus infinity: a fresh r^n makes a response uniform among encryptions of its score."""
        del public
        return -math.inf


def _own(key: SecretKeyMaterial) -> PaillierSecretKey:
    if not isinstance(key, PaillierSecretKey):
        raise ParameterError("the key belongs to another engine")
    return key
