"""Two nodes with fresh data, a fresh model and signed consents: what is ready before anything is timed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from node.client.data import DataImport, file_parts
from node.demo.certify import MAY_BE_GUESSED
from node.demo.signing import Terms, sign_consents
from node.demo.synthetic import CATALOGUE_ID, SyntheticData, make
from node.demo.trial import BANK, BUREAU, Trial

CARD = "synthetic-card"
Reporter = Callable[[int], None]


class BenchmarkFailed(Exception):  # noqa: N818 - ends the program with one sentence
    """The nodes did something else than the benchmark needs, so that no figure would mean anything."""


@dataclass(frozen=True)
class Stage:
    """Both nodes, running, with the data that they were given."""

    trial: Trial
    data: SyntheticData
    folder: Path
    show: Progress

    def steps(self, doing: str, total: int) -> Reporter:
        """Return what is told how many of ``total`` are done."""
        task = self.show.add_task(doing, total=total)
        return lambda done: self.show.update(task, completed=done)

    def sign(self, codes: Sequence[str]) -> list[str]:
        """Return a consent of every enterprise, in order."""
        terms = Terms(BANK, BUREAU, self.data.field_ids)
        return sign_consents(self.trial.authority, terms, codes, self.steps("sign consents", len(codes)))

    def register(self, consents: Sequence[str]) -> None:
        """Register consents at the bank, which aligns first and then presents them.

        Raises:
            BenchmarkFailed: one of them is not registered.
        """
        told = self.steps("align and register consents", len(consents))
        states: Counter[str] = Counter()
        with self.trial.bank.client() as bank:
            for verdicts in bank.consents.register(consents, BUREAU):
                states.update(verdict.state for verdict in verdicts)
                told(states.total())
        if states != {"registered": len(consents)}:
            raise BenchmarkFailed(f"consents were not all registered: {dict(states)}")


@contextmanager
def staged(rows: int, columns: int, engine: str, seed: int) -> Iterator[Stage]:
    """Start two nodes in a temporary folder and give them data and a registered model, all from ``seed``."""
    with TemporaryDirectory(prefix="banktax-benchmark-") as name, _progress() as show:
        folder = Path(name)
        told = show.add_task("make data", total=1)
        data = make(rows, columns, seed)
        data.write_csv(folder / "tax.csv")
        show.update(told, completed=1)
        with Trial(folder / "nodes") as trial:
            stage = Stage(trial, data, folder, show)
            trial.agree({**data.catalogue(), "bureau": BUREAU}, certification=MAY_BE_GUESSED)
            _import(stage)
            _build(stage, engine, columns)
            yield stage


def _import(stage: Stage) -> None:
    told = stage.steps("import tax data", len(stage.data.codes))
    what = DataImport("tax", datetime.now(UTC).date().isoformat(), CATALOGUE_ID)
    with (stage.folder / "tax.csv").open("rb") as source, stage.trial.bureau.client() as bureau:
        for step in bureau.data.load(what, file_parts(source)):
            told(step.accepted)
            if step.rejected:
                raise BenchmarkFailed("rows of the made-up data were rejected")


def _build(stage: Stage, engine: str, columns: int) -> None:
    """Build, certify and register the model: what is measured afterwards includes the extraction ledger."""
    told = stage.steps("encrypt, certify and register the model", columns)
    with stage.trial.bank.client() as bank:
        for step in bank.models.build(stage.data.scorecard(), engine=engine, bureau=BUREAU):
            told(step.columns_done)
        stage.trial.certify(CARD)
        bank.models.register(CARD)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Elapsed seconds."""
        return time.perf_counter() - self._start
