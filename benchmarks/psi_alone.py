"""Our protocol alone: its machines in two processes over a local socket, from CSV to CSV without a node."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.psi_line import shape_line
from benchmarks.psi_pair import LIMIT_SECONDS, RESULT, Program, free_ports, order_folder, run_pair
from benchmarks.psi_role import Order
from benchmarks.psi_task import Task
from benchmarks.stage import BenchmarkFailed, Stopwatch
from protocols.psi.vole.parameters import SESSION_BYTES

NAME = "ours"


def program(cache: Path) -> Program:
    """Return our party; compiled kernels are kept in ``cache``, so that the first run of all shows what they cost."""
    return Program(NAME, [sys.executable, "-m", "benchmarks.psi_party"], {"NUMBA_CACHE_DIR": str(cache), **_PATH})


_PATH = {"PYTHONPATH": str(Path(__file__).parent.parent)}


def run_alone(task: Task, protocol: str, security: str, cache: Path) -> dict[str, Any]:
    """Run our protocol once and return its figures."""
    (port,) = free_ports(1)
    if task.shape:
        shape_line(task.shape, [port])
    session = secrets.token_hex(SESSION_BYTES)
    orders = [_order(task, protocol, security, rank, port, session) for rank in range(2)]
    return run_pair(program(cache), task, orders)


def _order(task: Task, protocol: str, security: str, rank: int, port: int, session: str) -> Order:
    return {
        "protocol": protocol,
        "security": security,
        "rank": rank,
        "port": port,
        "source": str(task.source(rank)),
        "target": str(order_folder(task, NAME, rank) / RESULT),
        "sizes": [task.size, task.other_size],
        "session": session,
    }


def compile_seconds(protocol: str, cache: Path) -> float:
    """Return what the first use ever costs: a process that compiles every kernel into the empty ``cache``."""
    watch = Stopwatch()
    command = [sys.executable, "-m", "benchmarks.psi_party", "--warm-up", protocol]
    environment = {**os.environ, **program(cache).environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode:
        raise BenchmarkFailed(f"the kernels cannot be compiled: {done.stderr.strip()[-500:]}")
    return round(watch.seconds, 2)
