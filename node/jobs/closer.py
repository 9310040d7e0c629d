"""Tells bureaus that jobs are over, on a thread of its own, so that no job waits behind a farewell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from node.errors import Refusal
from node.jobs.bank_records import StoredJob
from node.jobs.bureau_link import BureauLink
from node.logs import get_logger

WAITING_AT_MOST = 10_000
_log = get_logger("jobs")


class Closer:
    """Closes jobs at their bureaus. A bureau closes what it never hears of again after a while by itself, so that a
    farewell that fails, or for which there is no room, costs the bureau some storage and nobody a score.
    """

    def __init__(self, link: Callable[[str], BureauLink]) -> None:
        self._link = link
        self._room = threading.BoundedSemaphore(WAITING_AT_MOST)
        self._stopped = False
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="close")

    def now(self, job: StoredJob, *, cancelled: bool) -> None:
        """Tell the bureau of a job and wait for it."""
        try:
            self._link(job.bureau).close_job(job.job_id, cancelled=cancelled)
        except Refusal as refusal:
            _log.warning("job not closed at the bureau", job=job.job_id.hex(), code=refusal.code.value)

    def later(self, job: StoredJob, *, cancelled: bool) -> None:
        """Tell the bureau in the background."""
        with self._guard:
            if self._stopped or not self._room.acquire(blocking=False):
                _log.warning("job left to the bureau to close", job=job.job_id.hex())
                return
            self._pool.submit(self._run, job, cancelled)

    def _run(self, job: StoredJob, cancelled: bool) -> None:
        try:
            self.now(job, cancelled=cancelled)
        finally:
            self._room.release()

    def stop(self) -> None:
        """Let the one under way end; the others are left to the bureau."""
        with self._guard:
            self._stopped = True
        self._pool.shutdown(wait=True, cancel_futures=True)
