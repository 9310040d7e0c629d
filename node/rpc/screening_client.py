"""A bureau's screening service as a bank reaches it: :class:`node.jobs.screening_link.ScreeningLink` over TLS."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager

from node.codes import Code, Purpose, ScreeningMode, ScreeningProtocol, Side
from node.errors import Refusal
from node.jobs.screening_calls import PART_BYTES, ListEpoch, ListTerms, ScreeningOpening
from node.jobs.screening_link import ListOffer, Opened
from node.policy.screening_record import size_class
from node.rpc import methods
from node.rpc.measured_peer import MeasuredPeer
from protocols.errors import PeerProtocolError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.segments import MAXIMUM_SEGMENTS, Segment, SegmentKind
from protos import screening_pb2 as pb

MAXIMUM_MESSAGE_BYTES = 1 << 30
ID_BYTES, DIGEST_BYTES, PROOF_BYTES, TAG_BYTES = 16, 32, 64, 12
SUITE = "VOPRF(ristretto255, SHA-512)"
_METHODS = {
    ScreeningProtocol.VOLE: methods.EXCHANGE_VOLE,
    ScreeningProtocol.CARDINALITY: methods.EXCHANGE_COUNT,
}


class ScreeningClient:
    """One bureau's lists. Thread-safe."""

    def __init__(self, peer: MeasuredPeer) -> None:
        self._peer = peer

    def get_list(self, name: str, version: str) -> ListOffer:
        """Return a list's document and terms; an empty version: the newest."""
        answer = self._peer.call(methods.GET_LIST, pb.ListRequest(list=name, version=version))
        terms = answer.terms
        unknown = set(terms.modes) - set(ScreeningMode) | set(terms.purposes) - set(Purpose)
        if unknown or terms.vole_security not in {"", *SecurityProfile}:
            raise _false("the terms of screening name a mode, purpose or profile that is not known")
        return ListOffer(
            answer.document,
            ListTerms(
                tuple(map(ScreeningMode, terms.modes)),
                tuple(map(Purpose, terms.purposes)),
                terms.codes_per_job,
                terms.codes_left,
                terms.minimum_count,
                SecurityProfile(terms.vole_security or SecurityProfile.SEMI_HONEST),
                terms.minimum_cell,
            ),
        )

    def open_screening(self, opening: ScreeningOpening, list_digest: str) -> Opened:
        """Open a session, or find it open."""
        request = pb.OpenScreeningRequest(
            job_id=opening.job_id,
            list=opening.list_name,
            version=opening.list_version,
            mode=opening.mode,
            protocol=opening.protocol,
            purpose=opening.purpose,
            padded_codes=opening.padded_codes,
            commitment=opening.commitment,
            size_class=size_class(opening.padded_codes),
            buckets=opening.buckets,
            security=opening.security or "",
        )
        answer = self._peer.call(methods.OPEN_SCREENING, request)
        if len(answer.session_id) != ID_BYTES or not answer.list_items or not answer.agreement_id:
            raise _false("the opening of a screening has no session, no size or no agreement")
        if (len(answer.bucket_key) == DIGEST_BYTES) != (opening.protocol is ScreeningProtocol.VOLE):
            raise _false("a key of buckets belongs to protocol vole alone")
        epoch = _epoch(answer.epoch) if opening.protocol is ScreeningProtocol.OPRF else None
        return Opened(
            answer.session_id,
            answer.list_items,
            answer.agreement_id,
            answer.opened_at_ms,
            answer.bucket_key,
            opening.buckets,
            list_digest,
            epoch,
        )

    def download_tags(self, session_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give a segment's tags from index ``first`` in frames of whole tags."""
        request = pb.SegmentRequest(session_id=session_id, segment=segment, first=first)
        for frame in self._peer.download(methods.DOWNLOAD_LIST_TAGS, request):
            yield frame.items

    def download_labels(self, session_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give a segment's sealed labels from index ``first`` in frames of whole ones."""
        request = pb.SegmentRequest(session_id=session_id, segment=segment, first=first)
        for frame in self._peer.download(methods.DOWNLOAD_LABELS, request):
            yield frame.items

    def evaluate(self, session_id: bytes, first: int, blinded: bytes) -> tuple[bytes, bytes]:
        """Return the evaluated batch and its proof."""
        request = pb.EvaluateListRequest(session_id=session_id, first=first, blinded=blinded)
        answer = self._peer.call(methods.EVALUATE_LIST, request)
        if len(answer.evaluated) != len(blinded) or len(answer.proof) != PROOF_BYTES:
            raise _false("a batch came back in another size, or without its proof")
        return answer.evaluated, answer.proof

    @contextmanager
    def exchange(
        self, protocol: ScreeningProtocol, session_id: bytes, bucket: int, attempt: int
    ) -> Iterator[PeerConversation]:
        """Hold one conversation of protocol messages; leaving the block ends it."""
        with self._converse(_METHODS[protocol], session_id, bucket, attempt) as talk:
            yield talk

    @contextmanager
    def exchange_table(self, session_id: bytes, part: int, attempt: int) -> Iterator[PeerConversation]:
        """Hold the conversation of a confusion table; leaving the block ends it."""
        with self._converse(methods.EXCHANGE_TABLE, session_id, part, attempt) as talk:
            yield talk

    @contextmanager
    def _converse(
        self,
        method: methods.Method[pb.ExchangeFrame, pb.ExchangeFrame],
        session_id: bytes,
        bucket: int,
        attempt: int,
    ) -> Iterator[PeerConversation]:
        header = pb.ExchangeHeader(session_id=session_id, bucket=bucket, attempt=attempt)
        talk = PeerConversation(pb.ExchangeFrame(header=header))
        answers = self._peer.converse(method, talk.frames())
        talk.hear(answers)
        try:
            yield talk
            talk.end()
        finally:
            talk.abandon()

    def close_screening(self, session_id: bytes, *, cancelled: bool, record: bytes) -> bytes:
        """End a session; returns the countersigned record, nothing where it was cancelled."""
        request = pb.CloseScreeningRequest(session_id=session_id, cancelled=cancelled, record=record)
        return self._peer.call(methods.CLOSE_SCREENING, request).record


class PeerConversation:
    """Messages cut into frames of at most one mebibyte, and put together again."""

    def __init__(self, first: pb.ExchangeFrame) -> None:
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._first = first
        self._answers: Iterator[pb.ExchangeFrame] = iter(())
        self._sent = self._received = 0

    @property
    def traffic(self) -> tuple[int, int]:
        """Payload bytes (sent, received) so far."""
        return self._sent, self._received

    def send(self, message: bytes) -> None:
        """Send a message; returns at once."""
        self._sent += len(message)
        self._outgoing.put(message)

    def receive(self) -> bytes:
        """Wait for the next message, put together.

        Raises:
            Refusal: the bureau's, or ``MALFORMED`` where it ends the conversation early or a message never ends.
        """
        parts: list[bytes] = []
        size = 0
        for frame in self._answers:
            if frame.HasField("header") or not 1 <= len(frame.part) <= PART_BYTES:
                raise _false("a frame of a conversation has a header, or no part of at most one mebibyte")
            parts.append(frame.part)
            size += len(frame.part)
            if size > MAXIMUM_MESSAGE_BYTES:
                raise _false("a message of a conversation is too long")
            if frame.last:
                self._received += size
                return b"".join(parts)
        raise _false("the bureau ended a conversation early")

    def frames(self) -> Iterator[pb.ExchangeFrame]:
        """Give the frames to send, as gRPC's own thread asks for them."""
        yield self._first
        while (message := self._outgoing.get()) is not None:
            for at in range(0, len(message), PART_BYTES):
                yield pb.ExchangeFrame(part=message[at : at + PART_BYTES], last=at + PART_BYTES >= len(message))

    def hear(self, answers: Iterator[pb.ExchangeFrame]) -> None:
        """Name where the bureau's frames come from."""
        self._answers = answers

    def end(self) -> None:
        """Say that nothing follows and wait for the bureau to say the same."""
        self._outgoing.put(None)
        for _ in self._answers:
            raise _false("the bureau goes on after the end of a conversation")

    def abandon(self) -> None:
        """Let the sending thread go and cut the call off, if it still runs."""
        self._outgoing.put(None)
        close = getattr(self._answers, "close", None)
        if close is not None:
            close()


def _epoch(message: pb.ListEpoch) -> ListEpoch:
    if message.suite != SUITE or message.tag_bytes != TAG_BYTES:
        raise _false("an epoch is of another suite or tag length")
    if len(message.epoch_id) != ID_BYTES or len(message.public_key) != 32:
        raise _false("an epoch's id or key has a wrong length")
    if len(message.segments) > MAXIMUM_SEGMENTS or any(one.kind not in set(SegmentKind) for one in message.segments):
        raise _false("an epoch has too many segments, or one of a kind that is not known")
    try:
        return ListEpoch(message.epoch_id, message.public_key, tuple(map(_segment, message.segments)))
    except PeerProtocolError as fault:
        raise _false(str(fault)) from None


def _segment(message: pb.ListSegment) -> Segment:
    return Segment(
        message.number,
        SegmentKind(message.kind),
        message.count,
        message.tags_digest,
        message.label_bytes,
        message.labels_digest,
    )


def _false(detail: str) -> Refusal:
    return Refusal(Code.MALFORMED, detail, side=Side.BUREAU)
