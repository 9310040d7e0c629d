"""Messages of protos/screening.proto <-> the values of :mod:`node.jobs.screening_calls`, at a bureau.

What a peer sent is bounded and checked here; what does not fit is ``MALFORMED`` and nothing of it is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from node.codes import Purpose, ScreeningMode, ScreeningProtocol
from node.jobs.screening_calls import (
    JOB_ID_BYTES,
    MAXIMUM_ATTEMPTS,
    MAXIMUM_BUCKETS,
    MAXIMUM_PADDED_CODES,
    PART_BYTES,
    SESSION_ID_BYTES,
    ExchangePart,
    ExchangePlace,
    ListEpoch,
    ListTerms,
    OpenedScreening,
    ScreeningOpening,
)
from node.policy.screening_record import size_class
from node.rpc.wire import exactly, peers_fault, text
from protocols.errors import PeerProtocolError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.tags import TAG_BYTES
from protocols.transcript import DIGEST_BYTES
from protos import screening_pb2 as pb

SUITE = "VOPRF(ristretto255, SHA-512)"
MAXIMUM_NAME, MAXIMUM_VERSION = 64, 40

EnumT = TypeVar("EnumT", bound=StrEnum)


@peers_fault
def list_key(message: pb.ListRequest) -> tuple[str, str]:
    """Return which list a bank asks for; an empty version stands for the newest."""
    version = text(message.version, "version", limit=MAXIMUM_VERSION, empty=True)
    return text(message.list, "list", limit=MAXIMUM_NAME), version


def terms_message(terms: ListTerms) -> pb.ScreeningTerms:
    """Return terms as they are sent."""
    return pb.ScreeningTerms(
        modes=terms.modes,
        purposes=terms.purposes,
        codes_per_job=terms.codes_per_job,
        codes_left=terms.codes_left,
        minimum_count=terms.minimum_count,
        vole_security=terms.vole_security,
        minimum_cell=terms.minimum_cell,
    )


@peers_fault
def opening(message: pb.OpenScreeningRequest) -> ScreeningOpening:
    """Return the opening that a bank sent."""
    if not 1 <= message.padded_codes <= MAXIMUM_PADDED_CODES:
        raise PeerProtocolError("a screening's padded number of codes is out of bounds")
    if message.size_class != size_class(message.padded_codes):
        raise PeerProtocolError("a screening's size class is not that of its codes")
    protocol = _member(ScreeningProtocol, message.protocol, "protocol")
    if (
        not (1 if protocol is ScreeningProtocol.VOLE else 0)
        <= message.buckets
        <= (MAXIMUM_BUCKETS if protocol is ScreeningProtocol.VOLE else 0)
    ):
        raise PeerProtocolError("a screening's number of buckets does not fit its protocol")
    return ScreeningOpening(
        exactly(message.job_id, JOB_ID_BYTES, "job_id"),
        text(message.list, "list", limit=MAXIMUM_NAME),
        text(message.version, "version", limit=MAXIMUM_VERSION),
        _member(ScreeningMode, message.mode, "mode"),
        protocol,
        _member(Purpose, message.purpose, "purpose"),
        message.padded_codes,
        exactly(message.commitment, DIGEST_BYTES, "commitment"),
        message.buckets,
        _security(message.security, protocol),
    )


def opened_message(opened: OpenedScreening) -> pb.OpenScreeningResponse:
    """Return what the bureau says of an open screening."""
    return pb.OpenScreeningResponse(
        session_id=opened.session_id,
        list_items=opened.list_items,
        charged=opened.charged,
        bucket_key=opened.bucket_key,
        epoch=None if opened.epoch is None else _epoch_message(opened.epoch),
        agreement_id=opened.agreement_id,
        opened_at_ms=opened.opened_at_ms,
    )


def _epoch_message(epoch: ListEpoch) -> pb.ListEpoch:
    return pb.ListEpoch(
        epoch_id=epoch.epoch_id,
        suite=SUITE,
        public_key=epoch.public_key,
        tag_bytes=TAG_BYTES,
        segments=[
            pb.ListSegment(
                number=one.number,
                kind=one.kind,
                count=one.count,
                tags_digest=one.tags_digest,
                label_bytes=one.label_bytes,
                labels_digest=one.labels_digest,
            )
            for one in epoch.segments
        ],
    )


# ---- exchanges


@peers_fault
def exchange_place(frame: pb.ExchangeFrame | None) -> ExchangePlace:
    """Return which exchange a bank begins."""
    if frame is None or not frame.HasField("header") or frame.part or frame.last:
        raise PeerProtocolError("an exchange begins with its header")
    if frame.header.bucket >= MAXIMUM_BUCKETS or frame.header.attempt >= MAXIMUM_ATTEMPTS:
        raise PeerProtocolError("an exchange's bucket or attempt is out of bounds")
    return ExchangePlace(
        exactly(frame.header.session_id, SESSION_ID_BYTES, "session_id"), frame.header.bucket, frame.header.attempt
    )


def message_frames(message: bytes) -> Iterator[pb.ExchangeFrame]:
    """Cut one protocol message into frames."""
    for start in range(0, len(message), PART_BYTES):
        part = message[start : start + PART_BYTES]
        yield pb.ExchangeFrame(part=part, last=start + PART_BYTES >= len(message))


@peers_fault
def exchange_part(frame: pb.ExchangeFrame) -> ExchangePart:
    """Return the part of a message that a frame brings."""
    if frame.HasField("header") or not 1 <= len(frame.part) <= PART_BYTES:
        raise PeerProtocolError(f"a frame of an exchange has a part of 1..{PART_BYTES} bytes")
    return ExchangePart(frame.part, frame.last)


def whole_messages(frames: Iterable[pb.ExchangeFrame], limit: int) -> Iterator[bytes]:
    """Put a peer's frames together and give its messages, at most ``limit`` bytes each.

    Raises:
        Refusal: ``MALFORMED``, a message is longer, or the stream ended inside one.
    """
    parts: list[bytes] = []
    for frame in frames:
        one = exchange_part(frame)
        parts.append(one.part)
        _check_length(sum(map(len, parts)), limit)
        if one.last:
            yield b"".join(parts)
            parts.clear()
    _check_ended(parts)


@peers_fault
def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise PeerProtocolError(f"a message of an exchange has more than {limit} bytes")


@peers_fault
def _check_ended(parts: list[bytes]) -> None:
    if parts:
        raise PeerProtocolError("an exchange ended inside a message")


def _security(value: str, protocol: ScreeningProtocol) -> SecurityProfile | None:
    if protocol is not ScreeningProtocol.VOLE:
        if value:
            raise PeerProtocolError("a profile of security belongs to protocol vole alone")
        return None
    return _member(SecurityProfile, value or SecurityProfile.SEMI_HONEST, "security")


def _member(kind: type[EnumT], value: str, name: str) -> EnumT:
    try:
        return kind(value)
    except ValueError:
        raise PeerProtocolError(f"{name} is none that this release knows") from None
