"""What a bank's jobs and models survive: a failure in mid-plan, two threads at one job, a key retired meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from node.clock import system_clock
from node.codes import Code, JobState, Reason
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs import bank_journal
from node.jobs.bank_runner import Patience
from node.jobs.bureau_link import BureauLink
from node.jobs.calls import ChunkCall, ChunkReply
from node.jobs.model_description import ModelDescription
from node.jobs.work import decrypt_chunk
from node.rpc import methods
from node.storage.schema import bank_jobs
from tests.support.overlap import wait_for_waiters
from tests.support.pair import DAY_MS, Pair, PairMaker, Prepared


class _Link:
    """The real link with faults: a quota of alignments, every second chunk lost, an event amid a registration."""

    def __init__(self, link: BureauLink) -> None:
        self._link = link
        self.aligned = 0
        self.quota: int | None = None
        self.registering: Any = lambda: None
        self.asked, self.flaky = 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    def align(self, codes: Sequence[str]) -> Mapping[str, bool]:
        self.aligned += 1
        if self.quota is not None and self.aligned > self.quota:
            raise Refusal(Code.QUOTA_EXCEEDED, "the day's alignments are used up")
        return self._link.align(codes)

    def score_chunk(self, call: ChunkCall) -> ChunkReply:
        self.asked += 1
        if self.flaky and self.asked % 2:
            raise Refusal(Code.PEER_UNREACHABLE, "no answer")
        return self._link.score_chunk(call)

    def register_model(self, description: ModelDescription, encrypted: Iterator[bytes], admission: bytes = b"") -> bool:
        certified = self._link.register_model(description, encrypted, admission)
        self.registering()
        return certified


def _pair_and_link(make_pair: PairMaker, **options: Any) -> tuple[Pair, _Link]:
    made: list[_Link] = []

    def wrap(link: BureauLink) -> Any:
        made.append(_Link(link))
        return made[-1]

    return make_pair(wrap=wrap, **options), made[0]


def test_a_job_that_failed_in_mid_plan_is_resumed_with_all_its_rows(
    make_pair: PairMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_journal, "SLICE_ROWS", 4)
    pair, link = _pair_and_link(make_pair)
    pair.register_all()
    link.aligned, link.quota = 0, 1  # the first slice of the list is planned, the second is not

    failed = pair.bank.run(pair.data.codes)
    assert (failed.state, failed.error_code) == (JobState.FAILED, Code.QUOTA_EXCEEDED)
    link.quota = None
    pair.bank.runner.resume(failed.job_id)

    assert pair.bank.wait(failed.job_id).state is JobState.DONE
    assert pair.bank.outcome(failed.job_id) == pair.expected


def test_patience_begins_anew_whenever_the_bureau_answered(make_pair: PairMaker) -> None:
    pair, link = _pair_and_link(make_pair, patience=Patience(0.01, 0.01, 0.03), chunk_rows=1)
    pair.register_all()
    link.flaky = True
    job = pair.bank.run(pair.data.codes)
    assert job.state is JobState.DONE
    assert link.asked - len(pair.data.codes) > 3, "more failures than the patience allows for in a row"
    assert pair.bank.outcome(job.job_id) == pair.expected


def test_a_consent_that_is_used_up_gives_way_to_another(pair: Pair) -> None:
    now, code = pair.clock(), pair.data.codes[0]
    short = pair.signer.sign(code, maximum_uses=1, expires_ms=now + 300 * DAY_MS)
    lasting = pair.signer.sign(code)
    pair.bank.register([short, lasting])
    outcomes = [pair.bank.outcome(pair.bank.one(code).job_id)[code] for _ in range(3)]
    assert outcomes == [pair.expected[code], Reason.CONSENT_EXHAUSTED, pair.expected[code]]


def test_a_key_that_is_retired_while_its_model_is_registered_stays_retired(make_pair: PairMaker) -> None:
    pair, link = _pair_and_link(make_pair)
    (model,) = pair.bank.models.list()
    link.registering = lambda: pair.bank.journal.quarantine(bytes(16), model.model_id, "test")

    with pytest.raises(Refusal) as refused:
        pair.bank.models.register(model.model_id.hex(), lambda _: pair.bank.link)

    assert refused.value.code is Code.MODEL_EXPIRED
    assert pair.bank.models.find(model.model_id.hex()).state == "retired"


def test_a_consent_whose_term_has_begun_goes_before_one_that_lasts_longer(pair: Pair) -> None:
    now, code = pair.clock(), pair.data.codes[0]
    renewed = pair.signer.sign(code, not_before_ms=now + 5 * DAY_MS, expires_ms=now + 300 * DAY_MS)
    current = pair.signer.sign(code)
    assert {state for state, _ in pair.bank.register([renewed, current])} == {"registered"}

    job = pair.bank.one(code)

    assert pair.bank.outcome(job.job_id) == {code: pair.expected[code]}


@pytest.mark.postgresql
def test_two_changes_of_state_at_once_follow_each_other(
    prepared_pair: Prepared, tmp_path: Path, compute: ComputePool, postgresql_url: str
) -> None:
    data, signer = prepared_pair.data, prepared_pair.signer
    pair = Pair(tmp_path, data, signer, compute, system_clock, urls=(None, postgresql_url))
    try:
        pair.set_up()
        job = pair.bank.take(data.codes)
        for state in (JobState.ALIGNING, JobState.ADMITTING, JobState.COMPUTING):
            pair.bank.journal.move(job.job_id, state)
        _cancel_and_release_at_once(pair, job.job_id)
        assert pair.bank.journal.get(job.job_id).state is JobState.CANCELLED
    finally:
        pair.close()


def _cancel_and_release_at_once(pair: Pair, job_id: bytes) -> None:
    with ThreadPoolExecutor(2) as threads:
        with pair.bank.database.write() as connection:  # both find the job held, and what it was before
            connection.execute(select(bank_jobs.c.job_id).with_for_update())
            cancelling = threads.submit(pair.bank.journal.move, job_id, JobState.CANCELLED)
            wait_for_waiters(connection, 1)
            releasing = threads.submit(pair.bank.journal.move, job_id, JobState.RELEASING)
            wait_for_waiters(connection, 2)
        assert cancelling.result().state is JobState.CANCELLED
        with pytest.raises(Refusal) as refused:
            releasing.result()
    assert refused.value.code is Code.WRONG_STATE


def test_a_reply_that_could_not_be_opened_is_not_asked_for_again_by_itself(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.register_all()
    run = pair.compute.run

    def dying(function: Callable[..., Any], *arguments: Any, batch: bool = False) -> Any:
        if function is decrypt_chunk:
            raise Refusal(Code.COMPUTE_FAILED, "two attempts ended with ProcessExpired")
        return run(function, *arguments, batch=batch)

    with monkeypatch.context() as patched:
        patched.setattr(pair.compute, "run", dying)
        with pytest.raises(Refusal) as refused:
            pair.bank.one(pair.data.codes[0])
        assert refused.value.code is Code.COMPUTE_FAILED
        (job,) = pair.bank.journal.latest(1)
        failed = pair.bank.wait(job.job_id)
    assert failed.state is JobState.FAILED
    assert [method for method, _ in pair.wire.received].count(methods.SCORE_CHUNK.path) == 0
    assert [method for method, _ in pair.wire.received].count(methods.SCORE_ONE.path) == 1

    pair.bank.runner.resume(job.job_id)  # an operator's decision
    assert pair.bank.wait(job.job_id).state is JobState.DONE
    assert pair.bank.outcome(job.job_id) == {pair.data.codes[0]: pair.expected[pair.data.codes[0]]}
