"""The power is cut at EVERY step of a job, one after another: before a transaction, inside it, right after it, before
a call and after it. Whatever the step, the job ends by itself with every row once and every consent counted once.
"""

from __future__ import annotations

import random
import time
from itertools import count

import pytest
from sqlalchemy import func, select

from node.codes import JobState
from node.jobs.bank_records import StoredJob
from node.jobs.states import FINAL
from node.storage.schema import bank_chunks, bank_job_rows, bureau_chunks, bureau_jobs
from tests.support.pair import Pair, PairMaker
from tests.support.power import PowerCut

KEY = "one-list"
SECONDS = 60.0


def begin(pair: Pair) -> list[bytes]:
    """The bank holds consents that the bureau has not heard of: alignment and registration belong to the job then."""
    signed = [pair.signer.sign_with_id(code) for code in pair.data.codes]
    pair.bank.keep([token for token, _ in signed])
    return [consent_id for _, consent_id in signed]


def submit(pair: Pair) -> StoredJob:
    job = pair.bank.take([*pair.data.codes, "not a code"], key=KEY)
    pair.bank.runner.submit(job.job_id)
    return job


def attempt(pair: Pair) -> bool:
    """Run the job until its end or the bank's; tell whether it ended."""
    try:
        job = submit(pair)
        end = time.monotonic() + SECONDS
        while not pair.bank.fuse.blown and time.monotonic() < end:
            if pair.bank.journal.get(job.job_id).state in FINAL and not pair.bank.runner.active:
                return not pair.bank.fuse.blown
            time.sleep(0.002)
        assert pair.bank.fuse.blown, "the job hangs"
    except PowerCut:
        pass
    return False


def finish(pair: Pair) -> StoredJob:
    """A job that was journalled goes on by itself; a list that was not is handed in again, as its sender would."""
    known = pair.bank.journal.latest(10)
    job = known[0] if known else submit(pair)
    return pair.bank.wait(job.job_id)


def check(pair: Pair, job: StoredJob, consents: list[bytes]) -> None:
    assert job.state is JobState.DONE, (job.error_code, job.error_detail)
    assert pair.bank.outcome(job.job_id) == {**pair.expected, "NOT A CODE": "BAD_CODE"}
    assert [row["position"] for row in pair.bank.rows(job.job_id)] == list(range(len(pair.data.codes) + 1))
    assert pair.bureau.uses(consents) == [1] * len(consents)
    with pair.bank.database.read() as bank, pair.bureau.database.read() as bureau:
        assert bank.execute(select(func.count()).select_from(bank_job_rows)).scalar_one() == len(pair.data.codes) + 1
        mine = bank.execute(select(bank_chunks.c.chunk, bank_chunks.c.response_digest).order_by(bank_chunks.c.chunk))
        theirs = bureau.execute(
            select(bureau_chunks.c.chunk, bureau_chunks.c.response_digest).order_by(bureau_chunks.c.chunk)
        )
        assert [tuple(row) for row in mine] == [tuple(row) for row in theirs]
        assert bureau.execute(select(func.sum(bureau_chunks.c.released))).scalar_one() == len(consents)
        assert bureau.execute(select(func.count()).select_from(bureau_jobs)).scalar_one() == 1


def test_the_bank_loses_its_power_at_every_step(make_pair: PairMaker) -> None:
    for step in count():
        pair = make_pair()
        consents = begin(pair)
        pair.bank.fuse.arm(step)
        if attempt(pair):
            check(pair, pair.bank.journal.latest(1)[0], consents)
            break
        pair.restart_bank()
        check(pair, finish(pair), consents)
        pair.close()
    assert step > 40, "the fuse was not asked often enough"


def test_the_bureau_loses_its_power_at_every_step(make_pair: PairMaker) -> None:
    for step in count():
        pair = make_pair()
        consents = begin(pair)
        pair.bureau.fuse.arm(step)
        assert attempt(pair)
        check(pair, pair.bank.journal.latest(1)[0], consents)
        pair.close()
        if not pair.restarts:
            break
    assert step > 10, "the fuse was not asked often enough"


@pytest.mark.parametrize("seed", range(4))
def test_both_lose_their_power(make_pair: PairMaker, seed: int) -> None:
    chance = random.Random(seed)
    pair = make_pair()
    consents = begin(pair)
    pair.bureau.fuse.arm(chance.randrange(12))
    for _ in range(5):
        pair.bank.fuse.arm(chance.randrange(4, 30))
        known = bool(pair.bank.journal.latest(1))
        if (attempt(pair) if not known else ended(pair)) and not pair.bank.fuse.blown:
            break
        pair.restart_bank()
    check(pair, finish(pair), consents)


def ended(pair: Pair) -> bool:
    try:
        pair.bank.wait(pair.bank.journal.latest(1)[0].job_id)
    except PowerCut:
        return False
    return True
