"""The calls that a bureau answers: from messages to values, to the domain, and back. No decision is taken here."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from node.codes import Code
from node.errors import Refusal
from node.jobs.bureau_alignment import BureauAlignment
from node.jobs.bureau_consents import BureauConsents
from node.jobs.bureau_models import BureauModels
from node.jobs.bureau_scoring import BureauScoring
from node.jobs.gate import Caller
from node.rpc import methods, wire
from node.rpc.dispatch import Service, service
from node.rpc.exchange import CallContext
from protocols.psi.tags import TAG_BYTES
from protos import alignment_pb2, consent_pb2, scoring_pb2


def caller_of(context: CallContext) -> Caller:
    """Return who calls and from where, as the domain wants it."""
    return Caller(context.party.party_id, str(context.peer_address or ""))


class AlignmentService:
    """banktax.alignment.v1.Alignment."""

    def __init__(self, alignment: BureauAlignment) -> None:
        self._alignment = alignment

    def get_epoch(self, context: CallContext, _request: alignment_pb2.EpochRequest) -> alignment_pb2.Epoch:
        """Return the bank's epoch."""
        epoch = self._alignment.epoch(caller_of(context))
        return alignment_pb2.Epoch(
            epoch_id=epoch.epoch_id,
            tag_count=epoch.tag_count,
            tag_bytes=epoch.tag_bytes,
            tags_digest=epoch.tags_digest,
            suite=epoch.suite,
        )

    def download_tags(
        self, context: CallContext, request: alignment_pb2.TagsRequest
    ) -> Iterator[alignment_pb2.TagsFrame]:
        """Give the epoch's tags in frames."""
        first = request.first
        for tags in self._alignment.tags(caller_of(context), request.epoch_id, first):
            yield alignment_pb2.TagsFrame(first=first, tags=tags)
            first += len(tags) // TAG_BYTES

    def evaluate(self, context: CallContext, request: alignment_pb2.EvaluateRequest) -> alignment_pb2.EvaluateResponse:
        """Evaluate a blinded batch."""
        evaluated = self._alignment.evaluate(caller_of(context), request.epoch_id, request.blinded)
        return alignment_pb2.EvaluateResponse(evaluated=evaluated)

    def service(self) -> Service:
        """Return the service for the server."""
        return service(
            (methods.GET_EPOCH, self.get_epoch),
            (methods.DOWNLOAD_TAGS, self.download_tags),
            (methods.EVALUATE, self.evaluate),
        )


class ConsentService:
    """banktax.consent.v1.Consent."""

    def __init__(self, consents: BureauConsents) -> None:
        self._consents = consents

    def register(
        self, context: CallContext, frames: Iterator[consent_pb2.RegisterFrame]
    ) -> Iterator[consent_pb2.VerdictFrame]:
        """Answer every frame of consents with a frame of verdicts."""
        for sequence, frame in enumerate(frames):
            verdicts = self._consents.register(caller_of(context), wire.consents_of(frame, sequence))
            yield consent_pb2.VerdictFrame(sequence=sequence, verdicts=wire.verdict_bytes(verdicts))

    def revoke(self, context: CallContext, request: consent_pb2.RevokeRequest) -> consent_pb2.RevokeResponse:
        """Withdraw a consent."""
        revoked_at = self._consents.revoke(caller_of(context), wire.consent_id(request.consent_id), request.reason)
        return consent_pb2.RevokeResponse(revoked_at_ms=revoked_at)

    def service(self) -> Service:
        """Return the service for the server."""
        return service((methods.REGISTER_CONSENTS, self.register), (methods.REVOKE_CONSENT, self.revoke))


class ScoringService:
    """banktax.scoring.v1.Scoring."""

    def __init__(self, models: BureauModels, scoring: BureauScoring) -> None:
        self._models = models
        self._scoring = scoring

    def register_model(
        self, context: CallContext, frames: Iterator[scoring_pb2.ModelFrame]
    ) -> scoring_pb2.ModelRegistered:
        """Take a header, an admission if there is one, and then the encrypted model in parts."""
        first = next(frames, None)
        if first is None or first.WhichOneof("part") != "header":
            raise Refusal(Code.MALFORMED, "a model begins with its header")
        description = wire.model_description(first.header)
        second = next(frames, None)
        admission = second.admission if second is not None else b""
        if second is not None and second.WhichOneof("part") != "admission":
            frames = chain([second], frames)
        model_id, certified = self._models.register(caller_of(context), description, _parts(frames), admission)
        return scoring_pb2.ModelRegistered(model_id=model_id, certified=certified)

    def open_job(self, context: CallContext, request: scoring_pb2.OpenJobRequest) -> scoring_pb2.OpenJobResponse:
        """Open a job."""
        return wire.opened_message(self._scoring.open(caller_of(context), wire.opening(request)))

    def score_chunk(
        self, context: CallContext, request: scoring_pb2.ScoreChunkRequest
    ) -> scoring_pb2.ScoreChunkResponse:
        """Score a chunk."""
        call = wire.chunk_call(request)
        return wire.reply_message(call, self._scoring.score(caller_of(context), call))

    def score_one(self, context: CallContext, request: scoring_pb2.ScoreOneRequest) -> scoring_pb2.ScoreOneResponse:
        """Open a job of one enterprise and score it."""
        opening, call = wire.opening(request.open), wire.chunk_call(request.chunk)
        if opening.enterprises != 1 or len(call.codes) != 1 or call.job_id != opening.job_id:
            raise Refusal(Code.MALFORMED, "this call is for one enterprise of one job")
        opened, reply = self._scoring.score_one(caller_of(context), opening, call)
        return scoring_pb2.ScoreOneResponse(open=wire.opened_message(opened), chunk=wire.reply_message(call, reply))

    def close_job(self, context: CallContext, request: scoring_pb2.CloseJobRequest) -> scoring_pb2.CloseJobResponse:
        """Close a job."""
        released, refused = self._scoring.close(caller_of(context), request.job_id, cancelled=request.cancelled)
        return scoring_pb2.CloseJobResponse(released=released, refused=refused)

    def service(self) -> Service:
        """Return the service for the server."""
        return service(
            (methods.REGISTER_MODEL, self.register_model),
            (methods.OPEN_JOB, self.open_job),
            (methods.SCORE_CHUNK, self.score_chunk),
            (methods.SCORE_ONE, self.score_one),
            (methods.CLOSE_JOB, self.close_job),
        )


def _parts(frames: Iterator[scoring_pb2.ModelFrame]) -> Iterator[bytes]:
    for frame in frames:
        if frame.WhichOneof("part") != "encrypted":
            raise Refusal(Code.MALFORMED, "a model's header and admission come once, before its parts")
        yield frame.encrypted
