"""What the control API does at a bank: consents, models, jobs and results."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from node.clock import Clock
from node.codes import Code, Engine, JobState
from node.control import messages
from node.control.consents import ConsentControl
from node.control.requests import listed, parse_job_id, parse_state
from node.errors import Refusal
from node.jobs.bank_consents import FRAME_CONSENTS, BankConsents
from node.jobs.bank_intake import BankIntake, ListRow, Submission
from node.jobs.bank_journal import BankJournal
from node.jobs.bank_model_records import ModelSummary
from node.jobs.bank_models import BankModels
from node.jobs.bank_online import BankOnline, OnlineRequest
from node.jobs.bank_records import StoredJob
from node.jobs.bank_runner import BankRunner
from node.jobs.bureau_link import BureauLink
from node.jobs.states import FINAL
from node.rpc.control_server import ControlFunction, OperatorContext
from node.storage.consents import Consents
from node.storage.database import Database
from protos import control_pb2 as pb

FOLLOW_SECONDS = 0.1
RESULT_ROWS = 2000


class BankControl:
    """Everything that a bank's staff and systems ask of their node."""

    def __init__(
        self,
        database: Database,
        consents: Consents,
        bank_consents: BankConsents,
        models: BankModels,
        journal: BankJournal,
        intake: BankIntake,
        runner: BankRunner,
        online: BankOnline,
        link: Callable[[str], BureauLink],
        only_bureau: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._bank_consents = bank_consents
        self._models = models
        self._journal = journal
        self._intake = intake
        self._runner = runner
        self._online = online
        self._link = link
        self._only_bureau = only_bureau
        self._shown = ConsentControl(database, consents, clock)

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {
            "RegisterConsents": self.register_consents,
            "RevokeConsent": self.revoke,
            "ListConsents": self._shown.list,
            "BuildModel": self.build,
            "RegisterModel": self.register_model,
            "ListModels": self.models,
            "SubmitScore": self.submit,
            "ScoreOne": self.score_one,
            "ListJobs": self.jobs,
            "GetJob": self.job,
            "FollowJob": self.follow,
            "ResumeJob": self.resume,
            "CancelJob": self.cancel,
            "FetchResults": self.results,
        }

    # ---- consents

    def register_consents(
        self, _context: OperatorContext, frames: Iterator[pb.ConsentFrame]
    ) -> Iterator[pb.ConsentVerdicts]:
        """Keep, align and present consents; one frame of verdicts for every frame."""
        bureau = ""
        for frame in frames:
            if not 1 <= len(frame.consents) <= FRAME_CONSENTS:
                raise Refusal(Code.MALFORMED, f"a frame has 1 to {FRAME_CONSENTS} consents")
            bureau = bureau or frame.bureau or self._only_bureau()
            outcomes = self._bank_consents.register(list(frame.consents), bureau, self._link(bureau))
            yield pb.ConsentVerdicts(verdicts=[messages.verdict(outcome) for outcome in outcomes])

    def revoke(self, _context: OperatorContext, request: pb.RevokeConsentRequest) -> pb.ConsentSummary:
        """Withdraw a consent here and at the bureau."""
        consent_id = self._shown.parse_id(request.consent_id)
        consent = self._bank_consents.get(consent_id)
        self._bank_consents.revoke(consent_id, request.reason, self._link(consent.bureau).revoke_consent)
        return self._shown.summary(consent_id)

    # ---- models

    def build(self, _context: OperatorContext, request: pb.BuildModelRequest) -> Iterator[pb.BuildProgress]:
        """Build a model, telling how far it is; the last message has the model."""
        engine = _engine(request.engine or Engine.BFV)
        bureau = request.bureau or self._only_bureau()
        steps: queue.SimpleQueue[tuple[int, int] | ModelSummary | BaseException] = queue.SimpleQueue()

        def work() -> None:
            try:
                steps.put(self._models.build(request.scorecard, engine, bureau, lambda *step: steps.put(step)))
            except BaseException as error:  # handed to the caller's thread below
                steps.put(error)

        threading.Thread(target=work, name="build-model", daemon=True).start()
        while True:
            step = steps.get()
            if isinstance(step, BaseException):
                raise step
            if isinstance(step, ModelSummary):
                yield pb.BuildProgress(columns_done=step.columns, columns=step.columns, model=messages.model(step))
                return
            yield pb.BuildProgress(columns_done=step[0], columns=step[1])

    def register_model(self, _context: OperatorContext, request: pb.RegisterModelRequest) -> pb.Model:
        """Send a built model to its bureau."""
        return messages.model(self._models.register(request.model, self._link))

    def models(self, _context: OperatorContext, _request: pb.ListModelsRequest) -> pb.Models:
        """List all models."""
        return pb.Models(models=[messages.model(each) for each in self._models.list()])

    # ---- jobs

    def submit(self, _context: OperatorContext, frames: Iterator[pb.ScoreFrame]) -> pb.Job:
        """Take a list: a header, then rows; returns once the job is journalled."""
        first = next(frames, None)
        if first is None or first.WhichOneof("part") != "header":
            raise Refusal(Code.MALFORMED, "a list begins with its header")
        job = self._intake.take(messages.submission(first.header), messages.list_rows(frames))
        if job.state not in FINAL:
            self._runner.submit(job.job_id)
        return self._job(job.job_id)

    def score_one(self, _context: OperatorContext, request: pb.ScoreOneRequest) -> pb.ScoreRow:
        """Score one enterprise and wait for it."""
        names = tuple(sorted(request.bank_values))
        submission = Submission(request.model, "", request.purpose, request.idempotency_key, names, "")
        row = ListRow(request.uscc, tuple(request.bank_values[name] for name in names))
        job = self._online.score(OnlineRequest(submission, row, request.consent))
        if job.state is not JobState.DONE:
            raise Refusal(Code(job.error_code or Code.WRONG_STATE), job.error_detail or f"the job is {job.state}")
        (rows,) = self._journal.results(job.job_id)
        return messages.score_row(job, rows[0])

    def jobs(self, _context: OperatorContext, request: pb.ListJobsRequest) -> pb.Jobs:
        """List the latest jobs."""
        found = self._journal.latest(listed(request.limit), parse_state(request.state))
        return pb.Jobs(jobs=self._described(found))

    def job(self, _context: OperatorContext, request: pb.JobKey) -> pb.Job:
        """Return a job with its counts."""
        return self._job(parse_job_id(request))

    def follow(self, context: OperatorContext, request: pb.JobKey) -> Iterator[pb.Job]:
        """Tell of a job whenever it changed, until it is final or the caller's deadline is near."""
        job_id, last = parse_job_id(request), None
        while context.deadline_seconds_left > FOLLOW_SECONDS:
            now = self._journal.get(job_id)
            if now != last:  # rows are counted only when the journal moved
                yield self._job(job_id)
                last = now
            if now.state in FINAL:
                return
            time.sleep(FOLLOW_SECONDS)

    def resume(self, _context: OperatorContext, request: pb.JobKey) -> pb.Job:
        """Go on with a failed job."""
        return self._job(self._runner.resume(parse_job_id(request)).job_id)

    def cancel(self, _context: OperatorContext, request: pb.JobKey) -> pb.Job:
        """End a job for good."""
        return self._job(self._runner.cancel(parse_job_id(request)).job_id)

    def results(self, _context: OperatorContext, request: pb.JobKey) -> Iterator[pb.ResultFrame]:
        """Give all rows of a finished job in the list's order."""
        job = self._journal.get(parse_job_id(request))
        if job.state is not JobState.DONE:
            raise Refusal(Code.WRONG_STATE, f"the job is {job.state}: results are given when it is done")
        for rows in self._journal.results(job.job_id):
            for start in range(0, len(rows), RESULT_ROWS):
                part = rows[start : start + RESULT_ROWS]
                yield pb.ResultFrame(rows=[messages.score_row(job, row) for row in part])

    def _job(self, job_id: bytes) -> pb.Job:
        (described,) = self._described([self._journal.get(job_id)])
        return described

    def _described(self, jobs: Sequence[StoredJob]) -> list[pb.Job]:
        """Return jobs with their counts: rows are counted for all of them at once, a model is looked up once."""
        counts = self._journal.counts([each.job_id for each in jobs])
        models = {model_id: self._models.find(model_id.hex()) for model_id in {each.model_id for each in jobs}}
        return [messages.job(each, counts[each.job_id], models[each.model_id]) for each in jobs]


def _engine(name: str) -> Engine:
    if name not in list(Engine):
        raise Refusal(Code.INVALID_INPUT, "engine: not one of " + ", ".join(Engine))
    return Engine(name)
