"""From CSV to CSV through two real nodes: the bureau's published list, and ``banktax screen`` at the bank."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.memory import PeakMemory
from benchmarks.psi_data import COLUMN, exact
from benchmarks.psi_line import shape_line
from benchmarks.psi_pair import RESULT
from benchmarks.psi_task import Task
from benchmarks.stage import BenchmarkFailed, Stopwatch
from node.codes import Purpose
from node.demo.synthetic import make
from node.demo.trial import BUREAU, NodeProcess, Trial
from node.policy.agreement import Screening
from node.rundir import RunDirectory
from protocols.primitives.vole.parameters import SecurityProfile

LIST = "abnormal"
LIMIT_SECONDS = 6 * 3600
_HELP_SECONDS = 60
_PLENTY = 10**9
"""Codes that the agreement allows: a quota is not what is measured here."""
_COMMANDS = (("screen",), ("list", "publish"))


class NodePair:
    """Two running nodes whose agreement lets the bank screen against the bureau's lists."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def run(self, task: Task, protocol: str) -> dict[str, Any]:
        """Publish the task's list, screen the portfolio once, and return the run's figures.

        Publishing is not timed, but told (``publish_seconds``): it is done once for many screenings.
        """
        version, watch = task.folder.name, Stopwatch()
        published = ["--version", version, "--codes", str(task.source(1)), "--code-column", COLUMN]
        _command(self._trial.bureau, "list", "publish", LIST, *published)
        publish_seconds = watch.seconds
        self._shape(task)
        return {**self._screen(task, protocol), "publish_seconds": round(publish_seconds, 3)}

    def _screen(self, task: Task, protocol: str) -> dict[str, Any]:
        target = task.folder / "nodes" / RESULT
        target.parent.mkdir(exist_ok=True)
        screened = ["--list", str(task.source(0)), "--code-column", COLUMN, "--out", str(target)]
        roots = {"receiver": self._trial.bank.pid, "sender": self._trial.bureau.pid}
        before, received, own = {name: _cpu(pid) for name, pid in roots.items()}, self._bytes(), _commands_cpu()
        with PeakMemory(roots) as memory:
            watch = Stopwatch()
            against = [
                "--against",
                f"{BUREAU}/{LIST}",
                "--purpose",
                Purpose.PORTFOLIO_SCREENING,
                "--protocol",
                protocol,
            ]
            _command(self._trial.bank, "screen", *screened, *against)
            seconds = watch.seconds
        cpu = {name: _cpu(pid) - before[name] for name, pid in roots.items()}
        cpu["receiver"] += _commands_cpu() - own
        return {
            "seconds": round(seconds, 3),
            "cpu_seconds": round(sum(cpu.values()), 3),
            **{f"{name}_cpu_seconds": round(cpu[name], 3) for name in roots},
            "rss_mb": round(max(peak.rss for peak in memory.peaks.values()), 1),
            **{f"{name}_rss_mb": round(memory.peaks[name].rss, 1) for name in roots},
            "received_bytes": self._bytes() - received,
            "exact": exact(target, task.matches),
        }

    def _bytes(self) -> int:
        """Return what the bank received over its channel so far."""
        with self._trial.bank.client() as bank:
            return bank.status().bytes_received

    def _shape(self, task: Task) -> None:
        port = RunDirectory(self._trial.bureau.directory).port("server")
        if task.shape and port is not None:
            shape_line(task.shape, sender_ports=[port])


@contextmanager
def node_pair(security: SecurityProfile = SecurityProfile.SEMI_HONEST) -> Iterator[NodePair]:
    """Start two nodes in a temporary folder, trusting each other, with an agreement over screening in this profile."""
    with TemporaryDirectory(prefix="banktax-psi-nodes-") as name, Trial(Path(name) / "nodes") as trial:
        data = make(1, 4, 0)  # an agreement needs a catalogue; no data of it is used
        trial.agree(
            {**data.catalogue(), "bureau": BUREAU},
            screening=Screening(max_codes_per_job=_PLENTY, max_codes_per_term=_PLENTY, vole_security=security),
        )
        yield NodePair(trial)


def commands_missing() -> str:
    """Return which command of the nodes is not there, or nothing."""
    for command in _COMMANDS:
        asked = [sys.executable, "-m", "node", *command, "--help"]
        if subprocess.run(asked, capture_output=True, timeout=_HELP_SECONDS).returncode:
            return f"not measured: there is no command banktax {' '.join(command)}"
    return ""


def _command(node: NodeProcess, *arguments: str) -> None:
    """Run one command as an operator would; its start counts as well.

    Raises:
        BenchmarkFailed: it failed.
    """
    asked = [sys.executable, "-m", "node", "--dir", str(node.directory), *arguments]
    done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode:
        raise BenchmarkFailed(f"banktax {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")


def _cpu(root: int) -> float:
    """Return the processor time of a node and its workers so far, those that have ended included, in seconds."""
    node = psutil.Process(root)
    times = [each.cpu_times() for each in [node, *node.children(recursive=True)]]
    return sum(time.user + time.system + time.children_user + time.children_system for time in times)


def _commands_cpu() -> float:
    """Return the processor time of the commands that this program ran so far."""
    times = os.times()
    return times.children_user + times.children_system
