"""Screening over protocol vole in the profile against parties that do anything, through two real nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from node.codes import Code, JobState, ScreeningProtocol
from node.demo.trial import BUREAU
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.parameters import charged_codes
from tests.support.screening import LIST, ScreeningTrial, screening_trial_in
from tests.support.trial import refusal_of

CURIOUS, MALICIOUS = SecurityProfile


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreeningTrial]:
    """A trial whose agreement demands the profile."""
    with screening_trial_in(tmp_path_factory.mktemp("strict") / "nodes", vole_security=MALICIOUS) as ready:
        yield ready


def test_what_is_agreed_is_run_recorded_charged_and_audited(strict: ScreeningTrial, tmp_path: Path) -> None:
    codes, before = strict.portfolio(70, 50), strict.charged()
    job = strict.run(codes, protocol=ScreeningProtocol.VOLE)
    assert (job.state, job.matched, job.security) == (JobState.DONE, 70, MALICIOUS), job.error_detail
    strict.check(job, codes)
    assert strict.charged() - before == charged_codes(MALICIOUS, job.padded_codes)
    assert strict.record(job.job_id)["body"]["security"] == MALICIOUS
    file = tmp_path / "opened"
    file.write_bytes(strict.opened_set(job.job_id))
    auditor = strict.trial.auditor.directory
    audited = strict.command("audit", "opened-set", str(file), "--json", directory=auditor)
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout)["security"] == MALICIOUS


def test_less_than_is_agreed_is_refused_and_costs_nothing(strict: ScreeningTrial) -> None:
    before = strict.charged()
    job = strict.run(strict.portfolio(1, 1), protocol=ScreeningProtocol.VOLE, security=CURIOUS)
    assert (job.state, job.error_code) == (JobState.FAILED, Code.AGREEMENT_INACTIVE)
    assert strict.charged() == before


def test_another_protocol_has_no_profile(strict: ScreeningTrial) -> None:
    job = strict.run(strict.portfolio(2, 3), protocol=ScreeningProtocol.OPRF)
    assert (job.state, job.matched, job.security) == (JobState.DONE, 2, "")
    assert "security" not in strict.record(job.job_id)["body"]
    for options in ({"protocol": "oprf", "security": MALICIOUS}, {"mode": "count", "security": CURIOUS}):
        assert refusal_of(partial(strict.submit, strict.portfolio(2, 3), **options)) is Code.INVALID_INPUT
    assert refusal_of(partial(strict.submit, strict.portfolio(2, 3), security="strong")) is Code.INVALID_INPUT


def test_the_command_asks_for_more_than_is_agreed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with screening_trial_in(tmp_path_factory.mktemp("lax") / "nodes") as lax:
        codes = lax.portfolio(5, 5)
        portfolio, out = tmp_path / "portfolio.csv", tmp_path / "hits.csv"
        portfolio.write_text("uscc\n" + "".join(f"{code}\n" for code in codes))
        arguments = ("--list", str(portfolio), "--against", f"{BUREAU}/{LIST}", "--out", str(out), "--protocol", "vole")
        done = lax.command("screen", *arguments, "--security", "malicious", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["security"] == MALICIOUS
        assert out.read_text().splitlines() == ["uscc", *(code for code in codes if code in lax.listed)]
