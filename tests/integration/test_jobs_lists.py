"""Lists through the control API of two real nodes: idempotency, faulty rows, cancelling, resuming, privacy of logs."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from node.client.results import Applicant, Job
from node.codes import Code, JobState, Reason
from node.demo.trial import BANK
from node.errors import Refusal
from protos import control_pb2 as pb
from tests.support.trial import MODEL, ReadyTrial, paused, ready_trial_in, refusal_of, wait_until


def key() -> str:
    return secrets.token_hex(8)


def test_a_list_is_scored_exactly(ready_trial: ReadyTrial) -> None:
    before = ready_trial.all_uses()
    job = ready_trial.run()
    assert (job.state, job.scored, job.finished) == (JobState.DONE, len(ready_trial.data.codes), job.rows)
    ready_trial.check_exact(job.job_id)
    assert ready_trial.all_uses() == {code: uses + 1 for code, uses in before.items()}
    assert {row.feature_set for row in ready_trial.rows(job.job_id)} == {job.feature_set}
    assert job.as_of == "2026-03-31"


# ---- idempotency


def test_the_same_key_and_list_is_the_same_job(ready_trial: ReadyTrial) -> None:
    again = key()
    first = ready_trial.run(idempotency_key=again)
    second = ready_trial.submit(idempotency_key=again)
    assert second.job_id == first.job_id
    assert second.state is JobState.DONE


def test_the_same_key_with_another_list_is_refused(ready_trial: ReadyTrial) -> None:
    codes, again = ready_trial.data.codes, key()
    first = ready_trial.submit(codes[:3], idempotency_key=again)
    for other in (codes[:4], codes[1:3], codes[2::-1]):
        assert refusal_of(lambda other=other: ready_trial.submit(other, idempotency_key=again)) is (  # type: ignore[misc]
            Code.IDEMPOTENCY_CONFLICT
        )
    assert ready_trial.wait(first.job_id).rows == 3


def test_the_same_key_for_a_single_request_with_another_enterprise_is_refused(ready_trial: ReadyTrial) -> None:
    codes, again = ready_trial.data.codes, key()
    assert ready_trial.one(codes[0], idempotency_key=again).scored
    assert refusal_of(lambda: ready_trial.one(codes[1], idempotency_key=again)) is Code.IDEMPOTENCY_CONFLICT


def test_submissions_at_once_with_one_key_are_one_job(ready_trial: ReadyTrial) -> None:
    again = key()
    before = ready_trial.all_uses()
    together = threading.Barrier(6)

    def submit(_: int) -> Job:
        together.wait(30)
        return ready_trial.submit(idempotency_key=again)

    with ThreadPoolExecutor(6) as threads:
        jobs = list(threads.map(submit, range(6)))
    assert len({job.job_id for job in jobs}) == 1
    ready_trial.wait(jobs[0].job_id)
    ready_trial.check_exact(jobs[0].job_id)
    assert ready_trial.all_uses() == {code: uses + 1 for code, uses in before.items()}


def test_a_list_that_is_cut_off_is_no_job(ready_trial: ReadyTrial) -> None:
    again = key()

    def broken() -> Iterator[Applicant]:
        for code in ready_trial.data.codes:
            yield Applicant(code)
        raise OSError("the file ends in the middle")

    with ready_trial.bank.client() as bank, pytest.raises(OSError, match="in the middle"):
        bank.scores.submit(MODEL, broken(), idempotency_key=again)
    assert ready_trial.run(ready_trial.data.codes[:2], idempotency_key=again).rows == 2
    staged = ready_trial.look(
        ready_trial.bank, "SELECT COUNT(*) FROM bank_job_rows WHERE job_id NOT IN (SELECT job_id FROM bank_jobs)"
    )
    assert staged == [(0,)]


def test_a_list_without_its_last_frame_is_no_job(ready_trial: ReadyTrial) -> None:
    """What a client that was killed leaves: a stream that simply ends."""
    again = key()
    row = pb.ScoreInput(uscc=ready_trial.data.codes[0])
    header = pb.ScoreHeader(model=MODEL, purpose="loan_origination", idempotency_key=again)
    frames = [pb.ScoreFrame(header=header), pb.ScoreFrame(rows=pb.ScoreInputs(rows=[row]))]
    with ready_trial.bank.client() as bank:
        assert refusal_of(lambda: bank.jobs._caller.upload("SubmitScore", frames)) is Code.MALFORMED
    assert ready_trial.run(ready_trial.data.codes[:2], idempotency_key=again).rows == 2


def test_a_table_without_its_last_part_is_not_imported(ready_trial: ReadyTrial) -> None:
    with ready_trial.bureau.client() as bureau:
        before = bureau.data.list()
        header = pb.DataHeader(name="tax", as_of="2026-03-31", catalogue_id="synthetic", format="csv")
        content = f"uscc,field-000,field-001\n{ready_trial.data.codes[0]},1,2\n".encode()
        frames = [pb.DataFrame(header=header), pb.DataFrame(content=content)]
        assert refusal_of(lambda: list(bureau.data._caller.exchange("ImportData", frames))) is Code.MALFORMED
        assert bureau.data.list() == before


# ---- rows


def test_bad_rows_are_refused_and_the_rest_goes_on(ready_trial: ReadyTrial) -> None:
    held = ready_trial.data.codes
    wrong_check = held[3][:-1] + ("A" if held[3][-1] != "A" else "B")
    codes = [held[0], "", "not a code", held[1], held[0], wrong_check, f" {held[2].lower()} ", ready_trial.unheld[0]]
    job = ready_trial.run(codes)
    rows = ready_trial.rows(job.job_id)
    assert [row.reason or row.score for row in rows] == [
        ready_trial.expected[held[0]],
        Reason.BAD_CODE,
        Reason.BAD_CODE,
        ready_trial.expected[held[1]],
        Reason.DUPLICATE,
        Reason.BAD_CODE,
        ready_trial.expected[held[2]],
        Reason.NO_CONSENT,
    ]
    assert job.refused == {"BAD_CODE": 3, "DUPLICATE": 1, "NO_CONSENT": 1}
    assert [(row.bank_part, row.tax_part, row.feature_set) for row in rows if not row.scored] == [(None, None, "")] * 5


def test_an_empty_list_is_refused(ready_trial: ReadyTrial) -> None:
    assert refusal_of(lambda: ready_trial.submit([])) is Code.INVALID_INPUT


def test_a_row_of_another_length_than_the_header_is_refused(ready_trial: ReadyTrial) -> None:
    with ready_trial.bank.client() as bank, pytest.raises(Refusal) as caught:
        bank.scores.submit(MODEL, [Applicant(ready_trial.data.codes[0], ("1",))])
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"model": "no-such-model"}, Code.MODEL_UNKNOWN),
        ({"purpose": "curiosity"}, Code.INVALID_INPUT),
        ({"purpose": "loan_monitoring"}, Code.INVALID_INPUT),
        ({"engine": "enigma"}, Code.INVALID_INPUT),
        ({"engine": "paillier"}, Code.MODEL_UNKNOWN),
        ({"idempotency_key": "k" * 101}, Code.INVALID_INPUT),
        ({"label": "l" * 201}, Code.INVALID_INPUT),
    ],
)
def test_a_submission_that_cannot_be_is_refused(ready_trial: ReadyTrial, options: dict[str, str], code: Code) -> None:
    assert refusal_of(lambda: ready_trial.submit(ready_trial.data.codes[:1], **options)) is code


def test_a_list_with_nobody_to_ask_for_is_never_told_to_the_bureau(ready_trial: ReadyTrial) -> None:
    count = "SELECT COUNT(*) FROM bureau_jobs"
    before = ready_trial.look(ready_trial.bureau, count)
    with paused(ready_trial.bureau):  # it could not even answer
        job = ready_trial.run([*ready_trial.unheld, "not a code"])
        assert job.state is JobState.DONE
        assert job.refused == {"NO_CONSENT": 4, "BAD_CODE": 1}
    assert ready_trial.look(ready_trial.bureau, count) == before


def test_a_list_whose_every_enterprise_the_bureau_refuses(ready_trial: ReadyTrial) -> None:
    """Consents that the bureau's operator revoked: the bank does not know, asks, and gets none."""
    codes = ready_trial.data.codes[:3]
    changes = {"expires_ms": int(time.time() * 1000) + 90 * 86_400_000}  # chosen before the standing ones
    signed = [ready_trial.sign(code, **changes) for code in codes]
    assert {verdict.state for verdict in ready_trial.register([token for token, _ in signed])} == {"registered"}
    with ready_trial.bureau.client() as bureau:
        for _, consent_id in signed:
            bureau.consents.revoke(consent_id, "asked for")
    job = ready_trial.run(codes)
    assert (job.state, job.refused) == (JobState.DONE, {"CONSENT_REVOKED": 3})
    assert all(row.score is None for row in ready_trial.rows(job.job_id))
    with ready_trial.bank.client() as bank:
        for _, consent_id in signed:
            bank.consents.revoke(consent_id, "and here")
    assert ready_trial.run(codes).scored == 3


def test_consents_that_do_not_cover_the_use(ready_trial: ReadyTrial) -> None:
    with_other_purpose, with_fewer_fields = ready_trial.unheld[1], ready_trial.unheld[2]
    tokens = [
        ready_trial.sign(with_other_purpose, purposes=("loan_monitoring",))[0],
        ready_trial.sign(with_fewer_fields, fields=ready_trial.data.field_ids[:1])[0],
    ]
    ready_trial.register(tokens)
    job = ready_trial.run([with_other_purpose, with_fewer_fields])
    assert job.refused == {"CONSENT_OUT_OF_SCOPE": 2}


# ---- cancelling and resuming


def test_a_job_is_cancelled_while_it_computes(ready_trial: ReadyTrial) -> None:
    job = ready_trial.submit()
    wait_until(lambda: ready_trial.state(job.job_id) == JobState.COMPUTING, pause=0.002)
    with ready_trial.bank.client() as bank:
        cancelled = bank.jobs.cancel(job.job_id)
    assert cancelled.state is JobState.CANCELLED
    assert refusal_of(lambda: ready_trial.rows(job.job_id)) is Code.WRONG_STATE
    query = "SELECT state FROM bureau_jobs WHERE job_id = ?"
    wait_until(lambda: ready_trial.look(ready_trial.bureau, query, bytes.fromhex(job.job_id)) == [("cancelled",)])
    kept = "SELECT COUNT(*) FROM bureau_chunks WHERE job_id = ? AND response IS NOT NULL"
    assert ready_trial.look(ready_trial.bureau, kept, bytes.fromhex(job.job_id)) == [(0,)]
    with ready_trial.bank.client() as bank:
        assert refusal_of(lambda: bank.jobs.resume(job.job_id)) is Code.WRONG_STATE
        assert refusal_of(lambda: bank.jobs.cancel(job.job_id)) is Code.WRONG_STATE
    assert ready_trial.job(job.job_id).state is JobState.CANCELLED


def test_a_job_is_cancelled_while_the_bureau_does_not_answer(ready_trial: ReadyTrial) -> None:
    with paused(ready_trial.bureau):
        job = ready_trial.submit()
        wait_until(lambda: ready_trial.state(job.job_id) == JobState.ALIGNING)
        with ready_trial.bank.client() as bank:
            assert bank.jobs.cancel(job.job_id).state is JobState.CANCELLED
    assert ready_trial.run(ready_trial.data.codes[:2]).state is JobState.DONE
    assert ready_trial.job(job.job_id).state is JobState.CANCELLED


def test_a_job_that_is_done_is_neither_cancelled_nor_resumed(ready_trial: ReadyTrial) -> None:
    job = ready_trial.run(ready_trial.data.codes[:1])
    with ready_trial.bank.client() as bank:
        assert refusal_of(lambda: bank.jobs.cancel(job.job_id)) is Code.WRONG_STATE
        assert refusal_of(lambda: bank.jobs.resume(job.job_id)) is Code.WRONG_STATE
        assert refusal_of(lambda: bank.jobs.get("00" * 16)) is Code.NOT_FOUND
        assert refusal_of(lambda: bank.jobs.get("xyz")) is Code.INVALID_INPUT


def test_a_job_fails_when_patience_ends_and_is_resumed(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("impatient") / "nodes"
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "6"}}
    with ready_trial_in(folder, rows=6, chunk_rows=2, environment=environment) as ready:
        ready.bureau.kill()
        early = ready.run()
        assert (early.state, early.error_code) == (JobState.FAILED, Code.PEER_UNREACHABLE)
        ready.bureau.start()
        late = ready.submit()
        finished = "SELECT COUNT(*) FROM bank_chunks WHERE job_id = ? AND state = 'finished'"
        wait_until(lambda: ready.look(ready.bank, finished, bytes.fromhex(late.job_id))[0][0], pause=0.002)
        ready.bureau.kill()
        halted = ready.wait(late.job_id)
        if halted.state is not JobState.DONE:  # it may have been faster than the kill
            assert halted.error_code == Code.PEER_UNREACHABLE
            assert refusal_of(lambda: ready.rows(late.job_id)) is Code.WRONG_STATE
        ready.bureau.start()
        for job in (early, halted):
            if job.state is JobState.FAILED:
                with ready.bank.client() as bank:
                    bank.jobs.resume(job.job_id)
            assert ready.wait(job.job_id).state is JobState.DONE
            ready.check_exact(job.job_id)
        assert set(ready.all_uses().values()) == {2}


# ---- what a node writes about itself


def test_no_log_has_an_identifier_a_name_or_a_consent(ready_trial: ReadyTrial) -> None:
    """Both nodes log at their most talkative level in this trial."""
    token, consent_id = ready_trial.sign(ready_trial.data.codes[0])
    ready_trial.register([token])
    ready_trial.run([*ready_trial.data.codes, "NOT-A-CODE-BUT-A-NAME", *ready_trial.unheld])
    ready_trial.one(ready_trial.data.codes[0])
    refusal_of(lambda: ready_trial.submit([ready_trial.data.codes[0]], model="CANARY-MODEL-NAME"))
    ready_trial.one("CANARY-CODE-OF-ONE")
    said = [node.log.read_text(encoding="utf-8") for node in (ready_trial.bank, ready_trial.bureau)]
    assert all(text.strip() for text in said), "nothing was logged: the test looks at nothing"
    scores = {str(score) for score in ready_trial.expected.values()}
    secret = {*ready_trial.data.codes, *ready_trial.unheld, *token.split("."), "CANARY", "A-NAME", consent_id}
    for text in said:
        assert not [word for word in secret if word.lower() in text.lower()]
        events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        assert not scores & {str(value) for event in events for value in event.values()}


def test_the_bureaus_folder_has_no_trace_of_who_it_must_not_know(ready_trial: ReadyTrial) -> None:
    token, _ = ready_trial.sign(ready_trial.unheld[3])
    assert ready_trial.register([token])[0].state == "not_held"
    ready_trial.run([*ready_trial.data.codes[:2], *ready_trial.unheld])
    ready_trial.one(ready_trial.unheld[3])
    content = b"".join(path.read_bytes() for path in ready_trial.bureau.directory.rglob("*") if path.is_file())
    assert ready_trial.data.codes[0].encode() in content
    for code in ready_trial.unheld:
        assert code.encode() not in content
        assert code[8:17].encode() not in content
