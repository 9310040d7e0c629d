"""kill -9 of real nodes in mid-screening: it goes on by itself, exact, charged once, and can still be audited."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from node.certification.office import open_office
from node.certification.opened_set import audit_opened_set
from node.client.screenings import Screening
from node.clock import system_clock
from node.codes import Code, JobState
from node.demo.trial import BANK, NodeProcess
from protocols.randomness import SystemRandomness
from tests.support.screening import ScreeningTrial, screening_trial_in
from tests.support.trial import paused, refusal_of, wait_until

CODES = 9_000  # three batches of oprf
HITS = 150


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreeningTrial]:
    """Two nodes that a test kills, and leaves running."""
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "120"}}
    with screening_trial_in(
        tmp_path_factory.mktemp("doomed") / "nodes", environment=environment, others=CODES
    ) as ready:
        yield ready


def kill_and_start(doomed: ScreeningTrial, side: str) -> None:
    nodes: dict[str, list[NodeProcess]] = {
        "bank": [doomed.bank],
        "bureau": [doomed.bureau],
        "both": [doomed.bank, doomed.bureau],
    }
    for node in nodes[side]:
        node.kill()
    for node in reversed(nodes[side]):  # a bank that finds no bureau waits for it
        node.start()


def check(doomed: ScreeningTrial, job: Screening, codes: Sequence[str], before: int, file: Path) -> None:
    """It ended well: exact, charged once, signed by both, and its opened set gives the same transcript."""
    ended = doomed.wait(job.job_id)
    assert ended.state is JobState.DONE, (ended.error_code, ended.error_detail)
    if ended.mode == "count":
        assert doomed.lines(job.job_id) == ["codes,matched", f"{len(codes)},{len(set(codes) & set(doomed.listed))}"]
    else:
        doomed.check(ended, codes)
    assert len(doomed.record(job.job_id)["signatures"]) == 2
    # A bureau charges a vole exchange again when it has answered it and the bank could not keep the answer.
    charges, rest = divmod(doomed.charged() - before, ended.padded_codes)
    assert rest == 0
    assert 1 <= charges <= (1 if ended.protocol == "oprf" else 1 + ended.retries)
    file.write_bytes(doomed.opened_set(job.job_id))
    with open_office(doomed.trial.auditor.directory, system_clock, SystemRandomness()) as office:
        assert audit_opened_set(file, office.key_of).transcript_digest == ended.transcript_digest


def kept(doomed: ScreeningTrial, job: Screening, pattern: str) -> int:
    """Return how many files of a kind the bank has of a screening."""
    return len(list((doomed.bank.directory / "data" / "screenings" / job.job_id).glob(pattern)))


def bank_state(doomed: ScreeningTrial, job: Screening) -> str:
    query = "SELECT state FROM bank_screenings WHERE job_id = ?"
    return str(doomed.look(doomed.bank, query, bytes.fromhex(job.job_id))[0][0])


def answered(doomed: ScreeningTrial, job: Screening) -> int:
    """Return how many batches or buckets the bureau has answered."""
    query = (
        "SELECT COUNT(*) FROM bureau_screening_steps JOIN bureau_screenings USING (session_id)"
        " WHERE job_id = ? AND response_digest IS NOT NULL"
    )
    return int(doomed.look(doomed.bureau, query, bytes.fromhex(job.job_id))[0][0])


def session(doomed: ScreeningTrial, job: Screening) -> str:
    """Return the state of a screening at the bureau, nothing where it was not opened."""
    query = "SELECT state FROM bureau_screenings WHERE job_id = ?"
    rows = doomed.look(doomed.bureau, query, bytes.fromhex(job.job_id))
    return str(rows[0][0]) if rows else ""


def closed(doomed: ScreeningTrial, job: Screening) -> bool:
    query = "SELECT COUNT(*) FROM bureau_screenings WHERE job_id = ? AND record IS NOT NULL"
    return bool(doomed.look(doomed.bureau, query, bytes.fromhex(job.job_id))[0][0])


Moment = Callable[[ScreeningTrial, Screening], object]
MOMENTS: dict[tuple[str, str, str], Moment] = {
    ("bank", "oprf", "submitted"): lambda _doomed, _job: True,
    ("bank", "oprf", "a batch is on disk"): lambda doomed, job: kept(doomed, job, "step-*"),
    ("bureau", "oprf", "a batch is answered"): lambda doomed, job: answered(doomed, job),
    ("bank", "vole", "an attempt began"): lambda doomed, job: kept(doomed, job, "attempt-*"),
    ("bureau", "vole", "an attempt began"): lambda doomed, job: kept(doomed, job, "attempt-*"),
    ("both", "vole", "the tags are sent"): lambda doomed, job: answered(doomed, job),
    ("bank", "vole", "the bureau has signed"): lambda doomed, job: closed(doomed, job),
}


@pytest.mark.parametrize(("side", "protocol", "moment"), MOMENTS)
def test_nodes_are_killed(doomed: ScreeningTrial, tmp_path: Path, side: str, protocol: str, moment: str) -> None:
    codes, before = doomed.portfolio(HITS, CODES - HITS), doomed.charged()
    job = doomed.submit(codes, protocol=protocol)
    wait_until(lambda: MOMENTS[side, protocol, moment](doomed, job), pause=0.001)
    kill_and_start(doomed, side)
    check(doomed, job, codes, before, tmp_path / "opened")


STAGES: dict[str, Moment] = {
    "opened": lambda doomed, job: session(doomed, job),
    "exchanging": lambda doomed, job: kept(doomed, job, "attempt-*"),
    "exchanged": lambda doomed, job: answered(doomed, job),
}
CHAINS = [
    ("bank", "oprf", ("admitting", "opened", "exchanged")),
    ("bank", "vole", ("opened", "exchanged")),
    ("bank", "cardinality", ("exchanging", "exchanged")),
    ("bureau", "oprf", ("admitting", "opened", "exchanged")),
    ("bureau", "vole", ("opened", "exchanged")),
    ("bureau", "cardinality", ("exchanging", "exchanged")),
]


@pytest.mark.parametrize(("side", "protocol", "stages"), CHAINS, ids=lambda value: str(value))
def test_one_screening_is_killed_at_stage_after_stage(
    doomed: ScreeningTrial, tmp_path: Path, side: str, protocol: str, stages: tuple[str, ...]
) -> None:
    """The other node is stopped before the victim is killed, so that the stage holds until it is dead."""
    victim, other = (doomed.bank, doomed.bureau) if side == "bank" else (doomed.bureau, doomed.bank)
    codes, before = doomed.portfolio(60, 60, start=200), doomed.charged()
    mode = "count" if protocol == "cardinality" else "codes"
    with paused(doomed.bureau):  # what is admitted waits for it
        job = doomed.submit(codes, mode=mode, protocol=protocol)
        wait_until(lambda: bank_state(doomed, job) == JobState.ADMITTING, pause=0.001)
        if "admitting" in stages:  # whatever the protocol, nothing is opened yet
            victim.kill()
    for stage in stages:
        if stage != "admitting":
            wait_until(lambda stage=stage: STAGES[stage](doomed, job), pause=0.0005)  # type: ignore[misc]
            with paused(other):
                victim.kill()
        victim.start()
    check(doomed, job, codes, before, tmp_path / "opened")


@pytest.mark.parametrize("mode", ["labels", "count"])
def test_labels_and_counts_survive_chance_kills(doomed: ScreeningTrial, mode: str) -> None:
    chance = random.Random(f"{mode} 20260331")
    codes = doomed.portfolio(HITS, CODES // 2)
    job = doomed.submit(codes, mode=mode)
    for side in (chance.choice(("bank", "bureau")), "both"):
        time.sleep(chance.uniform(0, 0.6))
        kill_and_start(doomed, side)
    ended = doomed.wait(job.job_id)
    assert (ended.state, ended.matched) == (JobState.DONE, HITS), (ended.error_code, ended.error_detail)
    assert len(doomed.record(job.job_id)["signatures"]) == 2


def test_a_bureau_that_stays_away_fails_a_screening_that_is_resumed(tmp_path: Path) -> None:
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "4"}}
    with screening_trial_in(tmp_path / "nodes", environment=environment) as impatient:
        codes = impatient.portfolio(5, 60)
        impatient.bureau.kill()
        jobs = [impatient.submit(codes, protocol=protocol) for protocol in ("oprf", "vole")]
        assert [impatient.wait(job.job_id).error_code for job in jobs] == ["PEER_UNREACHABLE"] * 2
        impatient.bureau.start()
        for job in jobs:
            with impatient.bank.client() as bank:
                bank.screenings.resume(job.job_id)
            ended = impatient.wait(job.job_id)
            assert ended.state is JobState.DONE, (ended.error_code, ended.error_detail)
            impatient.check(ended, codes)
        assert bank_state(impatient, jobs[0]) == "done"


CANCELLED_AT: dict[tuple[str, str], Moment] = {
    ("oprf", "opened"): lambda doomed, job: session(doomed, job),
    ("vole", "opened"): lambda doomed, job: session(doomed, job),
    ("oprf", "a batch is on disk"): lambda doomed, job: kept(doomed, job, "step-*"),
    ("vole", "an attempt began"): lambda doomed, job: kept(doomed, job, "attempt-*"),
}


@pytest.mark.parametrize(("protocol", "moment"), CANCELLED_AT)
def test_a_screening_is_cancelled_at_any_stage_at_both_nodes(
    doomed: ScreeningTrial, protocol: str, moment: str
) -> None:
    before = doomed.charged()
    job = doomed.submit(doomed.portfolio(HITS, CODES - HITS), protocol=protocol)
    wait_until(lambda: CANCELLED_AT[protocol, moment](doomed, job), pause=0.0005)
    with doomed.bank.client() as bank:
        assert bank.screenings.cancel(job.job_id).state is JobState.CANCELLED
    assert wait_until(lambda: session(doomed, job) != "open" and session(doomed, job)) == "cancelled"
    assert doomed.charged() - before == doomed.get(job.job_id).padded_codes, "what was opened stays taken, once"
    assert refusal_of(lambda: doomed.lines(job.job_id)) is Code.WRONG_STATE
    assert kept(doomed, job, "result.csv") == 0


def test_a_cancelled_screening_stays_so_after_a_kill(doomed: ScreeningTrial) -> None:
    job = doomed.submit(doomed.portfolio(HITS, CODES - HITS), protocol="oprf")
    wait_until(lambda: kept(doomed, job, "step-*"), pause=0.0005)
    with doomed.bank.client() as bank:
        bank.screenings.cancel(job.job_id)
    kill_and_start(doomed, "both")
    assert doomed.get(job.job_id).state is JobState.CANCELLED
    after = doomed.run(doomed.portfolio(3, 3), protocol="oprf")
    assert after.state is JobState.DONE, (after.error_code, after.error_detail)
    assert doomed.get(job.job_id).state is JobState.CANCELLED
