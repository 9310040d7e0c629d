"""One enterprise at a time at a steady rate, whether the answers keep up or not (an open loop)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.memory import PeakMemory
from benchmarks.stage import CARD, Reporter, Stage, Stopwatch, staged
from node.client.control import ControlClient
from node.errors import Refusal

COLUMNS = 64
ENGINE = "bfv"
CLIENT_THREADS = 64
CONNECTIONS = 4
WARM_UP = 20


@dataclass(frozen=True)
class Question:
    """One request and the score that it must get; ``consent`` is empty where it was registered before."""

    uscc: str
    score: int
    consent: str = ""


@dataclass
class Answers:
    """What came back. Latencies in milliseconds, from the moment at which a request was DUE."""

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Return median, 99th percentile and the rest; a request that failed has no latency but counts as error."""
        found = np.array(self.latencies or [float("nan")])
        return {
            "median_ms": round(float(np.median(found)), 1),
            "p99_ms": round(float(np.percentile(found, 99)), 1),
            "max_ms": round(float(found.max()), 1),
            "answers": len(self.latencies),
            "wrong": self.wrong,
            "errors": sum(self.errors.values()),
            "errors_by_code": self.errors,
        }


def run_online(enterprises: int, rate: float, seed: int) -> dict[str, Any]:
    """Ask for ``enterprises`` scores with registered consents, then for as many whose consents come along."""
    setup = Stopwatch()
    rows = 2 * (enterprises + WARM_UP)
    with staged(rows, COLUMNS, ENGINE, seed) as stage:
        scores = stage.data.scores().tolist()
        consents = stage.sign(stage.data.codes)
        half = rows // 2
        stage.register(consents[:half])
        registered = [Question(*pair) for pair in zip(stage.data.codes[:half], scores[:half], strict=True)]
        arriving = [
            Question(*each) for each in zip(stage.data.codes[half:], scores[half:], consents[half:], strict=True)
        ]
        setup_seconds = setup.seconds
        with PeakMemory({"bureau": stage.trial.bureau.pid, "bank": stage.trial.bank.pid}) as memory:
            first = _measure(stage, registered, rate, "consent registered before")
            second = _measure(stage, arriving, rate, "consent with the request")
    modes = {"registered": first.figures(), "with_request": second.figures()}
    return {
        "seed": seed,
        **modes,
        "median_ms": {name: figures["median_ms"] for name, figures in modes.items()},
        "p99_ms": {name: figures["p99_ms"] for name, figures in modes.items()},
        "errors": sum(figures["errors"] for figures in modes.values()),
        "exact": all(each["answers"] == enterprises and not each["wrong"] for each in modes.values()),
        "bureau_rss_mb": round(memory.peaks["bureau"].rss, 1),
        "bank_rss_mb": round(memory.peaks["bank"].rss, 1),
        "setup_seconds": round(setup_seconds, 1),
    }


def _measure(stage: Stage, questions: Sequence[Question], rate: float, doing: str) -> Answers:
    """Warm the nodes up with the first few questions, then put the others at their moments."""
    clients = [stage.trial.bank.client() for _ in range(CONNECTIONS)]
    try:
        for place, question in enumerate(questions[:WARM_UP]):
            _ask(clients[place % CONNECTIONS], question)
        rest = questions[WARM_UP:]
        return _open_loop(clients, rest, rate, stage.steps(doing, len(rest)))
    finally:
        for client in clients:
            client.close()


def _open_loop(clients: Sequence[ControlClient], questions: Sequence[Question], rate: float, told: Reporter) -> Answers:
    answers, lock = Answers(), threading.Lock()

    def put(place: int, due: float) -> None:
        try:
            score, refused = _ask(clients[place % len(clients)], questions[place]), ""
        except Refusal as refusal:
            score, refused = None, refusal.code.value
        late = (time.perf_counter() - due) * 1000
        with lock:
            if refused:
                answers.errors[refused] = answers.errors.get(refused, 0) + 1
            else:
                answers.latencies.append(late)
                answers.wrong += score != questions[place].score

    with ThreadPoolExecutor(CLIENT_THREADS) as threads:
        start = time.perf_counter() + 0.5
        for place in range(len(questions)):
            due = start + place / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            threads.submit(put, place, due)
            if place % 20 == 0:
                told(place)
    told(len(questions))
    return answers


def _ask(client: ControlClient, question: Question) -> int | None:
    return client.scores.one(CARD, question.uscc, consent=question.consent).score
