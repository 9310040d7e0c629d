"""One enterprise at once, for a waiting customer: aligned, asked, opened and journalled in one call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from node.codes import Code, Reason, RowStatus
from node.errors import Refusal
from node.jobs.bank_consents import OneMoment, Use
from node.jobs.bank_intake import BankIntake, ListRow, Submission, prepare_rows
from node.jobs.bank_model_records import UsableModel
from node.jobs.bank_records import NewJob, PlannedRow, PreparedRow, StoredJob, Verdict
from node.jobs.bank_runner import BankRunner
from node.jobs.bank_steps import BankParts, Quarantined, decide_chunk, opening_of, prepare_chunk, refused_consents
from node.jobs.bureau_link import BureauLink
from node.jobs.calls import JOB_ID_BYTES, ChunkReply
from node.jobs.states import FINAL
from node.jobs.work import DecryptTask
from protocols.randomness import SEED_BYTES


@dataclass(frozen=True)
class OnlineRequest:
    """One enterprise. ``consent``: a compact JWS where it comes with the request, else empty."""

    submission: Submission
    row: ListRow
    consent: str


class BankOnline:
    """Scores one enterprise in one call."""

    def __init__(
        self, parts: BankParts, intake: BankIntake, runner: BankRunner, link: Callable[[str], BureauLink]
    ) -> None:
        self._parts = parts
        self._intake = intake
        self._runner = runner
        self._link = link

    def score(self, request: OnlineRequest) -> StoredJob:
        """Return the finished job; its one row has the score or the reason why there is none.

        Raises:
            Refusal: the bureau's, or the bank's own; a job that was begun goes on in the background and is found
                again under its idempotency key.
        """
        submission = request.submission
        model = self._intake.model_for(submission)
        (row,) = prepare_rows(model, submission.bank_fields, [request.row], set())
        raw = "\x1f".join((request.row.uscc, *request.row.values)) + "\x1e"
        job_id = self._parts.randomness.bytes(JOB_ID_BYTES)
        new = self._intake.new_job(job_id, model, submission, hashlib.sha256(raw.encode()).digest(), 1)
        given = submission.idempotency_key  # one that the node made stands for nothing yet
        earlier = self._parts.journal.find_by_key(given) if given else None
        if earlier is not None:
            return self._again(new, earlier)
        if row.reason is not None:
            return self._decided(new, row, row.reason)
        return self._ask(new, model, row, request.consent)

    def _again(self, new: NewJob, earlier: StoredJob) -> StoredJob:
        if earlier.content_digest != new.content_digest:
            raise Refusal(Code.IDEMPOTENCY_CONFLICT, "this idempotency key already stands for another job")
        if earlier.state not in FINAL:
            self._runner.submit(earlier.job_id)
            raise Refusal(
                Code.WRONG_STATE,
                "this job is under way",
                remedy=f"Follow it: banktax job follow {earlier.job_id.hex()}",
            )
        return earlier

    def _decided(self, new: NewJob, row: PreparedRow, reason: Reason) -> StoredJob:
        status = RowStatus.NOT_HELD if reason is Reason.NOT_HELD else RowStatus.REFUSED
        return self._parts.journal.create_decided(new, row, Verdict(0, status, reason))

    def _ask(self, new: NewJob, model: UsableModel, row: PreparedRow, consent: str) -> StoredJob:
        link = self._link(model.bureau)
        link.begin_count()
        bureau = OneMoment(link)
        if consent:
            (outcome,) = self._parts.consents.register([consent], model.bureau, bureau)
            if outcome.uscc and outcome.uscc != row.uscc:
                return self._decided(new, row, Reason.CONSENT_WRONG_PARTY)
            if outcome.registration.reason is not None:
                return self._decided(new, row, outcome.registration.reason)
        use = Use(model.bureau, new.purpose, model.field_ids, model.model_class)
        choice = self._parts.consents.choose([row.uscc], use, bureau)[row.uscc]
        if choice.consent_id is None:
            return self._decided(new, row, choice.reason or Reason.NO_CONSENT)
        seed = self._parts.randomness.bytes(SEED_BYTES)
        job = self._parts.journal.create_single(new, row, choice.consent_id, seed)
        if job.job_id != new.job_id:  # the same key came in twice at the same moment
            return self._again(new, job)
        return self._finish(job, model, PlannedRow(0, row.uscc, choice.consent_id, row.bank_part or 0), seed, link)

    def _finish(self, job: StoredJob, model: UsableModel, row: PlannedRow, seed: bytes, link: BureauLink) -> StoredJob:
        """Ask the bureau once; when it does not answer, the runner takes the job over and the caller is told."""
        try:
            task, call = prepare_chunk(self._parts.compute, job, model, 0, seed, [row])
            opened, reply = link.score_one(opening_of(job), call)
        except Refusal:
            self._runner.submit(job.job_id)
            raise
        verdict = self._decide(job, task, row, reply)
        self._parts.models.usable(job.model_id)  # another job may have had the key retired meanwhile
        self._parts.journal.finish_single(job.job_id, verdict, opened, reply.digest, link.traffic)
        self._parts.consents.remember_spent(refused_consents([row], reply))
        self._runner.close_later(job)
        return self._parts.journal.get(job.job_id)

    def _decide(self, job: StoredJob, task: DecryptTask, row: PlannedRow, reply: ChunkReply) -> Verdict:
        """Open the reply. Once it was touched the bureau is not asked again by itself: it would see that, and when."""
        try:
            (verdict,) = decide_chunk(self._parts.compute, task, [row], reply, batch=False)
        except Quarantined as rejected:
            self._runner.quarantine(job.job_id, rejected.model_id)
            raise Refusal(Code.RESULT_REJECTED, "the bureau's answer failed the bank's checks") from None
        except Refusal as refusal:
            self._runner.fail(job.job_id, refusal)
            raise
        return verdict
