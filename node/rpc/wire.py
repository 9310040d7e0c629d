"""Protobuf messages <-> the domain's values, for calls between parties. The only place that knows both.

What a peer sent is bounded and checked here; what does not fit is ``MALFORMED`` and nothing of it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

from node.codes import Code, Reason
from node.errors import Refusal
from node.jobs.calls import (
    CONSENT_ID_BYTES,
    JOB_ID_BYTES,
    REASONS,
    USCC_CHARACTERS,
    ChunkCall,
    ChunkReply,
    JobOpening,
    OpenedJob,
    decode_refused,
    encode_refused,
)
from node.jobs.model_description import MAXIMUM_ENCRYPTED_BYTES, ModelDescription
from node.scorecards.format import MAXIMUM_COLUMNS
from node.scorecards.public import DescribedBins, DescribedField, DescribedGroups, DescribedLinear
from protocols.errors import PeerProtocolError
from protocols.transcript import DIGEST_BYTES
from protos import consent_pb2, scoring_pb2

MAXIMUM_TEXT = 200
# As wide as the columns of node.storage.schema that keep them.
MAXIMUM_NAME, MAXIMUM_VERSION, MAXIMUM_ID, MAXIMUM_KEY = 100, 40, 64, 100
MAXIMUM_CODES = 10_000
MAXIMUM_CHUNK = 1 << 24
FRAME_CONSENTS = 256

P = ParamSpec("P")
T = TypeVar("T")


def peers_fault(read: Callable[P, T]) -> Callable[P, T]:
    """Whatever a peer's bytes do wrong is the peer's: ``MALFORMED``."""

    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault)) from None

    return reading


# ---- models


def model_header(description: ModelDescription) -> scoring_pb2.ModelHeader:
    """Return a model's description as it is sent."""
    return scoring_pb2.ModelHeader(
        name=description.name,
        version=description.version,
        model_class=description.model_class,
        supersedes=description.supersedes,
        catalogue_id=description.catalogue_id,
        catalogue_version=description.catalogue_version,
        fields=[_public_field(field) for field in description.fields],
        profile=description.profile,
        encrypted_digest=description.encrypted_digest,
        encrypted_bytes=description.encrypted_bytes,
        expires_at=description.expires_at,
        purposes=description.purposes,
    )


def _public_field(field: DescribedField) -> scoring_pb2.PublicField:
    match field:
        case DescribedBins():
            return scoring_pb2.PublicField(field=field.field, bins=scoring_pb2.Bins(edges=field.edges))
        case DescribedGroups():
            groups = [scoring_pb2.Group(codes=codes) for codes in field.groups]
            return scoring_pb2.PublicField(field=field.field, groups=scoring_pb2.Groups(groups=groups))
        case DescribedLinear():
            linear = scoring_pb2.Linear(low=field.low, high=field.high, quantum=field.quantum)
            return scoring_pb2.PublicField(field=field.field, linear=linear)


@peers_fault
def model_description(header: scoring_pb2.ModelHeader) -> ModelDescription:
    """Return the description that a bank sent.

    Raises:
        Refusal: ``MALFORMED``.
    """
    if not 1 <= len(header.fields) <= MAXIMUM_COLUMNS:
        raise PeerProtocolError(f"a model has 1 to {MAXIMUM_COLUMNS} fields")
    if len(header.purposes) > 16:
        raise PeerProtocolError("a model has too many purposes")
    if not 1 <= header.encrypted_bytes <= MAXIMUM_ENCRYPTED_BYTES:
        raise PeerProtocolError("an encrypted model has an impossible size")
    if not 0 < header.expires_at < 1 << 40:
        raise PeerProtocolError("a model's expiry is not a time")
    return ModelDescription(
        name=text(header.name, "name", limit=MAXIMUM_NAME),
        version=text(header.version, "version", limit=MAXIMUM_VERSION),
        model_class=text(header.model_class, "model_class"),
        supersedes=text(header.supersedes, "supersedes", limit=MAXIMUM_VERSION, empty=True),
        catalogue_id=text(header.catalogue_id, "catalogue_id", limit=MAXIMUM_ID),
        catalogue_version=header.catalogue_version,
        fields=tuple(_described_field(field) for field in header.fields),
        profile=text(header.profile, "profile"),
        encrypted_digest=exactly(header.encrypted_digest, DIGEST_BYTES, "encrypted_digest"),
        encrypted_bytes=header.encrypted_bytes,
        expires_at=header.expires_at,
        purposes=tuple(text(purpose, "purposes") for purpose in header.purposes),
    )


def _described_field(field: scoring_pb2.PublicField) -> DescribedField:
    name = text(field.field, "field")
    match field.WhichOneof("kind"):
        case "bins":
            return DescribedBins(name, _texts(field.bins.edges, "edges", MAXIMUM_COLUMNS))
        case "groups":
            if len(field.groups.groups) > MAXIMUM_COLUMNS:
                raise PeerProtocolError("a field has too many groups")
            return DescribedGroups(
                name, tuple(_texts(group.codes, "codes", MAXIMUM_CODES) for group in field.groups.groups)
            )
        case "linear":
            linear = field.linear
            return DescribedLinear(
                name, text(linear.low, "low"), text(linear.high, "high"), text(linear.quantum, "quantum")
            )
        case _:
            raise PeerProtocolError("a field is neither bins, groups nor linear")


# ---- jobs


def opening_message(opening: JobOpening) -> scoring_pb2.OpenJobRequest:
    """Return the opening of a job as it is sent."""
    return scoring_pb2.OpenJobRequest(
        job_id=opening.job_id,
        idempotency_key=opening.idempotency_key,
        content_digest=opening.content_digest,
        model_id=opening.model_id,
        purpose=opening.purpose,
        enterprises=opening.enterprises,
    )


@peers_fault
def opening(message: scoring_pb2.OpenJobRequest) -> JobOpening:
    """Return the opening that a bank sent."""
    if not 1 <= message.enterprises < 1 << 40:
        raise PeerProtocolError("a job is for at least one enterprise")
    return JobOpening(
        exactly(message.job_id, JOB_ID_BYTES, "job_id"),
        text(message.idempotency_key, "idempotency_key", limit=MAXIMUM_KEY),
        exactly(message.content_digest, DIGEST_BYTES, "content_digest"),
        exactly(message.model_id, DIGEST_BYTES, "model_id"),
        text(message.purpose, "purpose"),
        message.enterprises,
    )


def opened_message(opened: OpenedJob) -> scoring_pb2.OpenJobResponse:
    """Return what the bureau says of an open job."""
    return scoring_pb2.OpenJobResponse(feature_set=opened.feature_set, as_of=opened.as_of)


@peers_fault
def opened(message: scoring_pb2.OpenJobResponse) -> OpenedJob:
    """Return what a bureau said of an open job."""
    return OpenedJob(
        text(message.feature_set, "feature_set", limit=MAXIMUM_ID),
        text(message.as_of, "as_of", limit=10),
    )


def chunk_message(call: ChunkCall) -> scoring_pb2.ScoreChunkRequest:
    """Return a chunk's request as it is sent: codes and consents packed, no message per enterprise."""
    return scoring_pb2.ScoreChunkRequest(
        job_id=call.job_id,
        chunk=call.chunk,
        codes="".join(call.codes).encode("ascii"),
        consent_ids=b"".join(call.consent_ids),
        request=call.request,
    )


@peers_fault
def chunk_call(message: scoring_pb2.ScoreChunkRequest) -> ChunkCall:
    """Return the chunk's request that a bank sent."""
    if not message.codes.isascii():
        raise PeerProtocolError("codes are not ASCII")
    if message.chunk >= MAXIMUM_CHUNK:
        raise PeerProtocolError("a chunk's number is too large")
    return ChunkCall(
        exactly(message.job_id, JOB_ID_BYTES, "job_id"),
        message.chunk,
        tuple(part.decode("ascii") for part in _cut(message.codes, USCC_CHARACTERS, "codes")),
        tuple(_cut(message.consent_ids, CONSENT_ID_BYTES, "consent_ids")),
        message.request,
    )


def reply_message(call: ChunkCall, reply: ChunkReply) -> scoring_pb2.ScoreChunkResponse:
    """Return a chunk's reply as it is sent."""
    return scoring_pb2.ScoreChunkResponse(
        job_id=call.job_id, chunk=call.chunk, refused=encode_refused(reply.refused), response=reply.response
    )


@peers_fault
def chunk_reply(message: scoring_pb2.ScoreChunkResponse, call: ChunkCall) -> ChunkReply:
    """Return the reply that a bureau sent to ``call``."""
    if (message.job_id, message.chunk) != (call.job_id, call.chunk):
        raise PeerProtocolError("the reply belongs to another chunk")
    return ChunkReply(decode_refused(message.refused, len(call.codes)), message.response)


# ---- consents


def verdict_bytes(verdicts: Sequence[Reason | None]) -> bytes:
    """Return one byte a consent: zero, or the number of its reason."""
    return bytes(0 if reason is None else reason.number for reason in verdicts)


@peers_fault
def verdicts(frame: consent_pb2.VerdictFrame, expected: int, sequence: int) -> list[Reason | None]:
    """Return the verdicts of a frame of ``expected`` consents."""
    if len(frame.verdicts) != expected or frame.sequence != sequence:
        raise PeerProtocolError("a frame of verdicts does not fit its consents")
    if any(number and number not in REASONS for number in frame.verdicts):
        raise PeerProtocolError("a verdict has an unknown reason")
    return [REASONS.get(number) for number in frame.verdicts]


@peers_fault
def consents_of(frame: consent_pb2.RegisterFrame, sequence: int) -> list[str]:
    """Return the consents of a bank's frame."""
    if frame.sequence != sequence or not 1 <= len(frame.consents) <= FRAME_CONSENTS:
        raise PeerProtocolError(f"a frame is out of order, or has not 1 to {FRAME_CONSENTS} consents")
    return list(frame.consents)


@peers_fault
def consent_id(text: str) -> bytes:
    """Return a consent's id from its 32 hexadecimal digits."""
    try:
        return exactly(bytes.fromhex(text), CONSENT_ID_BYTES, "consent_id")
    except ValueError:
        raise PeerProtocolError("a consent's id has 32 hexadecimal digits") from None


# ---- parts


def exactly(value: bytes, length: int, name: str) -> bytes:
    """Return ``value`` if it has ``length`` bytes; raises :class:`PeerProtocolError` with ``name``."""
    if len(value) != length:
        raise PeerProtocolError(f"{name} has {length} bytes")
    return value


def text(value: str, name: str, *, limit: int = MAXIMUM_TEXT, empty: bool = False) -> str:
    """Return ``value`` if it is printable and not too long, and not empty unless it may be."""
    if len(value) > limit or not (value or empty):
        raise PeerProtocolError(f"{name} is empty or too long")
    if not value.isprintable():
        raise PeerProtocolError(f"{name} holds a character that does not print")
    return value


def _texts(values: Sequence[str], name: str, count: int) -> tuple[str, ...]:
    if len(values) > count:
        raise PeerProtocolError(f"{name}: too many")
    return tuple(text(value, name) for value in values)


def _cut(data: bytes, size: int, name: str) -> list[bytes]:
    if len(data) % size:
        raise PeerProtocolError(f"{name} are not whole")
    return [data[at : at + size] for at in range(0, len(data), size)]
