"""The steps of a bank's scoring job. Each is repeated safely: what was done before is found in the journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from node.codes import Code, JobState, Reason, RowStatus
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.bank_consents import BankConsents, Choice, Use
from node.jobs.bank_journal import BankJournal
from node.jobs.bank_model_records import UsableModel
from node.jobs.bank_models import BankModels
from node.jobs.bank_records import PlannedRow, StoredJob, Verdict
from node.jobs.bureau_link import BureauLink
from node.jobs.calls import MAXIMUM_CHUNK_ROWS, ChunkCall, ChunkReply, JobOpening, OpenedJob
from node.jobs.work import DecryptTask, decrypt_chunk, request_chunk
from protocols.errors import PeerProtocolError
from protocols.randomness import SEED_BYTES, Randomness

ItemT = TypeVar("ItemT")
CHUNKS_IN_FLIGHT = 2


class Stopped(Exception):  # noqa: N818 - not a failure: the node drains, the journal says where to go on
    """The node is stopping; the job goes on after the next start."""


class Quarantined(Exception):  # noqa: N818 - carries no detail on purpose
    """A response failed the bank's checks. Nothing derived from it goes anywhere, least of all to the bureau."""

    def __init__(self, model_id: bytes) -> None:
        super().__init__()
        self.model_id = model_id


@dataclass(frozen=True)
class BankParts:
    """What the steps work with."""

    journal: BankJournal
    consents: BankConsents
    models: BankModels
    compute: ComputePool
    randomness: Randomness
    chunk_rows: int = MAXIMUM_CHUNK_ROWS
    """Most enterprises in one chunk, where the model's engine takes as many."""


class JobSteps:
    """Aligns, opens, computes and closes one job at a time against one bureau."""

    def __init__(self, parts: BankParts, link: BureauLink, stopping: threading.Event) -> None:
        self._parts = parts
        self._link = link
        self._stopping = stopping

    # ---- aligning

    def plan(self, job: StoredJob) -> tuple[int, int, int]:
        """Put the rows that may be asked for into chunks; returns how many these are, and bytes sent and received."""
        model = self._parts.models.usable(job.model_id)
        self._parts.journal.clear_plan(job.job_id)
        self._link.begin_count()
        planned = 0
        size = min(model.chunk_rows, self._parts.chunk_rows)
        for chunk, rows in enumerate(_batches(self._eligible(job, model), size)):
            self._check_running(job.job_id)
            seed = self._parts.randomness.bytes(SEED_BYTES)
            self._parts.journal.plan_chunk(job.job_id, chunk, seed, rows)
            planned += len(rows)
        return (planned, *self._link.traffic)

    def _eligible(self, job: StoredJob, model: UsableModel) -> Iterator[tuple[int, bytes]]:
        use = Use(job.bureau, job.purpose, model.field_ids, model.model_class)
        for rows in self._parts.journal.undecided(job.job_id):
            self._check_running(job.job_id)
            choices = self._parts.consents.choose([code for _, code in rows], use, self._link)
            self._parts.journal.decide(
                job.job_id,
                [_undecidable(at, choices[code]) for at, code in rows if choices[code].consent_id is None],
            )
            for at, code in rows:
                consent_id = choices[code].consent_id
                if consent_id is not None:
                    yield at, consent_id

    # ---- admitting

    def open(self, job: StoredJob) -> OpenedJob:
        """Open the job at the bureau; the same job again is found open."""
        return self._link.open_job(opening_of(job))

    # ---- computing

    def compute(self, job: StoredJob) -> None:
        """Have every planned chunk scored, a few at a time; a finished chunk is never asked for again."""
        chunks = self._parts.journal.planned_chunks(job.job_id)
        with ThreadPoolExecutor(CHUNKS_IN_FLIGHT, thread_name_prefix="chunk") as threads:
            _run_some_at_a_time(threads, chunks, lambda chunk: self._score(job, chunk))

    def _score(self, job: StoredJob, chunk: int) -> None:
        self._check_running(job.job_id)
        model = self._parts.models.usable(job.model_id)  # for every chunk: another job may have retired its key
        seed, rows = self._parts.journal.chunk(job.job_id, chunk)
        task, call = prepare_chunk(self._parts.compute, job, model, chunk, seed, rows)
        self._link.begin_count()
        reply = self._link.score_chunk(call)
        verdicts = decide_chunk(self._parts.compute, task, rows, reply, batch=True)
        sent, received = self._link.traffic
        self._parts.models.usable(job.model_id)  # another chunk may have had the key retired meanwhile
        self._parts.journal.finish_chunk(
            job.job_id, chunk, verdicts, response_digest=reply.digest, sent=sent, received=received
        )
        self._parts.consents.remember_spent(refused_consents(rows, reply))

    def _check_running(self, job_id: bytes) -> None:
        if self._stopping.is_set():
            raise Stopped
        if self._parts.journal.get(job_id).state is JobState.CANCELLED:
            raise Refusal(Code.WRONG_STATE, "the job was cancelled")


def opening_of(job: StoredJob) -> JobOpening:
    """Return what the bureau is told of a job: a digest of its content, never the list."""
    return JobOpening(job.job_id, job.idempotency_key, job.content_digest, job.model_id, job.purpose, max(1, job.rows))


def prepare_chunk(
    compute: ComputePool,
    job: StoredJob,
    model: UsableModel,
    chunk: int,
    canary_seed: bytes,
    rows: list[PlannedRow],
) -> tuple[DecryptTask, ChunkCall]:
    """Return the worker's task and the call to the bureau; both the same however often they are prepared."""
    codes = tuple(row.uscc for row in rows)
    task = model.task(job.job_id, chunk, canary_seed, len(rows))
    request = compute.run(request_chunk, task)
    call = ChunkCall(job.job_id, chunk, codes, tuple(row.consent_id for row in rows), request)
    return task, call


def decide_chunk(
    compute: ComputePool, task: DecryptTask, rows: list[PlannedRow], reply: ChunkReply, *, batch: bool
) -> list[Verdict]:
    """Decrypt a reply and return a verdict for every row.

    Raises:
        Quarantined: a canary, the range of a score, or the form of the response is wrong.
    """
    refused = {row.index: row.reason for row in reply.refused}
    kept = [row for index, row in enumerate(rows) if index not in refused]
    released = np.ones(len(rows), dtype=np.bool_)
    released[list(refused)] = False
    try:
        scores = compute.run(decrypt_chunk, task, reply.response, released, batch=batch)
    except PeerProtocolError:
        raise Quarantined(task.model_id) from None
    scored = [
        Verdict(row.position, RowStatus.SCORED, tax_part=int(score), score=row.bank_part + int(score))
        for row, score in zip(kept, scores, strict=True)
    ]
    return scored + [Verdict(rows[index].position, RowStatus.REFUSED, reason) for index, reason in refused.items()]


def refused_consents(rows: Sequence[PlannedRow], reply: ChunkReply) -> dict[bytes, Reason]:
    """Return the consents that a reply refused, by id, and why."""
    return {rows[refused.index].consent_id: refused.reason for refused in reply.refused}


def _undecidable(position: int, choice: Choice) -> Verdict:
    if choice.reason is Reason.NOT_HELD:
        return Verdict(position, RowStatus.NOT_HELD, Reason.NOT_HELD)
    return Verdict(position, RowStatus.REFUSED, choice.reason)


def _batches(items: Iterable[ItemT], size: int) -> Iterator[list[ItemT]]:
    batch: list[ItemT] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _run_some_at_a_time(threads: ThreadPoolExecutor, chunks: Iterable[int], work: Callable[[int], None]) -> None:
    """Keep a few chunks in flight; the first failure lets the running ones end and starts no more.

    Of several failures a quarantine is raised before all others: those may be waited out, and the bureau asked again.
    """
    running: set[Future[None]] = set()
    failures: list[BaseException] = []
    for chunk in chunks:
        if len(running) >= CHUNKS_IN_FLIGHT:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            failures += _failures(done)
        if failures:
            break
        running.add(threads.submit(work, chunk))
    failures += _failures(running)
    if failures:
        raise next((failure for failure in failures if isinstance(failure, Quarantined)), failures[0])


def _failures(futures: Iterable[Future[None]]) -> list[BaseException]:
    """Wait for the futures and return what they raised."""
    return [failure for future in futures if (failure := future.exception()) is not None]
