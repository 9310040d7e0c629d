"""What a bureau does by itself from time to time: closes jobs that a bank left open, prepares the next alignments."""

from __future__ import annotations

import threading

from node.clock import Clock
from node.codes import Role
from node.errors import Refusal
from node.jobs.bureau_alignment import BureauAlignment
from node.jobs.bureau_journal import BureauJournal
from node.jobs.documents import Documents
from node.lists.epochs import ListEpochs
from node.logs import get_logger
from node.storage.bureau_screenings import BureauScreenings

EVERY_SECONDS = 600.0
DAY_MS = 24 * 3600 * 1000
_log = get_logger("upkeep")


class BureauUpkeep:
    """A thread that looks after things every ten minutes, and at once when something changed.

    Args:
        open_job_days: a job that a bank opened longer ago is closed, its stored responses are dropped; a screening is
            cancelled.
    """

    def __init__(
        self,
        journal: BureauJournal,
        screenings: BureauScreenings,
        alignment: BureauAlignment,
        documents: Documents,
        epochs: ListEpochs,
        clock: Clock,
        *,
        open_job_days: float,
    ) -> None:
        self._journal = journal
        self._screenings = screenings
        self._alignment = alignment
        self._documents = documents
        self._epochs = epochs
        self._clock = clock
        self._open_job_ms = round(open_job_days * DAY_MS)
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin, with a first look at once."""
        self._thread.start()

    def wake(self) -> None:
        """Look again soon: the standing set changed."""
        self._changed.set()

    def stop(self) -> None:
        """End after the look that is under way; nothing waits for it."""
        self._stopping.set()
        self._changed.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.clear()
            try:
                self.look()
            except Refusal as refusal:
                _log.warning("upkeep put off", code=refusal.code.value)
            except Exception as error:  # the thread must live as long as the node
                _log.error("upkeep failed", error=type(error).__name__)
            self._changed.wait(EVERY_SECONDS)

    def look(self) -> None:
        """Close what was left open too long, drop keys that are over, build the epochs of the next alignments."""
        opened_before = self._clock() - self._open_job_ms
        closed, cancelled = self._journal.expire(opened_before), self._screenings.expire(opened_before)
        if closed or cancelled:
            _log.warning("jobs closed that banks left open", jobs=closed, screenings=cancelled)
        removed = self._epochs.remove_retired()
        if removed:
            _log.info("replaced keys of lists deleted", keys=removed)
        for stored, _ in self._documents.parties():
            if stored.role is Role.BANK and stored.trusted and not self._stopping.is_set():
                self._alignment.prepare(stored.party_id)
