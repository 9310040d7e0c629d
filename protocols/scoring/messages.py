"""The two messages of a scoring round (README §9); each validates when built, and has one encoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.encoding import Reader, Writer
from protocols.errors import PeerProtocolError
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.model import MAX_COLUMNS

BINDING_BYTES = 32
MAX_ROWS = 8192
MAX_CANARIES = 64


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """Round one, bank to bureau: the run it belongs to, how many rows, and the canary rows' columns.

    ``canaries``: uint16 of shape (columns, canaries), columns as the model orders them.
    """

    binding: bytes
    rows: int
    canaries: NDArray[np.uint16]

    def __post_init__(self) -> None:
        if len(self.binding) != BINDING_BYTES:
            raise PeerProtocolError(f"a binding has {BINDING_BYTES} bytes")
        if not 1 <= self.rows <= MAX_ROWS:
            raise PeerProtocolError(f"a request covers 1 to {MAX_ROWS} rows")
        if self.canaries.ndim != 2 or self.canaries.dtype != np.uint16:
            raise PeerProtocolError("canaries are not a table of columns")
        columns, count = self.canaries.shape
        if not (1 <= columns <= MAX_COLUMNS and count <= MAX_CANARIES):
            raise PeerProtocolError(f"a request has at most {MAX_CANARIES} canaries")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        columns, count = self.canaries.shape
        head = Writer().fixed(self.binding, BINDING_BYTES).uint(self.rows, 4).uint(columns, 2).uint(count, 2)
        return head.raw(self.canaries.astype(">u2").tobytes()).finish()

    @classmethod
    def decode(cls, data: bytes) -> ScoreRequest:
        """Return the request that ``data`` encodes.

        Raises:
            PeerProtocolError: it is no canonical encoding of a valid request.
        """
        reader = Reader(data)
        binding = reader.fixed(BINDING_BYTES)
        rows = reader.uint(4, MAX_ROWS, 1)
        columns, count = reader.uint(2, MAX_COLUMNS, 1), reader.uint(2, MAX_CANARIES)
        values = np.frombuffer(reader.fixed(2 * columns * count), dtype=">u2").astype(np.uint16)
        reader.finish()
        return cls(binding, rows, values.reshape(columns, count))


@dataclass(frozen=True)
class ScoreResponse:
    """Round two, bureau to bank: the encrypted scores of the rows that were released, then of all canaries."""

    binding: bytes
    scores: EncryptedScores

    def __post_init__(self) -> None:
        if len(self.binding) != BINDING_BYTES:
            raise PeerProtocolError(f"a binding has {BINDING_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the canonical encoding."""
        return Writer().fixed(self.binding, BINDING_BYTES).raw(self.scores.encode()).finish()

    @classmethod
    def decode(cls, data: bytes) -> ScoreResponse:
        """Return the response that ``data`` encodes, every residue checked.

        Raises:
            PeerProtocolError: it is no canonical encoding of a valid response.
        """
        if len(data) < BINDING_BYTES:
            raise PeerProtocolError("truncated")
        return cls(data[:BINDING_BYTES], EncryptedScores.decode(data[BINDING_BYTES:]))
