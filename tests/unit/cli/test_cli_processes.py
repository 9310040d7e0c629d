"""Programs as the shell runs them: signals, the example of a bank's own system, progress."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.cli.progress import progress
from node.cli.state import State
from protos import control_pb2 as pb
from tests.support.control_server import JOB_ID, Script, make_node, running_control

ROOT = Path(__file__).parents[3]
CODE = "91350100M000100Y43"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_node(tmp_path_factory.mktemp("processes") / "bank")


@pytest.fixture
def interrupts_heard() -> Iterator[None]:
    """Let processes that the test starts hear SIGINT: a shell that ran the tests in its background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts_heard")
def test_ctrl_c_leaves_the_job_running_and_shows_no_traceback(directory: Path) -> None:
    script = Script(job_states=("computing",) * 100, delay=0.2)
    command = [sys.executable, "-m", "node", "job", "follow", JOB_ID, "--dir", str(directory), "--lang", "en"]
    with running_control(directory, script), subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT) as process:
        deadline = time.monotonic() + 30
        while len(script.of("FollowJob")) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 130
    assert f"the job goes on; follow it again: banktax job follow {JOB_ID}" in errors
    assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors


def test_the_example_of_a_bank_s_own_system_runs(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"uscc,age\n{CODE},41\nx,\n", "utf-8")
    rows = [
        pb.ScoreRow(uscc=CODE, status="scored", score=5),
        pb.ScoreRow(uscc="x", status="refused", reason="BAD_CODE"),
    ]
    script = Script(rows=rows)
    example = ROOT / "docs" / "examples" / "score_batch.py"
    arguments = ("--dir", directory, "--model", "retail", "--list", tmp_path / "list.csv", "--key", "k")
    command = [sys.executable, str(example), *map(str, arguments)]
    with running_control(directory, script):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, ["BAD_CODE 1", "scored 1"]), done.stderr
    assert script.of("SubmitScore")[0].header.idempotency_key == "k"
    stopped = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert stopped.returncode == 1
    assert stopped.stderr.startswith("NODE_NOT_RUNNING")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress(State(), "submitting [bold]") as bar:
        bar.update(3, 7)
        bar.update(5, 7, "computing")
    assert "computing" in terminal.getvalue()
    assert "5/7" in terminal.getvalue()


def test_a_log_gets_a_line_when_something_else_begins_or_time_has_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("node.cli.progress.time.monotonic", lambda: now[0])
    with progress(State(), "job", lines=True) as bar:
        bar.update(0, 70, "aligning")
        bar.update(10, 70, "computing")
        bar.update(20, 70, "computing")
        now[0] += 6
        bar.update(30, 70, "computing")
    assert capsys.readouterr().err.splitlines() == ["aligning 0/70", "computing 10/70", "computing 30/70"]


def test_quiet_and_short_work_in_a_log_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for state, lines in ((State(quiet=True), True), (State(), False)):
        with progress(state, "job", lines=lines) as bar:
            bar.update(1, 2, "other")
    assert capsys.readouterr() == ("", "")
