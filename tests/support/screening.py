"""Two real node processes with an agreement on screening and a published list, and what tests ask of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.client.lists import ListPublication
from node.client.screenings import Screening
from node.codes import Purpose, ScreeningMode
from node.demo.synthetic import make, unheld_codes
from node.demo.trial import BANK, BUREAU, NodeProcess, Trial
from node.policy.agreement import Screening as ScreeningTerms
from tests.support.trial import ReadyTrial, wait_until

LIST = "abnormal-enterprises"
LISTED = 400
MINIMUM_COUNT = 40
REASONS = ("registered address cannot be reached", "no annual report", "警示名单")


def screening_terms(**changes: Any) -> ScreeningTerms:
    """Return an agreement's section that allows every mode, with other members where given."""
    terms: dict[str, Any] = {
        "modes": tuple(ScreeningMode),
        "purposes": (Purpose.PORTFOLIO_SCREENING,),
        "max_codes_per_job": 100_000,
        "max_codes_per_term": 10_000_000,
        "minimum_count": MINIMUM_COUNT,
    }
    return ScreeningTerms(**(terms | changes))


class ScreeningTrial:
    """Bureau and bank of a trial that agreed on screening; the bureau has published one list with labels."""

    def __init__(self, trial: Trial, others: int = 2_000) -> None:
        self.trial = trial
        codes = unheld_codes((), LISTED + others, start=50_000_000)
        self.listed, self.others = codes[:LISTED], codes[LISTED:]

    @property
    def bank(self) -> NodeProcess:
        """The bank's process."""
        return self.trial.bank

    @property
    def bureau(self) -> NodeProcess:
        """The bureau's process."""
        return self.trial.bureau

    def label_of(self, code: str) -> tuple[str, str]:
        """Return reason and band of a listed code."""
        place = self.listed.index(code)
        return REASONS[place % len(REASONS)], f"band {place % 5}"

    def set_up(self, **changes: Any) -> None:
        """Agree on screening and publish version 1 of the list."""
        catalogue = {**make(4, 4, 7).catalogue(), "bureau": BUREAU}
        self.trial.agree(catalogue, screening=screening_terms(**changes))
        self.publish("1")

    def publish(self, version: str, codes: Sequence[str] | None = None) -> None:
        """Publish a version of the list, of all listed codes unless given, with their labels."""
        wanted = self.listed if codes is None else codes
        lines = [",".join((code, *self.label_of(code))) for code in wanted]
        content = "\n".join(("uscc,reason,band", *lines, "")).encode()
        what = ListPublication(LIST, version, "abnormal-operation", label_columns=("reason", "band"))
        with self.bureau.client() as bureau:
            *_, last = bureau.lists.publish(what, [content])
        assert last.published is not None

    def portfolio(self, hits: int, misses: int, start: int = 0) -> list[str]:
        """Return codes of which so many stand on the list, mixed; from another ``start`` on they are others."""
        mixed = [*self.listed[start : start + hits], *self.others[start : start + misses]]
        return sorted(mixed, key=lambda code: code[::-1])

    def submit(self, codes: Sequence[str], **options: Any) -> Screening:
        """Submit a list."""
        options = {"purpose": Purpose.PORTFOLIO_SCREENING, **options}
        text = "".join(f"{code}\n" for code in codes).encode()
        with self.bank.client() as bank:
            return bank.screenings.submit(BUREAU, LIST, [text], **options)

    def get(self, job_id: str) -> Screening:
        """Return a screening as it stands."""
        with self.bank.client() as bank:
            return bank.screenings.get(job_id)

    def wait(self, job_id: str) -> Screening:
        """Return a screening once it is final."""

        def final() -> Screening | None:
            found = self.get(job_id)
            return found if found.final else None

        return wait_until(final, pause=0.05)

    def run(self, codes: Sequence[str], **options: Any) -> Screening:
        """Submit a list and wait for its end."""
        return self.wait(self.submit(codes, **options).job_id)

    def lines(self, job_id: str) -> list[str]:
        """Return the lines of a result, the header first."""
        with self.bank.client() as bank:
            return b"".join(bank.screenings.result(job_id)).decode().splitlines()

    def record(self, job_id: str) -> dict[str, Any]:
        """Return the signed record."""
        with self.bank.client() as bank:
            found: dict[str, Any] = json.loads(bank.screenings.record(job_id))
        return found

    def opened_set(self, job_id: str) -> bytes:
        """Return the opened set of a screening."""
        with self.bank.client() as bank:
            return b"".join(bank.screenings.opened_set(job_id))

    def check(self, job: Screening, codes: Sequence[str]) -> None:
        """A screening for codes gave exactly what plain sets give, in the order of the bank's list."""
        held = set(self.listed)
        assert self.lines(job.job_id) == ["uscc", *(code for code in codes if code in held)]

    def command(self, *arguments: str, directory: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``banktax`` as people do, in the bank's directory unless another is named."""
        return subprocess.run(
            [sys.executable, "-m", "node", "--dir", str(directory or self.bank.directory), *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "BANKTAX_LANGUAGE": "en"},
        )

    def look(self, node: NodeProcess, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows of a node's SQLite database; read only."""
        return ReadyTrial.look(self, node, query, *values)  # type: ignore[arg-type]

    def charged(self) -> int:
        """Return what the bureau charged of the agreement's quota so far."""
        return int(self.look(self.bureau, "SELECT COALESCE(SUM(codes), 0) FROM screening_usage")[0][0])


@contextmanager
def screening_trial_in(
    folder: Path,
    *,
    others: int = 2_000,
    environment: Mapping[str, Mapping[str, str]] | None = None,
    **changes: Any,
) -> Iterator[ScreeningTrial]:
    """Make a trial in ``folder``.

    Args:
        folder: must be empty or absent.
        others: how many codes there are beside the listed ones.
        environment: more variables by party id.
        changes: members of the agreed section that are to be otherwise.
    """
    trial = Trial(folder, allow_uncertified=True)
    for node, party in ((trial.bank, BANK), (trial.bureau, BUREAU)):
        node.environment.update((environment or {}).get(party, {}))
    with trial:
        ready = ScreeningTrial(trial, others)
        ready.set_up(**changes)
        yield ready


@pytest.fixture(scope="session")
def screening_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScreeningTrial]:
    """Two nodes for all tests of the session; a test leaves them running."""
    talkative = {"BANKTAX_LOG__LEVEL": "debug", "BANKTAX_LOG__FORMAT": "json"}
    environment = {BANK: talkative, BUREAU: talkative}
    with screening_trial_in(tmp_path_factory.mktemp("screening") / "nodes", environment=environment) as ready:
        yield ready
