"""A bureau that lies: whatever it changes in a response, the bank keeps quiet, ends the job and retires the key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from node.codes import Code, JobState, Reason, RowStatus
from node.errors import Refusal
from node.jobs.bureau_link import BureauLink
from node.jobs.calls import ChunkCall, ChunkReply, JobOpening, OpenedJob, RefusedRow
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.messages import ScoreResponse
from tests.support.pair import Pair, PairMaker
from tests.support.trial import refusal_of

Change = Callable[[ChunkReply], ChunkReply]
CANARIES = 8


class LyingLink:
    """The real bureau, whose scoring replies go through ``change``. Everything else is passed on."""

    def __init__(self, real: BureauLink, change: Callable[[ChunkCall, ChunkReply], ChunkReply]) -> None:
        self._real = real
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def score_chunk(self, call: ChunkCall) -> ChunkReply:
        return self._change(call, self._real.score_chunk(call))

    def score_one(self, opening: JobOpening, call: ChunkCall) -> tuple[OpenedJob, ChunkReply]:
        opened, reply = self._real.score_one(opening, call)
        return opened, self._change(call, reply)


def with_scores(reply: ChunkReply, change: Callable[[EncryptedScores], EncryptedScores]) -> ChunkReply:
    response = ScoreResponse.decode(reply.response)
    return replace(reply, response=replace(response, scores=change(response.scores)).encode())


def with_rows(reply: ChunkReply, change: Callable[[np.ndarray[Any, Any]], None]) -> ChunkReply:
    """Change the coefficients, shape (rows and canaries, bytes of one)."""

    def changed(scores: EncryptedScores) -> EncryptedScores:
        rows = np.frombuffer(scores.rows, dtype=np.uint8).reshape(scores.row_count, -1).copy()
        change(rows)
        return replace(scores, rows=rows.tobytes())

    return with_scores(reply, changed)


def swap_canaries(rows: np.ndarray[Any, Any]) -> None:
    rows[-CANARIES:] = rows[-CANARIES:][::-1].copy()


def add_one_to_all(rows: np.ndarray[Any, Any]) -> None:
    """A coefficient plus a whole plaintext unit: every enterprise, and every canary, gets one point more."""
    unit = (1 << 48) // (1 << 32)
    for row in rows:
        value = (int.from_bytes(row.tobytes(), "little") + unit) % (1 << 47)
        row[:] = np.frombuffer(value.to_bytes(6, "little"), dtype=np.uint8)


def change_the_shared_part(scores: EncryptedScores) -> EncryptedScores:
    """High bits of one coefficient, in either byte order: a low one would drown in the noise, as it must."""
    shared = bytearray(scores.shared)
    at = len(shared) // 12 * 6
    for place in (at + 1, at + 4):
        shared[place] ^= 0x40
    return replace(scores, shared=bytes(shared))


TAMPERING: dict[str, Change] = {
    "canaries in another order": lambda reply: with_rows(reply, swap_canaries),
    "everything one unit more": lambda reply: with_rows(reply, add_one_to_all),
    "a coefficient of the shared polynomial": lambda reply: with_scores(reply, change_the_shared_part),
    "truncated": lambda reply: replace(reply, response=reply.response[:-1]),
    "cut to nothing": lambda reply: replace(reply, response=b""),
    "a byte more": lambda reply: replace(reply, response=reply.response + b"\0"),
    "another binding": lambda reply: replace(reply, response=bytes(32) + reply.response[32:]),
    "a row refused whose coefficient is there": lambda reply: replace(
        reply, refused=(RefusedRow(0, Reason.CONSENT_REVOKED),)
    ),
    "a coefficient left out of a row not refused": lambda reply: with_scores(
        reply, lambda scores: scores.select(np.arange(scores.row_count) != 0)
    ),
}


def lying(make_pair: PairMaker, change: Callable[[ChunkCall, ChunkReply], ChunkReply], chunk_rows: int = 4) -> Pair:
    pair = make_pair(wrap=lambda link: LyingLink(link, change), chunk_rows=chunk_rows)
    pair.register_all()
    return pair


def check_quarantined(pair: Pair, job_id: bytes) -> None:
    job = pair.bank.journal.get(job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, Code.RESULT_REJECTED)
    assert pair.bank.models.find("synthetic-card").state == "retired"
    heard = len(pair.wire.received)
    assert refusal_of(lambda: pair.bank.runner.resume(job_id)) is Code.WRONG_STATE
    assert refusal_of(lambda: pair.bank.runner.cancel(job_id)) is Code.WRONG_STATE
    assert refusal_of(lambda: pair.bank.take(pair.data.codes)) is Code.MODEL_EXPIRED
    assert refusal_of(lambda: pair.bank.one(pair.data.codes[0])) is Code.MODEL_EXPIRED
    pair.restart_bank()
    time.sleep(0.2)
    assert not pair.bank.runner.active
    assert len(pair.wire.received) == heard, "the bureau was told something"


@pytest.mark.parametrize("name", TAMPERING)
def test_a_changed_response_quarantines_the_job(make_pair: PairMaker, name: str) -> None:
    change = TAMPERING[name]
    pair = lying(make_pair, lambda call, reply: change(reply) if call.chunk == 0 else reply)
    job = pair.bank.run(pair.data.codes)
    check_quarantined(pair, job.job_id)
    assert not pair.wire.received[-1][0].endswith("CloseJob")
    first = pair.bank.rows(job.job_id)[:4]
    assert [(row["status"], row["score"], row["tax_part"]) for row in first] == [(None, None, None)] * 4


def test_the_words_of_a_quarantine_say_nothing_of_what_failed(make_pair: PairMaker) -> None:
    """An answer that depends on how the check failed would tell the bureau about the key."""
    details = set()
    for change in TAMPERING.values():
        pair = lying(make_pair, lambda _, reply, change=change: change(reply))  # type: ignore[misc]
        details.add(pair.bank.run(pair.data.codes[:2]).error_detail)
        pair.close()
    assert len(details) == 1


def test_a_changed_response_to_a_single_request(make_pair: PairMaker) -> None:
    pair = lying(make_pair, lambda _, reply: TAMPERING["canaries in another order"](reply))
    assert refusal_of(lambda: pair.bank.one(pair.data.codes[0])) is Code.RESULT_REJECTED
    check_quarantined(pair, pair.bank.journal.latest(1)[0].job_id)


def test_an_honest_bureau_passes_the_same_way(make_pair: PairMaker) -> None:
    pair = lying(make_pair, lambda _, reply: with_rows(reply, lambda rows: None))
    job = pair.bank.run(pair.data.codes)
    assert job.state is JobState.DONE
    assert pair.bank.outcome(job.job_id) == pair.expected


def test_a_broken_line_beside_a_lie_does_not_hide_it(make_pair: PairMaker) -> None:
    """Otherwise a bureau could break one chunk's line on purpose, be asked again and try another lie."""
    broken = threading.Event()

    def change(call: ChunkCall, reply: ChunkReply) -> ChunkReply:
        if call.chunk == 1:
            broken.set()
            raise Refusal(Code.PEER_UNREACHABLE, "the line broke")
        broken.wait(20)
        time.sleep(0.2)  # the other chunk has failed before this one comes in
        return TAMPERING["canaries in another order"](reply)

    pair = lying(make_pair, change, chunk_rows=2)  # four chunks: two under way, two to come
    job = pair.bank.run(pair.data.codes)
    check_quarantined(pair, job.job_id)
    asked = [method for method, _ in pair.wire.received if method.endswith("ScoreChunk")]
    assert len(asked) == 2, "a chunk was asked for again"


def test_a_key_that_is_retired_stops_other_jobs_too(make_pair: PairMaker) -> None:
    """The second job has its model open already when the first one is lied to."""
    lie, waiting = threading.Event(), threading.Event()

    def change(call: ChunkCall, reply: ChunkReply) -> ChunkReply:
        if call.job_id == second.job_id:
            waiting.set()
            lie.wait(20)
            return reply
        return TAMPERING["truncated"](reply)

    pair = lying(make_pair, change, chunk_rows=1)
    first, second = pair.bank.take(pair.data.codes[:1]), pair.bank.take(pair.data.codes)
    pair.bank.runner.submit(second.job_id)
    assert waiting.wait(20)
    pair.bank.runner.submit(first.job_id)
    while pair.bank.journal.get(first.job_id).state is not JobState.FAILED:
        time.sleep(0.01)
    lie.set()
    ended = pair.bank.wait(second.job_id)
    assert (ended.state, ended.error_code) == (JobState.FAILED, Code.MODEL_EXPIRED)
    statuses = [row["status"] for row in pair.bank.rows(second.job_id)]
    assert statuses.count(RowStatus.SCORED) <= 2  # those that were under way
