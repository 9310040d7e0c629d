"""Drives a bank's screenings from state to state, through failures of the line and of either node.

A transient failure is waited out, longer each time; a permanent one ends the screening as ``failed`` with its code, and
``resume`` goes on where its files end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from node.codes import Code, JobState
from node.errors import Refusal
from node.jobs.bank_runner import TRANSIENT, Patience
from node.jobs.bank_steps import Stopped
from node.jobs.screening_files import ScreeningFiles
from node.jobs.screening_intake import is_open
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_link import Opened, ScreeningLink
from node.jobs.screening_records import StoredScreening
from node.jobs.screening_steps import ScreeningSteps
from node.jobs.screening_task import ScreeningParts
from node.logs import get_logger, places

_log = get_logger("screenings")


class ScreeningRunner:
    """Runs screenings in threads of its own, one thread a screening, a few at a time."""

    def __init__(
        self,
        parts: ScreeningParts,
        link: Callable[[str], ScreeningLink],
        *,
        threads: int = 2,
        patience: Patience | None = None,
    ) -> None:
        self._parts = parts
        self._journal: ScreeningJournal = parts.journal
        self._files: ScreeningFiles = parts.files
        self._link = link
        self._patience = patience or Patience()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="screening")
        self._lock = threading.Lock()
        self._active: set[bytes] = set()

    def start(self) -> None:
        """Remove what submissions that were cut off left, and go on with every screening that is not final."""
        self._files.sweep(self._journal.job_ids())
        for job_id in self._journal.unfinished():
            self.submit(job_id)

    @property
    def active(self) -> int:
        """How many screenings run or wait for a thread."""
        with self._lock:
            return len(self._active)

    def submit(self, job_id: bytes) -> None:
        """Put a screening in line; one that runs already is left alone."""
        with self._lock:
            if job_id in self._active or self._stopping.is_set():
                return
            self._active.add(job_id)
            self._pool.submit(self._run, job_id)

    def resume(self, job_id: bytes) -> StoredScreening:
        """Go on with a failed screening; one that is under way is left alone.

        Raises:
            Refusal: ``WRONG_STATE`` for one that is done or cancelled.
        """
        job = self._journal.get(job_id)
        if job.state is JobState.FAILED:
            again = JobState.RELEASING if job.transcript_digest else JobState.ADMITTING
            job = self._journal.move(job_id, again, error_code="", error_detail="")
        elif not is_open(job):
            raise Refusal(Code.WRONG_STATE, f"the screening is {job.state}")
        self.submit(job_id)
        return job

    def cancel(self, job_id: bytes) -> StoredScreening:
        """End a screening for good; what it took of the quota stays taken once the bureau has opened it.

        Raises:
            Refusal: ``WRONG_STATE`` for one that has ended, or whose record is being signed.
        """
        job = self._journal.move(job_id, JobState.CANCELLED)
        if job.opened:
            self._pool.submit(self._say_farewell, job)
        return job

    def stop(self) -> None:
        """Let running steps end and return; the journal says where to go on."""
        with self._lock:
            self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _say_farewell(self, job: StoredScreening) -> None:
        try:
            session = Opened.decode(job.opened).session_id
            self._link(job.bureau).close_screening(session, cancelled=True, record=b"")
        except Refusal as refusal:  # a bureau closes by itself what it never hears of again
            _log.warning("screening not closed at the bureau", job=job.job_id.hex(), code=refusal.code.value)

    def _run(self, job_id: bytes) -> None:
        try:
            self._drive(job_id)
        except Stopped:
            _log.info("screening paused by stop", job=job_id.hex())
        except Exception as error:  # a thread must end with a word in the journal, whatever happened
            _log.error("screening failed", job=job_id.hex(), error=type(error).__name__, places=places(error))
            self._fail(job_id, Refusal(Code.INTERNAL, f"the screening ended with {type(error).__name__}"))
        finally:
            with self._lock:
                self._active.discard(job_id)

    def _drive(self, job_id: bytes) -> None:
        waited, pause, stood = 0.0, self._patience.first_seconds, self._progress(job_id)
        while True:
            try:
                job = self._journal.get(job_id)
                ScreeningSteps(self._parts, self._link(job.bureau), self._stopping).advance(job)
                return
            except Refusal as refusal:
                stands = self._progress(job_id)
                if stands is not None and stands[0] in {JobState.CANCELLED, JobState.DONE, JobState.FAILED}:
                    return
                if stands != stood:  # the bureau answered since: patience begins anew
                    waited, pause, stood = 0.0, self._patience.first_seconds, stands
                if refusal.code not in TRANSIENT or waited >= self._patience.total_seconds:
                    self._fail(job_id, refusal)
                    return
                _log.warning("screening waits", job=job_id.hex(), code=refusal.code.value, seconds=pause)
                if self._stopping.wait(pause):
                    raise Stopped from None
                waited, pause = waited + pause, min(2 * pause, self._patience.longest_seconds)

    def _progress(self, job_id: bytes) -> tuple[JobState, int] | None:
        """Return how far a screening is. None: the database does not answer."""
        try:
            job = self._journal.get(job_id)
        except Refusal:
            return None
        return job.state, job.done

    def _fail(self, job_id: bytes, refusal: Refusal) -> None:
        try:
            if is_open(self._journal.get(job_id)):
                self._journal.move(job_id, JobState.FAILED, error_code=refusal.code.value, error_detail=refusal.detail)
        except Refusal as unwritten:
            _log.error("screening's end not written", job=job_id.hex(), code=unwritten.code.value)
