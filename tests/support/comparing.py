"""Two real nodes with a list of loan classes, and what tests ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.client.lists import ListPublication
from node.client.screenings import Screening
from node.codes import Purpose, ScreeningMode
from node.demo.trial import BANK, BUREAU
from node.jobs.screening_results import SUPPRESSED
from node.policy.loan_classes import LOAN_LIST_KIND
from protocols.psi.classes.entries import LoanClass, class_code
from protocols.psi.classes.suppression import suppress
from tests.support.loans import confusion, mismatches
from tests.support.screening import ScreeningTrial, screening_trial_in

LOAN_LIST = "loan-classes"
MINIMUM_CELL = 5


class ComparingTrial:
    """A screening trial whose bureau has published loans with their classes."""

    def __init__(self, trial: ScreeningTrial) -> None:
        self.trial = trial
        self._versions = 0

    def publish(self, loans: Mapping[str, int]) -> str:
        """Publish a new version of the list and return its name; comparisons against others do not bind it."""
        self._versions += 1
        version = f"v{self._versions}"
        lines = [f"{loan},{class_code(LoanClass(level))}" for loan, level in loans.items()]
        what = ListPublication(LOAN_LIST, version, LOAN_LIST_KIND)
        with self.trial.bureau.client() as bureau:
            *_, last = bureau.lists.publish(what, ["\n".join(("loan_id,loan_class", *lines, "")).encode()])
        assert last.published is not None
        return version

    def submit(self, loans: Mapping[str, int] | Sequence[str], version: str, **options: Any) -> Screening:
        """Submit loans, or lines as people typed them."""
        lines = (
            [f"{loan}\t{class_code(LoanClass(level))}" for loan, level in loans.items()]
            if isinstance(loans, Mapping)
            else loans
        )
        options = {"purpose": Purpose.CLASS_CONSISTENCY, "mode": ScreeningMode.CLASSES, **options}
        with self.trial.bank.client() as bank:
            text = "".join(f"{line}\n" for line in lines).encode()
            return bank.screenings.submit(BUREAU, LOAN_LIST, [text], version=version, **options)

    def run(self, loans: Mapping[str, int] | Sequence[str], version: str, **options: Any) -> Screening:
        """Submit loans and wait for the end."""
        return self.trial.wait(self.submit(loans, version, **options).job_id)

    def table(self, job_id: str) -> list[list[str]]:
        """Return the cells of a confusion table, without the names."""
        with self.trial.bank.client() as bank:
            lines = b"".join(bank.screenings.table(job_id)).decode().splitlines()
        names = [class_code(level) for level in LoanClass]
        assert lines[0].split(",")[1:] == names
        assert [line.split(",")[0] for line in lines[1:]] == names
        return [line.split(",")[1:] for line in lines[1:]]

    def check(self, job: Screening, bank: Mapping[str, int], bureau: Mapping[str, int]) -> None:
        """A comparison gave exactly what both lists in one hand give."""
        expected = [f"{loan},{class_code(LoanClass(bank[loan]))}" for loan in mismatches(bank, bureau)]
        assert self.trial.lines(job.job_id) == ["loan_id,loan_class", *expected]
        cells = suppress(confusion(bank, bureau), MINIMUM_CELL)
        assert self.table(job.job_id) == [[SUPPRESSED if cell is None else str(cell) for cell in row] for row in cells]
        assert job.matched == sum(bureau.get(loan) == level for loan, level in bank.items())


@contextmanager
def comparing_trial_in(folder: Path, **options: Any) -> Iterator[ComparingTrial]:
    """Make a trial in ``folder`` whose agreement covers comparing classes."""
    terms = {"purposes": (Purpose.PORTFOLIO_SCREENING, Purpose.CLASS_CONSISTENCY), "minimum_cell": MINIMUM_CELL}
    with screening_trial_in(folder, **{**terms, **options}) as ready:
        yield ComparingTrial(ready)


@pytest.fixture(scope="session")
def comparing_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComparingTrial]:
    """Two nodes for all tests of the session; a test leaves them running."""
    talkative = {"BANKTAX_LOG__LEVEL": "debug", "BANKTAX_LOG__FORMAT": "json"}
    environment = {BANK: talkative, BUREAU: talkative}
    with comparing_trial_in(tmp_path_factory.mktemp("comparing") / "nodes", environment=environment) as ready:
        yield ready
