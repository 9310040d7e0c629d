"""kill -9 of real nodes while classes are compared: it goes on by itself, exact, signed, and can still be audited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.certification.office import open_office
from node.certification.opened_set import audit_opened_set
from node.client.screenings import Screening
from node.clock import system_clock
from node.codes import JobState
from node.demo.trial import BANK
from protocols.randomness import SystemRandomness
from tests.support.comparing import ComparingTrial, comparing_trial_in
from tests.support.loans import some
from tests.support.trial import wait_until

LOANS = 2_100  # two batches of oprf


@pytest.fixture(scope="module")
def doomed_comparing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComparingTrial]:
    """Two nodes that a test kills, and leaves running."""
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "120"}}
    with comparing_trial_in(tmp_path_factory.mktemp("doomed") / "nodes", environment=environment) as ready:
        yield ready


def kept(doomed: ComparingTrial, job: Screening, pattern: str) -> int:
    """Return how many files of a kind the bank has of a comparison."""
    return len(list((doomed.trial.bank.directory / "data" / "screenings" / job.job_id).glob(pattern)))


def answered(doomed: ComparingTrial, job: Screening, step: int) -> bool:
    """Return whether the bureau has answered a part."""
    query = (
        "SELECT COUNT(*) FROM bureau_screening_steps JOIN bureau_screenings USING (session_id)"
        " WHERE job_id = ? AND step = ? AND response_digest IS NOT NULL"
    )
    return bool(doomed.trial.look(doomed.trial.bureau, query, bytes.fromhex(job.job_id), step)[0][0])


Moment = Callable[[ComparingTrial, Screening], object]
MOMENTS: dict[tuple[str, str, str], Moment] = {
    ("bank", "oprf", "the table began"): lambda doomed, job: kept(doomed, job, "attempt-*"),
    ("bureau", "oprf", "the table began"): lambda doomed, job: kept(doomed, job, "attempt-*"),
    ("both", "vole", "the table is answered"): lambda doomed, job: answered(doomed, job, 1),
}


@pytest.mark.parametrize(("side", "protocol", "moment"), MOMENTS)
def test_nodes_are_killed_while_classes_are_compared(
    doomed_comparing: ComparingTrial, tmp_path: Path, side: str, protocol: str, moment: str
) -> None:
    trial, bank, bureau = doomed_comparing.trial, some(LOANS), some(LOANS, start=LOANS // 2, step=2)
    version, before = doomed_comparing.publish(bureau), trial.charged()
    job = doomed_comparing.submit(bank, version, protocol=protocol)
    wait_until(lambda: MOMENTS[side, protocol, moment](doomed_comparing, job), pause=0.001)
    nodes = {"bank": [trial.bank], "bureau": [trial.bureau], "both": [trial.bank, trial.bureau]}[side]
    for node in nodes:
        node.kill()
    for node in reversed(nodes):  # a bank that finds no bureau waits for it
        node.start()
    ended = trial.wait(job.job_id)
    assert ended.state is JobState.DONE, (ended.error_code, ended.error_detail)
    doomed_comparing.check(ended, bank, bureau)
    assert len(trial.record(job.job_id)["signatures"]) == 2
    # What was answered and could not be kept by the bank is charged again, one exchange whole.
    charges, rest = divmod(trial.charged() - before, ended.padded_codes)
    assert rest == 0
    assert 1 <= charges <= kept(doomed_comparing, job, "attempt-*")
    file = tmp_path / "opened"
    file.write_bytes(trial.opened_set(job.job_id))
    with open_office(trial.trial.auditor.directory, system_clock, SystemRandomness()) as office:
        assert audit_opened_set(file, office.key_of).transcript_digest == ended.transcript_digest
