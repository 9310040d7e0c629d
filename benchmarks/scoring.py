"""A list of many enterprises: from ``banktax score submit`` to scores.csv."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.memory import PeakMemory
from benchmarks.stage import CARD, BenchmarkFailed, Stage, Stopwatch, staged
from node.client.results import Job
from node.demo.synthetic import SyntheticData

LIMIT_SECONDS = 6 * 3600


def run_scoring(rows: int, columns: int, engine: str, seed: int) -> dict[str, Any]:
    """Set both nodes up, score ``rows`` enterprises once with the real command, and return the run's figures."""
    setup = Stopwatch()
    with staged(rows, columns, engine, seed) as stage:
        stage.register(stage.sign(stage.data.codes))
        _write_list(stage)
        setup_seconds = setup.seconds
        roots = {"bureau": stage.trial.bureau.pid, "bank": stage.trial.bank.pid}
        before = _received(stage)
        with PeakMemory(roots) as memory:
            watch = Stopwatch()
            _submit(stage)
            seconds = watch.seconds
        on_the_line = _received(stage) - before
        job = _job(stage)
        return {
            "seed": seed,
            "seconds": round(seconds, 3),
            "rows_per_second": round(rows / seconds, 1),
            "response_bytes_per_row": round(job.bytes_received / rows, 4),
            "line_bytes_per_row": round(on_the_line / rows, 4),
            "bureau_rss_mb": round(memory.peaks["bureau"].rss, 1),
            "bank_rss_mb": round(memory.peaks["bank"].rss, 1),
            "bureau_pss_mb": round(memory.peaks["bureau"].pss, 1),
            "bank_pss_mb": round(memory.peaks["bank"].pss, 1),
            "setup_seconds": round(setup_seconds, 1),
            "exact": exact(stage.folder / "scores.csv", stage.data),
        }


def exact(scores: Path, data: SyntheticData) -> bool:
    """Tell whether a result has exactly the enterprises of ``data``, in order, each with the score of the table."""
    with scores.open(encoding="utf-8", newline="") as source:
        found = [(row["uscc"], row["status"], row["score"]) for row in csv.DictReader(source)]
    expected = [(code, "scored", str(score)) for code, score in zip(data.codes, data.scores().tolist(), strict=True)]
    return found == expected


def _write_list(stage: Stage) -> None:
    with (stage.folder / "applicants.csv").open("w", encoding="utf-8", newline="") as target:
        target.write("uscc\n" + "\n".join(stage.data.codes) + "\n")


def _submit(stage: Stage) -> None:
    """Run the command as an operator would; its start counts as well."""
    told = stage.show.add_task("score", total=None)
    command = [sys.executable, "-m", "node", "--dir", str(stage.trial.bank.directory), "score", "submit"]
    arguments = ["--model", CARD, "--list", "applicants.csv", "--out", "scores.csv", "--follow"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=stage.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    stage.show.update(told, total=1, completed=1)
    if done.returncode:
        raise BenchmarkFailed(f"banktax score submit ended with {done.returncode}: {done.stderr.strip()[-500:]}")


def _job(stage: Stage) -> Job:
    with stage.trial.bank.client() as bank:
        (job,) = bank.jobs.list(limit=1)
    return job


def _received(stage: Stage) -> int:
    with stage.trial.bank.client() as bank:
        return bank.status().bytes_received
