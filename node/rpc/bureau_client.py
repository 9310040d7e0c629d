"""A bureau as a bank's node reaches it: every call of :class:`node.jobs.bureau_link.BureauLink` over mutual TLS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from node.alignment.align import align
from node.alignment.epoch import EpochInfo
from node.alignment.memory import AlignmentMemory
from node.codes import Code, Reason, Side
from node.errors import Refusal
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening, OpenedJob
from node.jobs.model_description import ModelDescription
from node.rpc import methods, wire
from node.rpc.client import PeerClient
from node.rpc.methods import Method
from protocols.errors import PeerProtocolError
from protocols.randomness import Randomness
from protos import alignment_pb2, consent_pb2, scoring_pb2

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class _Traffic(threading.local):
    sent = 0
    received = 0


class BureauClient:
    """One bureau. Thread-safe; bytes are counted per thread, so that a job can account for its own."""

    def __init__(self, bureau: str, peer: PeerClient, memory: AlignmentMemory, randomness: Randomness) -> None:
        self._bureau = bureau
        self._peer = peer
        self._memory = memory
        self._randomness = randomness
        self._traffic = _Traffic()

    @property
    def traffic(self) -> tuple[int, int]:
        """Payload bytes (sent, received) by this thread since :meth:`begin_count`."""
        return self._traffic.sent, self._traffic.received

    def begin_count(self) -> None:
        """Set this thread's count of bytes to zero."""
        self._traffic.sent = self._traffic.received = 0

    def _call(self, method: Method[RequestT, ResponseT], message: RequestT) -> ResponseT:
        answer = self._peer.call(method, message)
        self._count(message, answer)
        return answer

    def _count(self, sent: Message | None, received: Message | None) -> None:
        self._traffic.sent += sent.ByteSize() if sent is not None else 0
        self._traffic.received += received.ByteSize() if received is not None else 0

    # ---- alignment

    def align(self, codes: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Mapping[str, bool]:
        """Tell privately which of ``codes`` the bureau holds."""
        return align(
            codes,
            bureau=self._bureau,
            client=self,
            memory=self._memory,
            randomness=self._randomness,
            progress=progress,
        )

    def get_epoch(self) -> EpochInfo:
        """Return the bureau's epoch for this bank; the bureau prepares it if it has to."""
        answer = self._call(methods.GET_EPOCH, alignment_pb2.EpochRequest())
        try:
            return EpochInfo(answer.epoch_id, answer.tag_count, answer.tags_digest, answer.tag_bytes, answer.suite)
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault), side=Side.BUREAU) from None

    def download_tags(self, epoch_id: bytes, first: int) -> Iterator[bytes]:
        """Give the epoch's tags from index ``first`` in frames of whole tags."""
        request = alignment_pb2.TagsRequest(epoch_id=epoch_id, first=first)
        self._count(request, None)
        for frame in self._peer.download(methods.DOWNLOAD_TAGS, request):
            self._count(None, frame)
            yield frame.tags

    def evaluate(self, epoch_id: bytes, blinded: bytes) -> bytes:
        """Return the evaluated batch of an encoded blinded batch."""
        return self._call(methods.EVALUATE, alignment_pb2.EvaluateRequest(epoch_id=epoch_id, blinded=blinded)).evaluated

    # ---- consents

    def register_consents(self, consents: Sequence[str]) -> Sequence[Reason | None]:
        """Present compact JWS; one verdict each."""
        frames = [
            consent_pb2.RegisterFrame(sequence=sequence, consents=consents[start : start + wire.FRAME_CONSENTS])
            for sequence, start in enumerate(range(0, len(consents), wire.FRAME_CONSENTS))
        ]
        found: list[Reason | None] = []
        answers = self._peer.converse(methods.REGISTER_CONSENTS, iter(frames))
        for sequence, (frame, answer) in enumerate(zip(frames, answers, strict=True)):
            self._count(frame, answer)
            found += wire.verdicts(answer, len(frame.consents), sequence)
        return found

    def revoke_consent(self, consent_id: bytes, reason: str) -> int:
        """Withdraw a consent; returns when it took effect (Unix milliseconds)."""
        request = consent_pb2.RevokeRequest(consent_id=consent_id.hex(), reason=reason)
        return self._call(methods.REVOKE_CONSENT, request).revoked_at_ms

    # ---- models and jobs

    def register_model(self, description: ModelDescription, encrypted: Iterator[bytes], admission: bytes = b"") -> bool:
        """Send a model, with its admission if there is one; returns whether the bureau holds it as certified."""

        def frames() -> Iterator[scoring_pb2.ModelFrame]:
            yield scoring_pb2.ModelFrame(header=wire.model_header(description))
            if admission:
                yield scoring_pb2.ModelFrame(admission=admission)
            for part in encrypted:
                yield scoring_pb2.ModelFrame(encrypted=part)

        answer = self._peer.upload(methods.REGISTER_MODEL, frames())
        if answer.model_id != description.model_id:
            raise Refusal(Code.MALFORMED, "the bureau registered another model", side=Side.BUREAU)
        return answer.certified

    def open_job(self, opening: JobOpening) -> OpenedJob:
        """Open a job, or find it open."""
        return wire.opened(self._call(methods.OPEN_JOB, wire.opening_message(opening)))

    def score_chunk(self, call: ChunkCall) -> ChunkReply:
        """Have one chunk scored; the same call again gives the same reply."""
        return wire.chunk_reply(self._call(methods.SCORE_CHUNK, wire.chunk_message(call)), call)

    def score_one(self, opening: JobOpening, call: ChunkCall) -> tuple[OpenedJob, ChunkReply]:
        """Open a job and have its only chunk scored in one call."""
        request = scoring_pb2.ScoreOneRequest(open=wire.opening_message(opening), chunk=wire.chunk_message(call))
        answer = self._call(methods.SCORE_ONE, request)
        return wire.opened(answer.open), wire.chunk_reply(answer.chunk, call)

    def close_job(self, job_id: bytes, *, cancelled: bool) -> None:
        """Tell the bureau that it may forget the job's responses."""
        self._call(methods.CLOSE_JOB, scoring_pb2.CloseJobRequest(job_id=job_id, cancelled=cancelled))
