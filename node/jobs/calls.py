"""What banks ask of a bureau and what it answers, as values: the domain's side of the wire mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.codes import Code, Reason
from node.errors import Refusal
from protocols.encoding import Reader, Writer
from protocols.errors import PeerProtocolError
from protocols.transcript import digest

USCC_CHARACTERS = 18
CONSENT_ID_BYTES = 16
JOB_ID_BYTES = 16
MAXIMUM_CHUNK_ROWS = 8192
MAXIMUM_REASON = 500
REASONS = {reason.number: reason for reason in Reason}


def check_reason(reason: str) -> None:
    """Check why a consent is withdrawn, before either side records it.

    Raises:
        Refusal: ``INVALID_INPUT``.
    """
    if len(reason) > MAXIMUM_REASON:
        raise Refusal(Code.INVALID_INPUT, f"the reason is longer than {MAXIMUM_REASON} characters")
    if "\0" in reason:  # the one character that a database's text cannot hold
        raise Refusal(Code.INVALID_INPUT, "the reason holds a null character")


@dataclass(frozen=True)
class JobOpening:
    """A bank's wish to run a model over at most ``enterprises`` enterprises."""

    job_id: bytes
    idempotency_key: str
    content_digest: bytes
    model_id: bytes
    purpose: str
    enterprises: int


@dataclass(frozen=True)
class OpenedJob:
    """What the job runs on. ``as_of``: ISO date of the feature set."""

    feature_set: str
    as_of: str


@dataclass(frozen=True)
class ChunkCall:
    """The enterprises of one chunk with the consent for each, and the scoring protocol's request."""

    job_id: bytes
    chunk: int
    codes: tuple[str, ...]
    consent_ids: tuple[bytes, ...]
    request: bytes

    def __post_init__(self) -> None:
        if not 1 <= len(self.codes) <= MAXIMUM_CHUNK_ROWS:
            raise Refusal(Code.MALFORMED, f"a chunk has 1 to {MAXIMUM_CHUNK_ROWS} enterprises")
        if len(self.codes) != len(self.consent_ids):
            raise Refusal(Code.MALFORMED, "a chunk has one consent for every enterprise")
        if len(set(self.codes)) != len(self.codes):
            raise Refusal(Code.MALFORMED, "an enterprise stands twice in a chunk")

    @property
    def digest(self) -> bytes:
        """What the journal knows the request by; 32 bytes."""
        return digest(
            "chunk-call",
            self.job_id,
            self.chunk.to_bytes(8, "big"),
            "".join(self.codes).encode("ascii"),
            b"".join(self.consent_ids),
            self.request,
        )

    @property
    def binding(self) -> bytes:
        """What the scoring protocol's messages of this chunk are bound to; 32 bytes."""
        return chunk_binding(self.job_id, self.chunk)


def chunk_binding(job_id: bytes, chunk: int) -> bytes:
    """Return the session binding of one chunk; 32 bytes."""
    return digest("chunk-binding", job_id, chunk.to_bytes(8, "big"))


@dataclass(frozen=True)
class RefusedRow:
    """A row of a chunk, by its index, that gets no score."""

    index: int
    reason: Reason


@dataclass(frozen=True)
class ChunkReply:
    """The refused rows, ascending, and the scoring protocol's response for the others in order."""

    refused: tuple[RefusedRow, ...]
    response: bytes

    def encode(self) -> bytes:
        """Return the canonical bytes that the bureau's journal keeps."""
        return Writer().blob(encode_refused(self.refused)).blob(self.response).finish()

    @classmethod
    def decode(cls, data: bytes) -> ChunkReply:
        """Read what :meth:`encode` wrote."""
        reader = Reader(data)
        refused = decode_refused(reader.blob(3 * MAXIMUM_CHUNK_ROWS), MAXIMUM_CHUNK_ROWS)
        response = reader.blob(len(data))
        reader.finish()
        return cls(refused, response)

    @property
    def digest(self) -> bytes:
        """Digest of the reply; 32 bytes."""
        return digest("chunk-reply", self.encode())


def encode_refused(refused: Sequence[RefusedRow]) -> bytes:
    """Return three bytes for every refused row: its index, big-endian, and its reason's number."""
    return b"".join(row.index.to_bytes(2, "big") + row.reason.number.to_bytes(1, "big") for row in refused)


def decode_refused(data: bytes, rows: int) -> tuple[RefusedRow, ...]:
    """Read the refused rows of a chunk of ``rows`` enterprises.

    Raises:
        PeerProtocolError: a length, order, index or reason is wrong.
    """
    if len(data) % 3:
        raise PeerProtocolError("refused rows take three bytes each")
    found = []
    last = -1
    for at in range(0, len(data), 3):
        index, number = int.from_bytes(data[at : at + 2], "big"), data[at + 2]
        if not last < index < rows:
            raise PeerProtocolError("refused rows are not ascending within the chunk")
        if number not in REASONS:
            raise PeerProtocolError("a refused row has an unknown reason")
        found.append(RefusedRow(index, REASONS[number]))
        last = index
    return tuple(found)
