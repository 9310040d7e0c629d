"""kill -9 of real node processes in mid-job: it goes on by itself, every row once, every use counted once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from node.client.results import Job
from node.codes import Code, JobState
from node.demo.trial import NodeProcess
from tests.support.trial import ReadyTrial, paused, refusal_of, wait_until

CHUNKS = 6  # 24 enterprises, 4 in a chunk


def victims(doomed: ReadyTrial, side: str) -> list[NodeProcess]:
    return {"bank": [doomed.bank], "bureau": [doomed.bureau], "both": [doomed.bank, doomed.bureau]}[side]


def kill_and_start(doomed: ReadyTrial, side: str) -> None:
    for node in victims(doomed, side):
        node.kill()
    for node in reversed(victims(doomed, side)):  # a bank that finds no bureau waits for it
        node.start()


@contextmanager
def one_use_each(doomed: ReadyTrial) -> Iterator[None]:
    before = doomed.all_uses()
    yield
    assert doomed.all_uses() == {code: uses + 1 for code, uses in before.items()}


def check(doomed: ReadyTrial, job: Job) -> None:
    ended = doomed.wait(job.job_id)
    assert ended.state is JobState.DONE, (ended.error_code, ended.error_detail)
    doomed.check_exact(job.job_id)
    key = bytes.fromhex(job.job_id)
    query = "SELECT chunk, hex(response_digest) FROM {} WHERE job_id = ? ORDER BY chunk"
    mine = doomed.look(doomed.bank, query.format("bank_chunks"), key)
    assert mine == doomed.look(doomed.bureau, query.format("bureau_chunks"), key)
    assert len(mine) == CHUNKS


def finished_chunks(doomed: ReadyTrial, job: Job) -> int:
    query = "SELECT COUNT(*) FROM bank_chunks WHERE job_id = ? AND state = 'finished'"
    return int(doomed.look(doomed.bank, query, bytes.fromhex(job.job_id))[0][0])


def released_chunks(doomed: ReadyTrial, job: Job) -> int:
    query = "SELECT COUNT(*) FROM bureau_chunks WHERE job_id = ?"
    return int(doomed.look(doomed.bureau, query, bytes.fromhex(job.job_id))[0][0])


Moment = Callable[[ReadyTrial, Job], bool]
MOMENTS: dict[tuple[str, str], Moment] = {
    ("bank", "admitting or later"): lambda doomed, job: doomed.state(job.job_id) not in ("queued", "aligning"),
    ("bank", "a chunk finished"): lambda doomed, job: finished_chunks(doomed, job) >= 1,
    ("bank", "the last chunk released"): lambda doomed, job: released_chunks(doomed, job) == CHUNKS,
    ("bureau", "computing"): lambda doomed, job: doomed.state(job.job_id) == JobState.COMPUTING,
    ("bureau", "half of the chunks finished"): lambda doomed, job: finished_chunks(doomed, job) >= CHUNKS // 2,
}


@pytest.mark.parametrize(("side", "moment"), MOMENTS)
def test_nodes_are_killed(doomed: ReadyTrial, side: str, moment: str) -> None:
    with one_use_each(doomed):
        job = doomed.submit()
        wait_until(lambda: MOMENTS[side, moment](doomed, job), pause=0.001)
        kill_and_start(doomed, side)
        check(doomed, job)


def test_nodes_are_killed_at_chance_moments(doomed: ReadyTrial) -> None:
    chance = random.Random(20_260_331)
    with one_use_each(doomed):
        job = doomed.submit()
        for side in (chance.choice(("bank", "bureau")), "both"):
            time.sleep(chance.uniform(0, 0.8))
            kill_and_start(doomed, side)
        check(doomed, job)


def test_the_bank_is_killed_while_jobs_wait_in_line_and_align(doomed: ReadyTrial) -> None:
    """The bureau hangs, so that four jobs stand in alignment and two in the line when the bank dies."""
    codes = doomed.data.codes[:2]
    with paused(doomed.bureau):
        jobs = [doomed.submit(codes) for _ in range(6)]
        wait_until(lambda: [doomed.state(job.job_id) for job in jobs].count("aligning") == 4)
        assert [doomed.state(job.job_id) for job in jobs].count("queued") == 2
        doomed.bank.kill()
    doomed.bank.start()
    for job in jobs:
        assert doomed.wait(job.job_id).state is JobState.DONE
        doomed.check_exact(job.job_id, codes)


def test_a_bureau_that_hangs_and_is_killed_in_mid_chunk(doomed: ReadyTrial) -> None:
    with one_use_each(doomed):
        job = doomed.submit()
        wait_until(lambda: released_chunks(doomed, job) >= 1, pause=0.001)
        with paused(doomed.bureau):
            time.sleep(0.3)
            doomed.bureau.kill()
        doomed.bureau.start()
        check(doomed, job)


def test_a_single_request_is_killed_and_goes_on(doomed: ReadyTrial) -> None:
    """The customer's call breaks; the job that it began ends by itself and is found under its key."""
    code = doomed.data.codes[5]
    before = doomed.uses(doomed.consent_ids[code])
    query = "SELECT hex(job_id), state FROM bank_jobs WHERE idempotency_key = 'one-customer'"
    with paused(doomed.bureau):
        failure: list[Code] = []
        caller = threading.Thread(
            target=lambda: failure.append(refusal_of(lambda: doomed.one(code, idempotency_key="one-customer")))
        )
        caller.start()
        time.sleep(1.0)
        doomed.bank.kill()
        caller.join(60)
    assert failure == [Code.NODE_NOT_RUNNING]
    doomed.bank.start()
    assert doomed.look(doomed.bank, query) == [], "the request had not got as far as a job"
    row = doomed.one(code, idempotency_key="one-customer")
    assert row.score == doomed.expected[code]
    assert doomed.uses(doomed.consent_ids[code]) == before + 1


def test_a_single_request_whose_bureau_dies_is_finished_in_the_background(doomed: ReadyTrial) -> None:
    code = doomed.data.codes[6]
    before = doomed.uses(doomed.consent_ids[code])
    doomed.bureau.kill()
    assert refusal_of(lambda: doomed.one(code, idempotency_key="unlucky")) is Code.PEER_UNREACHABLE
    doomed.bureau.start()
    row = wait_until(lambda: doomed.one(code, idempotency_key="unlucky"))
    assert row.score == doomed.expected[code]
    assert doomed.one(code, idempotency_key="unlucky") == row
    assert doomed.uses(doomed.consent_ids[code]) == before + 1
