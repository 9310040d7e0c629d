"""One party of our protocols alone, from CSV to CSV without a node: a process of its own, as spu's party is.

``python -m benchmarks.psi_party ORDER.json REPORT.json`` writes the seconds and the processor time of each phase, what
it took to get the kernels ready before, and the bytes of all messages; ``--warm-up PROTOCOL`` gets them ready, no more.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.psi_role import RECEIVER, Order
from benchmarks.psi_role_oprf import oprf_role, oprf_warm_up
from benchmarks.psi_role_vole import vole_role, vole_warm_up
from benchmarks.psi_wire import Wire

_ROLES = {"oprf": (oprf_role, oprf_warm_up), "vole": (vole_role, vole_warm_up)}


def run(order: Order) -> dict[str, Any]:
    """Return what one party measured; kernels are compiled, or read from their cache, before anything is timed."""
    started = time.perf_counter()
    role, warm_up = _ROLES[order["protocol"]]
    warm_up()
    warm_seconds = time.perf_counter() - started
    connect = Wire.connect if order["rank"] == RECEIVER else Wire.listen
    phases: dict[str, dict[str, float]] = {}
    with connect(order["port"]) as wire:
        party = role(order, wire)
        for name, work in party.phases():
            wire.barrier()
            phases[name] = _timed(work)
        return {
            "phases": phases,
            "warm_seconds": warm_seconds,
            "sent": wire.sent,
            "received": wire.received,
            "protocol_seconds": party.protocol_seconds,
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def _timed(work: Callable[[], None]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def main(arguments: list[str]) -> None:
    """Run one party, or warm up."""
    if arguments[0] == "--warm-up":
        _ROLES[arguments[1]][1]()
        return
    found = run(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    Path(arguments[1]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
