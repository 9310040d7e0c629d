"""Between admission and release: a consent that is withdrawn, ends or is used up meanwhile takes its row's coefficient
out of the response. Real database, real evaluation; the change is made by another connection at that very moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from node.codes import Code, Purpose, Reason
from node.compute import ComputePool
from node.jobs.bank_model_records import UsableModel
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening
from node.jobs.gate import Caller
from node.jobs.work import evaluate_chunk, request_chunk
from node.storage.consents import Consents
from node.storage.database import open_database
from protocols.randomness import SEED_BYTES
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.messages import ScoreResponse
from tests.support.pair import Pair, PairMaker, Prepared
from tests.support.sides import BANK, BUREAU, RANDOMNESS
from tests.support.transport import MovableClock
from tests.support.trial import refusal_of

CALLER = Caller(BANK, "127.0.0.1")


class Interposed:
    """The real workers, and a moment after every evaluation at which something else may happen."""

    def __init__(self, pool: ComputePool) -> None:
        self._pool = pool
        self.evaluated: list[EncryptedScores] = []
        self.read: list[list[int]] = []
        """Of each evaluation, the rows whose features were read."""
        self.between: Callable[[], object] = lambda: None

    def run(self, function: Callable[..., Any], *arguments: Any, batch: bool = False) -> Any:
        result = self._pool.run(function, *arguments, batch=batch)
        if function is evaluate_chunk:
            self.evaluated.append(EncryptedScores.decode(result))
            self.read.append(np.flatnonzero(arguments[0].positions >= 0).tolist())
            self.between()
        return result


@pytest.fixture
def interposed(compute: ComputePool) -> Interposed:
    return Interposed(compute)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def pair(make_pair: PairMaker, interposed: Interposed, clock: MovableClock) -> Pair:
    return make_pair(compute=interposed, clock=clock)


def usable(pair: Pair) -> UsableModel:
    return pair.bank.models.usable(pair.bank.models.find("synthetic-card").model_id)


def chunk_of(pair: Pair, codes: list[str], consents: list[bytes], key: str) -> tuple[JobOpening, ChunkCall]:
    """Return what a bank sends for one chunk of a job of its own."""
    job_id = RANDOMNESS.bytes(16)
    opening = JobOpening(job_id, key, bytes(32), usable(pair).model_id, Purpose.LOAN_ORIGINATION, len(codes))
    return opening, call_of(pair, job_id, 0, codes, consents)


def call_of(pair: Pair, job_id: bytes, chunk: int, codes: list[str], consents: list[bytes]) -> ChunkCall:
    task = usable(pair).task(job_id, chunk, RANDOMNESS.bytes(SEED_BYTES), len(codes))
    request = pair.compute.run(request_chunk, task)
    return ChunkCall(job_id, chunk, tuple(codes), tuple(consents), request)


def score_all(pair: Pair, consents: list[bytes]) -> ChunkReply:
    opening, call = chunk_of(pair, list(pair.data.codes), consents, "one")
    pair.bureau.scoring.open(CALLER, opening)
    return pair.bureau.scoring.score(CALLER, call)


def check_left_out(interposed: Interposed, reply: ChunkReply, index: int, reason: Reason) -> None:
    """One row is refused; its coefficient is nowhere in the response, the others' stand there."""
    (evaluated,) = interposed.evaluated
    size = evaluated.wire.row_bytes
    coefficients = [evaluated.rows[at : at + size] for at in range(0, len(evaluated.rows), size)]
    assert [(row.index, row.reason) for row in reply.refused] == [(index, reason)]
    sent = ScoreResponse.decode(reply.response).scores
    assert sent.rows == b"".join(coefficients[:index] + coefficients[index + 1 :])
    assert coefficients[index] not in reply.response
    assert coefficients[index - 1] in reply.response


def test_nothing_in_between(pair: Pair) -> None:
    reply = score_all(pair, pair.register_all())
    assert not reply.refused
    assert ScoreResponse.decode(reply.response).scores.row_count == len(pair.data.codes) + 8


def test_a_consent_withdrawn_in_between(pair: Pair, interposed: Interposed) -> None:
    consents = pair.register_all()

    def withdraw() -> None:
        other = open_database(f"sqlite:///{pair.bureau.folder / 'node.db'}")
        Consents(other).revoke(consents[2], "bureau-zj", "asked for", pair.clock())
        other.dispose()

    interposed.between = withdraw
    reply = score_all(pair, consents)
    check_left_out(interposed, reply, 2, Reason.CONSENT_REVOKED)
    assert pair.bureau.uses(consents) == [1, 1, 0, 1, 1, 1, 1]


def test_a_bank_suspended_in_between_gets_nothing(pair: Pair, interposed: Interposed) -> None:
    consents = pair.register_all()
    interposed.between = lambda: pair.bureau.documents.suspend(BANK, resume=False)
    assert refusal_of(lambda: score_all(pair, consents)) is Code.PEER_UNTRUSTED
    assert len(interposed.evaluated) == 1
    assert set(pair.bureau.uses(consents)) == {0}


def test_an_agreement_that_ends_in_between_releases_nothing(
    pair: Pair, interposed: Interposed, clock: MovableClock
) -> None:
    consents = pair.register_all()
    (agreement,) = pair.bureau.documents.agreements_in_force(BANK, BUREAU)

    def end() -> None:
        clock.shift_ms = agreement.valid_until_ms - clock()

    interposed.between = end
    assert refusal_of(lambda: score_all(pair, consents)) is Code.AGREEMENT_INACTIVE
    assert len(interposed.evaluated) == 1
    assert set(pair.bureau.uses(consents)) == {0}


def test_a_consent_that_ends_in_between(pair: Pair, interposed: Interposed, clock: MovableClock) -> None:
    consents = pair.register_all()
    soon, short = pair.signer.sign_with_id(pair.data.codes[3], expires_ms=clock() + 3_600_000)
    assert pair.bank.register([soon]) == [("registered", None)]
    consents[3] = short

    def an_hour_and_more() -> None:
        clock.shift_ms = 3_600_000 + 61_000  # past the tolerance

    interposed.between = an_hour_and_more
    reply = score_all(pair, consents)
    check_left_out(interposed, reply, 3, Reason.CONSENT_EXPIRED)
    assert pair.bureau.uses(consents) == [1, 1, 1, 0, 1, 1, 1]


def test_a_consent_used_up_in_between(pair: Pair, interposed: Interposed, compute: ComputePool) -> None:
    consents = pair.register_all()
    token, single = pair.signer.sign_with_id(pair.data.codes[1], maximum_uses=1)
    assert pair.bank.register([token]) == [("registered", None)]
    consents[1] = single
    opening, call = chunk_of(pair, [pair.data.codes[1]], [single], "the faster one")
    pair.bureau.scoring.open(CALLER, opening)
    faster: list[ChunkReply] = []

    def another_job() -> None:
        interposed.between = lambda: None
        faster.append(pair.bureau.scoring.score(CALLER, call))

    interposed.between = another_job
    slower = score_all(pair, consents)
    assert not faster[0].refused
    assert [(row.index, row.reason) for row in slower.refused] == [(1, Reason.CONSENT_EXHAUSTED)]
    own = interposed.evaluated[0]
    assert own.rows[own.wire.row_bytes : 2 * own.wire.row_bytes] not in slower.response
    assert pair.bureau.uses(consents) == [1] * 7


def test_a_consent_that_is_used_up_is_not_even_computed(pair: Pair, interposed: Interposed) -> None:
    consents = pair.register_all()
    code = pair.data.codes[1]
    token, single = pair.signer.sign_with_id(code, maximum_uses=1)
    assert pair.bank.register([token]) == [("registered", None)]
    consents[1] = single
    opening, first = chunk_of(pair, [code], [single], "the first one")
    pair.bureau.scoring.open(CALLER, replace(opening, enterprises=2))
    again = call_of(pair, opening.job_id, 1, [code], [single])  # the same job's second look at it is the same use
    assert [pair.bureau.scoring.score(CALLER, call).refused for call in (first, again)] == [(), ()]
    assert interposed.read == [[0], [0]]

    reply = score_all(pair, consents)

    assert [(row.index, row.reason) for row in reply.refused] == [(1, Reason.CONSENT_EXHAUSTED)]
    assert interposed.read[2] == [0, 2, 3, 4, 5, 6]
    assert pair.bureau.uses(consents) == [1] * 7


def test_one_chunk_asked_for_twice_at_once_is_answered_once(pair: Pair, interposed: Interposed) -> None:
    """Two evaluations with two freshnesses; only one of them ever leaves."""
    consents = pair.register_all()
    opening, call = chunk_of(pair, list(pair.data.codes), consents, "twice")
    pair.bureau.scoring.open(CALLER, opening)
    both = threading.Barrier(2)
    interposed.between = lambda: both.wait(60)
    with ThreadPoolExecutor(2) as threads:
        first, second = [threads.submit(pair.bureau.scoring.score, CALLER, call) for _ in range(2)]
        assert first.result(60).encode() == second.result(60).encode()
    assert interposed.evaluated[0].rows != interposed.evaluated[1].rows
    assert pair.bureau.uses(consents) == [1] * len(consents)


def test_a_chunk_asked_for_again_with_something_changed_is_refused(pair: Pair) -> None:
    consents = pair.register_all()
    opening, call = chunk_of(pair, list(pair.data.codes), consents, "changed")
    pair.bureau.scoring.open(CALLER, opening)
    first = pair.bureau.scoring.score(CALLER, call)
    assert pair.bureau.scoring.score(CALLER, call).encode() == first.encode()
    swapped = replace(call, codes=(call.codes[1], call.codes[0], *call.codes[2:]))
    assert refusal_of(lambda: pair.bureau.scoring.score(CALLER, swapped)) is Code.IDEMPOTENCY_CONFLICT
    pair.bureau.scoring.close(CALLER, call.job_id, cancelled=False)
    assert refusal_of(lambda: pair.bureau.scoring.score(CALLER, call)) is Code.WRONG_STATE


def test_an_agreement_that_ends_is_looked_at_before_the_next_chunk(pair: Pair, clock: MovableClock) -> None:
    consents = pair.register_all()
    opening, call = chunk_of(pair, list(pair.data.codes), consents, "late")
    pair.bureau.scoring.open(CALLER, opening)
    clock.shift_ms = 365 * 86_400_000
    code = refusal_of(lambda: pair.bureau.scoring.score(CALLER, call))
    assert code in (Code.AGREEMENT_INACTIVE, Code.MODEL_EXPIRED)  # the same day, at midnight


def test_what_was_released_is_sent_again_after_its_consent_was_withdrawn(pair: Pair, clock: MovableClock) -> None:
    """The same bytes, which the bank may hold already; but to nobody whose agreement has ended."""
    consents = pair.register_all()
    opening, call = chunk_of(pair, list(pair.data.codes), consents, "again")
    pair.bureau.scoring.open(CALLER, opening)
    first = pair.bureau.scoring.score(CALLER, call)
    pair.bureau.consents.revoke(consents[2], "bureau-zj", "asked for", clock())

    assert pair.bureau.scoring.score(CALLER, call) == first
    assert pair.bureau.uses(consents) == [1] * 7
    clock.shift_ms = 366 * 86_400_000
    assert refusal_of(lambda: pair.bureau.scoring.score(CALLER, call)) is Code.AGREEMENT_INACTIVE


THREADS, JOBS = 16, 96


def race(pair: Pair, interposed: Interposed) -> None:
    """Ninety-six jobs want the one use that a consent has, sixteen at a time all ready to be released at once."""
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code, maximum_uses=1)
    assert pair.bank.register([token]) == [("registered", None)]
    calls = [chunk_of(pair, [code], [consent], f"job {number}") for number in range(JOBS)]
    ready = threading.Barrier(THREADS)
    interposed.between = lambda: ready.wait(60)

    def run(opening: JobOpening, call: ChunkCall) -> ChunkReply:
        pair.bureau.scoring.open(CALLER, opening)
        return pair.bureau.scoring.score(CALLER, call)

    with ThreadPoolExecutor(THREADS) as threads:
        replies = [future.result(120) for future in [threads.submit(run, *each) for each in calls]]
    reasons = [[row.reason for row in reply.refused] for reply in replies]
    assert reasons.count([]) == 1, "not exactly one was released"
    assert reasons.count([Reason.CONSENT_EXHAUSTED]) == JOBS - 1
    assert pair.bureau.uses([consent]) == [1]


def test_many_jobs_want_the_last_use_on_sqlite(pair: Pair, interposed: Interposed) -> None:
    race(pair, interposed)


@pytest.mark.postgresql
def test_many_jobs_want_the_last_use_on_postgresql(
    prepared_pair: Prepared, interposed: Interposed, tmp_path: Path, postgresql_url: str, clock: MovableClock
) -> None:
    pair = Pair(
        tmp_path,
        prepared_pair.data,
        prepared_pair.signer,
        cast(ComputePool, interposed),
        clock,
        urls=(postgresql_url, None),
    )
    try:
        pair.set_up()
        race(pair, interposed)
    finally:
        pair.close()
