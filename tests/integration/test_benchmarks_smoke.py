"""The benchmarks run and tell what they promise; how fast is never a test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.table import render

MACHINE = {"machine", "cpu", "cores", "memory_mb", "python", "packages", "seed"}
SCORING = {
    "rows",
    "columns",
    "engine",
    "seconds",
    "rows_per_second",
    "response_bytes_per_row",
    "line_bytes_per_row",
    "bureau_rss_mb",
    "bank_rss_mb",
    "bureau_pss_mb",
    "bank_pss_mb",
    "setup_seconds",
    "exact",
    "runs",
}
ONLINE = {"enterprises", "rate", "registered", "with_request", "median_ms", "p99_ms", "errors", "exact"}


def figures(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """Run ``python -m benchmarks`` as a process and return what it wrote."""
    target = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", *arguments, "--json", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == found
    return found


def test_scoring_bfv(tmp_path: Path) -> None:
    found = figures(tmp_path, "scoring", "--rows", "40", "--columns", "8", "--runs", "2", "--seed", "7")
    assert set(found) >= SCORING | MACHINE
    assert found["exact"] is True
    assert (found["rows"], found["columns"], found["engine"], found["seed"]) == (40, 8, "bfv", 7)
    assert [run["seed"] for run in found["runs"]] == [7, 8]
    # One chunk: the packed polynomial of 48 KiB, six bytes a row with its canaries, and little around them.
    assert 49_152 + 6 * 48 < 40 * found["response_bytes_per_row"] < 49_152 + 6 * 48 + 1000
    assert min(found["bureau_rss_mb"], found["bank_rss_mb"]) > 50
    assert f"| 40 x 8 | bfv | {found['seconds']} (2 runs) |" in render(tmp_path)


def test_online(tmp_path: Path) -> None:
    found = figures(tmp_path, "online", "--enterprises", "6", "--rate", "2")
    assert set(found) >= ONLINE | MACHINE
    assert (found["exact"], found["errors"]) == (True, 0)
    for mode in ("registered", "with_request"):
        assert found[mode]["answers"] == 6
        assert f"| {found[mode]['median_ms']} | {found[mode]['p99_ms']} | 0 | True |" in render(tmp_path)
        assert 0 < found["median_ms"][mode] == found[mode]["median_ms"] <= found["p99_ms"][mode]


def test_attacks(tmp_path: Path) -> None:
    """One attack without and one with a chance; that all of them fail on the product is ``tests/attacks``'s to show."""
    target = tmp_path / "attacks.json"
    names = ["unused-coefficients", "noise-distinguisher-prediction"]
    command = [sys.executable, "-m", "benchmarks", "attacks", "--quick", "--seed", "7", "--json", str(target)]
    command += [word for name in names for word in ("--only", name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(target.read_text(encoding="utf-8"))
    assert set(found) >= MACHINE | {"attacks", "as_it_should_be"}
    assert (found["as_it_should_be"], found["seed"]) == (True, 7)
    guessed, certain = sorted(found["attacks"], key=lambda attack: str(attack["name"]))
    assert [guessed["name"], certain["name"]] == sorted(names)
    assert (certain["recovered"], certain["weakened_recovered"], certain["bound"]) == (0, 3, 1.0)
    assert (guessed["recovered"], guessed["weakened_recovered"], guessed["chance"]) == (0, 100, 0.5)
    assert all(name in done.stdout for name in names)
    assert "(3/n)" in done.stdout


def test_ristretto(tmp_path: Path) -> None:
    found = figures(tmp_path, "ristretto", "--count", "16", "--runs", "1", "--seed", "3")
    assert set(found) >= MACHINE | {"count", "runs", "exact", "compile_seconds", "per_second_and_core"}
    assert found["exact"] is True
    assert set(found["compile_seconds"]) | {"libsodium"} == set(found["per_second_and_core"])
    assert {"portable", "libsodium"} <= set(found["per_second_and_core"])
    for rates in found["per_second_and_core"].values():
        assert set(rates) == {
            "decode_multiply_encode",
            "map_multiply_encode",
            "decode_check",
            "linear_combination",
            "invert",
        }
        assert min(rates.values()) > 0


def test_an_attack_that_is_not_there() -> None:
    command = [sys.executable, "-m", "benchmarks", "attacks", "--only", "magic"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert "no attack is called magic" in done.stderr
