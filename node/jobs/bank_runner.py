"""Drives a bank's jobs from state to state, through failures of the line and of either node.

A transient failure is waited out, longer each time; a permanent one ends the job as ``failed`` with its code, and
``resume`` goes on where the journal ends. A response that fails the bank's checks quarantines the job and retires the
model's key, and nothing of it is told to anyone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from node.codes import Code, JobState
from node.errors import Refusal
from node.jobs.bank_records import StoredJob
from node.jobs.bank_steps import BankParts, JobSteps, Quarantined, Stopped
from node.jobs.bureau_link import BureauLink
from node.jobs.closer import Closer
from node.jobs.states import FINAL
from node.logs import get_logger, places

TRANSIENT = frozenset(
    {Code.PEER_UNREACHABLE, Code.DEADLINE_EXCEEDED, Code.DRAINING, Code.STORAGE_UNAVAILABLE, Code.AUDIT_UNAVAILABLE}
)
QUARANTINE_DETAIL = "a response failed the bank's checks"
WATCH_SECONDS = 60.0
_log = get_logger("jobs")


@dataclass(frozen=True)
class Patience:
    """How long a transient failure is waited out, in seconds."""

    first_seconds: float = 0.5
    longest_seconds: float = 15.0
    total_seconds: float = 600.0


class BankRunner:
    """Runs jobs in threads of its own, one thread a job, a few at a time."""

    def __init__(
        self,
        parts: BankParts,
        link: Callable[[str], BureauLink],
        *,
        threads: int = 4,
        patience: Patience | None = None,
    ) -> None:
        self._parts = parts
        self._link = link
        self._patience = patience or Patience()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._closer = Closer(link)
        self._watch = threading.Thread(target=self._look_after, name="job-watch", daemon=True)
        self._lock = threading.Lock()
        self._active: set[bytes] = set()

    def start(self) -> None:
        """Forget submissions that were cut off and go on with every job that is not final, now and later."""
        self._parts.journal.sweep_staged()
        self._submit_unfinished()
        self._watch.start()

    def _submit_unfinished(self) -> None:
        for job_id in self._parts.journal.unfinished():
            self.submit(job_id)

    def _look_after(self) -> None:
        """Now and then take up jobs that nobody drives: their thread ended while the database did not answer."""
        while not self._stopping.wait(WATCH_SECONDS):
            try:
                self._submit_unfinished()
            except Refusal as refusal:
                _log.warning("jobs not looked after", code=refusal.code.value)

    def submit(self, job_id: bytes) -> None:
        """Put a job in line; a job that runs already is left alone."""
        with self._lock:
            if job_id in self._active or self._stopping.is_set():
                return
            self._active.add(job_id)
            self._pool.submit(self._run, job_id)

    def resume(self, job_id: bytes) -> StoredJob:
        """Go on with a failed job where its journal ends; a job that is under way is left alone.

        Raises:
            Refusal: ``WRONG_STATE`` for a job that is done, cancelled or quarantined.
        """
        job = self._parts.journal.get(job_id)
        _refuse_quarantined(job)
        if job.state is JobState.FAILED:
            # Only a plan that was finished counts its rows: one that broke off lacks enterprises and is made again.
            state = JobState.ADMITTING if job.aligned else JobState.QUEUED
            job = self._parts.journal.move(job_id, state, error_code="", error_detail="")
        elif job.state in FINAL:
            raise Refusal(Code.WRONG_STATE, f"the job is {job.state}")
        self.submit(job_id)
        return job

    def cancel(self, job_id: bytes) -> StoredJob:
        """End a job for good; chunks under way end, no further one is asked for.

        Raises:
            Refusal: ``WRONG_STATE`` for a job that has ended, or is quarantined: the bureau is told nothing of that.
        """
        _refuse_quarantined(self._parts.journal.get(job_id))
        job = self._parts.journal.move(job_id, JobState.CANCELLED)
        if self._parts.journal.has_plan(job_id):
            self._closer.later(job, cancelled=True)
        return job

    def close_later(self, job: StoredJob) -> None:
        """Tell the bureau in the background that a job is done."""
        self._closer.later(job, cancelled=False)

    @property
    def active(self) -> int:
        """How many jobs run or wait for a thread."""
        with self._lock:
            return len(self._active)

    def stop(self) -> None:
        """Let running chunks end and return; the journal says where to go on."""
        with self._lock:
            self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._closer.stop()

    # ---- one job

    def _run(self, job_id: bytes) -> None:
        try:
            self._drive(job_id)
        except Stopped:
            _log.info("job paused by stop", job=job_id.hex())
        except Exception as error:  # a job's thread must end with a word in the journal, whatever happened
            _log.error("job failed", job=job_id.hex(), error=type(error).__name__, places=places(error))
            self._fail_at_last(job_id, Refusal(Code.INTERNAL, f"the job ended with {type(error).__name__}"))
        finally:
            with self._lock:
                self._active.discard(job_id)

    def _drive(self, job_id: bytes) -> None:
        waited, pause, stood = 0.0, self._patience.first_seconds, self._progress(job_id)
        while True:
            try:
                self._advance(job_id)
                return
            except Quarantined as rejected:
                self.quarantine(job_id, rejected.model_id)
                return
            except Refusal as refusal:
                if self._has_ended(job_id):
                    return
                if (stands := self._progress(job_id)) != stood:  # the bureau answered since: patience begins anew
                    waited, pause, stood = 0.0, self._patience.first_seconds, stands
                if refusal.code not in TRANSIENT or waited >= self._patience.total_seconds:
                    self._fail_at_last(job_id, refusal)
                    return
                _log.warning("job waits", job=job_id.hex(), code=refusal.code.value, seconds=pause)
                if self._stopping.wait(pause):
                    raise Stopped from None
                waited, pause = waited + pause, min(2 * pause, self._patience.longest_seconds)

    def _progress(self, job_id: bytes) -> tuple[JobState, int] | None:
        """Return how far a job is: its state, and how many chunks are left. None: the database does not answer."""
        try:
            return self._parts.journal.get(job_id).state, len(self._parts.journal.planned_chunks(job_id))
        except Refusal:
            return None

    def _has_ended(self, job_id: bytes) -> bool:
        try:
            return self._parts.journal.get(job_id).state in FINAL
        except Refusal:  # the database does not answer: that is waited out too
            return False

    def _advance(self, job_id: bytes) -> None:
        """Take a job from the state that the journal has to the end."""
        journal = self._parts.journal
        job = journal.get(job_id)
        steps = JobSteps(self._parts, self._link(job.bureau), self._stopping)
        if job.state is JobState.QUEUED:
            job = journal.move(job_id, JobState.ALIGNING)
        if job.state is JobState.ALIGNING:
            aligned, sent, received = steps.plan(job)
            job = journal.move(job_id, JobState.ADMITTING, aligned=aligned, bytes_sent=sent, bytes_received=received)
        if job.state is JobState.ADMITTING:
            job = journal.move(job_id, JobState.COMPUTING, **self._admit(job, steps))
        if job.state is JobState.COMPUTING:
            steps.compute(job)
            job = journal.move(job_id, JobState.RELEASING)
        if job.state is JobState.RELEASING:
            if journal.has_plan(job_id):
                self._closer.now(job, cancelled=False)
            journal.move(job_id, JobState.DONE)

    def _admit(self, job: StoredJob, steps: JobSteps) -> dict[str, object]:
        if not self._parts.journal.has_plan(job.job_id):  # nobody to ask for: the bureau need not know of the job
            return {}
        opened = steps.open(job)
        return {"feature_set": opened.feature_set, "as_of": opened.as_of}

    def fail(self, job_id: bytes, refusal: Refusal) -> None:
        """End a job as failed, unless it has ended: an operator may resume it."""
        if self._parts.journal.get(job_id).state not in FINAL:
            self._parts.journal.move(
                job_id, JobState.FAILED, error_code=refusal.code.value, error_detail=refusal.detail
            )

    def _fail_at_last(self, job_id: bytes, refusal: Refusal) -> None:
        """Fail a job from its own thread; while the database is away it stays unfinished and is taken up again."""
        try:
            self.fail(job_id, refusal)
        except Refusal as unwritten:
            _log.error("job's end not written", job=job_id.hex(), code=unwritten.code.value)

    def quarantine(self, job_id: bytes, model_id: bytes) -> None:
        """End a job whose response failed the checks and retire the model's key; the bureau is told nothing.

        The key is out of use in this process at once, whatever the database does; the record is tried until it stands.
        """
        self._parts.models.bar(model_id)
        _log.error("job quarantined, key retired", job=job_id.hex())
        pause = self._patience.first_seconds
        while True:
            try:
                self._parts.journal.quarantine(job_id, model_id, QUARANTINE_DETAIL)
                return
            except Refusal as refusal:
                _log.error("quarantine not written", job=job_id.hex(), code=refusal.code.value)
                if self._stopping.wait(pause):
                    raise Stopped from None
                pause = min(2 * pause, self._patience.longest_seconds)


def _refuse_quarantined(job: StoredJob) -> None:
    if job.error_code == Code.RESULT_REJECTED:
        raise Refusal(Code.WRONG_STATE, "the job is quarantined: a response failed the bank's checks")
