"""Screening in several buckets through two real nodes: exact, one part of the transcript each, audited, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.certification.office import open_office
from node.certification.opened_set import audit_opened_set
from node.client.screenings import Screening
from node.clock import system_clock
from node.codes import Code, JobState
from node.demo.trial import BANK
from protocols.psi.commitment import padded_size
from protocols.randomness import SystemRandomness
from tests.integration.test_screening import changed_set
from tests.support.screening import ScreeningTrial, screening_trial_in
from tests.support.trial import refusal_of, wait_until

SMALL = {"BANKTAX_COMPUTE__BUCKET_ITEMS": "1024"}
CODES = 5_000


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreeningTrial]:
    """A bank whose setting is the smallest bucket that there is."""
    folder = tmp_path_factory.mktemp("buckets") / "nodes"
    with screening_trial_in(folder, environment={BANK: SMALL}, others=CODES) as ready:
        yield ready


def audit(trial: ScreeningTrial, file: Path) -> str:
    with open_office(trial.trial.auditor.directory, system_clock, SystemRandomness()) as office:
        return audit_opened_set(file, office.key_of).transcript_digest


def folder_of(trial: ScreeningTrial, job: Screening) -> Path:
    return trial.bank.directory / "data" / "screenings" / job.job_id


def split_lists(trial: ScreeningTrial) -> list[Path]:
    return list((trial.bureau.directory / "data" / "lists").glob("*.items"))


@pytest.mark.parametrize(("hits", "misses"), [(10, 1_000), (24, 1_000), (25, 1_000), (400, 1_700), (1, CODES - 1)])
def test_exactly_the_codes_that_stand_on_the_list(trial: ScreeningTrial, hits: int, misses: int) -> None:
    codes = trial.portfolio(hits, misses)
    before = trial.charged()
    job = trial.run(codes, protocol="vole")
    assert (job.state, job.matched) == (JobState.DONE, hits), (job.error_code, job.error_detail)
    trial.check(job, codes)
    body = trial.record(job.job_id)["body"]
    buckets = -(-padded_size(len(codes)) // 1024)
    assert (body["buckets"], body["attempts"]) == (buckets, 0)
    assert trial.charged() - before == job.padded_codes
    kept = {path.name for path in folder_of(trial, job).iterdir()}
    steps = {f"{kind}-{bucket:06d}" for kind in ("step", "found") for bucket in range(buckets)}
    attempts = {f"attempt-{bucket:06d}-000000" for bucket in range(buckets)}
    assert kept == {"codes", "result.csv", *steps, *attempts}
    assert split_lists(trial) == []


def test_an_auditor_makes_every_bucket_again(trial: ScreeningTrial, tmp_path: Path) -> None:
    codes = trial.portfolio(120, 2_500, start=30)
    job = trial.run(codes, protocol="vole")
    opened, file = trial.opened_set(job.job_id), tmp_path / "opened"
    file.write_bytes(opened)
    assert audit(trial, file) == job.transcript_digest

    def other_answer(parts: dict[str, bytes]) -> None:
        parts["bureau/000002"] = parts["bureau/000002"][:-1] + bytes([parts["bureau/000002"][-1] ^ 1])

    def exchanged(parts: dict[str, bytes]) -> None:
        parts["bureau/000000"], parts["bureau/000001"] = parts["bureau/000001"], parts["bureau/000000"]

    def other_key(parts: dict[str, bytes]) -> None:
        said = json.loads(parts["opened.json"])
        parts["opened.json"] = json.dumps(said | {"bucket_key": bytes(32).hex()}).encode()

    def moved(parts: dict[str, bytes]) -> None:
        parts["codes"] = trial.others[-1].encode() + parts["codes"][18:]

    for change in (other_answer, exchanged, other_key, moved):
        file.write_bytes(changed_set(opened, change))
        assert refusal_of(lambda: audit(trial, file)) is Code.RESULT_REJECTED, change.__name__

    def missing(parts: dict[str, bytes]) -> None:
        del parts["bureau/000002"]

    file.write_bytes(changed_set(opened, missing))
    assert refusal_of(lambda: audit(trial, file)) is Code.INVALID_INPUT


def test_a_screening_is_cancelled_between_buckets(trial: ScreeningTrial) -> None:
    codes = trial.portfolio(200, CODES - 200)
    job = trial.submit(codes, protocol="vole")
    wait_until(lambda: list(folder_of(trial, job).glob("step-*")), pause=0.001)
    with trial.bank.client() as bank:
        assert bank.screenings.cancel(job.job_id).state is JobState.CANCELLED
    buckets = -(-padded_size(len(codes)) // 1024)
    wait_until(lambda: not (folder_of(trial, job) / "items").exists())
    assert len(list(folder_of(trial, job).glob("step-*"))) < buckets
    wait_until(lambda: split_lists(trial) == [])
    after = trial.run(codes, protocol="vole")
    assert (after.state, after.matched) == (JobState.DONE, 200)


def test_progress_goes_bucket_by_bucket(trial: ScreeningTrial) -> None:
    codes = trial.portfolio(100, CODES - 100)
    job = trial.submit(codes, protocol="vole")
    seen = set()

    def ended() -> bool:
        now = trial.get(job.job_id)
        seen.add(now.done)
        return now.final

    wait_until(ended, pause=0.01)
    buckets = -(-padded_size(len(codes)) // 1024)
    shares = {padded_size(len(codes)) * number // buckets for number in range(buckets + 1)}
    assert seen <= shares
    assert len(seen) > 2
