"""Every reason why a bureau refuses a row, through real jobs: a refused row spends nothing, the others are scored."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from node.codes import Code, ModelClass, Purpose, Reason
from node.policy.enterprise import EnterpriseAuthority
from node.rpc import methods
from node.storage.schema import consents as consents_table
from protos import consent_pb2
from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import HOUR_MS, Bureau, after_evaluation, refused
from tests.support.hostile_models import CODES, ELSEWHERE, Model, make_model
from tests.support.transport import DAY_MS, RANDOMNESS

GOOD = 11
"""The enterprise whose row is right, in every chunk of these tests."""


def revoke(bank: Bank, consent: bytes) -> None:
    bank.call(methods.REVOKE_CONSENT, consent_pb2.RevokeRequest(consent_id=consent.hex(), reason="asked"))


def only(bank: Bank, model: Model, code: str, consent: bytes) -> int | Reason:
    """Score an enterprise beside a good one, which must come out right; returns what became of it."""
    good = bank.consent(CODES[GOOD])
    call = bank.chunk(model, bank.job(model), [code, CODES[GOOD]], [consent, good])
    first, second = bank.outcome(model, call, bank.score(call))
    assert second == model.scores([GOOD])[0]
    assert bank.bureau.uses(good) == [1]
    return first


def test_a_good_row(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5])
    assert only(bank, model, CODES[5], consent) == model.scores([5])[0]
    assert bureau.uses(consent) == [1]


def test_a_consent_that_nobody_registered(bureau: Bureau, bank: Bank, model: Model) -> None:
    unknown = secrets.token_bytes(16)
    assert only(bank, model, CODES[5], unknown) is Reason.CONSENT_UNKNOWN
    assert bureau.uses(unknown) == [0]


def test_the_consent_of_another_enterprise(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[6])
    assert only(bank, model, CODES[5], consent) is Reason.CONSENT_WRONG_PARTY
    assert bureau.uses(consent) == [0]


def test_one_consent_for_two_enterprises_serves_its_own(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[6])
    call = bank.chunk(model, bank.job(model), CODES[5:7], [consent, consent])
    outcome = bank.outcome(model, call, bank.score(call))
    assert outcome == [Reason.CONSENT_WRONG_PARTY, *model.scores([6])]
    assert bureau.uses(consent) == [1]


def test_a_consent_to_another_bank(bureau: Bureau, bank: Bank, other: Bank, model: Model) -> None:
    consent = other.consent(CODES[5])
    assert only(bank, model, CODES[5], consent) is Reason.CONSENT_WRONG_PARTY
    assert bureau.uses(consent) == [0]


def test_a_code_that_is_none(bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5])
    assert only(bank, model, CODES[5].lower(), consent) is Reason.CONSENT_WRONG_PARTY
    assert only(bank, model, "\x00" * 18, secrets.token_bytes(16)) is Reason.CONSENT_UNKNOWN


def test_expired_between_registration_and_job(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5], expires_ms=bureau.clock() + HOUR_MS)
    with bureau.later(2 * HOUR_MS):
        assert only(bank, model, CODES[5], consent) is Reason.CONSENT_EXPIRED
    assert bureau.uses(consent) == [0]


def test_not_yet_valid_and_then_valid(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5], not_before_ms=bureau.clock() + 12 * HOUR_MS)
    assert only(bank, model, CODES[5], consent) is Reason.CONSENT_NOT_YET_VALID
    assert bureau.uses(consent) == [0]
    with bureau.later(13 * HOUR_MS):
        assert only(bank, model, CODES[5], consent) == model.scores([5])[0]


def test_revoked_between_registration_and_job(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5])
    revoke(bank, consent)
    assert only(bank, model, CODES[5], consent) is Reason.CONSENT_REVOKED
    assert bureau.uses(consent) == [0]


@pytest.mark.parametrize("by", ["bank", "operator"])
def test_revoked_between_admission_and_release(bureau: Bureau, bank: Bank, model: Model, by: str) -> None:
    """It is computed, and dropped from the response: the other row comes out right."""
    consent = bank.consent(CODES[5])

    def withdraw() -> None:
        if by == "bank":
            revoke(bank, consent)
        else:
            bureau.control.consents.revoke(consent.hex(), "asked")

    with after_evaluation(withdraw):
        assert only(bank, model, CODES[5], consent) is Reason.CONSENT_REVOKED
    assert bureau.uses(consent) == [0]


def test_expired_between_admission_and_release(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5], expires_ms=bureau.clock() + HOUR_MS)

    def pass_time() -> None:
        bureau.clock.shift_ms += 2 * HOUR_MS

    try:
        with after_evaluation(pass_time):
            assert only(bank, model, CODES[5], consent) is Reason.CONSENT_EXPIRED
    finally:
        bureau.clock.shift_ms -= 2 * HOUR_MS
    assert bureau.uses(consent) == [0]


def test_exhausted(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(CODES[5], maximum_uses=2)
    for _ in range(2):
        assert only(bank, model, CODES[5], consent) == model.scores([5])[0]
    assert only(bank, model, CODES[5], consent) is Reason.CONSENT_EXHAUSTED
    assert bureau.uses(consent) == [2]


def test_a_consent_is_counted_once_in_a_job(bureau: Bureau, bank: Bank, model: Model) -> None:
    """The same enterprise in a second chunk of the job is the same use: the score is the same one."""
    consent, job = bank.consent(CODES[5], maximum_uses=1), bank.job(model)
    for chunk in range(2):
        call = bank.chunk(model, job, CODES[5:6], [consent], chunk)
        assert bank.outcome(model, call, bank.score(call)) == model.scores([5])
    assert bureau.uses(consent) == [1]


@pytest.mark.parametrize(
    "scope",
    [
        {"purposes": (Purpose.LOAN_MONITORING, Purpose.CLASS_CONSISTENCY)},
        {"fields": ("sales", "level")},
        {"fields": ("sales", "level", "spare")},
        {"model_classes": (ModelClass.ANTI_FRAUD,)},
    ],
    ids=["purpose", "a field fewer", "another field", "model class"],
)
def test_out_of_scope(bureau: Bureau, bank: Bank, model: Model, scope: dict[str, Any]) -> None:
    consent = bank.consent(CODES[5], **scope)
    assert only(bank, model, CODES[5], consent) is Reason.CONSENT_OUT_OF_SCOPE
    assert bureau.uses(consent) == [0]


def test_held_in_another_active_feature_set(bureau: Bureau, bank: Bank, model: Model) -> None:
    consent = bank.consent(ELSEWHERE)
    assert only(bank, model, ELSEWHERE, consent) is Reason.DATA_MISSING
    assert bureau.uses(consent) == [0]


def test_without_consent_a_bank_does_not_learn_whether_data_is_there(bank: Bank, model: Model) -> None:
    """The consent's fault comes first: «missing» would answer for an enterprise that was never asked."""
    assert only(bank, model, ELSEWHERE, secrets.token_bytes(16)) is Reason.CONSENT_UNKNOWN


def test_all_rows_refused(bureau: Bureau, bank: Bank, model: Model) -> None:
    call = bank.chunk(model, bank.job(model), CODES[:3], [secrets.token_bytes(16) for _ in range(3)])
    reply = bank.score(call)
    assert bank.outcome(model, call, reply) == [Reason.CONSENT_UNKNOWN] * 3


def test_many_reasons_in_one_chunk_each_at_its_row(bureau: Bureau, bank: Bank, other: Bank, model: Model) -> None:
    spent = bank.consent(CODES[3], maximum_uses=1)
    assert only(bank, model, CODES[3], spent) == model.scores([3])[0]
    gone = bank.consent(CODES[4])
    revoke(bank, gone)
    rows: list[tuple[str, bytes, int | Reason]] = [
        (CODES[0], bank.consent(CODES[0]), model.scores([0])[0]),
        (CODES[1], secrets.token_bytes(16), Reason.CONSENT_UNKNOWN),
        (CODES[2], other.consent(CODES[2]), Reason.CONSENT_WRONG_PARTY),
        (CODES[3], spent, Reason.CONSENT_EXHAUSTED),
        (CODES[4], gone, Reason.CONSENT_REVOKED),
        (CODES[5], bank.consent(CODES[5], not_before_ms=bureau.clock() + DAY_MS), Reason.CONSENT_NOT_YET_VALID),
        (CODES[6], bank.consent(CODES[6], fields=("sales",)), Reason.CONSENT_OUT_OF_SCOPE),
        (ELSEWHERE, bank.consent(ELSEWHERE), Reason.DATA_MISSING),
        (CODES[7], bank.consent(CODES[7]), model.scores([7])[0]),
    ]
    job = bank.job(model)
    call = bank.chunk(model, job, [row[0] for row in rows], [row[1] for row in rows])
    assert bank.outcome(model, call, bank.score(call)) == [row[2] for row in rows]
    assert bureau.uses(*(row[1] for row in rows)) == [1, 0, 0, 1, 0, 0, 0, 0, 1]
    assert bank.close_job(job) == (2, 7)


# ---- registration


@pytest.fixture
def unchanged(bureau: Bureau) -> Iterator[None]:
    count = select(func.count()).select_from(consents_table)
    before = bureau.count(count)
    yield
    assert bureau.count(count) == before


@pytest.mark.usefixtures("unchanged")
def test_what_cannot_be_registered_gets_its_own_verdict(bureau: Bureau, bank: Bank) -> None:
    now = bureau.clock()
    stranger = EnterpriseAuthority.create("Test authority", RANDOMNESS, now).issue(CODES[5], RANDOMNESS, now)
    good = bank.sign(bank.draft(CODES[5]))
    header, payload, signature = good.split(".")
    cases = [
        ("not a token", Reason.CONSENT_MALFORMED),
        ("", Reason.CONSENT_MALFORMED),
        (f"{header}.{payload}", Reason.CONSENT_MALFORMED),
        (f"{header}.{payload}.{'A' * len(signature)}", Reason.CONSENT_BAD_SIGNATURE),
        (stranger.sign(bank.draft(CODES[5]), now), Reason.CONSENT_UNTRUSTED),
        (bank.sign(bank.draft(CODES[5], bank="bank-other")), Reason.CONSENT_WRONG_PARTY),
        (bank.sign(bank.draft(CODES[5], bureau="another-bureau")), Reason.CONSENT_WRONG_PARTY),
        (bank.sign(bank.draft(CODES[5], expires_ms=now - HOUR_MS)), Reason.CONSENT_EXPIRED),
    ]
    assert bank.present(*(token for token, _ in cases)) == [reason for _, reason in cases]


def test_an_id_that_is_taken_and_one_that_was_revoked(bureau: Bureau, bank: Bank, other: Bank, model: Model) -> None:
    draft = bank.draft(CODES[5], maximum_uses=1)
    token = bank.sign(draft)
    wider = bank.sign(bank.draft(CODES[5], consent_id=draft.consent_id, maximum_uses=1000))
    theirs = other.sign(other.draft(CODES[8], consent_id=draft.consent_id))
    assert bank.present(token, token, wider) == [None, None, Reason.CONSENT_CONFLICT]
    assert other.present(theirs) == [Reason.CONSENT_CONFLICT]
    assert only(bank, model, CODES[5], draft.consent_id) == model.scores([5])[0]
    assert only(bank, model, CODES[5], draft.consent_id) is Reason.CONSENT_EXHAUSTED
    revoke(bank, draft.consent_id)
    assert bank.present(token) == [Reason.CONSENT_REVOKED]
    assert only(bank, model, CODES[5], draft.consent_id) is Reason.CONSENT_REVOKED


def test_a_stream_that_breaks_off_keeps_what_was_answered(bank: Bank, model: Model) -> None:
    draft = bank.draft(CODES[9])
    frames = [
        consent_pb2.RegisterFrame(sequence=0, consents=[bank.sign(draft)]),
        consent_pb2.RegisterFrame(sequence=2, consents=["x"]),
    ]
    refused(lambda: bank.call(methods.REGISTER_CONSENTS, *frames), Code.MALFORMED, "out of order")
    assert only(bank, model, CODES[9], draft.consent_id) == model.scores([9])[0]


def test_after_all_this_a_good_job_works(other: Bank) -> None:
    own = make_model(name="witness-2")
    other.register(own)
    other.works(own)
