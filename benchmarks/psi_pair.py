"""Two parties as processes on this machine, ours or a peer's, and what both measured as one run's figures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.psi_data import exact
from benchmarks.psi_line import line_bytes
from benchmarks.psi_task import Task
from benchmarks.stage import BenchmarkFailed

LIMIT_SECONDS = 6 * 3600
_POLL_SECONDS = 0.05
_LAST_WORDS = 500
RESULT = "result.csv"


@dataclass(frozen=True)
class Program:
    """What both parties run: a ``command`` that takes the order's file and the report's, and its environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def run_pair(program: Program, task: Task, orders: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Run receiver (order 0) and sender (order 1) once, and return the run's figures.

    ``seconds`` counts each phase from a barrier, after both programs were loaded and connected, until the slower side
    ended; files are read and written within. ``process_seconds`` counts the two processes from start to end.

    Raises:
        BenchmarkFailed: a party failed; the other one is ended.
    """
    folder = task.folder / program.name
    before, started = line_bytes(), time.perf_counter()
    reports = _reports(program, folder, orders)
    process_seconds = time.perf_counter() - started
    after = line_bytes()
    figures = combine(*reports)
    if "sent" in reports[0]:
        figures |= _messages(reports[0], reports[1], task.larger)
    if before is not None and after is not None:
        figures["line_bytes"] = after - before
        figures.setdefault("bits_per_item", round(8 * (after - before) / task.larger, 1))
    figures["process_seconds"] = round(process_seconds, 3)
    figures["exact"] = exact(Path(orders[0]["target"]), task.matches)
    return figures


def combine(receiver: Mapping[str, Any], sender: Mapping[str, Any]) -> dict[str, Any]:
    """Return one run's figures from what its two parties report."""
    phases = {
        name: round(max(receiver["phases"][name]["seconds"], sender["phases"][name]["seconds"]), 4)
        for name in receiver["phases"]
    }
    cpu = [sum(phase["cpu_seconds"] for phase in side["phases"].values()) for side in (receiver, sender)]
    figures = {
        "seconds": round(sum(phases.values()), 4),
        "cpu_seconds": round(sum(cpu), 3),
        "receiver_cpu_seconds": round(cpu[0], 3),
        "sender_cpu_seconds": round(cpu[1], 3),
        "rss_mb": round(max(receiver["rss_mb"], sender["rss_mb"]), 1),
        "receiver_rss_mb": round(receiver["rss_mb"], 1),
        "sender_rss_mb": round(sender["rss_mb"], 1),
    }
    if len(phases) > 1:
        figures |= {f"{name}_seconds": seconds for name, seconds in phases.items()}
    return figures


def _messages(receiver: Mapping[str, Any], sender: Mapping[str, Any], larger: int) -> dict[str, Any]:
    """Return what a party of ours tells beyond a peer's: the bytes of its messages and the protocol's own time."""
    return {
        "bytes_to_sender": receiver["sent"],
        "bytes_to_receiver": sender["sent"],
        "bits_per_item": round(8 * (receiver["sent"] + sender["sent"]) / larger, 1),
        "protocol_seconds": round(max(receiver["protocol_seconds"], sender["protocol_seconds"]), 4),
        "warm_seconds": round(max(receiver["warm_seconds"], sender["warm_seconds"]), 2),
    }


def order_folder(task: Task, program: str, rank: int) -> Path:
    """Return a fresh folder for one party of one run."""
    folder = task.folder / program / f"rank{rank}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in taken]


def _reports(program: Program, folder: Path, orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        processes = []
        for rank, order in enumerate(orders):
            path = folder / f"rank{rank}" / "order.json"
            path.write_text(json.dumps(order), encoding="utf-8")
            log = stack.enter_context((path.parent / "party.log").open("wb"))
            process = subprocess.Popen(
                [*program.command, str(path), str(path.parent / "report.json")],
                cwd=path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.environment},
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        _wait(program, folder, processes)
    reports = [folder / f"rank{rank}" / "report.json" for rank in range(len(orders))]
    return [json.loads(report.read_text(encoding="utf-8")) for report in reports]


def _wait(program: Program, folder: Path, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait for all; one that failed ends the run, for the other would wait for it in vain."""
    end = time.monotonic() + LIMIT_SECONDS
    while any(process.poll() is None for process in processes):
        failed = [rank for rank, process in enumerate(processes) if process.poll()]
        if failed or time.monotonic() > end:
            break
        time.sleep(_POLL_SECONDS)
    codes = [process.poll() for process in processes]
    for rank, code in enumerate(codes):
        if code:
            log = (folder / f"rank{rank}" / "party.log").read_text(encoding="utf-8", errors="replace").strip()
            raise BenchmarkFailed(f"{program.name}, party {rank}, ended with {code}: {log[-_LAST_WORDS:]}")
    if None in codes:
        raise BenchmarkFailed(f"{program.name}: did not end within {LIMIT_SECONDS} seconds")
