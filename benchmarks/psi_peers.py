"""SecretFlow's set intersection (spu) on the same files: its virtual environment, and one run of one protocol."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.psi_data import COLUMN
from benchmarks.psi_line import shape_line
from benchmarks.psi_pair import RESULT, Program, free_ports, order_folder, run_pair
from benchmarks.psi_task import Task
from benchmarks.stage import BenchmarkFailed

PEERS = ("rr22", "kkrt", "ecdh", "ub")
"""SecretFlow's protocols: RR22 (in its default mode), KKRT, ECDH (Curve25519), unbalanced (ECDH-OPRF)."""
SPU = "0.9.5"
_FOLDER = Path(__file__).parent / "peers"
_REQUIREMENTS = _FOLDER / "requirements.txt"
_PROGRAM = _FOLDER / "spu_party.py"
_PYTHONS = ((3, 11), (3, 10))
_INSTALL_SECONDS = 1800
_COMPLETE = "complete"


@dataclass(frozen=True)
class PeerEnvironment:
    """A virtual environment with spu; ``python`` is its interpreter."""

    python: Path

    @classmethod
    def ready(cls) -> PeerEnvironment:
        """Return the environment, made first if it is not there: about one gigabyte, a minute, and the network.

        Raises:
            BenchmarkFailed: no Python that spu has wheels for, or the packages cannot be had.
        """
        folder = _folder()
        if cls.present() is None:
            _run([_python(), "-m", "venv", "--clear", str(folder)])
            install = ["install", "--quiet", "--require-hashes", "--no-deps", "-r", str(_REQUIREMENTS)]
            _run([str(folder / "bin" / "python"), "-m", "pip", *install])
            (folder / _COMPLETE).write_bytes(_REQUIREMENTS.read_bytes())
        return cls(folder / "bin" / "python")

    @classmethod
    def present(cls) -> PeerEnvironment | None:
        """Return the environment if it is there, whole and with the pinned versions."""
        complete = _folder() / _COMPLETE
        whole = complete.exists() and complete.read_bytes() == _REQUIREMENTS.read_bytes()
        return cls(_folder() / "bin" / "python") if whole else None

    def run(self, task: Task, protocol: str) -> dict[str, Any]:
        """Run one of :data:`PEERS` once on the task's files and return its figures."""
        name = f"secretflow_{protocol}"
        ports = free_ports(2)
        if task.shape:
            shape_line(task.shape, sender_ports=[ports[1]], receiver_ports=[ports[0]])
        program = Program(name, [str(self.python), str(_PROGRAM)], {})
        return run_pair(program, task, [_order(task, name, protocol, rank, ports) for rank in range(2)])


def _order(task: Task, name: str, protocol: str, rank: int, ports: list[int]) -> dict[str, Any]:
    work = order_folder(task, name, rank)
    target = work / RESULT
    target.unlink(missing_ok=True)
    shutil.rmtree(work / "cache", ignore_errors=True)
    return {
        "protocol": protocol,
        "rank": rank,
        "hosts": [f"127.0.0.1:{port}" for port in ports],
        "source": str(task.source(rank)),
        "column": COLUMN,
        "target": str(target),
        "work": str(work),
    }


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "banktax-node" / "benchmarks" / f"spu-{SPU}"


def _python() -> str:
    if sys.version_info[:2] in _PYTHONS:
        return sys.executable
    for major, minor in _PYTHONS:
        if found := shutil.which(f"python{major}.{minor}"):
            return found
    raise BenchmarkFailed(f"spu {SPU} has wheels for Python 3.10 and 3.11 alone, and neither is here")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS)
    if done.returncode:
        raise BenchmarkFailed(f"the peers' environment cannot be made: {done.stderr.strip()[-500:]}")
