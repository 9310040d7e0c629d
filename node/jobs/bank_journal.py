"""The bank's journal of scoring jobs: what was asked, what is planned, what is finished.

Every step is written before its effect, one transaction per step, so that a node that is killed goes on where it was:
rows are staged and become a job at once; a plan names every row's chunk and place; a chunk is finished together with
its scores or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.clock import Clock
from node.codes import Code, JobState, RowStatus
from node.errors import Refusal
from node.jobs.bank_records import Counts, NewJob, PlannedRow, PreparedRow, ResultRow, StoredJob, Verdict
from node.jobs.calls import OpenedJob
from node.jobs.states import FINAL, check_transition
from node.storage.database import Database, SelectIn, insert_rows, update_rows
from node.storage.schema import bank_chunks, bank_job_rows, bank_jobs, bank_models

SLICE_ROWS = 8192
_ROW_KEYS = ("job_id", "position")

# Needed for every enterprise that a customer waits for, so made once.
_JOB = select(bank_jobs).where(bank_jobs.c.job_id == bindparam("job"))
_HELD_JOB = _JOB.with_for_update()
_BY_KEY = select(bank_jobs).where(bank_jobs.c.idempotency_key == bindparam("key"))
_END_SINGLE = (
    update(bank_jobs)
    .where(bank_jobs.c.job_id == bindparam("job"), bank_jobs.c.state.not_in(FINAL))
    .values(
        state=JobState.DONE,
        feature_set=bindparam("set"),
        as_of=bindparam("date"),
        bytes_sent=bindparam("sent"),
        bytes_received=bindparam("received"),
        updated_at=bindparam("now"),
    )
)
_END_SINGLE_CHUNK = (
    update(bank_chunks)
    .where(bank_chunks.c.job_id == bindparam("job"))
    .values(state="finished", response_digest=bindparam("reply"), finished_at=bindparam("now"))
)


class BankJournal:
    """All reading and writing of ``bank_jobs``, ``bank_job_rows`` and ``bank_chunks``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # ---- creation

    def stage_rows(self, job_id: bytes, first: int, rows: Sequence[PreparedRow]) -> None:
        """Write rows of a job that does not exist yet; :meth:`create` makes them count."""
        values = [
            {
                "job_id": job_id,
                "position": first + offset,
                "uscc": row.uscc,
                "bank_part": row.bank_part,
                "status": RowStatus.REFUSED if row.reason else None,
                "reason": row.reason,
            }
            for offset, row in enumerate(rows)
        ]
        if values:
            with self._database.write() as connection:
                insert_rows(connection, bank_job_rows, values)

    def create(self, new: NewJob) -> StoredJob:
        """Make the staged rows a job.

        The same idempotency key with the same content gives the job that exists, and the staged rows go.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT`` where the key stands for other content.
        """
        try:
            with self._database.write() as connection:
                insert_rows(connection, bank_jobs, [self._first_values(new)])
        except IntegrityError:
            self.discard_staged_unless_created(new.job_id)
            return self._same_or_conflict(new)
        return self.get(new.job_id)

    def create_single(self, new: NewJob, row: PreparedRow, consent_id: bytes, canary_seed: bytes) -> StoredJob:
        """Journal a job of one enterprise with its only chunk planned, ready to be asked for, in one transaction.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT``; see :meth:`create`.
        """
        place = {"job_id": new.job_id, "chunk": 0}
        values = self._first_values(new, JobState.ADMITTING) | {"aligned": 1}
        planned = {"position": 0, "place": 0, "uscc": row.uscc, "bank_part": row.bank_part, "consent_id": consent_id}
        try:
            with self._database.write() as connection:
                insert_rows(connection, bank_jobs, [values])
                insert_rows(connection, bank_job_rows, [place | planned])
                insert_rows(connection, bank_chunks, [place | {"canary_seed": canary_seed, "state": "planned"}])
        except IntegrityError:
            return self._same_or_conflict(new)
        return StoredJob(**values)

    def finish_single(
        self, job_id: bytes, verdict: Verdict, opened: OpenedJob, reply_digest: bytes, traffic: tuple[int, int]
    ) -> None:
        """Write the outcome of a job of one enterprise and end it, in one transaction; one that ended already stays."""
        sent, received = traffic
        now = self._clock()
        done = {"job": job_id, "set": opened.feature_set, "date": opened.as_of, "now": now}
        with self._database.write() as connection:
            if connection.execute(_END_SINGLE, done | {"sent": sent, "received": received}).rowcount == 1:
                connection.execute(_END_SINGLE_CHUNK, {"job": job_id, "reply": reply_digest, "now": now})
                _write_verdicts(connection, job_id, [verdict])

    def create_decided(self, new: NewJob, row: PreparedRow, verdict: Verdict) -> StoredJob:
        """Journal a job of one enterprise that is decided without asking the bureau for a score, in one transaction.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT``; see :meth:`create`.
        """
        decided = {
            "job_id": new.job_id,
            "position": 0,
            "uscc": row.uscc,
            "bank_part": row.bank_part,
            "status": verdict.status,
            "reason": verdict.reason,
        }
        try:
            with self._database.write() as connection:
                insert_rows(connection, bank_jobs, [self._first_values(new, JobState.DONE)])
                insert_rows(connection, bank_job_rows, [decided])
        except IntegrityError:
            return self._same_or_conflict(new)
        return self.get(new.job_id)

    def _first_values(self, new: NewJob, state: JobState = JobState.QUEUED) -> dict[str, Any]:
        now = self._clock()
        return {
            **new.__dict__,
            "state": state,
            "aligned": 0,
            "bytes_sent": 0,
            "bytes_received": 0,
            "feature_set": "",
            "as_of": "",
            "error_code": "",
            "error_detail": "",
            "created_at": now,
            "updated_at": now,
        }

    def _same_or_conflict(self, new: NewJob) -> StoredJob:
        existing = self.find_by_key(new.idempotency_key)
        if existing is None or existing.content_digest != new.content_digest:
            raise Refusal(Code.IDEMPOTENCY_CONFLICT, "this idempotency key already stands for another job")
        return existing

    def discard_staged_unless_created(self, job_id: bytes) -> None:
        """Forget rows of a submission that failed; a job that was created keeps its rows."""
        known = select(bank_jobs.c.job_id).where(bank_jobs.c.job_id == job_id)
        with self._database.write() as connection:
            connection.execute(
                delete(bank_job_rows).where(bank_job_rows.c.job_id == job_id, bank_job_rows.c.job_id.not_in(known))
            )

    def sweep_staged(self) -> None:
        """At start: forget rows whose submission was cut off."""
        known = select(bank_jobs.c.job_id)
        with self._database.write() as connection:
            connection.execute(delete(bank_job_rows).where(bank_job_rows.c.job_id.not_in(known)))

    # ---- reading

    def find_by_key(self, idempotency_key: str) -> StoredJob | None:
        """Return the job under an idempotency key, or ``None``."""
        with self._database.read() as connection:
            row = connection.execute(_BY_KEY, {"key": idempotency_key}).first()
        return None if row is None else _stored(row._mapping)

    def get(self, job_id: bytes) -> StoredJob:
        """Return a job.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        with self._database.read() as connection:
            return _get(connection, job_id)

    def latest(self, limit: int, state: JobState | None = None) -> list[StoredJob]:
        """Return the latest jobs first."""
        query = select(bank_jobs).order_by(bank_jobs.c.created_at.desc(), bank_jobs.c.job_id).limit(limit)
        if state is not None:
            query = query.where(bank_jobs.c.state == state)
        with self._database.read() as connection:
            return [_stored(row._mapping) for row in connection.execute(query)]

    def unfinished(self) -> list[bytes]:
        """Return the ids of jobs that a start has to go on with, oldest first."""
        query = select(bank_jobs.c.job_id).where(bank_jobs.c.state.not_in(FINAL)).order_by(bank_jobs.c.created_at)
        with self._database.read() as connection:
            return [bytes(row.job_id) for row in connection.execute(query)]

    def counts(self, job_ids: Collection[bytes]) -> dict[bytes, Counts]:
        """Count the rows of each job by verdict."""
        rows = bank_job_rows.c
        query = (
            select(rows.job_id, rows.status, rows.reason, func.count())
            .where(rows.status.is_not(None))
            .group_by(rows.job_id, rows.status, rows.reason)
        )
        found: dict[bytes, dict[tuple[str, str], int]] = {job_id: {} for job_id in job_ids}
        with self._database.read() as connection:
            for job_id, status, reason, number in SelectIn(query, rows.job_id)(connection, found):
                found[bytes(job_id)][status, reason] = number
        return {job_id: _counts(numbers) for job_id, numbers in found.items()}

    def results(self, job_id: bytes) -> Iterator[list[ResultRow]]:
        """Yield all rows of a job in the list's order, in slices."""
        rows = bank_job_rows.c
        wanted = [rows[name] for name in ResultRow._fields]
        after = -1
        while True:
            query = (
                select(*wanted)
                .where(rows.job_id == job_id, rows.position > after)
                .order_by(rows.position)
                .limit(SLICE_ROWS)
            )
            with self._database.read() as connection:
                found = list(map(ResultRow._make, connection.execute(query)))
            if found:
                yield found
            if len(found) < SLICE_ROWS:
                return
            after = found[-1].position

    # ---- movement

    def move(self, job_id: bytes, state: JobState, **values: object) -> StoredJob:
        """Change a job's state, with other columns where given, in one transaction.

        Raises:
            Refusal: ``WRONG_STATE`` where the transition is not in the table.
        """
        with self._database.write() as connection:
            check_transition(_get(connection, job_id, hold=True).state, state)
            connection.execute(
                update(bank_jobs)
                .where(bank_jobs.c.job_id == job_id)
                .values(state=state, updated_at=self._clock(), **values)
            )
            return _get(connection, job_id)

    def add_traffic(self, connection: Connection, job_id: bytes, sent: int, received: int) -> None:
        """Add payload bytes to a job's account, in the caller's transaction."""
        jobs = bank_jobs.c
        connection.execute(
            update(bank_jobs)
            .where(jobs.job_id == job_id)
            .values(
                bytes_sent=jobs.bytes_sent + sent,
                bytes_received=jobs.bytes_received + received,
                updated_at=self._clock(),
            )
        )

    def quarantine(self, job_id: bytes, model_id: bytes, detail: str) -> None:
        """End a job as failed and retire its model's key, in one transaction: neither stands without the other."""
        now = self._clock()
        with self._database.write() as connection:
            connection.execute(
                update(bank_models).where(bank_models.c.model_id == model_id).values(state="retired", changed_at=now)
            )
            connection.execute(
                update(bank_jobs)
                .where(bank_jobs.c.job_id == job_id)
                .values(
                    state=JobState.FAILED,
                    error_code=Code.RESULT_REJECTED.value,
                    error_detail=detail,
                    updated_at=now,
                )
            )

    # ---- planning

    def undecided(self, job_id: bytes) -> Iterator[list[tuple[int, str]]]:
        """Yield (position, code) of the rows without a verdict and without a chunk, in slices."""
        rows = bank_job_rows.c
        after = -1
        while True:
            query = (
                select(rows.position, rows.uscc)
                .where(rows.job_id == job_id, rows.status.is_(None), rows.chunk.is_(None), rows.position > after)
                .order_by(rows.position)
                .limit(SLICE_ROWS)
            )
            with self._database.read() as connection:
                found = [(position, uscc) for position, uscc in connection.execute(query)]
            if not found:
                return
            yield found
            after = found[-1][0]

    def clear_plan(self, job_id: bytes) -> None:
        """Forget a plan that was cut off before the job left ``aligning``."""
        with self._database.write() as connection:
            connection.execute(delete(bank_chunks).where(bank_chunks.c.job_id == job_id))
            connection.execute(
                update(bank_job_rows)
                .where(bank_job_rows.c.job_id == job_id, bank_job_rows.c.chunk.is_not(None))
                .values(chunk=None, place=None, consent_id=None)
            )

    def decide(self, job_id: bytes, verdicts: Sequence[Verdict]) -> None:
        """Write verdicts that need no chunk (no consent, not held)."""
        if verdicts:
            with self._database.write() as connection:
                _write_verdicts(connection, job_id, verdicts)
                touched = update(bank_jobs).where(bank_jobs.c.job_id == job_id).values(updated_at=self._clock())
                connection.execute(touched)  # who follows the job counts its rows again

    def plan_chunk(self, job_id: bytes, chunk: int, canary_seed: bytes, rows: Sequence[tuple[int, bytes]]) -> None:
        """Assign (position, consent id) to the places of a chunk, in order."""
        places = [
            {"job_id": job_id, "position": position, "chunk": chunk, "place": place, "consent_id": consent}
            for place, (position, consent) in enumerate(rows)
        ]
        with self._database.write() as connection:
            connection.execute(
                insert(bank_chunks),
                [{"job_id": job_id, "chunk": chunk, "canary_seed": canary_seed, "state": "planned"}],
            )
            update_rows(connection, bank_job_rows, places, _ROW_KEYS)

    # ---- chunks

    def planned_chunks(self, job_id: bytes) -> list[int]:
        """Return the chunks that are not finished, in order."""
        query = (
            select(bank_chunks.c.chunk)
            .where(bank_chunks.c.job_id == job_id, bank_chunks.c.state == "planned")
            .order_by(bank_chunks.c.chunk)
        )
        with self._database.read() as connection:
            return [row.chunk for row in connection.execute(query)]

    def has_plan(self, job_id: bytes) -> bool:
        """Tell whether any chunk was planned."""
        query = select(func.count()).select_from(bank_chunks).where(bank_chunks.c.job_id == job_id)
        with self._database.read() as connection:
            return bool(connection.execute(query).scalar_one())

    def chunk(self, job_id: bytes, chunk: int) -> tuple[bytes, list[PlannedRow]]:
        """Return a chunk's canary seed and its rows in place order."""
        rows = bank_job_rows.c
        query = (
            select(rows.position, rows.uscc, rows.consent_id, rows.bank_part)
            .where(rows.job_id == job_id, rows.chunk == chunk)
            .order_by(rows.place)
        )
        which = and_(bank_chunks.c.job_id == job_id, bank_chunks.c.chunk == chunk)
        with self._database.read() as connection:
            seed = connection.execute(select(bank_chunks.c.canary_seed).where(which)).scalar_one()
            planned: Iterable[Any] = connection.execute(query)
            found = [PlannedRow(position, uscc, bytes(consent), part) for position, uscc, consent, part in planned]
        return bytes(seed), found

    def finish_chunk(
        self,
        job_id: bytes,
        chunk: int,
        verdicts: Sequence[Verdict],
        *,
        response_digest: bytes,
        sent: int,
        received: int,
    ) -> None:
        """Write a chunk's scores and mark it finished, once: a chunk that is finished already changes nothing."""
        claim = (
            update(bank_chunks)
            .where(
                bank_chunks.c.job_id == job_id,
                bank_chunks.c.chunk == chunk,
                bank_chunks.c.state == "planned",
            )
            .values(state="finished", response_digest=response_digest, finished_at=self._clock())
        )
        with self._database.write() as connection:
            if connection.execute(claim).rowcount == 1:
                _write_verdicts(connection, job_id, verdicts)
                self.add_traffic(connection, job_id, sent, received)


def _write_verdicts(connection: Connection, job_id: bytes, verdicts: Sequence[Verdict]) -> None:
    rows = [
        {
            "job_id": job_id,
            "position": verdict.position,
            "status": verdict.status,
            "reason": verdict.reason,
            "tax_part": verdict.tax_part,
            "score": verdict.score,
        }
        for verdict in verdicts
    ]
    update_rows(connection, bank_job_rows, rows, _ROW_KEYS)


def _counts(numbers: Mapping[tuple[str, str], int]) -> Counts:
    """Return the counts out of numbers by (status, reason)."""
    return Counts(
        scored=sum(number for (status, _), number in numbers.items() if status == RowStatus.SCORED),
        not_held=sum(number for (status, _), number in numbers.items() if status == RowStatus.NOT_HELD),
        refused={reason: number for (status, reason), number in numbers.items() if status == RowStatus.REFUSED},
    )


def _get(connection: Connection, job_id: bytes, *, hold: bool = False) -> StoredJob:
    """Return a job; with ``hold`` nobody else changes it until the transaction ends."""
    row = connection.execute(_HELD_JOB if hold else _JOB, {"job": job_id}).first()
    if row is None:
        raise Refusal(Code.NOT_FOUND, "no job has this id", remedy="banktax job list shows all jobs")
    return _stored(row._mapping)


def _stored(row: RowMapping) -> StoredJob:
    values = {name: row[name] for name in StoredJob.__dataclass_fields__}
    for name in ("job_id", "content_digest", "model_id"):
        values[name] = bytes(values[name])
    values["state"] = JobState(values["state"])
    return StoredJob(**values)
