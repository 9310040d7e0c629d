"""What a bureau does by itself: jobs left open are closed; a day's quota holds however many calls come at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from node.codes import Code, JobState
from node.errors import Refusal
from node.jobs.bureau_journal import BureauJob, BureauJournal, charge_job
from node.policy.agreement import Agreement, Limits
from node.storage.database import Database
from node.storage.schema import bureau_chunks, job_usage
from tests.support.pair import Pair
from tests.support.sides import BANK, BUREAU

DAY_MS = 24 * 3600 * 1000


def agreement_of(pair: Pair, **limits: int) -> Agreement:
    (agreement,) = pair.bureau.documents.agreements_in_force(BANK, BUREAU)
    return agreement.model_copy(update={"limits": Limits(**limits)})


def latest(journal: BureauJournal) -> BureauJob:
    return journal.latest(1)[0]


def test_a_job_left_open_is_closed_and_its_responses_are_dropped(pair: Pair) -> None:
    pair.register_all()
    done = pair.bank.one(pair.data.codes[0])
    journal = pair.bureau.journal
    with pair.bureau.database.write() as connection:  # as if the bank had been killed before it closed the job
        connection.exec_driver_sql("UPDATE bureau_jobs SET state = 'computing', closed_at = NULL")
        connection.execute(bureau_chunks.update().values(response=b"kept"))
    opened = journal.find(BANK, done.job_id)
    assert opened is not None
    assert opened.state is JobState.COMPUTING

    assert journal.expire(opened.opened_at) == 0
    assert journal.expire(opened.opened_at + 1) == 1

    assert latest(journal).state is JobState.CANCELLED
    with pair.bureau.database.read() as connection:
        assert connection.execute(select(bureau_chunks.c.response)).scalars().all() == [None]


def test_the_day_is_charged_once_a_job_and_starts_anew(pair: Pair) -> None:
    agreement = agreement_of(pair, max_jobs_per_day=1, max_online_per_day=1)
    database, now = pair.bureau.database, 20_000 * DAY_MS
    with database.write() as connection:
        charge_job(connection, BANK, now, agreement, single=True)
        charge_job(connection, BANK, now, agreement, single=False)  # lists count for themselves
    with pytest.raises(Refusal) as refused, database.write() as connection:
        charge_job(connection, BANK, now, agreement, single=True)
    assert refused.value.code is Code.QUOTA_EXCEEDED
    with database.write() as connection:
        charge_job(connection, BANK, now + DAY_MS, agreement, single=True)
    with database.read() as connection:
        assert sorted(connection.execute(select(job_usage.c.opened)).scalars()) == [1, 1, 1]


def test_calls_at_once_never_pass_the_quota(pair: Pair) -> None:
    agreement = agreement_of(pair, max_online_per_day=5)

    def attempt(_: int) -> bool:
        try:
            with pair.bureau.database.write() as connection:
                charge_job(connection, BANK, 30_000 * DAY_MS, agreement, single=True)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(attempt, range(40))) == 5


def test_opening_the_same_job_again_charges_nothing(pair: Pair) -> None:
    pair.register_all()
    done = pair.bank.one(pair.data.codes[1])
    job = pair.bureau.journal.get(done.job_id)
    agreement = agreement_of(pair, max_online_per_day=0)

    again = pair.bureau.journal.open(job, agreement, lambda *_: None)

    assert again.job_id == job.job_id
    other = replace(job, job_id=bytes(16), idempotency_key="another")
    with pytest.raises(Refusal) as refused:
        pair.bureau.journal.open(other, agreement, lambda *_: None)
    assert refused.value.code is Code.QUOTA_EXCEEDED


def test_a_bank_keeps_no_more_models_than_agreed(pair: Pair) -> None:
    (model,) = pair.bank.models.list()
    room = pair.bureau.models._check_room
    description = pair.bureau.models.get(BANK, model.model_id).description

    room(BANK, description, 1)  # itself
    room(BANK, replace(description, version="2", supersedes=description.version), 1)  # its successor
    with pytest.raises(Refusal) as refused:
        room(BANK, replace(description, version="2"), 1)
    assert refused.value.code is Code.QUOTA_EXCEEDED


def test_usage_survives_in_the_database(pair: Pair) -> None:
    database: Database = pair.bureau.database
    pair.register_all()
    pair.bank.one(pair.data.codes[2])
    with database.read() as connection:
        assert connection.execute(select(job_usage.c.kind, job_usage.c.opened)).all() == [("ONLINE", 1)]
