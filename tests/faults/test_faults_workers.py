"""Worker processes of a real node that die or run out of memory in the middle of a chunk: the node lives on."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from node.codes import Code, JobState
from node.demo.trial import NodeProcess
from tests.support.trial import ReadyTrial, wait_until, workers


@pytest.fixture(params=["bank", "bureau"])
def node(doomed: ReadyTrial, request: pytest.FixtureRequest) -> NodeProcess:
    """Either node, with its workers up."""
    doomed.run(doomed.data.codes[:1])
    chosen: NodeProcess = getattr(doomed, request.param)
    return chosen


@contextmanager
def every_worker(node: NodeProcess, meets: Callable[[psutil.Process], None]) -> Iterator[set[int]]:
    """Do something to every worker of a node, as soon as it shows up; yields the ids of those that it was done to."""
    stop, met = threading.Event(), set[int]()

    def hunt() -> None:
        while not stop.is_set():
            for worker in workers(node):
                with suppress(psutil.NoSuchProcess):
                    meets(worker)
                    met.add(worker.pid)
            stop.wait(0.02)

    thread = threading.Thread(target=hunt)
    thread.start()
    try:
        yield met
    finally:
        stop.set()
        thread.join(30)


def take_memory_away(worker: psutil.Process) -> None:
    """Lower the kernel's limit under a running worker to less than it has already."""
    _, hard = worker.rlimit(psutil.RLIMIT_DATA)
    worker.rlimit(psutil.RLIMIT_DATA, (1 << 20, hard))


def test_workers_die_in_mid_chunk_and_nobody_notices(doomed: ReadyTrial, node: NodeProcess) -> None:
    """They are stopped before the job, so that they surely hold a task when they die."""
    before, pid = doomed.all_uses(), node.pid
    old = workers(node)
    for worker in old:
        worker.send_signal(signal.SIGSTOP)
    job = doomed.submit()
    wait_until(lambda: doomed.state(job.job_id) == JobState.COMPUTING)
    time.sleep(0.3)
    for worker in old:
        worker.kill()
    assert doomed.wait(job.job_id).state is JobState.DONE
    doomed.check_exact(job.job_id)
    assert doomed.all_uses() == {code: uses + 1 for code, uses in before.items()}
    assert node.pid == pid
    assert not {worker.pid for worker in old} & {worker.pid for worker in workers(node)}


def test_workers_that_die_again_and_again_fail_the_job_and_not_the_node(doomed: ReadyTrial, node: NodeProcess) -> None:
    before = doomed.all_uses()
    with every_worker(node, psutil.Process.kill) as killed:
        job = doomed.submit()
        failed = doomed.wait(job.job_id)
    assert (failed.state, failed.error_code) == (JobState.FAILED, Code.COMPUTE_FAILED)
    assert len(killed) >= 2
    with node.client() as client:
        assert client.status().party_id
    with doomed.bank.client() as bank:
        bank.jobs.resume(job.job_id)
    assert doomed.wait(job.job_id).state is JobState.DONE
    doomed.check_exact(job.job_id)
    assert doomed.all_uses() == {code: uses + 1 for code, uses in before.items()}


def test_workers_out_of_memory_fail_the_job_and_not_the_node(doomed: ReadyTrial) -> None:
    doomed.run(doomed.data.codes[:1])
    with every_worker(doomed.bureau, take_memory_away) as starved:
        job = doomed.submit()
        failed = doomed.wait(job.job_id)
    assert (failed.state, failed.error_code) == (JobState.FAILED, Code.COMPUTE_FAILED)
    for worker in workers(doomed.bureau):
        worker.kill()
    assert len(starved) >= 2
    with doomed.bank.client() as bank:
        bank.jobs.resume(job.job_id)
    assert doomed.wait(job.job_id).state is JobState.DONE
    doomed.check_exact(job.job_id)


def test_every_worker_has_the_memory_limit_of_the_settings(doomed: ReadyTrial) -> None:
    doomed.run(doomed.data.codes[:1])
    for node in (doomed.bank, doomed.bureau):
        limits = {worker.rlimit(psutil.RLIMIT_DATA) for worker in wait_until(lambda: workers(node))}  # noqa: B023
        assert limits == {(1024 << 20, 1024 << 20)}
