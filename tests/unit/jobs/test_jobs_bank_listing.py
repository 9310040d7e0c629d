"""A bank's list of jobs: right, and without a query for each job."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import Any

from sqlalchemy import Engine, event

from node.codes import Reason
from node.control.bank import BankControl
from node.rpc.control_server import OperatorContext
from node.rpc.exchange import Deadline
from protos import control_pb2 as pb
from tests.support.pair import Pair
from tests.support.sides import BUREAU


def control_of(pair: Pair) -> BankControl:
    bank = pair.bank
    return BankControl(
        bank.database,
        bank.consents,
        bank.bank_consents,
        bank.models,
        bank.journal,
        bank.intake,
        bank.runner,
        bank.online,
        lambda _: bank.link,
        lambda: BUREAU,
        bank.clock,
    )


def context() -> OperatorContext:
    return OperatorContext("operator", ip_address("127.0.0.1"), "0" * 16, Deadline(time.monotonic() + 60))


def queries_of_listing(pair: Pair) -> tuple[pb.Jobs, int]:
    told: list[str] = []

    def tell(*call: Any) -> None:
        told.append(call[2])

    event.listen(Engine, "before_cursor_execute", tell)  # of all engines: reading and writing have one each
    try:
        listed = control_of(pair).jobs(context(), pb.ListJobsRequest(limit=0))
    finally:
        event.remove(Engine, "before_cursor_execute", tell)
    return listed, sum(statement.startswith("SELECT") for statement in told)


def test_jobs_are_listed_with_their_own_counts(pair: Pair) -> None:
    pair.bank.register([pair.signer.sign(code) for code in pair.data.codes[:3]])
    scored = pair.bank.run([*pair.data.codes[:3], "no code"])
    waiting = pair.bank.take(pair.data.codes)
    refused = pair.bank.one(pair.data.codes[5])

    control = control_of(pair)
    listed = {job.job_id: job for job in control.jobs(context(), pb.ListJobsRequest()).jobs}

    assert set(listed) == {job.job_id.hex() for job in (scored, waiting, refused)}
    assert all(control.job(context(), pb.JobKey(job_id=job_id)) == job for job_id, job in listed.items())
    counts = {job_id: (job.scored, dict(job.refused), job.finished) for job_id, job in listed.items()}
    assert counts == {
        scored.job_id.hex(): (3, {Reason.BAD_CODE: 1}, 4),
        waiting.job_id.hex(): (0, {}, 0),
        refused.job_id.hex(): (0, {Reason.NO_CONSENT: 1}, 1),
    }


def test_a_longer_list_takes_no_more_queries(pair: Pair) -> None:
    pair.bank.take(pair.data.codes)
    short, few = queries_of_listing(pair)
    for _ in range(20):
        pair.bank.take(pair.data.codes)
    long, many = queries_of_listing(pair)
    assert (len(short.jobs), len(long.jobs)) == (1, 21)
    assert few == many == 3
