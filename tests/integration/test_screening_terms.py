"""What an agreement allows is what a bank gets: sizes of a job and of a term, modes, withdrawn lists."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.codes import Code, JobState, ScreeningMode
from tests.support.screening import LIST, ScreeningTrial, screening_trial_in

OF_JOB, OF_TERM = 128, 300


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreeningTrial]:
    """A trial whose agreement allows little."""
    folder = tmp_path_factory.mktemp("narrow") / "nodes"
    with screening_trial_in(
        folder, modes=(ScreeningMode.CODES,), max_codes_per_job=OF_JOB, max_codes_per_term=OF_TERM
    ) as ready:
        yield ready


def test_sizes_are_held_to_before_anything_is_answered(narrow: ScreeningTrial) -> None:
    for protocol in ("oprf", "vole"):
        too_large = narrow.run(narrow.portfolio(1, OF_JOB), protocol=protocol)
        assert (too_large.state, too_large.error_code) == (JobState.FAILED, Code.QUOTA_EXCEEDED)
    assert narrow.charged() == 0
    first = narrow.run(narrow.portfolio(30, 80), protocol="oprf")
    assert (first.state, first.padded_codes, narrow.charged()) == (JobState.DONE, 128, 128)
    second = narrow.run(narrow.portfolio(30, 80), protocol="vole")
    assert (second.state, narrow.charged()) == (JobState.DONE, 256)
    over = narrow.run(narrow.portfolio(30, 40), protocol="oprf")
    assert (over.state, over.error_code) == (JobState.FAILED, Code.QUOTA_EXCEEDED)
    assert narrow.charged() == 256
    within = narrow.wait(narrow.submit(narrow.portfolio(2, 2), protocol="oprf").job_id)
    assert within.error_code == Code.QUOTA_EXCEEDED, "64 more are too many for what is left of 300"


def test_a_mode_that_was_not_agreed(narrow: ScreeningTrial) -> None:
    for mode in (ScreeningMode.LABELS, ScreeningMode.COUNT):
        job = narrow.run(narrow.portfolio(30, 30), mode=mode)
        assert (job.state, job.error_code) == (JobState.FAILED, Code.AGREEMENT_INACTIVE)


def test_a_list_that_was_withdrawn(narrow: ScreeningTrial) -> None:
    narrow.publish("2", narrow.listed[:20])
    with narrow.bureau.client() as bureau:
        bureau.lists.withdraw(LIST, "2", "published by mistake")
    job = narrow.run(narrow.portfolio(1, 1), version="2")
    assert (job.state, job.error_code) == (JobState.FAILED, Code.WRONG_STATE)
