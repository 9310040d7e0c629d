"""Two banks at one bureau: neither can use, see or spoil what is the other's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from node.codes import Code, Purpose, Reason, Role
from node.jobs.calls import ChunkCall, JobOpening
from node.jobs.gate import Caller
from node.jobs.work import request_chunk
from node.rpc.methods import EVALUATE
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.randomness import SEED_BYTES
from tests.support.pair import Pair, agree
from tests.support.sides import BANK, OTHER_BANK, RANDOMNESS, BankSide, Wire, party_card
from tests.support.trial import refusal_of

FIRST, SECOND = Caller(BANK, "127.0.0.1"), Caller(OTHER_BANK, "127.0.0.1")


@pytest.fixture
def other(pair: Pair) -> Iterator[BankSide]:
    """A second bank with its own agreement and its own model of the same scorecard."""
    wire = Wire(party_card(OTHER_BANK, Role.BANK), lambda: pair.bureau)
    bank = BankSide(pair.folder / "other", OTHER_BANK, wire, pair.compute, pair.clock)
    agree(pair.bureau, bank, pair.data.catalogue())
    bank.build(pair.data.scorecard())
    yield bank
    bank.close()


def model_id(bank: BankSide) -> bytes:
    return bank.models.find("synthetic-card").model_id


def opening_of(bank: BankSide, **changes: Any) -> JobOpening:
    opening = JobOpening(RANDOMNESS.bytes(16), "key", bytes(32), model_id(bank), Purpose.LOAN_ORIGINATION, 1)
    return replace(opening, **changes)


def call_of(bank: BankSide, opening: JobOpening, code: str, consent: bytes) -> ChunkCall:
    task = bank.models.usable(model_id(bank)).task(opening.job_id, 0, RANDOMNESS.bytes(SEED_BYTES), 1)
    return ChunkCall(opening.job_id, 0, (code,), (consent,), bank.compute.run(request_chunk, task))


def test_both_score_on_their_own(pair: Pair, other: BankSide) -> None:
    pair.register_all()
    for code in pair.data.codes:
        assert other.register([pair.signer.sign(code, bank=OTHER_BANK)]) == [("registered", None)]
    first, second = pair.bank.run(pair.data.codes, key="same"), other.run(pair.data.codes, key="same")
    assert pair.bank.outcome(first.job_id) == other.outcome(second.job_id) == pair.expected
    assert model_id(pair.bank) != model_id(other)


def test_the_others_model_is_unknown(pair: Pair, other: BankSide) -> None:
    opening = opening_of(pair.bank)
    assert refusal_of(lambda: pair.bureau.scoring.open(SECOND, opening)) is Code.MODEL_UNKNOWN
    assert pair.bureau.scoring.open(FIRST, opening).feature_set


def test_the_others_job_is_not_found(pair: Pair, other: BankSide) -> None:
    consents = pair.register_all()
    opening = opening_of(pair.bank)
    pair.bureau.scoring.open(FIRST, opening)
    call = call_of(pair.bank, opening, pair.data.codes[0], consents[0])
    assert refusal_of(lambda: pair.bureau.scoring.score(SECOND, call)) is Code.NOT_FOUND
    assert refusal_of(lambda: pair.bureau.scoring.close(SECOND, opening.job_id, cancelled=True)) is Code.NOT_FOUND
    assert not pair.bureau.scoring.score(FIRST, call).refused


def test_the_others_job_id_cannot_be_taken(pair: Pair, other: BankSide) -> None:
    opening = opening_of(pair.bank)
    pair.bureau.scoring.open(FIRST, opening)
    stolen = replace(opening, model_id=model_id(other), idempotency_key="another")
    assert refusal_of(lambda: pair.bureau.scoring.open(SECOND, stolen)) is Code.IDEMPOTENCY_CONFLICT


def test_the_others_response_is_not_given_again(pair: Pair, other: BankSide) -> None:
    consents = pair.register_all()
    opening = opening_of(pair.bank)
    pair.bureau.scoring.open(FIRST, opening)
    call = call_of(pair.bank, opening, pair.data.codes[0], consents[0])
    first = pair.bureau.scoring.score(FIRST, call)
    assert refusal_of(lambda: pair.bureau.scoring.score(SECOND, call)) is Code.NOT_FOUND
    assert pair.bureau.scoring.score(FIRST, call).encode() == first.encode()


def test_the_others_consent_gives_no_score(pair: Pair, other: BankSide) -> None:
    consents = pair.register_all()
    opening = opening_of(other)
    pair.bureau.scoring.open(SECOND, opening)
    reply = pair.bureau.scoring.score(SECOND, call_of(other, opening, pair.data.codes[0], consents[0]))
    assert [row.reason for row in reply.refused] == [Reason.CONSENT_WRONG_PARTY]
    assert pair.bureau.uses(consents) == [0] * len(consents)


def test_the_others_consent_cannot_be_registered(pair: Pair, other: BankSide) -> None:
    token = pair.signer.sign(pair.data.codes[0])
    assert other.register([token]) == [("refused", Reason.CONSENT_WRONG_PARTY)]
    assert pair.bureau.registrar.register(SECOND, [token]) == [Reason.CONSENT_WRONG_PARTY]
    assert pair.bureau.registrar.register(FIRST, [token]) == [None]


def test_the_others_consent_cannot_be_withdrawn(pair: Pair, other: BankSide) -> None:
    consents = pair.register_all()
    assert refusal_of(lambda: pair.bureau.registrar.revoke(SECOND, consents[0], "spite")) is Code.NOT_FOUND
    assert pair.bank.run(pair.data.codes[:1]).state == "done"


def test_the_others_alignment_epoch_is_not_answered(pair: Pair, other: BankSide) -> None:
    mine, theirs = pair.bank.wire, other.wire
    first = pair.bank.link.align(pair.data.codes)
    assert all(first.values())
    epochs = [
        pair.bureau.handlers["/banktax.alignment.v1.Alignment/GetEpoch"](wire._context(), None)
        for wire in (mine, theirs)
    ]
    assert epochs[0].epoch_id != epochs[1].epoch_id
    assert epochs[0].tags_digest != epochs[1].tags_digest, "two banks could compare what they hold"
    blinded = next(data for method, data in mine.received if method.endswith("Evaluate"))
    assert refusal_of(lambda: replay(theirs, blinded)) is Code.NOT_FOUND
    assert len(blinded) < MAXIMUM_BATCH * 32


def replay(wire: Wire, data: bytes) -> None:
    wire.call(EVALUATE, EVALUATE.request.FromString(data))


def test_superseding_stays_within_a_bank(pair: Pair, other: BankSide) -> None:
    """Both have a model of the same name and version; one bank's next version leaves the other's alone."""
    card = json.loads(pair.data.scorecard("2"))
    other.build(json.dumps({**card, "supersedes": "1"}).encode())
    assert pair.bank.models.find("synthetic-card@1").state == "registered"
    assert pair.bureau.models.get(BANK, model_id(pair.bank)).state == "registered"
    assert refusal_of(lambda: pair.bureau.models.get(OTHER_BANK, other.models.find("synthetic-card@1").model_id)) is (
        Code.MODEL_EXPIRED
    )


def test_a_bank_without_an_agreement_is_answered_nothing(pair: Pair) -> None:
    wire = Wire(party_card(OTHER_BANK, Role.BANK), lambda: pair.bureau)
    stranger = BankSide(pair.folder / "stranger", OTHER_BANK, wire, pair.compute, pair.clock)
    try:
        assert refusal_of(lambda: stranger.link.align(pair.data.codes)) is Code.AGREEMENT_INACTIVE
        assert refusal_of(lambda: stranger.link.register_consents(["a.b.c"])) is Code.AGREEMENT_INACTIVE
        assert refusal_of(lambda: pair.bureau.registrar.revoke(SECOND, bytes(16), "")) is Code.NOT_FOUND
    finally:
        stranger.close()


@pytest.mark.parametrize("address", ["192.0.2.7", ""])
def test_a_bank_that_calls_from_elsewhere_is_answered_nothing(pair: Pair, address: str) -> None:
    opening = opening_of(pair.bank)
    caller = Caller(BANK, address)
    assert refusal_of(lambda: pair.bureau.scoring.open(caller, opening)) is Code.AGREEMENT_INACTIVE
