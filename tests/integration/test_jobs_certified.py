"""Certified models through a whole job: the bank's own record, the wire, the bureau's refusals, its ledger."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import event

from node.certification.digests import ciphertext_digests
from node.codes import Code, Engine, JobState, Purpose, Reason, Role
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening
from node.jobs.gate import Caller
from node.jobs.work import request_chunk
from node.rpc import methods
from protocols.randomness import SEED_BYTES
from tests.integration.test_jobs_release import Interposed
from tests.support.admissions import AUDITOR, OTHER_AUDITOR, admit, body_of, material_of, revocation_of, trust_auditors
from tests.support.pair import DAY_MS, Pair, PairMaker, Prepared, agree
from tests.support.sides import BANK, BUREAU, OTHER_BANK, RANDOMNESS, BankSide, Wire, party_card
from tests.support.transport import MovableClock
from tests.support.trial import refusal_of

CALLER = Caller(BANK, "127.0.0.1")
NAME = "synthetic-card"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def interposed(compute: ComputePool) -> Interposed:
    return Interposed(compute)


@pytest.fixture
def pair(make_pair: PairMaker, clock: MovableClock, interposed: Interposed) -> Pair:
    """A bureau that takes certified models alone, under an agreement that names an auditor."""
    made = make_pair(clock=clock, compute=interposed, allow_uncertified=False)
    certify(made, made.bank)
    return made


def certify(pair: Pair, bank: BankSide, **changes: Any) -> None:
    """Sign an agreement with an auditor; both trust it."""
    trust_auditors(pair.bureau, bank)
    first = datetime.now(UTC) - timedelta(hours=1)
    terms: dict[str, Any] = {"agreement_id": f"certified-{bank.party}", "auditors": (AUDITOR,), "valid_from": first}
    agree(pair.bureau, bank, pair.data.catalogue(), **(terms | changes))


def register(bank: BankSide, reference: str = NAME, **changes: Any) -> bytes:
    """Have a model admitted and registered; returns its id."""
    bank.held_admissions.add(admit(bank, reference, **changes))
    return bank.models.register(reference, lambda _: bank.link).model_id


def build(pair: Pair, version: str, bank: BankSide | None = None, **changes: Any) -> str:
    """Build another version of the card, unregistered; returns its reference."""
    card = json.loads(pair.data.scorecard(version)) | changes
    side = bank or pair.bank
    summary = side.models.build(json.dumps(card).encode(), Engine.BFV, BUREAU, lambda done, total: None)
    return f"{summary.name}@{summary.version}"


def outcome(pair: Pair, reference: str, codes: Sequence[str], key: str = "") -> Mapping[str, int | str | None]:
    job = pair.bank.run(codes, model=reference, key=key)
    assert job.state == JobState.DONE, job.error_detail
    return pair.bank.outcome(job.job_id)


def debited(pair: Pair, code: str, bank: str = BANK) -> set[bytes]:
    return {each.model_id for each in pair.bureau.ledger.entries(code, bank)}


def in_days(pair: Pair, days: float) -> str:
    return (datetime.fromtimestamp(pair.clock() // 1000, UTC) + timedelta(days=days)).isoformat()


# ---- registering


def test_a_model_without_an_admission_is_not_even_received(pair: Pair) -> None:
    reference = build(pair, "2")
    pair.bank.wire.received.clear()
    assert refusal_of(lambda: pair.bank.models.register(reference, lambda _: pair.bank.link)) is Code.MODEL_NOT_ADMITTED
    frames = [data for method, data in pair.bank.wire.received if method == methods.REGISTER_MODEL.path]
    assert len(frames) <= 2, "a header, and the frame behind it, which may have been an admission"
    assert not list((pair.bureau.folder / "models").glob(".incoming-*"))


def test_a_model_that_was_registered_before_is_no_longer_evaluated(pair: Pair) -> None:
    consents = pair.register_all()
    job = pair.bank.run(pair.data.codes)
    assert (job.state, job.error_code) == (JobState.FAILED, Code.MODEL_NOT_ADMITTED)
    assert pair.bureau.uses(consents) == [0] * len(consents)


def test_an_admission_travels_with_the_model(pair: Pair) -> None:
    pair.register_all()
    pair.bank.held_admissions.add(admit(pair.bank))
    description, _ = material_of(pair.bank)
    parts = pair.bank.models.material(NAME).encrypted.read_bytes()
    certified = pair.bank.link.register_model(
        description, iter([parts]), pair.bank.held_admissions.to_send(description.model_id)
    )
    assert certified
    assert [each.state for each in pair.bureau.held_admissions.list()] == ["valid"]
    assert outcome(pair, NAME, pair.data.codes) == pair.expected
    assert debited(pair, pair.data.codes[0]) == {description.model_id}


def test_ciphertexts_that_the_admission_names_in_another_order_are_refused_when_they_are_here(pair: Pair) -> None:
    _, encrypted = material_of(pair.bank)
    digests = list(ciphertext_digests(encrypted))
    pair.bank.held_admissions.add(admit(pair.bank, ciphertext_digests=[digests[1], digests[0], *digests[2:]]))
    with pytest.raises(Refusal, match="other ciphertexts"):
        pair.bank.models.register(NAME, lambda _: pair.bank.link)


def test_an_admission_that_the_bureaus_operator_imports_is_enough(pair: Pair) -> None:
    pair.register_all()
    pair.bureau.held_admissions.add(admit(pair.bank))
    assert pair.bank.one(pair.data.codes[0]).state == JobState.DONE


# ---- revoked, overdue


def chunk(pair: Pair, opening: JobOpening, number: int, codes: list[str], consents: list[bytes]) -> ChunkCall:
    usable = pair.bank.models.usable(opening.model_id)
    task = usable.task(opening.job_id, number, RANDOMNESS.bytes(SEED_BYTES), len(codes))
    return ChunkCall(opening.job_id, number, tuple(codes), tuple(consents), pair.bank.compute.run(request_chunk, task))


def opening_of(pair: Pair, model_id: bytes, enterprises: int = 7) -> JobOpening:
    job_id = RANDOMNESS.bytes(16)
    return JobOpening(job_id, job_id.hex(), bytes(32), model_id, Purpose.LOAN_ORIGINATION, enterprises)


def test_a_revocation_stops_a_job_at_its_next_chunk(pair: Pair) -> None:
    consents = pair.register_all()
    codes = list(pair.data.codes)
    model_id = register(pair.bank)
    opening = opening_of(pair, model_id)
    pair.bureau.scoring.open(CALLER, opening)
    assert not pair.bureau.scoring.score(CALLER, chunk(pair, opening, 0, codes[:3], consents[:3])).refused
    (held,) = pair.bureau.held_admissions.list()
    pair.bureau.held_admissions.add(revocation_of(held.admission_id, pair.clock()))
    late = chunk(pair, opening, 1, codes[3:], consents[3:])
    assert refusal_of(lambda: pair.bureau.scoring.score(CALLER, late)) is Code.MODEL_NOT_ADMITTED
    assert pair.bureau.uses(consents) == [1, 1, 1, 0, 0, 0, 0]
    assert debited(pair, codes[3]) == set()
    assert refusal_of(lambda: pair.bank.models.register(NAME, lambda _: pair.bank.link)) is Code.MODEL_NOT_ADMITTED
    job = pair.bank.run(codes)
    assert (job.state, job.error_code) == (JobState.FAILED, Code.MODEL_NOT_ADMITTED)


def test_every_auditor_of_the_agreement_may_revoke(pair: Pair) -> None:
    younger = datetime.now(UTC) - timedelta(minutes=5)
    both = (AUDITOR, OTHER_AUDITOR)
    certify(pair, pair.bank, agreement_id="both-auditors", auditors=both, valid_from=younger)
    pair.register_all()
    register(pair.bank)
    assert pair.bank.one(pair.data.codes[0]).state == JobState.DONE
    (held,) = pair.bureau.held_admissions.list()
    shown = pair.bureau.held_admissions.add(revocation_of(held.admission_id, pair.clock(), OTHER_AUDITOR))
    assert (shown.state, shown.auditors) == ("revoked", (AUDITOR,))
    assert refusal_of(lambda: pair.bank.one(pair.data.codes[0])) is Code.MODEL_NOT_ADMITTED


def test_an_overdue_review_ends_what_runs_and_starts_nothing(pair: Pair, clock: MovableClock) -> None:
    consents = pair.register_all()
    codes = list(pair.data.codes)
    model_id = register(pair.bank, review_by=in_days(pair, 5), expires_at=in_days(pair, 10))
    opening = opening_of(pair, model_id)
    pair.bureau.scoring.open(CALLER, opening)
    clock.shift_ms = 6 * DAY_MS
    assert pair.bureau.scoring.open(CALLER, opening).feature_set, "a bank that was restarted finds its job open"
    assert not pair.bureau.scoring.score(CALLER, chunk(pair, opening, 0, codes, consents)).refused
    other = opening_of(pair, model_id)
    assert refusal_of(lambda: pair.bureau.scoring.open(CALLER, other)) is Code.MODEL_NOT_ADMITTED
    pair.bureau.scoring.close(CALLER, opening.job_id, cancelled=False)
    assert refusal_of(lambda: pair.bureau.scoring.open(CALLER, opening)) is Code.MODEL_NOT_ADMITTED
    clock.shift_ms = 11 * DAY_MS
    assert refusal_of(lambda: pair.bank.one(codes[0])) is Code.MODEL_NOT_ADMITTED


# ---- the ledger


def test_a_second_model_is_refused_row_by_row_and_spends_nothing(pair: Pair, clock: MovableClock) -> None:
    consents = pair.register_all(expires_ms=clock() + 800 * DAY_MS)
    codes = list(pair.data.codes)
    register(pair.bank)
    second = build(pair, "2")
    register(pair.bank, second)
    assert outcome(pair, NAME + "@1", codes[:2]) == {code: pair.expected[code] for code in codes[:2]}
    found = outcome(pair, second, codes)
    assert [found[code] for code in codes[:2]] == [Reason.LEDGER_LIMIT] * 2
    assert [found[code] for code in codes[2:]] == [pair.expected[code] for code in codes[2:]]
    assert pair.bureau.uses(consents) == [1] * 7
    assert pair.bank.outcome(pair.bank.one(codes[0], model=second).job_id) == {codes[0]: Reason.LEDGER_LIMIT}
    assert outcome(pair, NAME + "@1", codes[:1], "again") == {codes[0]: pair.expected[codes[0]]}
    assert pair.bureau.uses(consents)[:2] == [2, 1], "the same model again spends a use and debits nothing"


def test_an_admitted_combination_is_scored(pair: Pair) -> None:
    pair.register_all()
    codes = list(pair.data.codes)
    first = register(pair.bank)
    second = build(pair, "2", supersedes="1")
    named = combination(pair, first, second)
    assert outcome(pair, NAME, codes) == pair.expected
    register(pair.bank, second, combinations=[named], supersedes=first.hex())
    assert outcome(pair, second, codes) == pair.expected
    assert len(debited(pair, codes[0])) == 2


def combination(pair: Pair, first: bytes, reference: str) -> dict[str, Any]:
    """The entry of an admission of ``reference`` that names ``first`` beside it."""
    beside = [first.hex(), material_of(pair.bank, reference)[0].model_id.hex()]
    fields = body_of(admit(pair.bank, reference))["leakage"]["fields"]
    return {"model_ids": beside, "fields": fields, "distinct_scores": 4000, "score_bits_milli": 12_000}


def test_what_the_ledger_refuses_is_not_even_computed(pair: Pair, interposed: Interposed) -> None:
    consents = pair.register_all()
    codes = list(pair.data.codes)
    register(pair.bank)
    second = register(pair.bank, build(pair, "2"))
    outcome(pair, NAME + "@1", codes[:2])
    opening = opening_of(pair, second)
    pair.bureau.scoring.open(CALLER, opening)
    interposed.read.clear()
    reply = pair.bureau.scoring.score(CALLER, chunk(pair, opening, 0, codes, consents))
    assert [(row.index, row.reason) for row in reply.refused] == [(0, Reason.LEDGER_LIMIT), (1, Reason.LEDGER_LIMIT)]
    assert interposed.read == [[2, 3, 4, 5, 6]]


def test_a_consent_that_is_used_up_debits_nothing(pair: Pair, interposed: Interposed) -> None:
    """Both between the two looks: another job takes the last use, so this one neither spends nor debits."""
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code, maximum_uses=1)
    assert pair.bank.register([token]) == [("registered", None)]
    first = register(pair.bank)
    reference = build(pair, "2")
    second = register(pair.bank, reference, combinations=[combination(pair, first, reference)])
    faster, slower = opening_of(pair, first, 1), opening_of(pair, second, 1)
    for opening in (faster, slower):
        pair.bureau.scoring.open(CALLER, opening)
    calls = [chunk(pair, opening, 0, [code], [consent]) for opening in (faster, slower)]

    def another_job() -> None:
        interposed.between = lambda: None
        assert not pair.bureau.scoring.score(CALLER, calls[0]).refused

    interposed.between = another_job
    (row,) = pair.bureau.scoring.score(CALLER, calls[1]).refused
    assert row.reason is Reason.CONSENT_EXHAUSTED
    assert debited(pair, code) == {first}
    assert pair.bureau.uses([consent]) == [1]


def test_several_banks_raise_an_alert_and_refuse_nobody(
    pair: Pair, clock: MovableClock, capfd: pytest.CaptureFixture[str]
) -> None:
    pair.register_all()
    codes = list(pair.data.codes)
    wire = Wire(party_card(OTHER_BANK, Role.BANK), lambda: pair.bureau)
    other = BankSide(pair.folder / "other", OTHER_BANK, wire, pair.compute, clock)
    try:
        certify(pair, other)
        first, second = register(pair.bank), build(pair, "2")
        register(pair.bank, second, combinations=[combination(pair, first, second)])
        outcome(pair, NAME + "@1", codes)
        outcome(pair, NAME + "@2", codes)
        mine = build(pair, "1", other)
        register(other, mine)
        assert (
            other.register([pair.signer.sign(code, bank=OTHER_BANK) for code in codes[:3]])
            == [("registered", None)] * 3
        )
        job = other.run(codes[:3], model=mine)
        assert other.outcome(job.job_id) == {code: pair.expected[code] for code in codes[:3]}
    finally:
        other.close()
    alerts = pair.bureau.ledger.alerts(pair.clock() - DAY_MS, 2, 10)
    assert [(alert.uscc, alert.banks, alert.models) for alert in alerts] == [(code, 2, 3) for code in sorted(codes[:3])]
    written = capfd.readouterr()
    assert "ledger alerts" in written.err + written.out
    assert not any(code in written.err + written.out for code in codes)


def test_a_single_score_gains_one_statement(pair: Pair) -> None:
    """Of a certified model that was used on the enterprise before: the ledger is asked once, and is not written to."""
    pair.register_all()
    register(pair.bank)
    code = pair.data.codes[0]
    pair.bank.one(code)
    statements: list[str] = []

    def listen(*arguments: Any) -> None:
        statements.append(arguments[2])

    for engine in (pair.bureau.database.engine, pair.bureau.database._reader):
        event.listen(engine, "before_cursor_execute", listen)
    pair.bank.one(code, key="again")
    about = [each for each in statements if "extraction" in each or "FROM admissions" in each]
    assert len(about) == 1
    assert not any(each.startswith(("INSERT INTO extraction", "UPDATE extraction")) for each in statements)


# ---- races, on the database that has them

THREADS, JOBS = 16, 48


def race(pair: Pair, interposed: Interposed) -> None:
    """Forty-eight jobs of four models want one enterprise; only the first one's model is ever used on it."""
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code, maximum_uses=1000)
    assert pair.bank.register([token]) == [("registered", None)]
    models = [register(pair.bank), *(register(pair.bank, build(pair, str(number))) for number in range(2, 5))]
    openings = [opening_of(pair, models[number % len(models)], 1) for number in range(JOBS)]
    calls = [chunk(pair, opening, 0, [code], [consent]) for opening in openings]
    ready = threading.Barrier(THREADS)
    waiting = iter(range(THREADS))

    def together() -> None:
        if next(waiting, None) is not None:
            ready.wait(60)

    interposed.between = together

    def run(opening: JobOpening, call: ChunkCall) -> ChunkReply:
        pair.bureau.scoring.open(CALLER, opening)
        return pair.bureau.scoring.score(CALLER, call)

    with ThreadPoolExecutor(THREADS) as threads:
        running = [threads.submit(run, *each) for each in zip(openings, calls, strict=True)]
        replies = [future.result(120) for future in running]
    used = {opening.model_id for opening, reply in zip(openings, replies, strict=True) if not reply.refused}
    assert len(used) == 1
    assert debited(pair, code) == used
    released = sum(not reply.refused for reply in replies)
    assert released == JOBS // len(models), "every job of the model that came first, and none of another"
    assert pair.bureau.uses([consent]) == [released]


def test_many_models_want_the_one_that_is_left_on_sqlite(pair: Pair, interposed: Interposed) -> None:
    race(pair, interposed)


@pytest.fixture
def on_postgresql(
    prepared_pair: Prepared, interposed: Interposed, tmp_path: Path, postgresql_url: str, clock: MovableClock
) -> Iterator[Pair]:
    made = Pair(
        tmp_path,
        prepared_pair.data,
        prepared_pair.signer,
        cast(ComputePool, interposed),
        clock,
        urls=(postgresql_url, None),
    )
    made.set_up()
    certify(made, made.bank)
    yield made
    made.close()


@pytest.mark.postgresql
def test_many_models_want_the_one_that_is_left_on_postgresql(on_postgresql: Pair, interposed: Interposed) -> None:
    race(on_postgresql, interposed)
