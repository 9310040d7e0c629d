"""Two attempts at one chunk at the same moment: on PostgreSQL transactions really overlap."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from node.clock import system_clock
from node.codes import Code, Side
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.calls import ChunkCall, JobOpening, chunk_binding
from node.storage.schema import bureau_jobs
from protocols.randomness import SeededRandomness
from protocols.scoring.messages import ScoreRequest
from tests.support.overlap import wait_for_waiters
from tests.support.pair import Pair, Prepared


@pytest.fixture
def overlapping(prepared_pair: Prepared, tmp_path: Path, compute: ComputePool, postgresql_url: str) -> Iterator[Pair]:
    made = Pair(tmp_path, prepared_pair.data, prepared_pair.signer, compute, system_clock, urls=(postgresql_url, None))
    made.set_up()
    yield made
    made.close()


def call_of(pair: Pair, consents: list[bytes], job_id: bytes) -> tuple[JobOpening, ChunkCall]:
    (model,) = pair.bank.models.list()
    usable = pair.bank.models.usable(model.model_id)
    public = usable.compiled.secret_model.public
    stream = SeededRandomness(bytes(32))
    canary = public.draw_row(lambda bound: stream.bytes(1)[0] % bound)
    request = ScoreRequest(chunk_binding(job_id, 0), len(consents), np.array([canary], dtype=np.uint16).T)
    rows = len(consents)
    opening = JobOpening(job_id, job_id.hex(), bytes(32), model.model_id, "loan_origination", rows)
    return opening, ChunkCall(job_id, 0, tuple(pair.data.codes), tuple(consents), request.encode())


@pytest.mark.postgresql
def test_attempts_at_a_chunk_at_once_get_the_same_bytes_and_count_once(overlapping: Pair) -> None:
    pair = overlapping
    consents = pair.register_all()
    opening, call = call_of(pair, consents, secrets.token_bytes(16))
    pair.bank.link.open_job(opening)

    with ThreadPoolExecutor(2) as threads:
        with pair.bureau.database.write() as connection:  # both attempts have evaluated and come to their release
            connection.execute(select(bureau_jobs.c.job_id).with_for_update())
            attempts = [threads.submit(pair.bank.link.score_chunk, call) for _ in range(2)]
            wait_for_waiters(connection, 2)
        first, second = (attempt.result() for attempt in attempts)

    assert first.response == second.response
    assert pair.bureau.uses(consents) == [1] * len(consents)


def test_a_refusal_comes_back_from_a_worker_process_as_it_is() -> None:
    refusal = Refusal(Code.STORAGE_UNAVAILABLE, "a file is gone", side=Side.BUREAU, remedy="Put it back.")
    copy = pickle.loads(pickle.dumps(refusal))
    assert str(copy) == str(refusal)
    assert vars(copy) == vars(refusal)
