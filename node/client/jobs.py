"""Scoring jobs: listing, following, resuming, cancelling, results."""

from __future__ import annotations

import time
from collections.abc import Iterator

from node.client import results, wire
from node.client.calls import Caller
from node.codes import Code
from node.errors import Refusal
from protos import control_pb2 as pb

RETRY_SECONDS = 1.0


class Jobs:
    """Calls on jobs."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, *, state: str = "", limit: int = 50) -> tuple[results.Job, ...]:
        """Return the newest ``limit`` jobs, or those in one state."""
        request = pb.ListJobsRequest(limit=limit, state=state)
        return tuple(map(wire.job, self._caller.unary("ListJobs", request).jobs))

    def get(self, job_id: str) -> results.Job:
        """Return one job as it stands."""
        return wire.job(self._caller.unary("GetJob", pb.JobKey(job_id=job_id)))

    def resume(self, job_id: str) -> results.Job:
        """Continue a failed job where its journal ends."""
        return wire.job(self._caller.unary("ResumeJob", pb.JobKey(job_id=job_id)))

    def cancel(self, job_id: str) -> results.Job:
        """Stop a job; what was released stays counted."""
        return wire.job(self._caller.unary("CancelJob", pb.JobKey(job_id=job_id)))

    def follow(self, job_id: str, *, patience: float = 60.0) -> Iterator[results.Job]:
        """Yield the job whenever it moves, until it is final.

        The job does not depend on being followed. A node that restarts meanwhile is waited for, ``patience`` seconds
        from the last answer on, and followed again.
        """
        while True:
            heard = time.monotonic()
            try:
                for job in self._slice(job_id):
                    heard = time.monotonic()
                    yield job
                    if job.final:
                        return
                time.sleep(RETRY_SECONDS)  # the node ended the stream early: it is about to stop
            except Refusal as refusal:
                self._wait(refusal, job_id, heard + patience)

    def _slice(self, job_id: str) -> Iterator[results.Job]:
        """Follow for one deadline: so a node that vanished without a word is noticed."""
        request = pb.JobKey(job_id=job_id)
        yield from map(wire.job, self._caller.download("FollowJob", request, self._caller.deadlines.follow))

    def _wait(self, refusal: Refusal, job_id: str, until: float) -> None:
        """Return when the node answers again; raise what it refused, or that it does not come back."""
        if refusal.code is Code.DEADLINE_EXCEEDED:
            self.get(job_id)
            return
        while refusal.code in {Code.NODE_NOT_RUNNING, Code.DRAINING} and time.monotonic() < until:
            time.sleep(RETRY_SECONDS)
            try:
                self._caller.reconnect()
                self.get(job_id)
                return
            except Refusal as again:
                refusal = again
        raise refusal

    def results(self, job_id: str) -> Iterator[tuple[results.ScoreRow, ...]]:
        """Yield the result of a job that is done, in the order of its list, a frame at a time."""
        for frame in self._caller.download("FetchResults", pb.JobKey(job_id=job_id)):
            yield tuple(map(wire.score_row, frame.rows))
