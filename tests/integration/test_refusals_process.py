"""A bureau that runs as a process of its own, under a bank that holds the real keys and follows no rules."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from node.clock import system_clock
from node.codes import Code, Purpose, Reason
from node.config import load
from node.demo.trial import card_of
from node.jobs.calls import ChunkCall, JobOpening, chunk_binding
from node.keys import load_keys, open_sealer
from node.policy import card as cards
from node.rpc import methods, wire
from node.rpc.client import Caller, PeerClient
from node.rundir import RunDirectory
from protocols.randomness import SystemRandomness
from protocols.scoring.messages import ScoreRequest
from protos import scoring_pb2
from tests.support.hostile_bureau import USCC_LIKE, refused
from tests.support.trial import MODEL, ReadyTrial

UNCERTIFIED = "BANKTAX_SECURITY__ALLOW_UNCERTIFIED"


@contextmanager
def hostile(ready: ReadyTrial) -> Iterator[PeerClient]:
    """A client of the bureau with the bank's own keys, beside the bank's node."""
    directory = ready.bank.directory
    settings, keys = load(directory), load_keys(directory, open_sealer(directory, SystemRandomness()))
    port = RunDirectory(ready.bureau.directory).port("server")
    with PeerClient(
        cards.parse(card_of(ready.bureau.directory)),
        Caller(settings.node.id, keys.tls, keys.signing),
        limits=settings.limits,
        clock=system_clock,
        randomness=SystemRandomness(),
        endpoint=f"127.0.0.1:{port}",
    ) as client:
        yield client


def model_id(ready: ReadyTrial) -> bytes:
    with ready.bank.client() as bank:
        return bytes.fromhex(next(model.model_id for model in bank.models.list() if model.name == MODEL))


def opening(ready: ReadyTrial) -> JobOpening:
    return JobOpening(
        secrets.token_bytes(16),
        secrets.token_hex(8),
        secrets.token_bytes(32),
        model_id(ready),
        Purpose.LOAN_ORIGINATION,
        4,
    )


def request(made: JobOpening, codes: tuple[str, ...], consents: tuple[bytes, ...]) -> scoring_pb2.ScoreChunkRequest:
    score = ScoreRequest(chunk_binding(made.job_id, 0), len(codes), np.zeros((8, 1), dtype=np.uint16))
    return wire.chunk_message(ChunkCall(made.job_id, 0, codes, consents, score.encode()))


def test_refused_calls_and_rows_count_nothing_and_the_bank_s_own_job_works(ready_trial: ReadyTrial) -> None:
    ready = ready_trial
    codes = ready.data.codes[:2]
    consents = tuple(bytes.fromhex(ready.consent_ids[code]) for code in codes)
    before = ready.all_uses()
    good = opening(ready)
    with hostile(ready) as client:

        def open_job(**changes: object) -> object:
            return client.call(methods.OPEN_JOB, wire.opening_message(replace(good, **changes)))  # type: ignore[arg-type]

        refused(lambda: open_job(model_id=bytes(32)), Code.MODEL_UNKNOWN, "no such model")
        refused(lambda: open_job(enterprises=1 << 39), Code.QUOTA_EXCEEDED, "at most")
        refused(lambda: open_job(purpose=Purpose.LOAN_MONITORING), Code.MODEL_NOT_ADMITTED, "purpose")
        open_job()
        refused(lambda: open_job(content_digest=bytes(32)), Code.IDEMPOTENCY_CONFLICT, "another job")
        chunk = request(good, codes, consents)
        chunk.codes = chunk.codes[:-1]
        refused(lambda: client.call(methods.SCORE_CHUNK, chunk), Code.MALFORMED, "codes")
        swapped = request(good, codes, consents[::-1])
        reply = wire.chunk_reply(
            client.call(methods.SCORE_CHUNK, swapped),
            ChunkCall(good.job_id, 0, codes, consents[::-1], swapped.request),
        )
    assert [row.reason for row in reply.refused] == [Reason.CONSENT_WRONG_PARTY] * 2
    assert ready.all_uses() == before
    job = ready.run(codes)
    ready.check_exact(job.job_id, codes)


def test_without_allow_uncertified_no_model_is_taken_or_used(ready_trial: ReadyTrial) -> None:
    """The bureau is started once more as its template has it, and then as the trial has it."""
    ready = ready_trial
    ready.bureau.stop()
    ready.bureau.environment[UNCERTIFIED] = "false"
    try:
        ready.bureau.start()
        with ready.bureau.client() as bureau:
            assert not bureau.status().warnings
        with ready.bank.client() as bank:
            refused(lambda: bank.models.register(MODEL), Code.MODEL_NOT_ADMITTED, "admission")
        with hostile(ready) as client:
            message = wire.opening_message(opening(ready))
            refused(lambda: client.call(methods.OPEN_JOB, message), Code.MODEL_NOT_ADMITTED, "no admission")
    finally:
        ready.bureau.environment.pop(UNCERTIFIED)
        ready.bureau.stop()
        ready.bureau.start()
    with ready.bureau.client() as bureau:
        assert any("allow_uncertified" in warning for warning in bureau.status().warnings)
    job = ready.run(ready.data.codes[:2])
    ready.check_exact(job.job_id, ready.data.codes[:2])


def test_a_list_with_bad_codes_scores_the_others(ready_trial: ReadyTrial) -> None:
    good, unheld = ready_trial.data.codes[:2], ready_trial.unheld[0]
    bad = ["", "x", good[0][:-1] + ("0" if good[0][-1] != "0" else "1"), "null\0character", "x" * 300, "企业", good[0]]
    job = ready_trial.run([good[0], *bad, good[1], unheld])
    rows = ready_trial.rows(job.job_id)
    assert [row.reason for row in rows[1:7]] == [Reason.BAD_CODE] * 6
    assert rows[7].reason == Reason.DUPLICATE
    assert [rows[0].score, rows[8].score] == [ready_trial.expected[code] for code in good]
    assert rows[9].reason == Reason.NO_CONSENT


def test_a_reason_that_the_bureau_would_refuse_revokes_nothing_at_the_bank(ready_trial: ReadyTrial) -> None:
    token, consent_id = ready_trial.sign(ready_trial.data.codes[3])
    assert ready_trial.register([token])[0].state == "registered"
    with ready_trial.bank.client() as bank, ready_trial.bureau.client() as bureau:
        for reason in ("x" * 501, "a\0b"):
            refused(lambda text=reason: bank.consents.revoke(consent_id, text), Code.INVALID_INPUT, "reason")  # type: ignore[misc]
        for node in (bank, bureau):
            assert node.consents.list(consent_id=consent_id)[0].state == "valid"


def test_no_log_of_either_node_shows_a_code_or_a_traceback(ready_trial: ReadyTrial) -> None:
    for node in (ready_trial.bank, ready_trial.bureau):
        log = node.log.read_text("utf-8")
        assert log
        assert "Traceback" not in log
        assert not [code for code in ready_trial.data.codes if code in log]
        assert not USCC_LIKE.search(log)
