"""A bank's journal of screenings on both databases: the choice of a protocol, and whose tags the bank has."""

from __future__ import annotations

from itertools import count

import pytest

from node.codes import JobState, Purpose, ScreeningMode, ScreeningProtocol
from node.jobs.screening_cost import Sizes, estimate
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_line import Line
from node.jobs.screening_records import NewScreening, ScreeningRequest
from node.storage.database import Database

BUREAU, LIST = "tax-bureau", "abnormal"
OPRF, VOLE = ScreeningProtocol.OPRF, ScreeningProtocol.VOLE


@pytest.fixture
def journal(database: Database) -> ScreeningJournal:
    ticks = count(1_800_000_000_000)
    return ScreeningJournal(database, lambda: next(ticks))


def create(journal: ScreeningJournal, number: int, version: str, protocol: ScreeningProtocol | None = OPRF) -> bytes:
    request = ScreeningRequest(
        BUREAU, LIST, version, Purpose.PORTFOLIO_SCREENING, ScreeningMode.CODES, protocol, f"key {number}", ""
    )
    job_id = bytes([number]) * 16
    journal.create(NewScreening(job_id, request, bytes([number]) * 32, 9, 9, 0, 0, b"sealed"))
    return job_id


def test_a_choice_is_kept_with_what_it_rested_on(journal: ScreeningJournal) -> None:
    job_id = create(journal, 1, "1", None)
    assert journal.get(job_id).estimated_oprf_ms == journal.get(job_id).line_bytes_a_second == 0
    weighed = estimate(Sizes(2**20, 2**20), Line(0.0125, 3e6))
    journal.choose(job_id, VOLE, weighed)
    kept = journal.get(job_id)
    assert (kept.protocol, kept.state) == (VOLE, JobState.QUEUED)
    assert (kept.line_round_trip_us, kept.line_bytes_a_second) == (12_500, 3_000_000)
    assert kept.estimated_oprf_ms == round(1000 * weighed.oprf_seconds) > kept.estimated_vole_ms > 0


def test_a_mode_without_a_choice_has_none_to_keep(journal: ScreeningJournal) -> None:
    job_id = create(journal, 1, "1", None)
    kept = journal.choose(job_id, OPRF, None)
    assert (kept.protocol, kept.estimated_oprf_ms, kept.line_bytes_a_second) == (OPRF, 0, 0)


def test_the_bank_has_the_tags_of_the_version_that_it_used_last(journal: ScreeningJournal) -> None:
    assert not journal.has_tags(BUREAU, LIST, "1")
    first = create(journal, 1, "1")
    assert not journal.has_tags(BUREAU, LIST, "1"), "nothing was asked yet, so the download may be missing"
    journal.note(first, done=64)
    assert journal.has_tags(BUREAU, LIST, "1")
    assert not journal.has_tags(BUREAU, LIST, "2")
    assert not journal.has_tags(BUREAU, "another", "1")
    assert not journal.has_tags("another", LIST, "1")
    journal.note(create(journal, 2, "2", VOLE), done=64)
    assert journal.has_tags(BUREAU, LIST, "1"), "vole needs no tags"
    journal.note(create(journal, 3, "2"), done=64)
    assert journal.has_tags(BUREAU, LIST, "2")
    assert not journal.has_tags(BUREAU, LIST, "1"), "those of an older version are removed"
