"""The interface that both engines implement, and the two encrypted values that cross the wire (README §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from protocols.encoding import Reader, Writer
from protocols.errors import ParameterError, PeerProtocolError
from protocols.randomness import Randomness
from protocols.scoring.model import MAX_COLUMNS, PublicModel, SecretModel
from protocols.scoring.wire import MAX_PROFILE_BYTES, WireFormat, wire_format
from protocols.transcript import digest, digest_of_pieces

Progress = Callable[[int, int], None]
"""Called with (columns done, columns)."""


class SecretKeyMaterial(Protocol):
    """The SECRET key of one model; opaque, never pickled."""

    def export_secret(self) -> bytes:
        """Return the SECRET key as bytes, for sealing it at rest; ``Engine.from_secret`` reads them."""
        ...


@dataclass(frozen=True, repr=False)
class EncryptedModel:
    """A public key and one ciphertext for each column, both in their profile's canonical form."""

    profile: str
    public_key: bytes
    ciphertexts: Sequence[bytes]

    def __post_init__(self) -> None:
        wire = wire_format(self.profile)
        if not 1 <= len(self.ciphertexts) <= MAX_COLUMNS:
            raise PeerProtocolError(f"an encrypted model has 1 to {MAX_COLUMNS} ciphertexts")
        if len(self.public_key) != wire.public_key_bytes:
            raise PeerProtocolError("a public key has the wrong size")
        if any(len(ciphertext) != wire.ciphertext_bytes for ciphertext in self.ciphertexts):
            raise PeerProtocolError("a ciphertext has the wrong size")

    def pieces(self) -> Iterator[bytes]:
        """Yield the canonical encoding in pieces, for a model is too large to be copied for a file or a digest."""
        yield Writer().text(self.profile).uint(len(self.ciphertexts), 4).finish()
        yield self.public_key
        yield from self.ciphertexts

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return b"".join(self.pieces())

    @property
    def encoded_bytes(self) -> int:
        """The size of the canonical encoding."""
        return encoded_model_bytes(self.profile, len(self.ciphertexts))

    @classmethod
    def decode(cls, data: bytes | memoryview, columns: int) -> EncryptedModel:
        """Return the encrypted model of ``columns`` columns that ``data`` encodes, every residue checked.

        ``data`` stay in use, and each ciphertext is copied out of them when it is asked for: with a view of a file
        that is mapped into memory the model takes no memory of its own.

        Raises:
            PeerProtocolError: another profile, count or size, a value that is not canonical, or trailing bytes.
        """
        reader = Reader(data)
        wire = wire_format(reader.text(MAX_PROFILE_BYTES))
        if reader.uint(4, MAX_COLUMNS) != columns:
            raise PeerProtocolError("the number of ciphertexts is not the model's number of columns")
        public_key = reader.fixed(wire.public_key_bytes)
        ciphertexts = reader.parts(wire.ciphertext_bytes, columns)
        reader.finish()
        wire.check_ciphertexts(public_key, ciphertexts)
        return cls(wire.profile, public_key, ciphertexts)

    def digest(self) -> bytes:
        """Return the 32-byte digest of the canonical encoding."""
        return digest_of_pieces("scoring/encrypted-model", self.pieces(), self.encoded_bytes)

    def __repr__(self) -> str:
        return f"EncryptedModel({self.profile}, {len(self.ciphertexts)} columns)"


def encoded_model_bytes(profile: str, columns: int) -> int:
    """Return the exact size of an encoded encrypted model, so that a receiver can bound what it takes."""
    wire = wire_format(profile)
    return 4 + len(profile.encode("utf-8")) + 4 + wire.public_key_bytes + columns * wire.ciphertext_bytes


@dataclass(frozen=True, repr=False)
class EncryptedScores:
    """Encrypted scores of the rows that are kept out of those that were evaluated, in their order.

    ``kept`` is a bitmap over the evaluated rows (bit i of byte i // 8, least significant first, spare bits zero):
    which coefficient a row sits in is needed to decrypt it.
    """

    profile: str
    evaluated: int
    kept: bytes
    shared: bytes
    rows: bytes

    def __post_init__(self) -> None:
        wire = self.wire
        if not 1 <= self.evaluated <= wire.chunk_rows:
            raise PeerProtocolError(f"a response covers 1 to {wire.chunk_rows} rows")
        if len(self.kept) != (self.evaluated + 7) // 8 or len(self.shared) != wire.shared_bytes:
            raise PeerProtocolError("a response has the wrong size")
        if int.from_bytes(self.kept, "little") >> self.evaluated:
            raise PeerProtocolError("a spare bit is set")
        if len(self.rows) != self.row_count * wire.row_bytes:
            raise PeerProtocolError("a response has the wrong number of rows")

    @property
    def wire(self) -> WireFormat:
        """The sizes of this profile."""
        return wire_format(self.profile)

    @property
    def row_count(self) -> int:
        """How many rows are kept."""
        return int.from_bytes(self.kept, "little").bit_count()

    @cached_property
    def kept_mask(self) -> NDArray[np.bool_]:
        """Which of the evaluated rows are kept, shape (evaluated,)."""
        bits = np.unpackbits(np.frombuffer(self.kept, dtype=np.uint8), bitorder="little")
        return bits[: self.evaluated].astype(np.bool_)

    @classmethod
    def of_all(cls, profile: str, count: int, shared: bytes, rows: bytes) -> EncryptedScores:
        """Return the scores of ``count`` evaluated rows, all of them kept."""
        kept = ((1 << count) - 1).to_bytes((count + 7) // 8, "little")
        return cls(profile, count, kept, shared, rows)

    def select(self, keep: NDArray[np.bool_]) -> EncryptedScores:
        """Return the scores of those kept rows that ``keep``, shape (row_count,), marks; the rest is dropped."""
        if keep.shape != (self.row_count,) or keep.dtype != np.bool_:
            raise ParameterError("the selection does not fit the rows")
        rows = np.frombuffer(self.rows, dtype=np.uint8).reshape(-1, self.wire.row_bytes)[keep]
        mask = np.zeros(self.evaluated, dtype=np.bool_)
        mask[np.flatnonzero(self.kept_mask)[keep]] = True
        kept = np.packbits(mask, bitorder="little").tobytes()
        return EncryptedScores(self.profile, self.evaluated, kept, self.shared, rows.tobytes())

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        head = Writer().text(self.profile).uint(self.evaluated, 4).raw(self.kept)
        return b"".join((head.finish(), self.shared, self.rows))

    @classmethod
    def decode(cls, data: bytes) -> EncryptedScores:
        """Return the scores that ``data`` encodes, every residue checked.

        Raises:
            PeerProtocolError: an unknown profile, a wrong size, a value that is not canonical, or trailing bytes.
        """
        reader = Reader(data)
        wire = wire_format(reader.text(MAX_PROFILE_BYTES))
        evaluated = reader.uint(4, wire.chunk_rows, 1)
        kept = reader.fixed((evaluated + 7) // 8)
        shared = reader.fixed(wire.shared_bytes)
        rows = reader.fixed(int.from_bytes(kept, "little").bit_count() * wire.row_bytes)
        reader.finish()
        wire.check_scores(shared, rows)
        return cls(wire.profile, evaluated, kept, shared, rows)

    def digest(self) -> bytes:
        """Return the 32-byte digest of the canonical encoding; journalled before the scores are sent."""
        return digest("scoring/encrypted-scores", self.encode())

    def __repr__(self) -> str:
        return f"EncryptedScores({self.profile}, {self.row_count} rows)"


class Evaluator(Protocol):
    """The bureau's side: one encrypted model, checked and made ready."""

    @property
    def profile(self) -> str:
        """The profile's name."""
        ...

    @property
    def public(self) -> PublicModel:
        """The model that is evaluated."""
        ...

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        ...

    def evaluate(self, columns: NDArray[np.uint16], randomness: Randomness) -> EncryptedScores:
        """Return the encrypted scores of ``columns``, shape (column_count, rows).

        Draws a fresh 32-byte key from ``randomness`` at every call (README §7): a system source, never a seed that
        another attempt could share.

        Raises:
            ParameterError: the shape does not fit, or a value is above its column's maximum.
        """
        ...


class Decryptor(Protocol):
    """The bank's side: opens responses with the model's secret key."""

    @property
    def profile(self) -> str:
        """The profile's name."""
        ...

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        ...

    def decrypt(self, scores: EncryptedScores) -> NDArray[np.int64]:
        """Return the scores of the kept rows, shape (row_count,).

        Raises:
            PeerProtocolError: the profile is another, or the noise is not that of an honest evaluation.
            ScoreRangeError: a value is outside the plain space's signed range.
        """
        ...


class Engine(Protocol):
    """One homomorphic scheme under one profile."""

    @property
    def name(self) -> str:
        """The engine's name, for people and settings."""
        ...

    @property
    def profile(self) -> str:
        """The profile's name, for the wire."""
        ...

    @property
    def chunk_rows(self) -> int:
        """Rows of one evaluation at most, canaries included."""
        ...

    @property
    def row_bytes(self) -> int:
        """Bytes of a response for each row."""
        ...

    def generate(self, master: bytes) -> SecretKeyMaterial:
        """Return the key that a SECRET 32-byte master seed gives; one master seed for one model."""
        ...

    def from_secret(self, secret: bytes) -> SecretKeyMaterial:
        """Return the key whose ``export_secret`` gave ``secret``."""
        ...

    def encrypt_model(
        self, key: SecretKeyMaterial, model: SecretModel, progress: Progress | None = None
    ) -> EncryptedModel:
        """Encrypt every weight; a function of key and model alone.

        Raises:
            ParameterError: the model breaks a bound of the profile.
        """
        ...

    def public_key(self, key: SecretKeyMaterial) -> bytes:
        """Return the public key in its canonical form."""
        ...

    def encrypt_columns(self, key: SecretKeyMaterial, model: SecretModel) -> Iterator[bytes]:
        """Yield the ciphertexts of :meth:`encrypt_model` one by one, without its check of the bounds."""
        ...

    def evaluator(self, encrypted: EncryptedModel, public: PublicModel) -> Evaluator:
        """Check everything that a peer sent and make it ready.

        Raises:
            PeerProtocolError: wrong profile or count, or a value that is not canonical.
            ParameterError: the model breaks a bound of the profile.
        """
        ...

    def decryptor(self, key: SecretKeyMaterial) -> Decryptor:
        """Return what opens responses to this key's model."""
        ...

    def noise_distance_log2(self, public: PublicModel) -> float:
        """Return log2 of the worst-case statistical distance of ONE response (README §7); minus infinity: none."""
        ...


def check_columns(public: PublicModel, columns: NDArray[np.uint16], chunk_rows: int) -> None:
    """Check every value of ``columns`` against its column's maximum, which the bounds rest on.

    Raises:
        ParameterError: the shape does not fit, or a value is above its column's maximum.
    """
    if columns.ndim != 2 or columns.dtype != np.uint16 or columns.shape[0] != public.column_count:
        raise ParameterError("the columns do not fit the model")
    if not 1 <= columns.shape[1] <= chunk_rows:
        raise ParameterError(f"an evaluation takes 1 to {chunk_rows} rows")
    if np.any(columns.max(axis=1) > np.array(public.maxima, dtype=np.uint16)):
        raise ParameterError("a column exceeds its maximum")
