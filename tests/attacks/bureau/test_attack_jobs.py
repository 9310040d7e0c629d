"""Jobs that a bank must not get answered: beyond the agreement, with another's keys, out of order, out of bounds."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from sqlalchemy import func, select

from node.codes import Code, Engine
from node.jobs.calls import ChunkCall, JobOpening, chunk_binding
from node.policy.agreement import Limits
from node.rpc import methods, wire
from node.storage.schema import bureau_chunks, bureau_jobs
from protocols.psi.client import OprfClient
from protocols.randomness import SystemRandomness
from protocols.scoring.messages import ScoreRequest
from protos import alignment_pb2, consent_pb2, scoring_pb2
from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import HOUR_MS, Bureau, after_evaluation, refused
from tests.support.hostile_models import CODES, Model, make_model

NARROW = make_model(name="narrow")


@pytest.fixture(scope="module")
def narrow(bureau: Bureau) -> Iterator[Bank]:
    """A bank whose agreement allows little."""
    made = Bank(bureau, "bank-narrow")
    limits = Limits(max_rows_per_job=5, max_jobs_per_day=2, max_online_per_day=1, alignment_per_day=3)
    bureau.agree(made.party, limits=limits)
    made.register(NARROW)
    yield made
    made.close()


def chunks(bureau: Bureau) -> int:
    return bureau.count(select(func.count()).select_from(bureau_chunks))


def jobs(bureau: Bureau) -> int:
    return bureau.count(select(func.count()).select_from(bureau_jobs))


# ---- opening


def test_a_purpose_outside_the_agreement_or_the_model(bureau: Bureau, bank: Bank, model: Model) -> None:
    before = jobs(bureau)
    refused(
        lambda: bank.open(bank.opening(model, purpose="loan_monitoring")), Code.AGREEMENT_INACTIVE, "loan_monitoring"
    )
    for purpose in ("class_consistency", "curiosity", "loan_origination "):
        made = bank.opening(model, purpose=purpose)
        refused(lambda opening=made: bank.open(opening), Code.MODEL_NOT_ADMITTED, "purpose")  # type: ignore[misc]
    assert jobs(bureau) == before


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"job_id": bytes(15)}, "job_id"),
        ({"job_id": b""}, "job_id"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k" * 101}, "idempotency_key"),
        ({"idempotency_key": "k\0"}, "does not print"),
        ({"content_digest": bytes(33)}, "content_digest"),
        ({"model_id": bytes(16)}, "model_id"),
        ({"purpose": ""}, "purpose"),
        ({"enterprises": 0}, "at least one"),
        ({"enterprises": 1 << 40}, "enterprise"),
    ],
)
def test_an_opening_out_of_bounds(bureau: Bureau, bank: Bank, model: Model, changes: dict[str, Any], word: str) -> None:
    before = jobs(bureau)
    refused(lambda: bank.open(bank.opening(model, **changes)), Code.MALFORMED, word)
    assert jobs(bureau) == before


def test_too_many_enterprises(narrow: Bank) -> None:
    refused(lambda: narrow.open(narrow.opening(NARROW, 6)), Code.QUOTA_EXCEEDED, "at most 5")


def test_jobs_and_single_scores_have_their_own_quota_a_day(bureau: Bureau, narrow: Bank) -> None:
    model = NARROW
    opened = narrow.opening(model, 5)
    narrow.open(opened)
    narrow.open(narrow.opening(model, 2))
    refused(lambda: narrow.open(narrow.opening(model, 2)), Code.QUOTA_EXCEEDED, "max_jobs_per_day is 2")
    narrow.open(opened)  # an open job is found, not opened once more
    narrow.open(narrow.opening(model, 1))
    refused(lambda: narrow.open(narrow.opening(model, 1)), Code.QUOTA_EXCEEDED, "max_online_per_day is 1")
    with bureau.later(24 * HOUR_MS):
        narrow.open(narrow.opening(model, 2))


def test_alignment_has_a_quota_a_day(narrow: Bank) -> None:
    (epoch,) = narrow.call(methods.GET_EPOCH, alignment_pb2.EpochRequest())

    def evaluate(codes: tuple[str, ...]) -> bytes:
        client = OprfClient([code.encode() for code in codes], SystemRandomness())
        (batch,) = client.start()
        request = alignment_pb2.EvaluateRequest(epoch_id=epoch.epoch_id, blinded=batch.encode())
        (answer,) = narrow.call(methods.EVALUATE, request)
        return bytes(answer.evaluated)

    refused(lambda: evaluate(CODES[:4]), Code.QUOTA_EXCEEDED, "3")
    assert evaluate(CODES[:3])  # nothing was charged for what was refused
    refused(lambda: evaluate(CODES[:1]), Code.QUOTA_EXCEEDED, "3")


CONTENT: list[dict[str, Any]] = [
    {"content_digest": bytes(32)},
    {"job_id": bytes(16)},
    {"enterprises": 11},
    {"idempotency_key": "another"},
    {"model_id": b"other"},
]


@pytest.mark.parametrize("changes", CONTENT, ids=lambda changes: next(iter(changes)))
def test_a_used_key_or_job_id_with_other_content(bank: Bank, model: Model, changes: dict[str, Any]) -> None:
    opening = bank.opening(model)
    bank.open(opening)
    if "model_id" in changes:
        second = make_model(name="second")
        bank.register(second)
        changes = {"model_id": second.model_id}
    refused(lambda: bank.open(replace(opening, **changes)), Code.IDEMPOTENCY_CONFLICT, "already stands for another job")
    assert bank.open(opening).feature_set


def test_another_banks_job(bank: Bank, other: Bank, model: Model) -> None:
    opening = bank.opening(model)
    bank.open(opening)
    theirs = make_model(name="theirs")
    other.register(theirs)
    call = bank.chunk(model, opening.job_id, CODES[:1], [bank.consent(CODES[0])])
    refused(lambda: other.score(call), Code.NOT_FOUND, "for this bank")
    refused(lambda: other.close_job(opening.job_id), Code.NOT_FOUND, "this bank opened no job")
    stolen = replace(opening, model_id=theirs.model_id)
    refused(lambda: other.open(stolen), Code.IDEMPOTENCY_CONFLICT, "another job")
    assert bank.outcome(model, call, bank.score(call)) == model.scores([0])


# ---- chunks


@pytest.fixture
def job(bank: Bank, model: Model) -> bytes:
    return bank.job(model, enterprises=3)


@pytest.fixture(scope="module")
def consents(bank: Bank) -> list[bytes]:
    return [bank.consent(code, maximum_uses=1000) for code in CODES[:5]]


def message(bank: Bank, model: Model, job: bytes, consents: list[bytes], rows: int = 2) -> Any:
    return wire.chunk_message(bank.chunk(model, job, CODES[:rows], consents[:rows]))


Change = Callable[[Any], None]


def sets(**values: Any) -> Change:
    def change(sent: Any) -> None:
        for name, value in values.items():
            setattr(sent, name, value)

    return change


def appends(name: str, value: bytes) -> Change:
    return lambda sent: setattr(sent, name, getattr(sent, name) + value)


MESSAGES: list[tuple[str, Change, str]] = [
    ("codes not ASCII", lambda sent: setattr(sent, "codes", sent.codes[:-1] + b"\xe9"), "ASCII"),
    ("codes cut", lambda sent: setattr(sent, "codes", sent.codes[:-1]), "codes"),
    ("a code too many", appends("codes", CODES[9].encode()), "one consent for every"),
    ("an enterprise twice", sets(codes=(CODES[0] * 2).encode()), "twice"),
    ("no enterprise", sets(codes=b"", consent_ids=b""), "1 to"),
    ("consents cut", lambda sent: setattr(sent, "consent_ids", sent.consent_ids[:-1]), "consent_ids"),
    ("a consent too many", appends("consent_ids", bytes(16)), "one consent for every"),
    ("job id cut", sets(job_id=bytes(15)), "job_id"),
    ("chunk number beyond the limit", sets(chunk=1 << 24), "number"),
    ("chunk number of 64 bits", sets(chunk=2**64 - 1), "number"),
    ("no request", sets(request=b""), "scoring request"),
    ("request cut", lambda sent: setattr(sent, "request", sent.request[:-1]), "scoring request"),
    ("bytes behind the request", appends("request", b"\0"), "scoring request"),
]


@pytest.mark.parametrize(("change", "word"), [case[1:] for case in MESSAGES], ids=[case[0] for case in MESSAGES])
def test_a_chunk_out_of_form(
    bureau: Bureau, bank: Bank, model: Model, job: bytes, consents: list[bytes], change: Change, word: str
) -> None:
    sent, before = message(bank, model, job, consents), (chunks(bureau), bureau.uses(*consents))
    change(sent)
    refused(lambda: bank.call(methods.SCORE_CHUNK, sent), Code.MALFORMED, word)
    assert (chunks(bureau), bureau.uses(*consents)) == before


def request_with(canaries: np.ndarray[Any, np.dtype[np.uint16]], job: bytes, rows: int = 2, chunk: int = 0) -> bytes:
    return ScoreRequest(chunk_binding(job, chunk), rows, canaries).encode()


def zeros(columns: int, count: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.zeros((columns, count), dtype=np.uint16)


def high_canary(place: int, value: int) -> np.ndarray[Any, np.dtype[np.uint16]]:
    made = zeros(10, 1)
    made[place, 0] = value
    return made


REQUESTS: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("nine canaries", lambda job: request_with(zeros(10, 9), job), "at most 8"),
    ("64 canaries", lambda job: request_with(zeros(10, 64), job), "at most 8"),
    ("an indicator of 2", lambda job: request_with(high_canary(0, 2), job), "exceeds its column's maximum"),
    ("a linear value above its maximum", lambda job: request_with(high_canary(8, 4096), job), "maximum"),
    ("canaries of fewer columns", lambda job: request_with(zeros(9, 8), job), "do not fit the model"),
    ("canaries of more columns", lambda job: request_with(zeros(11, 8), job), "do not fit the model"),
    ("another number of rows", lambda job: request_with(zeros(10, 8), job, rows=3), "another chunk"),
    ("another chunk's binding", lambda job: request_with(zeros(10, 8), job, chunk=1), "another chunk"),
    ("another job's binding", lambda job: request_with(zeros(10, 8), bytes(16)), "another chunk"),
]


@pytest.mark.parametrize(("made", "word"), [case[1:] for case in REQUESTS], ids=[case[0] for case in REQUESTS])
def test_a_scoring_request_that_does_not_fit(
    bureau: Bureau,
    bank: Bank,
    model: Model,
    job: bytes,
    consents: list[bytes],
    made: Callable[[bytes], bytes],
    word: str,
) -> None:
    before = chunks(bureau), bureau.uses(*consents)
    call = ChunkCall(job, 0, CODES[:2], tuple(consents[:2]), made(job))
    refused(lambda: bank.score(call), Code.MALFORMED, word)
    assert (chunks(bureau), bureau.uses(*consents)) == before
    good = bank.chunk(model, job, CODES[:2], consents[:2])
    assert bank.outcome(model, good, bank.score(good)) == model.scores([0, 1])


def test_a_canary_at_its_maximum_is_answered(bank: Bank, model: Model, job: bytes, consents: list[bytes]) -> None:
    call = ChunkCall(job, 0, CODES[:1], tuple(consents[:1]), request_with(high_canary(8, 4095), job, rows=1))
    assert not bank.score(call).refused


def test_a_chunk_of_an_unknown_job(bank: Bank, model: Model, consents: list[bytes]) -> None:
    refused(lambda: bank.score(bank.chunk(model, bytes(16), CODES[:1], consents[:1])), Code.NOT_FOUND, "no job")


def test_more_rows_than_a_chunk_of_the_model_holds(bank: Bank) -> None:
    """248 with Paillier; the bfv engine's 8,184 rows are one bound below the message's own."""
    paillier = make_model(Engine.PAILLIER)
    bank.register(paillier)
    job = bank.job(paillier, 900)
    codes = tuple(f"{place:018d}" for place in range(249))
    call = ChunkCall(job, 0, codes, (bytes(16),) * 249, ScoreRequest(chunk_binding(job, 0), 249, zeros(10, 0)).encode())
    refused(lambda: bank.score(call), Code.MALFORMED, "at most 248")


def test_more_enterprises_than_the_job_was_opened_for(
    bureau: Bureau, bank: Bank, model: Model, job: bytes, consents: list[bytes]
) -> None:
    bank.score(bank.chunk(model, job, CODES[:2], consents[:2], chunk=0))
    before = bureau.uses(*consents)
    over = bank.chunk(model, job, CODES[2:4], consents[2:4], chunk=1)
    refused(lambda: bank.score(over), Code.QUOTA_EXCEEDED, "fewer enterprises")
    assert bureau.uses(*consents) == before
    bank.score(bank.chunk(model, job, CODES[2:3], consents[2:3], chunk=2))


def test_chunks_at_once_do_not_pass_the_jobs_size_together(bureau: Bureau, bank: Bank, model: Model) -> None:
    """All are admitted before the first is released: what counts is the look at the release."""
    consents = [bank.consent(code) for code in CODES[:3]]
    job, admitted = bank.job(model, 1), threading.Barrier(3, timeout=30)
    calls = [bank.chunk(model, job, CODES[place : place + 1], consents[place : place + 1], place) for place in range(3)]
    with after_evaluation(admitted.wait), ThreadPoolExecutor(3) as threads:
        outcomes = [future.exception() for future in [threads.submit(bank.score, call) for call in calls]]
    assert [getattr(each, "code", None) for each in outcomes].count(Code.QUOTA_EXCEEDED) == 2
    assert sorted(bureau.uses(*consents)) == [0, 0, 1]


def test_the_same_chunk_again_gives_the_same_bytes_and_another_conflicts(
    bureau: Bureau, bank: Bank, model: Model, job: bytes, consents: list[bytes]
) -> None:
    call = bank.chunk(model, job, CODES[:1], consents[:1])
    first, before = bank.score(call), bureau.uses(*consents)
    assert bank.score(call) == first
    others = {
        "other enterprise": bank.chunk(model, job, CODES[1:2], consents[1:2]),
        "other consent": replace(call, consent_ids=(consents[1],)),
        "other canaries": replace(call, request=request_with(zeros(10, 8), job, rows=1)),
    }
    for other in others.values():
        refused(lambda sent=other: bank.score(sent), Code.IDEMPOTENCY_CONFLICT, "another request")  # type: ignore[misc]
    assert bureau.uses(*consents) == before


def test_a_closed_job_gives_nothing_more(
    bureau: Bureau, bank: Bank, model: Model, job: bytes, consents: list[bytes]
) -> None:
    done = bank.chunk(model, job, CODES[:1], consents[:1])
    bank.score(done)
    assert bank.close_job(job) == (1, 0)
    before = bureau.uses(*consents)
    for call in (done, bank.chunk(model, job, CODES[1:2], consents[1:2], chunk=1)):
        refused(lambda sent=call: bank.score(sent), Code.WRONG_STATE, "done")  # type: ignore[misc]
    assert bank.close_job(job, cancelled=True) == (1, 0)  # twice changes nothing
    assert bureau.uses(*consents) == before
    assert (
        bureau.count(select(func.count()).where(bureau_chunks.c.job_id == job, bureau_chunks.c.response.is_not(None)))
        == 0
    )


def test_a_job_closed_while_its_chunk_is_computed_releases_nothing(
    bureau: Bureau, bank: Bank, model: Model, job: bytes
) -> None:
    consent = bank.consent(CODES[0])
    call = bank.chunk(model, job, CODES[:1], [consent])
    with after_evaluation(lambda: bank.close_job(job)):
        refused(lambda: bank.score(call), Code.WRONG_STATE, "done")
    assert bureau.uses(consent) == [0]


def test_one_enterprise_in_one_call(bank: Bank, model: Model, consents: list[bytes]) -> None:
    """The online call is for one enterprise of one job, whatever its parts say."""
    opening = bank.opening(model, 1)
    call = bank.chunk(model, opening.job_id, CODES[:1], consents[:1])
    two = bank.chunk(model, opening.job_id, CODES[:2], consents[:2])

    def one(opened: JobOpening, chunk: ChunkCall) -> scoring_pb2.ScoreOneRequest:
        return scoring_pb2.ScoreOneRequest(open=wire.opening_message(opened), chunk=wire.chunk_message(chunk))

    for request in (
        one(opening, two),
        one(replace(opening, enterprises=2), call),
        one(opening, bank.chunk(model, bytes(16), CODES[:1], consents[:1])),
    ):
        refused(
            lambda sent=request: bank.call(methods.SCORE_ONE, sent),  # type: ignore[misc]
            Code.MALFORMED,
            "one enterprise of one job",
        )
    for part in ("open", "chunk"):
        request = one(opening, call)
        request.ClearField(part)
        refused(lambda sent=request: bank.call(methods.SCORE_ONE, sent), Code.MALFORMED)  # type: ignore[misc]
    (answer,) = bank.call(methods.SCORE_ONE, one(opening, call))
    assert bank.outcome(model, call, wire.chunk_reply(answer.chunk, call)) == model.scores([0])


# ---- consent frames and alignment


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (consent_pb2.RegisterFrame(sequence=1, consents=["x"]), "out of order"),
        (consent_pb2.RegisterFrame(sequence=0), "1 to 256"),
        (consent_pb2.RegisterFrame(sequence=0, consents=["x"] * 257), "1 to 256"),
    ],
    ids=["sequence", "empty", "too many"],
)
def test_a_frame_of_consents_out_of_form(bank: Bank, frame: Message, word: str) -> None:
    refused(lambda: bank.call(methods.REGISTER_CONSENTS, frame), Code.MALFORMED, word)


@pytest.mark.parametrize("consent_id", ["", "00", "g" * 32, "0" * 31, "0" * 34, " " * 32])
def test_revoking_by_what_is_no_id(bank: Bank, consent_id: str) -> None:
    request = consent_pb2.RevokeRequest(consent_id=consent_id)
    refused(lambda: bank.call(methods.REVOKE_CONSENT, request), Code.MALFORMED, "consent")


def test_revoking_what_is_not_ones_own_or_for_a_novel(bureau: Bureau, bank: Bank, other: Bank, model: Model) -> None:
    consent = bank.consent(CODES[7])
    named = consent_pb2.RevokeRequest(consent_id=consent.hex())
    refused(lambda: other.call(methods.REVOKE_CONSENT, named), Code.NOT_FOUND, "this bank registered no consent")
    unknown = consent_pb2.RevokeRequest(consent_id=secrets.token_hex(16))
    refused(lambda: bank.call(methods.REVOKE_CONSENT, unknown), Code.NOT_FOUND, "this bank registered no consent")
    for reason, word in (("x" * 501, "500"), ("a\0b", "null")):
        long = consent_pb2.RevokeRequest(consent_id=consent.hex(), reason=reason)
        refused(lambda sent=long: bank.call(methods.REVOKE_CONSENT, sent), Code.INVALID_INPUT, word)  # type: ignore[misc]
    call = bank.chunk(model, bank.job(model), CODES[7:8], [consent])
    assert bank.outcome(model, call, bank.score(call)) == model.scores([7])


def test_alignment_out_of_bounds(bank: Bank, other: Bank) -> None:
    (epoch,) = bank.call(methods.GET_EPOCH, alignment_pb2.EpochRequest())
    (theirs,) = other.call(methods.GET_EPOCH, alignment_pb2.EpochRequest())
    assert theirs.epoch_id != epoch.epoch_id
    for epoch_id in (b"", bytes(16), theirs.epoch_id, epoch.epoch_id + b"\0"):
        tags = alignment_pb2.TagsRequest(epoch_id=epoch_id)
        refused(lambda sent=tags: bank.call(methods.DOWNLOAD_TAGS, sent), Code.NOT_FOUND, "epoch")  # type: ignore[misc]
    for first in (epoch.tag_count + 1, 2**63, 2**64 - 1):
        past = alignment_pb2.TagsRequest(epoch_id=epoch.epoch_id, first=first)
        refused(lambda sent=past: bank.call(methods.DOWNLOAD_TAGS, sent), Code.INVALID_INPUT, "past")  # type: ignore[misc]
    identity = (1).to_bytes(4, "big") + bytes(32)
    for blinded in (b"", bytes(4), identity, b"\xff" * 36, bytes(1 << 20)):
        batch = alignment_pb2.EvaluateRequest(epoch_id=epoch.epoch_id, blinded=blinded)
        refused(lambda sent=batch: bank.call(methods.EVALUATE, sent), Code.MALFORMED)  # type: ignore[misc]


def test_after_all_this_a_good_job_works(bank: Bank, other: Bank, model: Model) -> None:
    bank.works(model)
    own = make_model(name="witness")
    other.register(own)
    other.works(own)
