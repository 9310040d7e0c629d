"""The engine ``bfv`` under profile ``bfv-8192-1``: 8,192 rows in one evaluation, 6 bytes a row back (README §6, §7)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_few_rows import FEW_ROWS, HalvedCiphertexts
from protocols.primitives.bfv_keys import BfvEncryptor, BfvPublicKey, BfvSecretKey
from protocols.primitives.bfv_packing import pack_polynomials, pack_residues, unpack_polynomials, unpack_residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_seal import Pair, ring
from protocols.randomness import SEED_BYTES, Randomness
from protocols.scoring import bounds
from protocols.scoring.engine import (
    Decryptor,
    EncryptedModel,
    EncryptedScores,
    Evaluator,
    Progress,
    SecretKeyMaterial,
    check_columns,
)
from protocols.scoring.model import PublicModel, SecretModel
from protocols.scoring.wire import BFV_WIRE
from protocols.transcript import digest

_N = BFV_8192_1.degree
_Q_RESPONSE = BFV_8192_1.response_prime
NOISE_LIMIT = (_N + 1) // 2 + 2
"""What an honest response's noise cannot exceed (README §7.1), with one unit for our own rounding."""


FEW_ROWS_COLUMNS = 512
"""Models of more columns have no fast form for few rows: it would double the 0.4 MB that a column takes."""


class BfvEvaluator:
    """The bureau's side: every ciphertext transformed, 0.4 MB a column; up to 512 columns in halves too, 0.8 MB."""

    def __init__(self, encrypted: EncryptedModel, public: PublicModel) -> None:
        if encrypted.profile != BFV_8192_1.name:
            raise PeerProtocolError("the encrypted model has another profile")
        if len(encrypted.ciphertexts) != public.column_count:
            raise PeerProtocolError("the encrypted model has another number of columns")
        bounds.require(public)
        self._public = public
        self._zero = BfvEncryptor(BfvPublicKey.decode(encrypted.public_key))
        self._pairs: list[Pair] = []
        self._halved = HalvedCiphertexts(public.column_count) if public.column_count <= FEW_ROWS_COLUMNS else None
        for place, ciphertext in enumerate(encrypted.ciphertexts):
            residues = unpack_polynomials(ciphertext, 2)
            self._pairs.append(ring().transform(ring().pair(residues)))
            if self._halved is not None:
                self._halved.put(place, residues)
        self._shift = ring().product(self._pairs[0], ring().plain(_ones()))
        ring().add_products(self._shift, self._pairs[1:], (_ones() for _ in self._pairs[1:]))

    @property
    def profile(self) -> str:
        """The profile's name."""
        return BFV_8192_1.name

    @property
    def public(self) -> PublicModel:
        """The model that is evaluated."""
        return self._public

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        return BFV_WIRE.chunk_rows

    def evaluate(self, columns: NDArray[np.uint16], randomness: Randomness) -> EncryptedScores:
        """Return the encrypted scores of ``columns``, shape (column_count, rows); see :class:`Evaluator`."""
        check_columns(self._public, columns, self.chunk_rows)
        total = ring().pair(self._zero.encrypt(0, randomness.bytes(SEED_BYTES)))
        if self._halved is not None and columns.shape[1] <= FEW_ROWS:
            ring().add(total, ring().pair(self._halved.inner_product(columns)))
        else:
            self._add_many_rows(total, columns)
        ring().switch_down(total)
        c0, c1 = ring().residues(total)[:, 0]
        rows = columns.shape[1]
        shared = pack_residues(c1, _Q_RESPONSE)
        return EncryptedScores.of_all(self.profile, rows, shared, pack_residues(c0[:rows], _Q_RESPONSE))

    def _add_many_rows(self, total: Pair, columns: NDArray[np.uint16]) -> None:
        """Add ``sum_j c_j (x_j + 1) - sum_j c_j 1``: no factor is zero, so no column is cheaper (README §7.5).

        ``total`` is the fresh encryption of zero, so that every partial sum is hidden by it from the start.
        """
        ring().transform(total)
        ring().add_products(total, self._pairs, _shifted(columns))
        ring().subtract(total, self._shift)
        ring().restore(total)


def _ones() -> NDArray[np.int64]:
    return np.ones(_N, dtype=np.int64)


def _shifted(columns: NDArray[np.uint16]) -> Iterator[NDArray[np.int64]]:
    for column in columns:
        plain = _ones()
        plain[: column.size] += column
        yield plain


class BfvDecryptor:
    """The bank's side."""

    def __init__(self, key: BfvSecretKey) -> None:
        self._key = ring().open_key(key.secret_polynomial)

    @property
    def profile(self) -> str:
        """The profile's name."""
        return BFV_8192_1.name

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        return BFV_WIRE.chunk_rows

    def decrypt(self, scores: EncryptedScores) -> NDArray[np.int64]:
        """Return the scores of the kept rows, int64 of shape (row_count,); see :class:`Decryptor`."""
        if scores.profile != self.profile:
            raise PeerProtocolError("a response has another profile than the key")
        kept = scores.kept_mask
        residues = np.zeros((2, _N), dtype=np.uint64)
        places = np.flatnonzero(kept)
        residues[0, places] = unpack_residues(scores.rows, places.size, _Q_RESPONSE)
        residues[1] = unpack_residues(scores.shared, _N, _Q_RESPONSE)
        if not residues[1].any():
            raise PeerProtocolError("a response is not encrypted")
        values = ring().decrypt(self._key, residues)[places]
        self._check_noise(residues, values, places)
        return values

    def _check_noise(self, residues: NDArray[np.uint64], values: NDArray[np.int64], places: NDArray[np.intp]) -> None:
        """Refuse noise that no honest evaluation leaves: a wrong key shows here on every row, not on canaries alone.

        ``c0 + c1 s = (q'/t) m + noise`` with ``q'/t = 2^16 - d/2^32``, exact in integers to one unit.
        """
        product = ring().times_secret(self._key, residues[1])
        phase = (residues[0, places] + product[places]).astype(np.int64)
        deficit = 2**48 - _Q_RESPONSE
        encoded = (values << 16) - ((values * deficit) >> 32)
        noise = (phase - encoded + _Q_RESPONSE // 2) % _Q_RESPONSE - _Q_RESPONSE // 2
        if np.any(np.abs(noise) > NOISE_LIMIT):
            raise PeerProtocolError("a response's noise is not that of an honest evaluation")


class BfvEngine:
    """The scheme for batches, and by default for one enterprise."""

    name = "bfv"
    profile = BFV_8192_1.name
    chunk_rows = BFV_WIRE.chunk_rows
    row_bytes = BFV_WIRE.row_bytes

    def generate(self, master: bytes) -> SecretKeyMaterial:
        """Return the key that a SECRET 32-byte master seed gives."""
        return BfvSecretKey(master)

    def from_secret(self, secret: bytes) -> SecretKeyMaterial:
        """Return the key whose ``export_secret`` gave ``secret``."""
        return BfvSecretKey(secret)

    def encrypt_model(
        self, key: SecretKeyMaterial, model: SecretModel, progress: Progress | None = None
    ) -> EncryptedModel:
        """Encrypt every weight, each from its own seed; a function of key and model (README §6.5)."""
        bounds.require(model.public)
        ciphertexts = []
        for ciphertext in self.encrypt_columns(key, model):
            ciphertexts.append(ciphertext)
            if progress is not None:
                progress(len(ciphertexts), len(model.weights))
        return EncryptedModel(self.profile, self.public_key(key), tuple(ciphertexts))

    def public_key(self, key: SecretKeyMaterial) -> bytes:
        """Return the public key in its canonical form."""
        return _own(key).public_key().encode()

    def encrypt_columns(self, key: SecretKeyMaterial, model: SecretModel) -> Iterator[bytes]:
        """Yield the ciphertexts of :meth:`encrypt_model` one by one, so that none has to be kept."""
        secret = _own(key)
        encryptor = BfvEncryptor(secret.public_key())
        identity = digest("scoring/model-seed", model.export_secret())
        for place, weight in enumerate(model.weights):
            seed = secret.secret_seed("ciphertext", identity, place.to_bytes(4, "big"))
            yield pack_polynomials(encryptor.encrypt(weight, seed))

    def evaluator(self, encrypted: EncryptedModel, public: PublicModel) -> Evaluator:
        """Check everything that a peer sent and transform it."""
        return BfvEvaluator(encrypted, public)

    def decryptor(self, key: SecretKeyMaterial) -> Decryptor:
        """Return what opens responses to this key's model."""
        return BfvDecryptor(_own(key))

    def noise_distance_log2(self, public: PublicModel) -> float:
        """Return log2 of the worst-case statistical distance of one response (README §7.3)."""
        return bounds.noise_bounds(public).distance_log2


def _own(key: SecretKeyMaterial) -> BfvSecretKey:
    if not isinstance(key, BfvSecretKey):
        raise ParameterError("the key belongs to another engine")
    return key
