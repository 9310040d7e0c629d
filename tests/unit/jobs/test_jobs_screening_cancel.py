"""A screening that is cancelled while the bureau opens it: the bureau hears of it all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.alignment.list_tags import ListTags
from node.codes import Code, JobState, Purpose, Role, ScreeningMode, ScreeningProtocol
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.documents import Documents
from node.jobs.screening_calls import ScreeningOpening
from node.jobs.screening_files import ScreeningFiles
from node.jobs.screening_intake import ScreeningIntake
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_link import ListOffer, Opened
from node.jobs.screening_records import ScreeningRequest
from node.jobs.screening_steps import ScreeningSteps
from node.jobs.screening_task import ScreeningParts
from node.keys import Sealer
from node.policy.uscc import valid_code
from node.storage.agreements import Agreements
from node.storage.bureau_screenings import CANCELLED
from node.storage.catalogues import Catalogues
from node.storage.database import open_database
from node.storage.parties import Parties
from protocols.randomness import SystemRandomness
from tests.support.policy import BANK, BUREAU, party_key
from tests.support.screening_lists import NAME
from tests.support.sides import party_card
from tests.unit.jobs.test_jobs_bureau_screening import CALLER, NOW, PADDED, Bureau


class CancellingLink:
    """A real bureau without a wire; somebody at the bank cancels while it opens the session."""

    def __init__(self, bureau: Bureau, journal: ScreeningJournal) -> None:
        self._bureau = bureau
        self._journal = journal

    def get_list(self, name: str, version: str) -> ListOffer:
        stored, terms = self._bureau.calls.describe(CALLER, name, version)
        return ListOffer(stored.document, terms)

    def open_screening(self, opening: ScreeningOpening, list_digest: str) -> Opened:
        opened = self._bureau.calls.open(CALLER, opening)
        self._journal.move(opening.job_id, JobState.CANCELLED)
        return Opened(
            opened.session_id, opened.list_items, opened.agreement_id, NOW, opened.bucket_key, 1, list_digest, None
        )

    def close_screening(self, session_id: bytes, *, cancelled: bool, record: bytes) -> bytes:
        assert (cancelled, record) == (True, b"")
        self._bureau.journal.close(BANK, session_id, None)
        return b""


@pytest.fixture
def bureau(tmp_path: Path, compute: ComputePool) -> Iterator[Bureau]:
    folder = tmp_path / "bureau"
    folder.mkdir()
    made = Bureau(folder, compute)
    yield made
    made.database.dispose()


def test_the_session_is_closed_at_the_bureau(bureau: Bureau, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/bank.db")
    database.upgrade()
    stores = (Parties(database), Catalogues(database), Agreements(database))
    documents = Documents(*stores, party_card(BANK, Role.BANK), party_key(BANK), lambda: NOW)
    documents.trust(party_card(BUREAU, Role.BUREAU).sign(party_key(BUREAU)).encode())
    journal, files = ScreeningJournal(database, lambda: NOW), ScreeningFiles(tmp_path)
    sealer = Sealer(bytes(32), SystemRandomness())
    parts = ScreeningParts(BANK, journal, files, ListTags(tmp_path), documents, sealer, party_key(BANK))
    request = ScreeningRequest(
        BUREAU, NAME, "", Purpose.PORTFOLIO_SCREENING, ScreeningMode.CODES, ScreeningProtocol.VOLE, "", ""
    )
    job = ScreeningIntake(journal, files, sealer, SystemRandomness()).take(request, [valid_code(1).encode()])
    steps = ScreeningSteps(parts, CancellingLink(bureau, journal), threading.Event())  # type: ignore[arg-type]
    with pytest.raises(Refusal) as caught:
        steps.advance(job)
    assert caught.value.code is Code.WRONG_STATE
    assert journal.get(job.job_id).state is JobState.CANCELLED
    opened = bureau.journal.of_job(BANK, job.job_id)
    assert opened is not None
    assert opened.state == CANCELLED
    assert bureau.used() == PADDED, "what was opened stays taken"
    database.dispose()
