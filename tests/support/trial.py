"""A ready trial: two real node processes with data, a registered model and consents, shared by many tests.

Starting one takes seconds, so a test asks for ``ready_trial`` and works with codes or consents of its own in it.
"""

from __future__ import annotations

import os
import secrets
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from node.client.data import DataImport, file_parts
from node.client.results import Applicant, ConsentVerdict, Job, ScoreRow
from node.clock import system_clock
from node.codes import Code, ModelClass, Purpose
from node.demo.synthetic import SyntheticData, make, unheld_codes
from node.demo.trial import BANK, BUREAU, NodeProcess, Trial
from node.errors import Refusal
from node.policy.consent import ConsentDraft
from protocols.randomness import SystemRandomness

ValueT = TypeVar("ValueT")
RANDOMNESS = SystemRandomness()
MODEL = "synthetic-card"
DAY_MS = 86_400_000
SECONDS = 120.0
"""Longest wait for anything: the machine may be busy, no test may hang."""


def wait_until(ask: Callable[[], ValueT | None], seconds: float = SECONDS, pause: float = 0.02) -> ValueT:
    """Return the first true answer of ``ask``; refusals of a node that is down meanwhile count as no answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(Refusal):
            if answer := ask():
                return answer
        time.sleep(pause)
    raise AssertionError("it did not come true in time")


class ReadyTrial:
    """Bureau and bank of a trial, with what most tests need done before."""

    def __init__(self, trial: Trial, data: SyntheticData) -> None:
        self.trial = trial
        self.data = data
        self.consent_ids: dict[str, str] = {}
        self.expected = dict(zip(data.codes, data.scores().tolist(), strict=True))
        self.unheld = unheld_codes(data.codes, 4)

    @property
    def bank(self) -> NodeProcess:
        """The bank's process."""
        return self.trial.bank

    @property
    def bureau(self) -> NodeProcess:
        """The bureau's process."""
        return self.trial.bureau

    def set_up(self, engine: str = "bfv") -> None:
        """Agree, import the data, build and register the model, register a consent of every enterprise."""
        self.trial.agree({**self.data.catalogue(), "bureau": BUREAU})
        self.import_data()
        with self.bank.client() as bank:
            for _ in bank.models.build(self.data.scorecard(), engine=engine, bureau=BUREAU):
                pass
            bank.models.register(MODEL)
        for code in self.data.codes:
            token, consent_id = self.sign(code)
            self.consent_ids[code] = consent_id
            assert self.register([token])[0].state == "registered"

    def import_data(self, name: str = "tax", as_of: str = "2026-03-31") -> None:
        """Import the whole table at the bureau."""
        path = self.trial.folder / "tax.csv"
        self.data.write_csv(path)
        with self.bureau.client() as bureau, path.open("rb") as file:
            for _ in bureau.data.load(DataImport(name, as_of, "synthetic"), file_parts(file)):
                pass

    # ---- consents

    def sign(self, code: str, **changes: Any) -> tuple[str, str]:
        """Return a consent of the enterprise, with other terms where given, and its id in hexadecimal."""
        now = system_clock()
        terms: dict[str, Any] = {
            "consent_id": secrets.token_bytes(16),
            "uscc": code,
            "bank": BANK,
            "bureau": BUREAU,
            "purposes": (Purpose.LOAN_ORIGINATION,),
            "fields": self.data.field_ids,
            "model_classes": (ModelClass.CREDIT_APPROVAL,),
            "not_before_ms": now - DAY_MS,
            "expires_ms": now + 30 * DAY_MS,
            "maximum_uses": 10_000,
            "notice_sha256": "0" * 64,
        }
        draft = ConsentDraft(**(terms | changes))
        return self.trial.authority.issue(code, RANDOMNESS, now).sign(draft, now), draft.consent_id.hex()

    def register(self, tokens: Sequence[str]) -> list[ConsentVerdict]:
        """Register consents at the bank."""
        with self.bank.client() as bank:
            return [verdict for part in bank.consents.register(tokens, BUREAU) for verdict in part]

    def uses(self, consent_id: str) -> int:
        """Return how many uses the bureau counted of a consent."""
        with self.bureau.client() as bureau:
            (summary,) = bureau.consents.list(consent_id=consent_id)
        return summary.uses

    def all_uses(self) -> dict[str, int]:
        """Return the uses that the bureau counted of every enterprise's standing consent."""
        with self.bureau.client() as bureau:
            return {
                code: bureau.consents.list(consent_id=consent_id)[0].uses
                for code, consent_id in self.consent_ids.items()
            }

    # ---- jobs

    def submit(self, codes: Sequence[str] | None = None, **options: Any) -> Job:
        """Submit a list, of all enterprises unless given."""
        applicants = [Applicant(code) for code in (self.data.codes if codes is None else codes)]
        with self.bank.client() as bank:
            return bank.scores.submit(options.pop("model", MODEL), applicants, **options)

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        with self.bank.client() as bank:
            return bank.jobs.get(job_id)

    def wait(self, job_id: str, seconds: float = SECONDS) -> Job:
        """Return a job once it is final."""
        with self.bank.client() as bank:

            def final() -> Job | None:
                job = bank.jobs.get(job_id)
                return job if job.final else None

            return wait_until(final, seconds, 0.05)

    def run(self, codes: Sequence[str] | None = None, **options: Any) -> Job:
        """Submit a list and wait for its end."""
        return self.wait(self.submit(codes, **options).job_id)

    def rows(self, job_id: str) -> list[ScoreRow]:
        """Return the result of a job that is done."""
        with self.bank.client() as bank:
            return [row for part in bank.jobs.results(job_id) for row in part]

    def one(self, code: str, **options: Any) -> ScoreRow:
        """Score one enterprise."""
        with self.bank.client() as bank:
            return bank.scores.one(MODEL, code, **options)

    def check_exact(self, job_id: str, codes: Sequence[str] | None = None) -> None:
        """Every code stands in the result once, in the list's order, with the score that the table alone gives."""
        wanted = self.data.codes if codes is None else codes
        rows = self.rows(job_id)
        assert [row.uscc for row in rows] == list(wanted)
        assert [row.score for row in rows] == [self.expected[code] for code in wanted]

    # ---- looking into a node's own files, where its API shows no such moment

    def look(self, node: NodeProcess, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows of a node's SQLite database; read only."""
        path = node.directory / "data" / "node.db"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def state(self, job_id: str) -> str:
        """Return a job's state straight from the bank's journal, a thousand times a second if need be."""
        return str(self.look(self.bank, "SELECT state FROM bank_jobs WHERE job_id = ?", bytes.fromhex(job_id))[0][0])


@contextmanager
def paused(node: NodeProcess) -> Iterator[None]:
    """A node that hangs: it is there, its sockets are open, and it does nothing."""
    pid = node.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it may have been killed meanwhile
            os.kill(pid, signal.SIGCONT)


def workers(node: NodeProcess) -> list[psutil.Process]:
    """Return the worker processes of a node: those of its children that compute."""
    found = []
    for child in psutil.Process(node.pid).children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


@contextmanager
def ready_trial_in(
    folder: Path,
    *,
    rows: int = 24,
    columns: int = 8,
    seed: int = 20_260_331,
    engine: str = "bfv",
    chunk_rows: int = 4,
    storage: Mapping[str, str] | None = None,
    environment: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[ReadyTrial]:
    """Make a ready trial in ``folder``; ``environment``: further variables by party id."""
    trial = Trial(folder, storage=storage, allow_uncertified=True)
    trial.bank.environment["BANKTAX_COMPUTE__CHUNK_ROWS"] = str(chunk_rows)
    for node, party in ((trial.bank, BANK), (trial.bureau, BUREAU)):
        node.environment.update((environment or {}).get(party, {}))
    with trial:
        ready = ReadyTrial(trial, make(rows, columns, seed))
        ready.set_up(engine)
        yield ready


@pytest.fixture(scope="session")
def ready_trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadyTrial]:
    """Two nodes for all tests of the session; a test leaves them running and trusting each other."""
    talkative = {"BANKTAX_LOG__LEVEL": "debug", "BANKTAX_LOG__FORMAT": "json"}
    environment = {BANK: talkative, BUREAU: talkative}
    with ready_trial_in(tmp_path_factory.mktemp("trial") / "nodes", environment=environment) as ready:
        yield ready


def refusal_of(action: Callable[[], object]) -> Code:
    """Return the code that ``action`` is refused with."""
    with pytest.raises(Refusal) as caught:
        action()
    return caught.value.code
