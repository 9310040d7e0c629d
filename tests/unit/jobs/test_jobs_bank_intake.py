"""Which submissions a bank takes, what it asks of nobody when it refuses one, and how a decided one is journalled."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from node.codes import Code, JobState, Reason, RowStatus
from node.jobs.bank_records import NewJob, PreparedRow, Verdict
from node.storage.schema import bank_job_rows
from tests.support.pair import Pair
from tests.support.power import PowerCut
from tests.support.trial import refusal_of

FIRST = "synthetic-card@1"


def supersede(pair: Pair) -> None:
    card = json.loads(pair.data.scorecard("2"))
    pair.bank.build(json.dumps(card | {"supersedes": "1"}).encode())


def test_a_superseded_model_takes_no_new_job_and_nobody_hears_of_it(pair: Pair) -> None:
    consent = pair.signer.sign(pair.data.codes[0])
    supersede(pair)
    heard = len(pair.wire.received)

    assert refusal_of(lambda: pair.bank.take(pair.data.codes, FIRST)) is Code.MODEL_EXPIRED
    assert refusal_of(lambda: pair.bank.one(pair.data.codes[0], model=FIRST, consent=consent)) is Code.MODEL_EXPIRED

    assert len(pair.wire.received) == heard
    assert pair.bank.journal.latest(10) == []
    assert pair.bank.consents.list() == []
    assert pair.bank.one(pair.data.codes[0], consent=consent).state is JobState.DONE  # by name it is the latest


def test_a_submission_that_is_repeated_finds_its_job_though_the_model_is_superseded(pair: Pair) -> None:
    pair.register_all()
    listed = pair.bank.take(pair.data.codes, FIRST, "list")
    single = pair.bank.one(pair.data.codes[0], model=FIRST, key="one")
    supersede(pair)

    assert pair.bank.take(pair.data.codes, FIRST, "list") == listed
    assert pair.bank.one(pair.data.codes[0], model=FIRST, key="one") == single
    conflict = refusal_of(lambda: pair.bank.one(pair.data.codes[1], model=FIRST, key="one"))
    assert conflict is Code.IDEMPOTENCY_CONFLICT


@pytest.fixture
def decided(pair: Pair) -> NewJob:
    model = pair.bank.models.find(FIRST)
    return NewJob(b"j" * 16, "key", bytes(32), model.model_id, model.bureau, "loan_origination", "", 1)


ROW, REFUSED = PreparedRow("X", 5, None), Verdict(0, RowStatus.REFUSED, Reason.NO_CONSENT)


def test_a_decided_job_is_there_as_a_whole_or_not_at_all(pair: Pair, decided: NewJob) -> None:
    pair.bank.fuse.arm(0)  # within the first transaction
    with pytest.raises(PowerCut):
        pair.bank.journal.create_decided(decided, ROW, REFUSED)
    pair.restart_bank()
    assert pair.bank.journal.latest(10) == []
    with pair.bank.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(bank_job_rows)).scalar_one() == 0

    pair.bank.fuse.arm(1)  # right after it
    with pytest.raises(PowerCut):
        pair.bank.journal.create_decided(decided, ROW, REFUSED)
    pair.restart_bank()
    job = pair.bank.journal.get(decided.job_id)
    assert (job.state, pair.bank.outcome(job.job_id)) == (JobState.DONE, {"X": Reason.NO_CONSENT})


def test_a_decided_job_under_a_key_that_stands_already_is_the_one_that_stands_or_a_conflict(
    pair: Pair, decided: NewJob
) -> None:
    first = pair.bank.journal.create_decided(decided, ROW, REFUSED)
    again = NewJob(**{**vars(decided), "job_id": b"k" * 16})
    other = NewJob(**{**vars(again), "content_digest": b"o" * 32})
    assert pair.bank.journal.create_decided(again, ROW, REFUSED) == first
    conflict = refusal_of(lambda: pair.bank.journal.create_decided(other, ROW, REFUSED))
    assert conflict is Code.IDEMPOTENCY_CONFLICT
