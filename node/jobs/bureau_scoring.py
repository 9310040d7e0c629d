"""The bureau's side of scoring jobs: consent is checked at admission AND again before release, in one transaction
with the use that it spends and the response that it allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from node.clock import Clock
from node.codes import Code, JobState, Reason
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bureau_journal import BureauJob, BureauJournal, ReleasedChunk, require_open
from node.jobs.bureau_ledger import ExtractionLedger, FirstLook, LedgerTerms
from node.jobs.bureau_models import BureauModels, RegisteredModel, asked_of
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening, OpenedJob, RefusedRow
from node.jobs.gate import Asked, Caller, Gate
from node.jobs.model_description import ENGINE_OF_PROFILE
from node.jobs.work import CANARIES, EvaluateTask, evaluate_chunk
from node.policy.agreement import Agreement
from node.policy.authorise import CONNECTION, SCORING
from node.policy.consent import covers, term_fault
from node.storage.consents import Consents
from node.storage.database import Database
from node.storage.features import FeatureStore, StoredFeatureSet
from node.storage.grants import Grant, grants
from protocols.errors import PeerProtocolError
from protocols.scoring.bureau import release
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.engines import ENGINES
from protocols.scoring.messages import ScoreRequest


@dataclass(frozen=True)
class BureauParts:
    """What the scoring service works with."""

    database: Database
    journal: BureauJournal
    models: BureauModels
    consents: Consents
    features: FeatureStore
    gate: Gate
    compute: ComputePool
    clock: Clock
    ledger: ExtractionLedger


@dataclass(frozen=True)
class _Admitted:
    """A model that may be evaluated. ``terms``: of the extraction ledger; none for a model without an admission."""

    model: RegisteredModel
    terms: LedgerTerms | None


@dataclass(frozen=True)
class _Work:
    """One chunk of a job, with the ledger's terms for its model, and what its first look settled."""

    caller: Caller
    job: BureauJob
    model: RegisteredModel
    call: ChunkCall
    terms: LedgerTerms | None
    settled: frozenset[str] = frozenset()

    @property
    def bank(self) -> str:
        """Whose job it is."""
        return self.caller.bank


class BureauScoring:
    """Opens jobs, scores chunks, closes jobs."""

    def __init__(self, parts: BureauParts) -> None:
        self._parts = parts
        self._sets: dict[str, StoredFeatureSet] = {}

    # ---- opening and closing

    def open(self, caller: Caller, opening: JobOpening) -> OpenedJob:
        """Open a job on the newest feature set of the model's catalogue, or find it open."""
        return self._open(caller, opening)[0]

    def _open(self, caller: Caller, opening: JobOpening) -> tuple[OpenedJob, BureauJob, _Admitted]:
        self._parts.gate.check(caller, CONNECTION)  # without an agreement not even «unknown» is answered
        model = self._parts.models.get(caller.bank, opening.model_id)
        agreement = self._parts.gate.check(caller, SCORING, self._asked(model, opening.purpose, opening.enterprises))
        terms = self._terms_at_opening(caller.bank, model, agreement, opening)
        feature_set = self._parts.features.latest(model.description.catalogue_id, model.description.catalogue_version)
        if feature_set is None:
            raise Refusal(Code.NOT_FOUND, "the bureau has no feature set of the model's catalogue version yet")
        job = self._parts.journal.open(
            BureauJob(
                job_id=opening.job_id,
                bank=caller.bank,
                idempotency_key=opening.idempotency_key,
                content_digest=opening.content_digest,
                model_id=opening.model_id,
                purpose=opening.purpose,
                agreement_id=agreement.agreement_id,
                feature_set=feature_set.feature_set,
                enterprises=opening.enterprises,
                state=JobState.COMPUTING,
                opened_at=self._parts.clock(),
            ),
            agreement,
            self._parts.features.pin,
        )
        as_of = self._feature_set(job.feature_set).as_of
        return OpenedJob(job.feature_set, as_of), job, _Admitted(model, terms)

    def _terms(self, bank: str, model: RegisteredModel, agreement: Agreement, *, running: bool) -> LedgerTerms | None:
        """Refuse a model that may not be evaluated now; return what the ledger holds against an admitted one."""
        certificate = self._parts.models.certificate(model, agreement, running=running)
        return None if certificate is None else LedgerTerms.of(bank, certificate, agreement)

    def _terms_at_opening(
        self, bank: str, model: RegisteredModel, agreement: Agreement, opening: JobOpening
    ) -> LedgerTerms | None:
        """As :meth:`_terms`; a job that stands open already is no new one, whatever became of the review meanwhile."""
        try:
            return self._terms(bank, model, agreement, running=False)
        except Refusal:
            job = self._parts.journal.find(bank, opening.job_id)
            if job is None or job.state is not JobState.COMPUTING:
                raise
            return self._terms(bank, model, agreement, running=True)

    def _feature_set(self, name: str) -> StoredFeatureSet:
        """Return the set of an open job; its date and file never change, and an open job keeps it."""
        if name not in self._sets:
            stored = self._parts.features.get(name)
            if stored is None:
                raise Refusal(Code.STORAGE_UNAVAILABLE, "the job's feature set is not in the database")
            self._sets[name] = stored
        return self._sets[name]

    def _asked(self, model: RegisteredModel, purpose: str, rows: int) -> Asked:
        if purpose not in model.description.purposes:
            raise Refusal(Code.MODEL_NOT_ADMITTED, "the model was not registered for this purpose")
        return asked_of(model.description, purpose, rows)

    def close(self, caller: Caller, job_id: bytes, *, cancelled: bool) -> tuple[int, int]:
        """Close a job; returns how many enterprises were released and refused. Closing twice changes nothing."""
        self._parts.gate.check(caller, CONNECTION)
        return self._parts.journal.close(caller.bank, job_id, cancelled=cancelled)

    # ---- chunks

    def score(self, caller: Caller, call: ChunkCall) -> ChunkReply:
        """Score one chunk; the same call again gives the stored bytes."""
        self._parts.gate.check(caller, CONNECTION)
        job = self._parts.journal.get_open(caller.bank, call.job_id)
        model = self._parts.models.get(caller.bank, job.model_id, running=True)
        agreement = self._parts.gate.check(caller, SCORING, self._asked(model, job.purpose, job.enterprises))
        terms = self._terms(caller.bank, model, agreement, running=True)
        return self._score(_Work(caller, job, model, call, terms))

    def score_one(self, caller: Caller, opening: JobOpening, call: ChunkCall) -> tuple[OpenedJob, ChunkReply]:
        """Open a job and score its only chunk, in one call of one moment: what opened it is not looked up again."""
        opened, job, admitted = self._open(caller, opening)
        return opened, self._score(_Work(caller, require_open(job), admitted.model, call, admitted.terms))

    def _score(self, work: _Work) -> ChunkReply:
        call = work.call
        if len(call.codes) > chunk_rows(work.model):
            raise Refusal(Code.MALFORMED, f"a chunk of this model has at most {chunk_rows(work.model)} enterprises")
        with self._parts.database.read() as connection:
            earlier = self._parts.journal.released(connection, call.job_id, call.chunk)
            if earlier is not None:
                return _same_reply(earlier, call)
            self._check_room(connection, work.job, call)
            known = grants(connection, call.consent_ids)  # the first look: what is refused here is never computed
            faults = self._faults(connection, work, known)
            left = _pairs(call, known, faults)
            used_up = self._parts.consents.exhausted(connection, left.values(), call.job_id)
            faults.update(_exhausted(left, used_up))
            look = self._first_look(connection, work, faults)
            faults.update(_limited(call, look.refused))
            work = replace(work, settled=look.settled)
        return self._attempt(work, known, faults)

    def _first_look(self, connection: Connection, work: _Work, faults: Mapping[int, Reason]) -> FirstLook:
        """What the extraction ledger says of the rows that are left."""
        if work.terms is None:
            return FirstLook()
        codes = _left_codes(work.call, faults)
        return self._parts.ledger.first_look(connection, work.terms, codes, self._parts.clock())

    def _check_room(self, connection: Connection, job: BureauJob, call: ChunkCall) -> None:
        others = self._parts.journal.rows_of_other_chunks(connection, job.job_id, call.chunk)
        if others + len(call.codes) > job.enterprises:
            raise Refusal(Code.QUOTA_EXCEEDED, "the job was opened for fewer enterprises")

    def _attempt(self, work: _Work, known: Mapping[bytes, Grant], faults: dict[int, Reason]) -> ChunkReply:
        call, model = work.call, work.model
        request = _request(call)
        stored = self._feature_set(work.job.feature_set)
        features = self._parts.features.open(work.job.feature_set)
        positions = features.rows(call.codes)
        for index in np.flatnonzero(positions < 0).tolist():
            faults.setdefault(index, Reason.DATA_MISSING)
        task = EvaluateTask(
            engine=ENGINE_OF_PROFILE[model.description.profile],
            model_path=model.path,
            model_digest=model.description.encrypted_digest,
            public=model.public.encode(),
            features=self._parts.features.path(stored),
            positions=_without(positions, faults),
            binding=call.binding,
            request=request.encode(),
        )
        try:
            encoded = self._parts.compute.run(evaluate_chunk, task, batch=len(call.codes) > 1)
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault)) from None
        return self._release(work, known, faults, EncryptedScores.decode(encoded))

    def _faults(self, connection: Connection, work: _Work, known: Mapping[bytes, Grant]) -> dict[int, Reason]:
        """What is wrong with each consent at this moment. ``known`` never changes; revocations and the time do."""
        call = work.call
        revoked = self._parts.consents.revoked(connection, call.consent_ids)
        judge = _Judge(work.bank, work.job, work.model, revoked, self._parts.clock())
        faults = {}
        for index, (code, consent_id) in enumerate(zip(call.codes, call.consent_ids, strict=True)):
            fault = judge.fault(known.get(consent_id), code)
            if fault is not None:
                faults[index] = fault
        return faults

    def _release(
        self, work: _Work, known: Mapping[bytes, Grant], faults: Mapping[int, Reason], scores: EncryptedScores
    ) -> ChunkReply:
        """Second look, use, debit and response in one transaction: what is refused now is dropped from the response."""
        call = work.call
        self._check_still_covered(work)
        with self._parts.database.write() as connection:
            self._parts.journal.hold_open(connection, work.bank, call.job_id)  # before the look: attempts queue up here
            earlier = self._parts.journal.released(connection, call.job_id, call.chunk)
            if earlier is not None:  # another attempt at the same chunk was faster
                return _same_reply(earlier, call)
            self._check_room(connection, work.job, call)  # chunks at once are counted one after the other
            self._parts.consents.hold(connection, call.consent_ids)
            late = {**self._faults(connection, work, known), **faults}
            self._account(connection, work, known, late)
            reply = _reply(call, late, scores)
            self._parts.journal.release(
                connection,
                call.job_id,
                call.chunk,
                request_digest=call.digest,
                response_digest=reply.digest,
                response=reply.encode(),
                released=len(call.codes) - len(late),
                refused=len(late),
            )
        return reply

    def _check_still_covered(self, work: _Work) -> None:
        """While a worker computed, the bank may have been suspended, or the agreement may have ended."""
        self._parts.gate.require_trusted(work.caller)
        self._parts.gate.check(work.caller, SCORING, self._asked(work.model, work.job.purpose, work.job.enterprises))

    def _account(
        self, connection: Connection, work: _Work, known: Mapping[bytes, Grant], late: dict[int, Reason]
    ) -> None:
        """Spend consents and debit the ledger for the rows that ``late`` leaves; add what either of them refuses.

        The ledger judges first, for a row that it refuses spends no consent, and writes last, for a row whose consent
        is used up debits nothing.
        """
        call, terms = work.call, work.terms
        if terms is None:
            late.update(self._spend(connection, call, known, late))
            return
        now = self._parts.clock()
        open_codes = [code for code in _left_codes(call, late) if code not in work.settled]
        judgement = self._parts.ledger.judge(connection, terms, open_codes, now)
        late.update(_limited(call, judgement.refused))
        late.update(self._spend(connection, call, known, late))
        self._parts.ledger.debit(connection, terms, judgement, _left_codes(call, late), now)

    def _spend(
        self, connection: Connection, call: ChunkCall, known: Mapping[bytes, Grant], refused: Mapping[int, Reason]
    ) -> dict[int, Reason]:
        """Count one use of every consent that is left; returns those that had none."""
        left = _pairs(call, known, refused)
        used_up = self._parts.consents.use(connection, left.values(), call.job_id, call.chunk, self._parts.clock())
        return _exhausted(left, used_up)


def chunk_rows(model: RegisteredModel) -> int:
    """Return how many enterprises one chunk of a model may hold beside the canaries."""
    return ENGINES[ENGINE_OF_PROFILE[model.description.profile]].chunk_rows - CANARIES


class _Judge:
    """Says what is wrong with a consent at one moment; a wording that thousands share is compared once."""

    def __init__(self, bank: str, job: BureauJob, model: RegisteredModel, revoked: Set[bytes], now: int) -> None:
        self._bank = bank
        self._revoked = revoked
        self._now = now
        described = model.description
        self._covers = cache(lambda scope: covers(scope, job.purpose, described.field_ids, described.model_class))

    def fault(self, consent: Grant | None, code: str) -> Reason | None:
        """Return why ``consent`` does not allow the enterprise ``code`` to be scored, or nothing."""
        if consent is None:
            return Reason.CONSENT_UNKNOWN
        if consent.uscc != code or consent.bank != self._bank:
            return Reason.CONSENT_WRONG_PARTY
        if consent.consent_id in self._revoked:
            return Reason.CONSENT_REVOKED
        if not self._covers(consent.scope):
            return Reason.CONSENT_OUT_OF_SCOPE
        return term_fault(consent, self._now)


def _pairs(
    call: ChunkCall, known: Mapping[bytes, Grant], refused: Mapping[int, Reason]
) -> dict[int, tuple[bytes, int]]:
    """Return (consent id, maximum uses) of every row that is not refused."""
    return {
        index: (consent, known[consent].maximum_uses)
        for index, consent in enumerate(call.consent_ids)
        if index not in refused
    }


def _left_codes(call: ChunkCall, refused: Mapping[int, Reason]) -> list[str]:
    return [code for index, code in enumerate(call.codes) if index not in refused]


def _limited(call: ChunkCall, codes: Set[str]) -> dict[int, Reason]:
    return {index: Reason.LEDGER_LIMIT for index, code in enumerate(call.codes) if code in codes} if codes else {}


def _exhausted(left: Mapping[int, tuple[bytes, int]], used_up: Set[bytes]) -> dict[int, Reason]:
    return {index: Reason.CONSENT_EXHAUSTED for index, (consent, _) in left.items() if consent in used_up}


def _request(call: ChunkCall) -> ScoreRequest:
    try:
        request = ScoreRequest.decode(call.request)
    except PeerProtocolError as fault:
        raise Refusal(Code.MALFORMED, f"the scoring request: {fault}") from None
    if request.rows != len(call.codes) or request.binding != call.binding:
        raise Refusal(Code.MALFORMED, "the scoring request belongs to another chunk")
    if request.canaries.shape[1] > CANARIES:
        raise Refusal(Code.MALFORMED, f"a chunk has at most {CANARIES} canary rows")
    return request


def _without(positions: NDArray[np.int64], faults: Mapping[int, Reason]) -> NDArray[np.int64]:
    """Mark refused rows with -1: the worker reads nothing of them."""
    kept = positions.copy()
    kept[list(faults)] = -1
    return kept


def _reply(call: ChunkCall, faults: Mapping[int, Reason], scores: EncryptedScores) -> ChunkReply:
    keep = np.ones(len(call.codes), dtype=np.bool_)
    keep[list(faults)] = False
    refused = tuple(RefusedRow(index, faults[index]) for index in sorted(faults))
    return ChunkReply(refused, release(call.binding, scores, keep).encode())


def _same_reply(earlier: ReleasedChunk, call: ChunkCall) -> ChunkReply:
    if earlier.request_digest != call.digest:
        raise Refusal(Code.IDEMPOTENCY_CONFLICT, "this chunk was released for another request")
    if earlier.response is None:
        raise Refusal(Code.WRONG_STATE, "the job is closed; its responses are gone")
    return ChunkReply.decode(earlier.response)
