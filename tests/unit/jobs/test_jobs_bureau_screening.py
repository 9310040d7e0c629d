"""What a bureau's screenings refuse before anything is charged, and what an exchange leaves in its journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node.codes import Code, Purpose, Role, ScreeningMode, ScreeningProtocol
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bureau_exchange import BureauExchange
from node.jobs.bureau_screening import BureauScreeningCalls, ScreeningService
from node.jobs.documents import Documents
from node.jobs.gate import Caller, Gate
from node.jobs.screening_calls import ExchangePlace, OpenedScreening, ScreeningOpening, run_name
from node.keys import Sealer
from node.lists.epochs import ListEpochs
from node.policy import documents as signing
from node.policy.agreement import AGREEMENT_KIND, Agreement
from node.policy.strictjson import canonical
from node.policy.uscc import valid_code
from node.storage.agreements import Agreements
from node.storage.bureau_screenings import BureauScreenings, Step
from node.storage.catalogues import Catalogues
from node.storage.database import open_database
from node.storage.parties import Parties
from protocols.psi.transcript import messages_digest
from protocols.psi.vole.buckets import MAXIMUM_BUCKETED_SIZE
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import MaskedTable, TagList, decode_message
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.randomness import SeededRandomness, SystemRandomness
from tests.support.policy import BANK, BUREAU, agreement_body, catalogue_body, party_key
from tests.support.screening import screening_terms
from tests.support.screening_lists import NAME, Publisher, code_table, draft
from tests.support.sides import party_card

NOW = 1_800_000_000_000
CALLER = Caller(BANK, "ipv4:127.0.0.1:40000")
LISTED, PADDED, TERM = 60, 64, 3 * 64
LARGE = MAXIMUM_BUCKETED_SIZE + 1


class Bureau:
    """A bureau's screenings with everything below them, one agreement and one published list."""

    def __init__(self, folder: Path, compute: ComputePool) -> None:
        self.database = open_database(f"sqlite:///{folder}/node.db")
        self.database.upgrade()
        documents = Documents(
            Parties(self.database),
            Catalogues(self.database),
            Agreements(self.database),
            party_card(BUREAU, Role.BUREAU),
            party_key(BUREAU),
            lambda: NOW,
        )
        documents.trust(party_card(BANK, Role.BANK).sign(party_key(BANK)).encode())
        documents.import_catalogue(canonical(catalogue_body()))
        documents.import_agreement(_agreement())
        self.publisher = Publisher(self.database, folder, lambda: NOW)
        self.publisher.publish(draft("1"), code_table(folder, LISTED))
        self.journal = BureauScreenings(self.database, lambda: NOW)
        randomness = SystemRandomness()
        epochs = ListEpochs(self.database, folder, Sealer(bytes(32), randomness), lambda: NOW, randomness)
        service = ScreeningService(
            Gate(documents, BUREAU, lambda: NOW),
            self.publisher.lists,
            self.publisher.store,
            epochs,
            self.journal,
            compute,
            lambda: NOW,
            randomness,
        )
        self.calls = BureauScreeningCalls(service)
        self.exchange = BureauExchange(service, wait_seconds=5)

    def used(self) -> int:
        """Return what was charged so far."""
        return self.journal.used(BANK, AGREEMENT)


AGREEMENT = "zj-2026-01"


def _agreement() -> bytes:
    terms = screening_terms(max_codes_per_job=2 * LARGE, max_codes_per_term=TERM).to_body()
    changes = {"peer_networks": ["127.0.0.0/8"], "valid_until": "2028-01-01T00:00:00+08:00", "screening": terms}
    body = Agreement.from_body(agreement_body(**changes)).to_body()
    document = signing.sign(AGREEMENT_KIND, body, party_key(BANK), BANK)
    return signing.add_signature(document, party_key(BUREAU), BUREAU).encode()


@pytest.fixture
def bureau(tmp_path: Path, compute: ComputePool) -> Iterator[Bureau]:
    made = Bureau(tmp_path, compute)
    yield made
    made.database.dispose()


OPENING = ScreeningOpening(
    b"j" * 16,
    NAME,
    "1",
    ScreeningMode.CODES,
    ScreeningProtocol.VOLE,
    Purpose.PORTFOLIO_SCREENING,
    PADDED,
    b"c" * 32,
    1,
)


def test_a_vole_screening_is_one_bucket(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    assert (len(opened.bucket_key), opened.epoch, opened.list_items) == (32, None, 1024)
    assert bureau.calls.open(CALLER, OPENING) == opened
    assert bureau.used() == PADDED


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"buckets": 0}, Code.INVALID_INPUT),
        ({"buckets": 2}, Code.INVALID_INPUT),
        ({"buckets": 4096}, Code.INVALID_INPUT),
        ({"protocol": ScreeningProtocol.OPRF, "buckets": 1}, Code.INVALID_INPUT),
        ({"padded_codes": LARGE}, Code.BOUND_EXCEEDED),
        ({"protocol": ScreeningProtocol.CARDINALITY, "buckets": 0}, Code.INVALID_INPUT),
        ({"mode": ScreeningMode.LABELS, "protocol": ScreeningProtocol.OPRF, "buckets": 0}, Code.INVALID_INPUT),
        ({"padded_codes": TERM + 1}, Code.QUOTA_EXCEEDED),
        ({"padded_codes": 2 * LARGE + 1}, Code.QUOTA_EXCEEDED),
        ({"purpose": Purpose.CLASS_CONSISTENCY}, Code.AGREEMENT_INACTIVE),
        ({"list_version": "2"}, Code.NOT_FOUND),
    ],
    ids=str,
)
def test_an_opening_that_cannot_be_is_refused_before_it_is_charged(
    bureau: Bureau, changes: dict[str, Any], code: Code
) -> None:
    with pytest.raises(Refusal) as caught:
        bureau.calls.open(CALLER, replace(OPENING, **changes))
    assert caught.value.code is code
    assert bureau.used() == 0
    assert bureau.journal.of_job(BANK, OPENING.job_id) is None


# ---- exchanges


class Conversation:
    """A bank's machine that speaks with the bureau's exchange, message by message."""

    def __init__(self, bureau: Bureau, opened: OpenedScreening, attempt: int = 0, codes: int = 40) -> None:
        place = ExchangePlace(opened.session_id, 0, attempt)
        items = pack(np.array([valid_code(number) for number in range(codes)], dtype="S18"))
        parameters = VoleIntersectionParameters(PADDED, opened.list_items, run_name(place))
        self.machine = VoleIntersectionReceiver(items, parameters, SeededRandomness(bytes(32)))
        self.masked = False
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []
        self._waiting = deque(message.encode() for message in self.machine.start())
        self._answers: Any = bureau.exchange.vole(CALLER, place, self._speak())

    def _speak(self) -> Iterator[bytes]:
        while self._waiting:
            self.sent.append(self._waiting.popleft())
            yield self.sent[-1]

    def hear(self) -> bool:
        """Take one message of the bureau; returns whether it was the list of tags."""
        data = next(self._answers)
        self.heard.append(data)
        message = decode_message(data)
        answers = self.machine.receive(message)
        self.masked = any(isinstance(answer, MaskedTable) for answer in answers)
        self._waiting.extend(answer.encode() for answer in answers)
        return isinstance(message, TagList)

    def until_the_table_is_due(self) -> None:
        """Speak until nothing but the masked table is left to be sent and the list of tags to be heard."""
        while not self.masked:
            assert not self.hear()

    def break_off(self) -> None:
        """Cut the line."""
        self._answers.close()


def test_an_exchange_gives_the_matches_and_leaves_the_digest_of_every_message(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    talk = Conversation(bureau, opened, codes=64)
    talk.until_the_table_is_due()
    assert talk.hear()
    talk.break_off()
    assert talk.machine.result().tolist() == [True] * LISTED + [False] * 4
    expected = Step(0, 0, PADDED, messages_digest(talk.sent), messages_digest(talk.heard))
    assert bureau.journal.steps(opened.session_id) == [expected]
    assert bureau.used() == PADDED


def test_an_answer_is_in_the_journal_before_it_is_sent(bureau: Bureau) -> None:
    """Whoever cuts the line with the answer in hand must not keep the attempt out of the record."""
    opened = bureau.calls.open(CALLER, OPENING)
    for attempt, codes in enumerate((40, 50)):
        talk = Conversation(bureau, opened, attempt, codes)
        talk.until_the_table_is_due()
        assert bureau.journal.steps(opened.session_id)[attempt] == Step(0, attempt, 0, None, None)
        assert talk.hear()
        step = bureau.journal.steps(opened.session_id)[attempt]
        assert step == Step(0, attempt, PADDED, messages_digest(talk.sent), messages_digest(talk.heard))
        assert bureau.used() == (attempt + 1) * PADDED
        talk.break_off()


def test_an_exchange_that_is_cut_before_its_answer_costs_nothing_more(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    cut = Conversation(bureau, opened)
    cut.until_the_table_is_due()
    cut.break_off()
    again = Conversation(bureau, opened, 1)
    again.until_the_table_is_due()
    assert again.hear()
    assert bureau.used() == PADDED
    assert [step.codes for step in bureau.journal.steps(opened.session_id)] == [0, PADDED]


def test_a_further_answer_over_the_quota_is_not_given(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    for attempt in range(TERM // PADDED):
        talk = Conversation(bureau, opened, attempt)
        talk.until_the_table_is_due()
        assert talk.hear()
        talk.break_off()
    over = Conversation(bureau, opened, TERM // PADDED)
    over.until_the_table_is_due()
    with pytest.raises(Refusal) as caught:
        over.hear()
    assert caught.value.code is Code.QUOTA_EXCEEDED
    assert bureau.used() == TERM


@pytest.mark.parametrize("record", [b"signed by both", None], ids=["done", "cancelled"])
def test_an_exchange_that_outlives_its_screening_gets_no_answer(bureau: Bureau, record: bytes | None) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    talk = Conversation(bureau, opened)
    talk.until_the_table_is_due()
    bureau.journal.close(BANK, opened.session_id, record)
    with pytest.raises(Refusal) as caught:
        talk.hear()
    assert caught.value.code is Code.WRONG_STATE
    assert bureau.journal.steps(opened.session_id) == [Step(0, 0, 0, None, None)]


def test_an_exchange_whose_list_is_withdrawn_or_session_replayed_does_not_begin(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    first = Conversation(bureau, opened)
    first.until_the_table_is_due()
    with pytest.raises(Refusal) as replayed:
        Conversation(bureau, opened).hear()
    assert replayed.value.code is Code.WRONG_STATE
    bureau.publisher.lists.withdraw(NAME, "1", "an error")
    with pytest.raises(Refusal) as withdrawn:
        Conversation(bureau, opened, 1).hear()
    assert withdrawn.value.code is Code.WRONG_STATE
    assert len(bureau.journal.steps(opened.session_id)) == 1
