"""``python -m benchmarks psi`` runs and tells what it promises; how fast is never a test's business."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.psi_line import Shape
from benchmarks.psi_peers import PEERS, PeerEnvironment
from benchmarks.psi_task import Task

MACHINE = {"machine", "cpu", "cores", "memory_mb", "python", "packages", "seed"}
OURS = {
    "seconds",
    "cpu_seconds",
    "receiver_cpu_seconds",
    "sender_cpu_seconds",
    "rss_mb",
    "receiver_rss_mb",
    "sender_rss_mb",
    "bits_per_item",
    "bytes_to_receiver",
    "bytes_to_sender",
    "protocol_seconds",
    "exact",
}
SHAPED = """
import socket, sys, time
from benchmarks.psi_line import Shape, enter, inside, shape_line, why_not
enter()
assert inside()
shape = Shape("8mbit")
assert why_not(shape) == "", why_not(shape)
with socket.create_server(("127.0.0.1", 0)) as slow, socket.create_server(("127.0.0.1", 0)) as quick:
    shape_line(shape, [slow.getsockname()[1]])
    for server in (slow, quick):
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        for source, sink in ((one, other), (other, one)):
            started, left = time.perf_counter(), 600_000
            source.sendall(bytes(left))
            while left:
                left -= len(sink.recv(left))
            print(time.perf_counter() - started)
"""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    asked = [sys.executable, "-m", "benchmarks", "psi", *arguments]
    return subprocess.run(asked, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("protocol", "security"), [("vole", "semi_honest"), ("vole", "malicious"), ("oprf", "semi_honest")]
)
def test_the_protocol_alone(tmp_path: Path, protocol: str, security: str) -> None:
    target = tmp_path / "figures.json"
    sizes = ["--size", "70", "--other-size", "100", "--match", "0.5", "--runs", "2", "--seed", "7"]
    done = command("--protocol", protocol, "--security", security, *sizes, "--no-nodes", "--json", str(target))
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == found
    assert set(found) >= MACHINE | {"ours", "peers", "ratios", "compile_seconds", "line", "nodes"}
    assert set(found["ours"]) >= OURS
    assert (found["exact"], found["size"], found["other_size"], found["seed"]) == (True, 70, 100, 7)
    assert found["security"] == security
    assert found["nodes"].startswith("not measured")
    assert len(found["runs"]) == 2
    assert found["peers"] == {}
    ours = found["ours"]
    assert ours["bits_per_item"] == round(8 * (ours["bytes_to_receiver"] + ours["bytes_to_sender"]) / 100, 1)


def test_a_rate_that_is_none_is_refused() -> None:
    done = command("--rate", "fast")
    assert done.returncode == 2
    assert "such as 100mbit" in done.stderr


def test_a_shaped_line_is_slow_both_ways_and_others_are_not(tmp_path: Path) -> None:
    program = tmp_path / "__main__.py"
    program.write_text(SHAPED, encoding="utf-8")
    root = str(Path(__file__).parents[2])
    privileges = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    try:
        probe = subprocess.run([*privileges, "tc", "qdisc", "add", "dev", "lo", "root", "htb"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("unshare or tc is not installed")
    if probe.returncode:
        pytest.skip("this user may not shape a line in a network namespace of its own")
    environment = {**os.environ, "PYTHONPATH": root, "BANKTAX_BENCHMARK_NAMESPACE": "1"}
    asked = [*privileges, sys.executable, str(program)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=100, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    there, back, quick_there, quick_back = map(float, done.stdout.split())
    assert min(there, back) > 0.4  # 600 kB less the bucket of 128 kB, at 1 MB/s
    assert max(quick_there, quick_back) < min(there, back)


@pytest.mark.parametrize("protocol", PEERS)
def test_a_peer_on_the_same_files(tmp_path: Path, protocol: str) -> None:
    peers = PeerEnvironment.present()
    if peers is None:
        pytest.skip(
            "spu is not here: python -m benchmarks psi --peers installs it, one gigabyte, and nothing else does"
        )
    task = Task.make(tmp_path / "task", 60, 80, 0.5, 3, Shape())
    found = peers.run(task, protocol)
    assert found["exact"] is True
    assert 0 < found["seconds"] <= found["process_seconds"]
    assert min(found["cpu_seconds"], found["rss_mb"]) > 0
