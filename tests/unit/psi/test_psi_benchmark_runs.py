"""What holds a run of two processes together: the wire, the figures, and what happens when one of them fails."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks.psi_figures import ALONE, NODES, report, summary
from benchmarks.psi_line import Shape, inside, why_not
from benchmarks.psi_pair import RESULT, Program, combine, free_ports, order_folder, run_pair
from benchmarks.psi_task import Task
from benchmarks.psi_wire import PeerGone, Wire
from benchmarks.stage import BenchmarkFailed

LARGE = 1 << 24  # more than any socket buffers


@pytest.fixture
def wires() -> Iterator[tuple[Wire, Wire]]:
    with ExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as server:
            first = socket.create_connection(server.getsockname())
            second, _ = server.accept()
        yield stack.enter_context(Wire(first)), stack.enter_context(Wire(second))


def test_large_messages_both_ways_at_once_do_not_block(wires: tuple[Wire, Wire]) -> None:
    for wire, mark in zip(wires, (b"a", b"b"), strict=True):
        wire.send(mark * LARGE)
        wire.send(b"")
    assert wires[0].receive() == b"b" * LARGE
    assert wires[1].receive() == b"a" * LARGE
    assert wires[0].receive() == wires[1].receive() == b""
    assert [(wire.sent, wire.received) for wire in wires] == [(LARGE, LARGE)] * 2


def test_a_barrier_holds_until_the_other_side_is_there(wires: tuple[Wire, Wire]) -> None:
    passed = threading.Event()

    def wait() -> None:
        wires[0].barrier()
        passed.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not passed.wait(0.1)
    wires[1].barrier()
    assert passed.wait(10)
    waiting.join()
    assert wires[0].sent == wires[1].sent == 0


def test_a_message_that_breaks_off_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        first = socket.create_connection(server.getsockname())
        second, _ = server.accept()
    first.sendall(b"\x05\x00\x00\x00abc")
    first.close()
    with Wire(second) as wire, pytest.raises(PeerGone):
        wire.receive()


def side(rss: float, **phases: tuple[float, float]) -> dict[str, Any]:
    return {"rss_mb": rss, "phases": {name: {"seconds": s, "cpu_seconds": c} for name, (s, c) in phases.items()}}


def test_each_phase_takes_as_long_as_its_slower_side() -> None:
    receiver = side(10.0, offline=(1.0, 0.5), online=(4.0, 2.0))
    sender = side(20.0, offline=(3.0, 3.0), online=(2.0, 0.25))
    assert combine(receiver, sender) == {
        "seconds": 7.0,
        "offline_seconds": 3.0,
        "online_seconds": 4.0,
        "cpu_seconds": 5.75,
        "receiver_cpu_seconds": 2.5,
        "sender_cpu_seconds": 3.25,
        "rss_mb": 20.0,
        "receiver_rss_mb": 10.0,
        "sender_rss_mb": 20.0,
    }


def test_a_summary_has_medians_but_the_worst_peak_and_is_exact_only_if_all_runs_are() -> None:
    runs = [{"seconds": s, "rss_mb": r, "exact": True} for s, r in ((5.0, 1.0), (1.0, 3.0), (2.0, 2.0))]
    assert summary(runs) == {"seconds": 2.0, "rss_mb": 3.0, "exact": True}
    assert summary([*runs, {**runs[0], "exact": False}])["exact"] is False


def test_a_report_sets_both_of_ours_against_every_peer() -> None:
    rounds = [
        {
            NODES: {"seconds": 3.0, "exact": True},
            ALONE: {"seconds": 1.0, "exact": True},
            "secretflow_rr22": {"seconds": 4.0, "process_seconds": 6.0, "exact": True},
        }
    ]
    found = report(rounds)
    assert found["ours"] == {"seconds": 3.0, "exact": True, ALONE: {"seconds": 1.0, "exact": True}}
    assert found["peers"] == {"secretflow_rr22": {"seconds": 4.0, "process_seconds": 6.0, "exact": True}}
    assert found["ratios"] == {"secretflow_rr22": {NODES: 0.75, ALONE: 0.25, "nodes_from_start": 0.5}}
    assert found["exact"] is True
    del rounds[0][NODES]
    assert report(rounds)["ours"] == {"seconds": 1.0, "exact": True}
    rounds[0]["secretflow_rr22"]["exact"] = False  # what a peer loses says that the comparison is worth nothing
    assert report(rounds)["exact"] is False


def test_a_party_that_fails_ends_the_other_and_says_its_last_words(tmp_path: Path) -> None:
    program = "import json,sys,time; json.load(open(sys.argv[1]))['rank'] and sys.exit('no such key'); time.sleep(600)"
    task = Task.make(tmp_path / "task", 5, 5, 0.5, 1, Shape())
    orders = [{"rank": rank, "target": str(order_folder(task, "broken", rank) / RESULT)} for rank in range(2)]
    started = time.monotonic()
    with pytest.raises(BenchmarkFailed, match="party 1, ended with 1: no such key"):
        run_pair(Program("broken", [sys.executable, "-c", program], {}), task, orders)
    assert time.monotonic() - started < 60


def test_free_ports_are_distinct() -> None:
    assert len(set(free_ports(5))) == 5


@pytest.mark.parametrize(
    ("rate", "delay"), [("fast", ""), ("100", ""), ("100mbit; reboot", ""), ("", "10"), ("", "-1ms")]
)
def test_a_shape_that_tc_would_not_take_is_refused(rate: str, delay: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        Shape(rate, delay)


def test_without_a_namespace_a_shaped_line_is_not_measured() -> None:
    assert not Shape()
    assert Shape("1mbit")
    if not inside():
        assert why_not(Shape("1mbit")).startswith("not measured")
