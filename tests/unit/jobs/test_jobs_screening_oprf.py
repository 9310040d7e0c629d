"""A bank's screening over the oblivious pseudorandom function asks for batches while others are answered."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from node.alignment.list_tags import ListTags
from node.codes import JobState, Purpose, ScreeningMode, ScreeningProtocol
from node.jobs.screening_calls import ListEpoch
from node.jobs.screening_files import CODE, ScreeningFiles
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_link import Opened
from node.jobs.screening_oprf import BATCHES_IN_FLIGHT, run
from node.jobs.screening_records import NewScreening, ScreeningRequest, StoredScreening
from node.jobs.screening_task import ScreeningParts, Task, context_of
from node.lists.evaluating import answer_batch, evaluate_slice
from node.storage.database import open_database
from protocols.psi.commitment import CommittedInput
from protocols.psi.job import JobSeed
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import Mode, derive_key_pair
from protocols.psi.segments import Segment, SegmentKind
from protocols.psi.tags import TAG_BYTES, publish
from protocols.randomness import SystemRandomness

JOB, BANK, BUREAU, LIST = bytes(range(16)), "bank", "bureau", "abnormal"
ASKED = (BATCHES_IN_FLIGHT - 1) * MAXIMUM_BATCH + 1  # a last batch that is not full
SEED = JobSeed(bytes(range(32)))
KEY = derive_key_pair(bytes(32), b"a test", Mode.VOPRF)
CODES = np.array([b"91350100M%09d" % number for number in range(2 * ASKED)], CODE)


class _Bureau:
    """Answers as the bureau's workers do, once ``at_once`` batches are there."""

    def __init__(self, at_once: int) -> None:
        secret, listed = KEY.export_secret(), CODES[ASKED - 300 : ASKED + 300]
        tags, _ = evaluate_slice(secret, listed.tobytes(), b"", 0, 0)
        self._tags = publish([tags], len(listed), SystemRandomness())
        self._together = threading.Barrier(at_once)
        base = Segment(0, SegmentKind.BASE, len(self._tags) // TAG_BYTES, hashlib.sha256(self._tags).digest())
        self.epoch = ListEpoch(bytes(16), KEY.public_key().encoded, (base,))

    def download_tags(self, _session_id: bytes, _segment: int, first: int) -> Iterator[bytes]:
        yield self._tags[TAG_BYTES * first :]

    def evaluate(self, _session_id: bytes, _first: int, blinded: bytes) -> tuple[bytes, bytes]:
        self._together.wait(timeout=30)  # breaks where the bank waits for an answer first
        return answer_batch(KEY.export_secret(), blinded)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[ScreeningParts]:
    database = open_database(f"sqlite:///{tmp_path}/node.db")
    database.upgrade()
    unused = cast(Any, None)
    journal, files = ScreeningJournal(database, lambda: 0), ScreeningFiles(tmp_path)
    yield ScreeningParts(BANK, journal, files, ListTags(tmp_path), unused, unused, unused)
    database.dispose()


def _submitted(parts: ScreeningParts, bureau: _Bureau) -> tuple[StoredScreening, Opened]:
    """Journal a screening of the first codes as one whose session is open."""
    asked = ScreeningRequest(
        BUREAU, LIST, "1", Purpose.PORTFOLIO_SCREENING, ScreeningMode.CODES, ScreeningProtocol.OPRF, "key", ""
    )
    parts.files.create(JOB, CODES[:ASKED])
    parts.journal.create(NewScreening(JOB, asked, bytes(32), ASKED, ASKED, 0, 0, b""))
    job = parts.journal.move(JOB, JobState.ADMITTING)
    committed = CommittedInput(context_of(job, BANK), SEED, CODES[:ASKED])
    opened = Opened(bytes(16), 0, "agreement", 0, b"", 0, "", bureau.epoch)
    job = parts.journal.move(
        JOB,
        JobState.COMPUTING,
        opened=opened.encode(),
        commitment=committed.root,
        padded_codes=committed.padded,
    )
    return job, opened


def test_as_many_batches_as_said_are_asked_for_before_the_first_is_answered(parts: ScreeningParts) -> None:
    bureau = _Bureau(BATCHES_IN_FLIGHT)
    job, opened = _submitted(parts, bureau)
    task = Task(job, opened, SEED, parts.files.codes(JOB), (), parts, cast(Any, bureau), lambda: None)
    outcome = run(task)
    expected = CODES[ASKED - 300 : ASKED].tolist()
    assert outcome.result.split() == [b"uscc", *expected]
    assert outcome.matched == 300
    assert parts.files.steps(JOB) == set(range(BATCHES_IN_FLIGHT))
    assert parts.journal.get(JOB).done == job.padded_codes
