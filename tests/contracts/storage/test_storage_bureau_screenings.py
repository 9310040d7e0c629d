"""A bureau's screenings on both databases: the quota, sessions, steps and attempts, under many threads as alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from node.codes import Code, Purpose, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.storage.bureau_screenings import CANCELLED, DONE, OPEN, BureauScreening, BureauScreenings, Step
from node.storage.database import Database
from node.storage.schema import bureau_screenings, screening_usage
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.parameters import charged_codes

NOW = 1_800_000_000_000
BANK, OTHER, AGREEMENT = "bank-a", "bank-b", "agreement-1"
CODES, TERM = 128, 1_000
THREADS = 12
CURIOUS, MALICIOUS = SecurityProfile
FIRST, SECOND, ANSWER, LATER = (bytes([byte]) * 32 for byte in b"1234")


def screening(number: int, **changes: Any) -> BureauScreening:
    """Return the screening of a job and session of their own for every number."""
    made = BureauScreening(
        session_id=number.to_bytes(16, "big"),
        bank=BANK,
        job_id=(1000 + number).to_bytes(16, "big"),
        name="abnormal",
        version="1",
        mode=ScreeningMode.CODES,
        protocol=ScreeningProtocol.OPRF,
        purpose=Purpose.PORTFOLIO_SCREENING,
        agreement_id=AGREEMENT,
        padded_codes=CODES,
        list_items=1024,
        buckets=0,
        bucket_key=b"",
        commitment=bytes(32),
        epoch_id=b"e" * 16,
        opened_at=NOW,
    )
    return replace(made, **changes)


def vole(number: int, **changes: Any) -> BureauScreening:
    """Return a screening that is one exchange over whole sets."""
    whole: dict[str, Any] = {"protocol": ScreeningProtocol.VOLE, "buckets": 1, "bucket_key": b"k" * 32}
    return screening(number, epoch_id=None, **whole | changes)


@pytest.fixture
def journal(database: Database) -> BureauScreenings:
    return BureauScreenings(database, lambda: NOW + 5)


def refused(call: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def at_once(call: Callable[[int], object], count: int = THREADS) -> list[object]:
    """Call with 0, 1, 2... at the same time and return the results, of a refusal its code."""

    def calling(number: int) -> object:
        try:
            return call(number)
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(calling, range(count)))


# ---- opening


def test_a_screening_left_open_is_cancelled_and_closed_ones_stay(journal: BureauScreenings) -> None:
    left, done = journal.open(screening(1), TERM), journal.open(screening(2), TERM)
    journal.close(BANK, done.session_id, b"record")
    assert journal.expire(left.opened_at) == 0
    assert journal.expire(left.opened_at + 1) == 1
    assert refused(lambda: journal.require_open(BANK, left.session_id, left.protocol)) is Code.WRONG_STATE
    assert journal.get(BANK, done.session_id).record == b"record"
    assert journal.used(BANK, AGREEMENT) == 2 * CODES, "what was taken of the quota stays taken"


@pytest.mark.parametrize("made", [screening(1), vole(1), vole(1, security=CURIOUS)], ids=["oprf", "vole", "security"])
def test_an_open_screening_is_found_as_it_was_written(journal: BureauScreenings, made: BureauScreening) -> None:
    assert journal.of_job(BANK, made.job_id) is None
    assert journal.open(made, TERM) == made
    assert journal.get(BANK, made.session_id) == journal.of_job(BANK, made.job_id) == made
    assert journal.require_open(BANK, made.session_id, made.protocol) == made
    assert journal.used(BANK, AGREEMENT) == CODES


def test_in_the_profile_malicious_a_table_is_charged_for_every_answer(journal: BureauScreenings) -> None:
    made, table = vole(1, security=MALICIOUS), charged_codes(MALICIOUS, CODES)
    assert refused(lambda: journal.open(made, table - 1)) is Code.QUOTA_EXCEEDED
    assert journal.open(made, TERM) == made == journal.get(BANK, made.session_id)
    for attempt in range(2):
        journal.claim_attempt(BANK, made.session_id, 0, attempt)
        journal.charge_answer(made, 0, attempt, TERM)
        assert journal.used(BANK, AGREEMENT) == (attempt + 1) * table
    assert refused(lambda: journal.open(vole(1, security=CURIOUS), TERM)) is Code.IDEMPOTENCY_CONFLICT


def test_the_same_opening_again_is_the_same_session_and_charged_once(journal: BureauScreenings) -> None:
    first = journal.open(screening(1), TERM)
    again = replace(screening(1), session_id=b"s" * 16, epoch_id=b"f" * 16, opened_at=NOW + 9)
    assert journal.open(again, TERM) == first
    assert journal.used(BANK, AGREEMENT) == CODES
    assert refused(lambda: journal.get(BANK, b"s" * 16)) is Code.NOT_FOUND


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"version": "2"},
        {"mode": ScreeningMode.LABELS},
        {"protocol": ScreeningProtocol.VOLE},
        {"purpose": Purpose.CLASS_CONSISTENCY},
        {"padded_codes": CODES + 1},
        {"buckets": 1},
        {"commitment": b"c" * 32},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_job_stands_for_one_content(journal: BureauScreenings, changes: dict[str, Any]) -> None:
    first = journal.open(screening(1), TERM)
    assert refused(lambda: journal.open(replace(first, session_id=b"s" * 16, **changes), TERM)) is (
        Code.IDEMPOTENCY_CONFLICT
    )
    assert journal.of_job(BANK, first.job_id) == first
    assert journal.used(BANK, AGREEMENT) == CODES


def test_the_quota_of_a_term_holds_to_the_last_code(journal: BureauScreenings) -> None:
    journal.open(screening(1), 2 * CODES)
    over = screening(2, padded_codes=CODES + 1)
    assert refused(lambda: journal.open(over, 2 * CODES)) is Code.QUOTA_EXCEEDED
    assert journal.of_job(BANK, over.job_id) is None, "what is refused is not open"
    assert journal.used(BANK, AGREEMENT) == CODES
    journal.open(screening(2), 2 * CODES)
    assert refused(lambda: journal.open(screening(3, padded_codes=1), 2 * CODES)) is Code.QUOTA_EXCEEDED
    assert journal.used(BANK, AGREEMENT) == 2 * CODES


def test_a_quota_is_of_one_bank_and_agreement(journal: BureauScreenings) -> None:
    journal.open(screening(1), CODES)
    journal.open(screening(2, bank=OTHER), CODES)
    journal.open(screening(3, agreement_id="agreement-2"), CODES)
    assert [journal.used(*each) for each in ((BANK, AGREEMENT), (OTHER, AGREEMENT), (BANK, "agreement-2"))] == (
        [CODES] * 3
    )
    assert journal.used(OTHER, "agreement-2") == 0


def test_charge_and_session_are_written_together_or_not_at_all(journal: BureauScreenings) -> None:
    first = journal.open(screening(1), TERM)
    same_session = screening(2, session_id=first.session_id)  # the row cannot be written: its session id stands already
    assert refused(lambda: journal.open(same_session, TERM)) is Code.IDEMPOTENCY_CONFLICT
    assert journal.used(BANK, AGREEMENT) == CODES
    assert journal.of_job(BANK, same_session.job_id) is None


def test_many_openings_at_once_never_pass_the_quota(database: Database, journal: BureauScreenings) -> None:
    results = at_once(lambda number: journal.open(screening(number), 5 * CODES + 1))
    assert results.count(Code.QUOTA_EXCEEDED) == THREADS - 5
    assert journal.used(BANK, AGREEMENT) == 5 * CODES
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(bureau_screenings)).scalar_one() == 5


def test_one_opening_from_many_calls_at_once_is_one_session(journal: BureauScreenings) -> None:
    results = at_once(lambda number: journal.open(screening(1, session_id=number.to_bytes(16, "big")), TERM))
    assert len(set(results)) == 1
    assert journal.used(BANK, AGREEMENT) == CODES


# ---- sessions


def test_a_session_serves_its_own_bank_and_protocol_alone(journal: BureauScreenings) -> None:
    made = journal.open(screening(1), TERM)
    session = made.session_id
    foreign = (
        lambda: journal.get(OTHER, session),
        lambda: journal.require_open(OTHER, session, made.protocol),
        lambda: journal.claim_batch(OTHER, session, 0, 5, FIRST),
        lambda: journal.claim_attempt(OTHER, session, 0, 0),
        lambda: journal.close(OTHER, session, None),
    )
    assert [refused(call) for call in foreign] == [Code.NOT_FOUND] * len(foreign)
    assert journal.of_job(OTHER, made.job_id) is None
    assert refused(lambda: journal.require_open(BANK, session, ScreeningProtocol.VOLE)) is Code.WRONG_STATE
    assert journal.get(BANK, session) == made


@pytest.mark.parametrize(("record", "state"), [(b"record", DONE), (None, CANCELLED)])
def test_a_closed_session_stays_as_it_is_and_answers_nothing(
    journal: BureauScreenings, record: bytes | None, state: str
) -> None:
    made = journal.open(vole(1), TERM)
    journal.claim_attempt(BANK, made.session_id, 0, 0)
    closed = journal.close(BANK, made.session_id, record)
    assert closed == replace(made, state=state, record=record, closed_at=NOW + 5)
    assert journal.close(BANK, made.session_id, b"another") == journal.close(BANK, made.session_id, None) == closed
    replayed = (
        lambda: journal.require_open(BANK, made.session_id, made.protocol),
        lambda: journal.claim_batch(BANK, made.session_id, 0, 5, FIRST),
        lambda: journal.claim_attempt(BANK, made.session_id, 0, 1),
        lambda: journal.charge_answer(made, 0, 0, TERM),
    )
    assert [refused(call) for call in replayed] == [Code.WRONG_STATE] * len(replayed)
    assert journal.steps(made.session_id) == [Step(0, 0, 0, None, None)]
    assert journal.used(BANK, AGREEMENT) == CODES, "the charge stays"
    assert journal.open(replace(made, session_id=b"s" * 16), TERM) == closed, "its job does not open anew"


# ---- batches


def test_a_batch_is_written_down_once_and_never_as_another(journal: BureauScreenings) -> None:
    session = journal.open(screening(1), TERM).session_id
    journal.claim_batch(BANK, session, 1, 7, SECOND)
    for _ in range(2):
        journal.claim_batch(BANK, session, 0, 5, FIRST)
    assert refused(lambda: journal.claim_batch(BANK, session, 0, 5, SECOND)) is Code.IDEMPOTENCY_CONFLICT
    assert journal.steps(session) == [Step(0, 0, 5, FIRST, None), Step(1, 0, 7, SECOND, None)]
    journal.answered(session, 0, 0, FIRST, ANSWER)
    journal.answered(session, 0, 0, SECOND, LATER)
    assert journal.steps(session)[0] == Step(0, 0, 5, FIRST, ANSWER), "the first answer stays"


def test_a_batch_that_could_not_be_evaluated_leaves_its_place_free(journal: BureauScreenings) -> None:
    session = journal.open(screening(1), TERM).session_id
    journal.claim_batch(BANK, session, 0, 5, FIRST)
    journal.release_batch(session, 0)
    journal.claim_batch(BANK, session, 0, 6, SECOND)
    journal.answered(session, 0, 0, SECOND, ANSWER)
    journal.release_batch(session, 0)
    assert journal.steps(session) == [Step(0, 0, 6, SECOND, ANSWER)], "an answer is never taken back"


def test_of_many_batches_for_one_place_one_is_taken(journal: BureauScreenings) -> None:
    session = journal.open(screening(1), TERM).session_id
    results = at_once(lambda number: journal.claim_batch(BANK, session, 0, 5, bytes([number]) * 32))
    assert results.count(None) == 1
    assert set(results) == {None, Code.IDEMPOTENCY_CONFLICT}
    (step,) = journal.steps(session)
    assert step.request_digest == bytes([results.index(None)]) * 32


# ---- attempts


def test_an_attempt_is_made_once_and_none_after_a_later_one(journal: BureauScreenings) -> None:
    session = journal.open(vole(1), TERM).session_id
    journal.claim_attempt(BANK, session, 0, 0)
    journal.claim_attempt(BANK, session, 0, 3)
    for attempt in (0, 2, 3):
        assert refused(lambda attempt=attempt: journal.claim_attempt(BANK, session, 0, attempt)) is Code.WRONG_STATE  # type: ignore[misc]
    journal.answered(session, 0, 3, FIRST, ANSWER)
    assert journal.steps(session) == [Step(0, 0, 0, None, None), Step(0, 3, 0, FIRST, ANSWER)]


def test_there_are_as_many_buckets_as_were_opened(journal: BureauScreenings) -> None:
    one, count = journal.open(vole(1), TERM), journal.open(screening(2, buckets=0), TERM)
    for made in (one, count):
        journal.claim_attempt(BANK, made.session_id, 0, 0)
        assert refused(lambda made=made: journal.claim_attempt(BANK, made.session_id, 1, 0)) is Code.MALFORMED  # type: ignore[misc]


def test_a_confusion_table_stands_at_its_own_place_and_a_further_one_costs_the_whole(
    journal: BureauScreenings,
) -> None:
    made = journal.open(vole(1), TERM)
    for bucket in (0, 2):
        wrong = refused(lambda bucket=bucket: journal.claim_attempt(BANK, made.session_id, bucket, 0, table=1))  # type: ignore[misc]
        assert wrong is Code.MALFORMED
    before = journal.used(BANK, made.agreement_id)
    for attempt in range(2):
        journal.claim_attempt(BANK, made.session_id, 1, attempt, table=1)
        journal.charge_answer(made, 1, attempt, TERM)
        assert journal.used(BANK, made.agreement_id) == before + attempt * made.padded_codes


def test_of_one_attempt_from_many_calls_one_is_made(journal: BureauScreenings) -> None:
    session = journal.open(vole(1), TERM).session_id
    results = at_once(lambda _: journal.claim_attempt(BANK, session, 0, 0))
    assert results.count(None) == 1
    assert results.count(Code.WRONG_STATE) == THREADS - 1


def test_the_first_answer_is_paid_with_the_opening_and_every_further_one_anew(journal: BureauScreenings) -> None:
    made = journal.open(vole(1), TERM)
    for attempt in range(4):
        journal.claim_attempt(BANK, made.session_id, 0, attempt)
    journal.charge_answer(made, 0, 1, 3 * CODES)  # the attempt before it broke off without an answer
    assert journal.used(BANK, AGREEMENT) == CODES
    journal.charge_answer(made, 0, 2, 3 * CODES)
    assert journal.used(BANK, AGREEMENT) == 2 * CODES
    assert refused(lambda: journal.charge_answer(made, 0, 3, 3 * CODES - 1)) is Code.QUOTA_EXCEEDED
    assert journal.used(BANK, AGREEMENT) == 2 * CODES
    assert [step.codes for step in journal.steps(made.session_id)] == [0, CODES, CODES, 0]


def test_a_further_answer_takes_its_buckets_share_rounded_up(journal: BureauScreenings) -> None:
    made = journal.open(vole(1, padded_codes=100, buckets=3), TERM)
    for bucket, attempt in ((0, 0), (1, 0), (1, 1)):
        journal.claim_attempt(BANK, made.session_id, bucket, attempt)
        journal.charge_answer(made, bucket, attempt, TERM)
    assert journal.used(BANK, AGREEMENT) == 100 + 34


def test_of_many_answers_at_once_one_is_paid_with_the_opening(journal: BureauScreenings) -> None:
    made = journal.open(vole(1), TERM)
    for attempt in range(THREADS):
        journal.claim_attempt(BANK, made.session_id, 0, attempt)
    results = at_once(lambda attempt: journal.charge_answer(made, 0, attempt, 4 * CODES))
    assert results.count(None) == 4
    assert results.count(Code.QUOTA_EXCEEDED) == THREADS - 4
    assert journal.used(BANK, AGREEMENT) == 4 * CODES


def test_the_usage_is_one_row_and_a_session_begins_open(database: Database, journal: BureauScreenings) -> None:
    for number in range(3):
        assert journal.open(screening(number), TERM).state == OPEN
    with database.read() as connection:
        rows = connection.execute(select(screening_usage)).all()
    assert [tuple(row) for row in rows] == [(BANK, AGREEMENT, 3 * CODES)]
