"""One enterprise at once: consents in every state, idempotency, and a bureau that is lost in mid-call."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from node.clock import system_clock
from node.codes import Code, JobState, Reason
from node.demo.synthetic import unheld_codes
from node.errors import Refusal
from node.jobs.bank_records import StoredJob
from tests.support.pair import Pair, PairMaker
from tests.support.transport import MovableClock
from tests.support.trial import ReadyTrial, refusal_of, wait_until

HOUR_MS = 3_600_000


def outcome(pair: Pair, job: StoredJob) -> int | str | None:
    assert job.state is JobState.DONE
    (value,) = pair.bank.outcome(job.job_id).values()
    return value


def test_a_registered_consent(pair: Pair) -> None:
    consents = pair.register_all()
    for code in pair.data.codes[:3]:
        assert outcome(pair, pair.bank.one(code)) == pair.expected[code]
    assert pair.bureau.uses(consents) == [1, 1, 1, 0, 0, 0, 0]


def test_a_consent_that_comes_with_the_request(pair: Pair) -> None:
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code)
    assert outcome(pair, pair.bank.one(code, consent=token)) == pair.expected[code]
    assert outcome(pair, pair.bank.one(code, consent=token)) == pair.expected[code]
    assert outcome(pair, pair.bank.one(code)) == pair.expected[code], "it is registered from then on"
    assert pair.bureau.uses([consent]) == [3]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"purposes": ("loan_monitoring",)}, Reason.CONSENT_OUT_OF_SCOPE),
        ({"model_classes": ("anti_fraud",)}, Reason.CONSENT_OUT_OF_SCOPE),
        ({"fields": ("field-000",)}, Reason.CONSENT_OUT_OF_SCOPE),
        ({"bank": "bank-b"}, Reason.CONSENT_WRONG_PARTY),
        ({"bureau": "bureau-xx"}, Reason.CONSENT_WRONG_PARTY),
    ],
)
def test_a_consent_to_something_else(pair: Pair, changes: dict[str, object], reason: Reason) -> None:
    code = pair.data.codes[0]
    assert outcome(pair, pair.bank.one(code, consent=pair.signer.sign(code, **changes))) == reason
    assert not [method for method, _ in pair.wire.received if "Score" in method]


def test_a_consent_that_has_ended(pair: Pair) -> None:
    code, now = pair.data.codes[0], pair.clock()
    token = pair.signer.sign(code, not_before_ms=now - 9 * HOUR_MS, expires_ms=now - HOUR_MS)
    assert outcome(pair, pair.bank.one(code, consent=token)) == Reason.CONSENT_EXPIRED


def test_a_consent_that_ends_after_its_registration(make_pair: PairMaker) -> None:
    clock = MovableClock()
    pair = make_pair(clock=clock)
    code = pair.data.codes[0]
    token = pair.signer.sign(code, expires_ms=clock() + HOUR_MS)
    assert outcome(pair, pair.bank.one(code, consent=token)) == pair.expected[code]
    clock.shift_ms = 2 * HOUR_MS
    assert outcome(pair, pair.bank.one(code)) == Reason.CONSENT_EXPIRED


def test_a_consent_for_another_enterprise(pair: Pair) -> None:
    first, second = pair.data.codes[:2]
    assert outcome(pair, pair.bank.one(first, consent=pair.signer.sign(second))) == Reason.CONSENT_WRONG_PARTY


def test_a_consent_that_was_withdrawn_at_the_bank(pair: Pair) -> None:
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code)
    pair.bank.register([token])
    pair.bank.bank_consents.revoke(consent, "asked for", pair.bank.link.revoke_consent)
    assert outcome(pair, pair.bank.one(code)) == Reason.CONSENT_REVOKED
    assert outcome(pair, pair.bank.one(code, consent=token)) == Reason.CONSENT_REVOKED


def test_a_consent_that_was_withdrawn_at_the_bureau(pair: Pair) -> None:
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code)
    pair.bank.register([token])
    pair.bureau.registrar.revoke_as("bureau-zj", consent, "asked for there")
    assert outcome(pair, pair.bank.one(code)) == Reason.CONSENT_REVOKED


def test_a_consent_that_is_used_up(pair: Pair) -> None:
    code = pair.data.codes[0]
    token, consent = pair.signer.sign_with_id(code, maximum_uses=2)
    outcomes = [outcome(pair, pair.bank.one(code, consent=token)) for _ in range(3)]
    assert outcomes == [pair.expected[code], pair.expected[code], Reason.CONSENT_EXHAUSTED]
    assert pair.bureau.uses([consent]) == [2]


def test_what_is_no_consent_at_all(pair: Pair) -> None:
    code = pair.data.codes[0]
    token = pair.signer.sign(code)
    other = pair.signer.sign(code)
    mixed = ".".join((*token.split(".")[:2], other.split(".")[2]))
    assert outcome(pair, pair.bank.one(code, consent="no.consent.this")) == Reason.CONSENT_MALFORMED
    assert outcome(pair, pair.bank.one(code, consent=mixed)) == Reason.CONSENT_BAD_SIGNATURE


def test_enterprises_without_consent_unknown_or_with_a_bad_code(pair: Pair) -> None:
    (unheld,) = unheld_codes(pair.data.codes, 1)
    assert outcome(pair, pair.bank.one(pair.data.codes[0])) == Reason.NO_CONSENT
    assert outcome(pair, pair.bank.one(unheld, consent=pair.signer.sign(unheld))) == Reason.NOT_HELD
    assert outcome(pair, pair.bank.one("no code")) == Reason.BAD_CODE


def test_the_same_key_again_is_the_same_answer(pair: Pair) -> None:
    consents = pair.register_all()
    code = pair.data.codes[0]
    first = pair.bank.one(code, key="again")
    heard = len(pair.wire.received)
    assert pair.bank.one(code, key="again").job_id == first.job_id
    assert [method for method, _ in pair.wire.received[heard:] if not method.endswith("CloseJob")] == []
    assert refusal_of(lambda: pair.bank.one(pair.data.codes[1], key="again")) is Code.IDEMPOTENCY_CONFLICT
    assert pair.bureau.uses(consents[:1]) == [1]


def test_the_same_key_at_the_same_moment_is_counted_once(pair: Pair) -> None:
    consents = pair.register_all()
    code = pair.data.codes[0]
    together = threading.Barrier(4)

    def ask(_: int) -> bytes | Code:
        together.wait(20)
        try:
            return pair.bank.one(code, key="together").job_id
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(4) as threads:
        answers = set(threads.map(ask, range(4)))
    jobs = {answer for answer in answers if isinstance(answer, bytes)}
    assert answers - jobs <= {Code.WRONG_STATE}, "told to wait, nothing else"
    (stored,) = pair.bank.journal.latest(10)
    assert jobs <= {stored.job_id}
    job = pair.bank.wait(stored.job_id)
    assert outcome(pair, job) == pair.expected[code]
    assert pair.bureau.uses(consents[:1]) == [1]


def test_a_bureau_lost_in_mid_call_is_asked_again_in_the_background(make_pair: PairMaker) -> None:
    """Whatever step of the call the bureau loses its power at: one use, one score, found under the key."""
    for step in range(6):
        pair = make_pair()
        consents = pair.register_all()
        code = pair.data.codes[0]
        pair.bureau.fuse.arm(step)
        with suppress(Refusal):  # the caller hears of it or not, by the step
            pair.bank.one(code, key="lost")
        known = pair.bank.journal.find_by_key("lost")
        # Without a job it was lost before there was one, and the caller asks again.
        job = pair.bank.one(code, key="lost") if known is None else pair.bank.wait(known.job_id)
        pair.bank.runner.stop()  # the bureau may be lost once more while it is told that all is done
        pair.restart_bureau()
        assert outcome(pair, job) == pair.expected[code]
        assert pair.bureau.uses(consents[:1]) == [1]
        pair.close()


def test_a_cancelled_job_stays_cancelled_though_its_answer_comes(pair: Pair) -> None:
    """Cancelled between question and answer: the score is not given out."""
    pair.register_all()
    code = pair.data.codes[0]
    real = pair.bank.link.score_one

    def slow(*arguments: object) -> object:
        answer = real(*arguments)  # type: ignore[arg-type]
        (job,) = pair.bank.journal.latest(1)
        pair.bank.runner.cancel(job.job_id)
        return answer

    pair.bank.link.score_one = slow  # type: ignore[method-assign,assignment]
    job = pair.bank.one(code, key="regretted")
    assert job.state is JobState.CANCELLED
    assert pair.bank.journal.get(job.job_id).state is JobState.CANCELLED
    assert pair.bank.rows(job.job_id)[0]["score"] is None


def test_single_requests_are_not_behind_a_batch(ready_trial: ReadyTrial) -> None:
    """While a list is computed, single requests are answered: the list is not done before they are."""
    job = ready_trial.submit()
    wait_until(lambda: ready_trial.state(job.job_id) == JobState.COMPUTING, pause=0.001)
    row = ready_trial.one(ready_trial.data.codes[0])
    assert row.score == ready_trial.expected[row.uscc]
    assert ready_trial.wait(job.job_id).state is JobState.DONE
    assert (row.bank_part or 0) + (row.tax_part or 0) == row.score
    assert row.job_id != job.job_id


def test_a_single_request_over_two_processes(ready_trial: ReadyTrial) -> None:
    code = ready_trial.data.codes[7]
    token, consent = ready_trial.sign(code, expires_ms=system_clock() + 60 * 24 * HOUR_MS)
    row = ready_trial.one(code, consent=token, idempotency_key="over-two")
    assert (row.status, row.score) == ("scored", ready_trial.expected[code])
    assert ready_trial.one(code, consent=token, idempotency_key="over-two") == row
    assert ready_trial.uses(consent) == 1
