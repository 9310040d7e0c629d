"""kill -9 of real nodes between buckets, power cuts in what a bucket leaves: only what is missing is asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from node.client.screenings import Screening
from node.codes import JobState
from node.demo.trial import BANK
from protocols.psi.commitment import padded_size
from tests.faults.test_faults_screening import answered, kept, kill_and_start
from tests.integration.test_screening_buckets import audit, folder_of, split_lists
from tests.support.screening import ScreeningTrial, screening_trial_in
from tests.support.trial import wait_until

CODES, HITS = 9_000, 150
BUCKETS = -(-padded_size(CODES) // 1024)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreeningTrial]:
    """Two nodes that a test kills, and leaves running; a bucket has 1,024 items."""
    environment = {BANK: {"BANKTAX_LIMITS__PEER_PATIENCE_SECONDS": "120", "BANKTAX_COMPUTE__BUCKET_ITEMS": "1024"}}
    folder = tmp_path_factory.mktemp("buckets") / "nodes"
    with screening_trial_in(folder, environment=environment, others=CODES) as ready:
        yield ready


def answers(trial: ScreeningTrial, job: Screening) -> list[int]:
    """Return how often the bureau answered each bucket."""
    query = (
        "SELECT step, SUM(codes > 0) FROM bureau_screening_steps JOIN bureau_screenings USING (session_id)"
        " WHERE job_id = ? GROUP BY step ORDER BY step"
    )
    return [count for _, count in trial.look(trial.bureau, query, bytes.fromhex(job.job_id))]


def check(trial: ScreeningTrial, job: Screening, codes: Sequence[str], before: int, file: Path) -> list[int]:
    """It ended well: exact, audited, charged for what was answered; returns how often each bucket was answered."""
    ended = trial.wait(job.job_id)
    assert ended.state is JobState.DONE, (ended.error_code, ended.error_detail)
    assert ended.matched == HITS
    trial.check(ended, codes)
    body = trial.record(job.job_id)["body"]
    assert (body["buckets"], len(trial.record(job.job_id)["signatures"])) == (BUCKETS, 2)
    times = answers(trial, job)
    share = -(-ended.padded_codes // BUCKETS)
    assert trial.charged() - before == ended.padded_codes + share * (sum(times) - BUCKETS)
    file.write_bytes(trial.opened_set(job.job_id))
    assert audit(trial, file) == ended.transcript_digest
    assert not (folder_of(trial, job) / "items").exists()
    assert split_lists(trial) == []
    return times


Moment = Callable[[ScreeningTrial, Screening], object]
MOMENTS: dict[tuple[str, str], Moment] = {
    ("bank", "the first bucket is on disk"): lambda trial, job: kept(trial, job, "step-*"),
    ("bureau", "half of the buckets are answered"): lambda trial, job: answered(trial, job) >= BUCKETS // 2,
    ("both", "all but one are on disk"): lambda trial, job: kept(trial, job, "step-*") >= BUCKETS - 1,
}


@pytest.mark.parametrize(("side", "moment"), MOMENTS)
def test_a_screening_goes_on_at_the_bucket_where_it_stood(
    trial: ScreeningTrial, tmp_path: Path, side: str, moment: str
) -> None:
    codes, before = trial.portfolio(HITS, CODES - HITS), trial.charged()
    job = trial.submit(codes, protocol="vole")
    wait_until(lambda: MOMENTS[side, moment](trial, job), pause=0.001)
    done = {path.name: path.stat().st_mtime_ns for path in folder_of(trial, job).glob("step-*")}
    kill_and_start(trial, side)
    times = check(trial, job, codes, before, tmp_path / "opened")
    # At most the two buckets that were under way were answered in vain.
    assert sum(times) <= BUCKETS + 2
    assert done.items() <= {path.name: path.stat().st_mtime_ns for path in folder_of(trial, job).glob("step-*")}.items()


def test_what_a_power_cut_tore_does_not_count(trial: ScreeningTrial, tmp_path: Path) -> None:
    """The names that a write has before its content is on the disk hold rubbish; one bucket's checkpoint never came."""
    codes, before = trial.portfolio(HITS, CODES - HITS), trial.charged()
    job = trial.submit(codes, protocol="vole")
    wait_until(lambda: kept(trial, job, "step-*"), pause=0.001)
    trial.bank.kill()
    folder = folder_of(trial, job)
    done = sorted(folder.glob("step-*"))
    lost = done[0].name.removeprefix("step-")
    (folder / f"step-{lost}").rename(folder / f".step-{lost}.new")
    (folder / f".step-{lost}.new").write_bytes(b"torn")
    (folder / f".found-{lost}.new").write_bytes(b"torn")
    (folder / "items").unlink(missing_ok=True)
    (folder / ".items.new").write_bytes(b"torn")
    trial.bank.start()
    times = check(trial, job, codes, before, tmp_path / "opened")
    assert times[int(lost)] == 2
    assert trial.get(job.job_id).retries >= 1
    assert not list(folder.glob(".*.new"))
