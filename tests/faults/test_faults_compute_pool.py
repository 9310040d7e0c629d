"""Worker processes that die, hang, take too much memory or raise: what the pool makes of it."""

from __future__ import annotations

import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from node.codes import Code
from node.compute import ComputePool
from node.errors import Refusal
from tests.support import tasks
from tests.support.trial import refusal_of, wait_until

MEMORY_MB = 512
TIMEOUT_SECONDS = 2.0


@pytest.fixture(scope="module")
def pool() -> Iterator[ComputePool]:
    with ComputePool(2, MEMORY_MB, TIMEOUT_SECONDS) as made:
        made.run(operator.add, 1, 2)  # importing takes longer than the timeout on a busy machine
        yield made


@pytest.fixture
def patient() -> Iterator[ComputePool]:
    """Two workers that nobody hurries."""
    with ComputePool(2, MEMORY_MB, 60.0) as made:
        yield made


def test_a_worker_that_dies_is_replaced_and_its_task_done_again(patient: ComputePool, tmp_path: Path) -> None:
    assert patient.run(tasks.die_once, tmp_path / "died") == "lived"


def test_a_task_that_kills_two_workers_is_refused_and_the_pool_lives_on(patient: ComputePool, tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    assert refusal_of(lambda: patient.run(tasks.die_always, tally)) is Code.COMPUTE_FAILED
    assert tally.read_text() == "xx"
    assert patient.run(operator.add, 1, 2) == 3


def test_a_task_over_the_memory_limit_is_refused(patient: ComputePool) -> None:
    assert patient.run(tasks.take_memory, MEMORY_MB // 8) == MEMORY_MB << 17
    assert refusal_of(lambda: patient.run(tasks.take_memory, 2 * MEMORY_MB)) is Code.COMPUTE_FAILED
    assert patient.run(operator.add, 1, 2) == 3


def test_a_task_out_of_time_is_tried_once_more_and_refused(pool: ComputePool) -> None:
    begin = time.monotonic()
    assert refusal_of(lambda: pool.run(tasks.sleep_and_tell, 600.0)) is Code.COMPUTE_FAILED
    assert 2 * TIMEOUT_SECONDS <= time.monotonic() - begin < 30
    assert pool.run(operator.add, 1, 2) == 3


def test_what_a_task_raises_is_raised_here_and_not_tried_again(patient: ComputePool) -> None:
    with pytest.raises(ValueError, match="so it is"):
        patient.run(tasks.complain, "so it is")


def test_workers_that_die_while_they_have_nothing_to_do_are_replaced(patient: ComputePool) -> None:
    for _ in range(3):
        idle = patient.run(tasks.sleep_and_tell, 0.0)
        os.kill(idle, signal.SIGKILL)
        time.sleep(0.3)
        assert patient.run(tasks.sleep_and_tell, 0.0) != idle


def test_a_worker_that_dies_beside_a_running_one_does_not_disturb_it(patient: ComputePool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(patient.run, tasks.wait_for, gate)
        os.kill(patient.run(tasks.sleep_and_tell, 0.2), signal.SIGKILL)
        time.sleep(0.3)
        assert patient.run(operator.add, 1, 2) == 3
        gate.touch()
        assert running.result(30)


def test_a_refusal_names_no_argument(patient: ComputePool) -> None:
    with pytest.raises(Refusal) as caught:
        patient.run(tasks.die_always, Path("/dev/null"))
    assert "null" not in str(caught.value)


def test_batches_leave_a_worker_for_a_waiting_customer(patient: ComputePool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(3) as threads:
        batches = [threads.submit(patient.run, tasks.wait_for, gate, batch=True) for _ in range(3)]
        time.sleep(0.5)
        assert patient.run(operator.add, 1, 2) == 3  # the gate is closed: whoever waits for a batch waits for ever
        assert not any(batch.done() for batch in batches)
        gate.touch()
        assert all(batch.result(30) for batch in batches)


def test_one_worker_serves_both(tmp_path: Path) -> None:
    with ComputePool(1, MEMORY_MB, 60.0) as single:
        assert single.run(operator.add, 1, 2, batch=True) == 3
        assert single.run(operator.add, 1, 2) == 3


def test_tasks_run_at_the_same_time(patient: ComputePool, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(patient.run(tasks.wait_for, first)))
    thread.start()
    second.touch()
    assert patient.run(tasks.wait_for, second)
    first.touch()
    thread.join(30)
    assert answers == [True]


def test_closing_ends_what_runs_and_tells_whoever_waits(tmp_path: Path) -> None:
    pool = ComputePool(2, MEMORY_MB, 60.0)
    pool.run(operator.add, 1, 2)
    with ThreadPoolExecutor(4) as threads:
        batches = [threads.submit(pool.run, tasks.wait_for, tmp_path / "never", batch=True) for _ in range(3)]
        time.sleep(0.3)
        begin = time.monotonic()
        pool.close()
        codes = [refusal_of(partial(batch.result, 20)) for batch in batches]
    assert codes == [Code.DRAINING] * 3  # one that ran, two that waited for the lane
    assert time.monotonic() - begin < 20
    assert refusal_of(lambda: pool.run(operator.add, 1, 2)) is Code.DRAINING


NODE = """
import os, signal
from node.compute import ComputePool

if __name__ == "__main__":
    pool = ComputePool(1, 512, 60.0)
    print(pool.run(os.getpid), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_ends_when_its_node_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "killed_node.py"
    program.write_text(NODE, encoding="utf-8")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    worker = Path("/proc", done.stdout.strip())
    assert worker.name.isdigit()

    wait_until(lambda: not worker.exists() or _state(worker) == "Z", seconds=20)


def _state(process: Path) -> str:
    """Return the letter that Linux gives a process' state; «Z» has ended and waits to be counted."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
