"""The run directory: whole files or none."""

from __future__ import annotations

from pathlib import Path

from node.rundir import RunDirectory, reachable


def test_what_a_run_records_and_clears(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert run.pid() is None
    assert run.port("server") is None
    run.write_pid(4711)
    run.write_port("server", 7601)
    run.write_port("control", 7602)
    assert run.address("control") is None
    run.write_address("control", reachable("::", 7602))
    assert run.address("control") == "[::1]:7602"
    assert (run.pid(), run.port("server"), run.port("control")) == (4711, 7601, 7602)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "control.address",
        "control.port",
        "node.pid",
        "server.port",
    ]
    run.clear()
    assert list((tmp_path / "run").iterdir()) == []


def test_a_broken_record_is_none(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.write_port("server", 1)
    (tmp_path / "run/server.port").write_text("seven")
    assert run.port("server") is None
