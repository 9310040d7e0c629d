"""The bureau's journal: which jobs are open, and which chunks were released with which bytes.

A chunk's response is stored in the same transaction that spends the consents, before a byte of it is sent. A bank that
asks again for the same chunk gets the SAME bytes: two responses over the same randomness never exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from node.alignment.quota import day_of
from node.clock import Clock
from node.codes import Code, JobState
from node.errors import Refusal
from node.policy.agreement import Agreement
from node.policy.authorise import DailyQuota, check_daily
from node.storage.database import Database, insert_ignore, insert_rows
from node.storage.schema import bureau_chunks, bureau_jobs, job_usage
from node.storage.statements import SelectIn


@dataclass(frozen=True)
class BureauJob:
    """An open or closed job of a bank."""

    job_id: bytes
    bank: str
    idempotency_key: str
    content_digest: bytes
    model_id: bytes
    purpose: str
    agreement_id: str
    feature_set: str
    enterprises: int
    state: JobState
    opened_at: int


@dataclass(frozen=True)
class ReleasedChunk:
    """A chunk as it was released; ``response`` is gone once the job is closed."""

    request_digest: bytes
    response_digest: bytes
    response: bytes | None


# Asked for every enterprise that a customer waits for, so made once.
_JOB = select(bureau_jobs).where(bureau_jobs.c.job_id == bindparam("job"), bureau_jobs.c.bank == bindparam("bank"))
_HELD_JOB = _JOB.with_for_update()
_OF_JOB = bureau_chunks.c.job_id == bindparam("job")
_TAKEN = select(
    func.coalesce(func.sum(bureau_chunks.c.released), 0), func.coalesce(func.sum(bureau_chunks.c.refused), 0)
).where(_OF_JOB)
_ALL_TAKEN = SelectIn(
    select(
        bureau_chunks.c.job_id,
        func.sum(bureau_chunks.c.released).label("released"),
        func.sum(bureau_chunks.c.refused).label("refused"),
    ).group_by(bureau_chunks.c.job_id),
    bureau_chunks.c.job_id,
)
_TAKEN_BY_OTHERS = select(func.coalesce(func.sum(bureau_chunks.c.released + bureau_chunks.c.refused), 0)).where(
    _OF_JOB, bureau_chunks.c.chunk != bindparam("chunk")
)
_RELEASED = select(bureau_chunks.c.request_digest, bureau_chunks.c.response_digest, bureau_chunks.c.response).where(
    _OF_JOB, bureau_chunks.c.chunk == bindparam("chunk")
)
_USAGE = (job_usage.c.bank == bindparam("by"), job_usage.c.day == bindparam("on"), job_usage.c.kind == bindparam("of"))
_COUNT_OPENED = update(job_usage).where(*_USAGE).values(opened=job_usage.c.opened + 1)
_OPENED = select(job_usage.c.opened).where(*_USAGE)


class BureauJournal:
    """All reading and writing of ``bureau_jobs`` and ``bureau_chunks``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, job: BureauJob, agreement: Agreement, pin: Callable[[Connection, str], None]) -> BureauJob:
        """Record a job and charge it to the bank's day, or find the one under the same id, key and content.

        ``pin`` holds the job's feature set against being dropped, in the same transaction.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT``, ``QUOTA_EXCEEDED``.
        """
        try:
            with self._database.write() as connection:
                if self._find(connection, job.bank, job.job_id) is None:
                    charge_job(connection, job.bank, job.opened_at, agreement, single=job.enterprises == 1)
                    pin(connection, job.feature_set)
                    insert_rows(connection, bureau_jobs, [job.__dict__])
                    return job
        except IntegrityError:  # the key stands already, or another call was faster
            pass
        with self._database.read() as connection:
            return self._same_or_conflict(connection, job)

    def _same_or_conflict(self, connection: Connection, job: BureauJob) -> BureauJob:
        existing = self._find(connection, job.bank, job.job_id)
        asked = (job.idempotency_key, job.content_digest, job.model_id, job.purpose, job.enterprises)
        if existing is None or asked != (
            existing.idempotency_key,
            existing.content_digest,
            existing.model_id,
            existing.purpose,
            existing.enterprises,
        ):
            raise Refusal(Code.IDEMPOTENCY_CONFLICT, "this idempotency key or job id already stands for another job")
        return existing

    def find(self, bank: str, job_id: bytes) -> BureauJob | None:
        """Return a bank's job, or ``None``; another bank's job is not found either."""
        with self._database.read() as connection:
            return self._find(connection, bank, job_id)

    def _find(self, connection: Connection, bank: str, job_id: bytes, *, hold: bool = False) -> BureauJob | None:
        row = connection.execute(_HELD_JOB if hold else _JOB, {"job": job_id, "bank": bank}).first()
        if row is None:
            return None
        return _job(row._mapping)

    def get_open(self, bank: str, job_id: bytes) -> BureauJob:
        """Return a bank's open job.

        Raises:
            Refusal: ``NOT_FOUND`` or ``WRONG_STATE``.
        """
        return require_open(self.find(bank, job_id))

    def hold_open(self, connection: Connection, bank: str, job_id: bytes) -> None:
        """Until the transaction ends nobody else closes a bank's open job or releases a chunk of it.

        Raises:
            Refusal: ``NOT_FOUND`` or ``WRONG_STATE``, when it was closed meanwhile.
        """
        require_open(self._find(connection, bank, job_id, hold=True))

    def latest(self, limit: int, state: JobState | None = None) -> list[BureauJob]:
        """Return the jobs of all banks, the latest first."""
        query = select(bureau_jobs).order_by(bureau_jobs.c.opened_at.desc(), bureau_jobs.c.job_id).limit(limit)
        if state is not None:
            query = query.where(bureau_jobs.c.state == state)
        with self._database.read() as connection:
            return [_job(row._mapping) for row in connection.execute(query)]

    def get(self, job_id: bytes) -> BureauJob:
        """Return a job of any bank.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        with self._database.read() as connection:
            row = connection.execute(select(bureau_jobs).where(bureau_jobs.c.job_id == job_id)).first()
        if row is None:
            raise Refusal(Code.NOT_FOUND, "no job has this id here")
        return _job(row._mapping)

    def expire(self, opened_before_ms: int) -> int:
        """Close jobs that a bank left open too long, and drop their responses; returns how many there were."""
        left = select(bureau_jobs.c.bank, bureau_jobs.c.job_id).where(
            bureau_jobs.c.state == JobState.COMPUTING, bureau_jobs.c.opened_at < opened_before_ms
        )
        with self._database.read() as connection:
            jobs = [(row.bank, bytes(row.job_id)) for row in connection.execute(left)]
        for bank, job_id in jobs:
            self.close(bank, job_id, cancelled=True)
        return len(jobs)

    def _taken(self, connection: Connection, job_id: bytes) -> tuple[int, int]:
        released, refused = connection.execute(_TAKEN, {"job": job_id}).one()
        return int(released), int(refused)

    def taken(self, job_ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """Return (released, refused) enterprises of each job."""
        with self._database.read() as connection:
            rows = list(_ALL_TAKEN(connection, job_ids))
        found = {bytes(row.job_id): (int(row.released), int(row.refused)) for row in rows}
        return {job_id: found.get(job_id, (0, 0)) for job_id in job_ids}

    def rows_of_other_chunks(self, connection: Connection, job_id: bytes, chunk: int) -> int:
        """Return how many enterprises the chunks beside ``chunk`` took: another attempt at it does not count."""
        return int(connection.execute(_TAKEN_BY_OTHERS, {"job": job_id, "chunk": chunk}).scalar_one())

    def released(self, connection: Connection, job_id: bytes, chunk: int) -> ReleasedChunk | None:
        """Return a chunk that was released before, or ``None``."""
        row = connection.execute(_RELEASED, {"job": job_id, "chunk": chunk}).first()
        if row is None:
            return None
        response = None if row.response is None else bytes(row.response)
        return ReleasedChunk(bytes(row.request_digest), bytes(row.response_digest), response)

    def release(
        self,
        connection: Connection,
        job_id: bytes,
        chunk: int,
        *,
        request_digest: bytes,
        response_digest: bytes,
        response: bytes,
        released: int,
        refused: int,
    ) -> None:
        """Record a chunk's response in the transaction that spent its consents."""
        insert_rows(
            connection,
            bureau_chunks,
            [
                {
                    "job_id": job_id,
                    "chunk": chunk,
                    "request_digest": request_digest,
                    "response_digest": response_digest,
                    "response": response,
                    "released": released,
                    "refused": refused,
                    "released_at": self._clock(),
                }
            ],
        )

    def close(self, bank: str, job_id: bytes, *, cancelled: bool) -> tuple[int, int]:
        """Close a job and drop the stored responses; returns how many enterprises were released and refused.

        Closing twice changes nothing.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        state = JobState.CANCELLED if cancelled else JobState.DONE
        with self._database.write() as connection:
            if self._find(connection, bank, job_id) is None:
                raise Refusal(Code.NOT_FOUND, "this bank opened no job with this id")
            changed = connection.execute(
                update(bureau_jobs)
                .where(
                    bureau_jobs.c.job_id == job_id,
                    bureau_jobs.c.bank == bank,
                    bureau_jobs.c.state == JobState.COMPUTING,
                )
                .values(state=state, closed_at=self._clock())
            )
            if changed.rowcount:
                connection.execute(update(bureau_chunks).where(bureau_chunks.c.job_id == job_id).values(response=None))
            return self._taken(connection, job_id)


def require_open(job: BureauJob | None) -> BureauJob:
    """Return a job that is open.

    Raises:
        Refusal: ``NOT_FOUND`` or ``WRONG_STATE``.
    """
    if job is None:
        raise Refusal(Code.NOT_FOUND, "no job with this id is open for this bank")
    if job.state is not JobState.COMPUTING:
        raise Refusal(Code.WRONG_STATE, f"the job is {job.state} at the bureau")
    return job


def charge_job(connection: Connection, bank: str, now: int, agreement: Agreement, *, single: bool) -> None:
    """Count one more job of the bank's day (UTC), in the caller's writing transaction.

    Raises:
        Refusal: ``QUOTA_EXCEEDED``; nothing is counted then.
    """
    quota = DailyQuota.ONLINE if single else DailyQuota.JOBS
    day = day_of(now)
    insert_ignore(connection, job_usage, [{"bank": bank, "day": day, "kind": quota.name, "opened": 0}])
    mine = {"by": bank, "on": day, "of": quota.name}
    # Counted before it is looked at: two calls at once cannot both take the last of the quota.
    connection.execute(_COUNT_OPENED, mine)
    opened = connection.execute(_OPENED, mine).scalar_one()
    check_daily(agreement, quota, opened - 1)


def _job(row: RowMapping) -> BureauJob:
    values = {name: row[name] for name in BureauJob.__dataclass_fields__}
    for name in ("job_id", "content_digest", "model_id"):
        values[name] = bytes(values[name])
    values["state"] = JobState(values["state"])
    return BureauJob(**values)
