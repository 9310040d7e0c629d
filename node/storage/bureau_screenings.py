"""A bureau's journal of screenings: which are open, what they took of the quota, what was answered with which bytes.

Whatever a bank asks is written down, and charged where it has to be, in one transaction BEFORE an answer is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.clock import Clock
from node.codes import Code, Purpose, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.storage.database import Database, insert_ignore, insert_rows
from node.storage.schema import bureau_screening_steps as steps
from node.storage.schema import bureau_screenings as screenings
from node.storage.schema import screening_usage as usage
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.buckets import charged_in_buckets

OPEN, DONE, CANCELLED = "open", "done", "cancelled"
_BINARY = ("session_id", "job_id", "bucket_key", "commitment", "epoch_id", "record")


@dataclass(frozen=True)
class BureauScreening:
    """A bank's screening. ``charged`` was taken when it was opened; times are Unix milliseconds."""

    session_id: bytes
    bank: str
    job_id: bytes
    name: str
    version: str
    mode: ScreeningMode
    protocol: ScreeningProtocol
    purpose: Purpose
    agreement_id: str
    padded_codes: int
    list_items: int
    buckets: int
    bucket_key: bytes
    commitment: bytes
    epoch_id: bytes | None
    opened_at: int
    state: str = OPEN
    record: bytes | None = None
    closed_at: int | None = None
    security: SecurityProfile | None = None
    """Of protocol vole alone."""

    @property
    def charged(self) -> int:
        """What one answer to the whole set takes of the quota: as many codes as the bank can have put into it."""
        return charged_in_buckets(self.security, self.padded_codes, self.buckets)

    @property
    def asked(self) -> tuple[object, ...]:
        """What the bank asked for: another one under the same job id is a conflict."""
        return (
            self.name,
            self.version,
            self.mode,
            self.protocol,
            self.purpose,
            self.padded_codes,
            self.buckets,
            self.security,
            self.commitment,
        )


@dataclass(frozen=True)
class Step:
    """One batch or one attempt at a bucket, by its number; ``codes`` is 0 and digests are missing until answered.

    The digests are those of all messages of the bank and of the bureau in it (:mod:`protocols.psi.transcript`).
    """

    step: int
    attempt: int
    codes: int
    request_digest: bytes | None
    response_digest: bytes | None


class BureauScreenings:
    """All reading and writing of a bureau's screenings, their steps, and what they took of an agreement."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, new: BureauScreening, term_limit: int) -> BureauScreening:
        """Record a screening and charge its codes, or find the one of the same job and content.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT``, the job id stands for another screening; ``QUOTA_EXCEEDED``.
        """
        try:
            with self._database.write() as connection:
                if _of_job(connection, new.bank, new.job_id) is None:
                    _charge(connection, new.bank, new.agreement_id, new.charged, term_limit)
                    insert_rows(connection, screenings, [vars(new) | {"security": new.security or ""}])
                    return new
        except IntegrityError:  # another call was faster; its charge counts, ours was rolled back
            pass
        with self._database.read() as connection:
            existing = _of_job(connection, new.bank, new.job_id)
        if existing is None or existing.asked != new.asked:
            raise Refusal(Code.IDEMPOTENCY_CONFLICT, "this job id already stands for another screening")
        return existing

    def of_job(self, bank: str, job_id: bytes) -> BureauScreening | None:
        """Return the screening of a bank's job, or ``None``."""
        with self._database.read() as connection:
            return _of_job(connection, bank, job_id)

    def get(self, bank: str, session_id: bytes) -> BureauScreening:
        """Return a bank's screening; another bank's is not found either.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        with self._database.read() as connection:
            return _get(connection, bank, session_id)

    def require_open(self, bank: str, session_id: bytes, protocol: ScreeningProtocol) -> BureauScreening:
        """Return an open screening on ``protocol``.

        Raises:
            Refusal: ``NOT_FOUND``; ``WRONG_STATE`` for one that is closed or runs on another protocol.
        """
        found = self.get(bank, session_id)
        _check_open(found)
        if found.protocol is not protocol:
            raise Refusal(Code.WRONG_STATE, f"the screening runs on {found.protocol}, not on {protocol}")
        return found

    def claim_batch(self, bank: str, session_id: bytes, number: int, codes: int, request_digest: bytes) -> None:
        """Write a batch down before it is evaluated; the same batch again is the same one.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT``, other elements at this place; ``WRONG_STATE``, it is closed.
        """
        with self._database.write() as connection:
            screening = _get(connection, bank, session_id, hold=True)
            _check_open(screening)
            known = _step(connection, session_id, number, 0)
            if known is not None:
                if known.request_digest != request_digest:
                    raise Refusal(Code.IDEMPOTENCY_CONFLICT, "another batch was evaluated at this place of the job")
                return
            self._insert(connection, session_id, Step(number, 0, codes, request_digest, None))

    def release_batch(self, session_id: bytes, number: int) -> None:
        """Take a batch back that could not be evaluated, so that its place is free again."""
        chosen = (steps.c.session_id == session_id, steps.c.step == number, steps.c.response_digest.is_(None))
        with self._database.write() as connection:
            connection.execute(delete(steps).where(*chosen))

    def answered(self, session_id: bytes, step: int, attempt: int, request: bytes, response: bytes) -> None:
        """Write down the digests of what was asked and answered in a step; the first ones stay."""
        with self._database.write() as connection:
            chosen = (steps.c.session_id == session_id, steps.c.step == step, steps.c.attempt == attempt)
            connection.execute(
                update(steps)
                .where(*chosen, steps.c.response_digest.is_(None))
                .values(request_digest=request, response_digest=response, answered_at=self._clock())
            )

    def claim_attempt(
        self, bank: str, session_id: bytes, bucket: int, attempt: int, *, table: int | None = None
    ) -> None:
        """Write an attempt at a bucket down before anything is answered; each is made once.

        ``table``: for an attempt at a confusion table the number of its part, which stands behind all buckets.

        Raises:
            Refusal: ``WRONG_STATE``, this attempt or a later one was made before, or the screening is closed;
                ``MALFORMED``, there is no such bucket.
        """
        with self._database.write() as connection:
            screening = _get(connection, bank, session_id, hold=True)
            _check_open(screening)
            if bucket >= max(1, screening.buckets) if table is None else bucket != table:
                raise Refusal(Code.MALFORMED, "the screening has no such bucket")
            made = [step.attempt for step in _steps(connection, session_id) if step.step == bucket]
            if made and attempt <= max(made):
                raise Refusal(Code.WRONG_STATE, "this attempt, or a later one, was made before; the next begins anew")
            self._insert(connection, session_id, Step(bucket, attempt, 0, None, None))

    def charge_answer(self, screening: BureauScreening, bucket: int, attempt: int, term_limit: int) -> None:
        """Charge what an exchange answers, before its answer is sent.

        The first answer of a bucket was charged with the opening. Whoever has one and asks again may have put other
        codes into the table: every further one takes a bucket's share of the term anew, a confusion table the whole.

        Raises:
            Refusal: ``QUOTA_EXCEEDED``; ``WRONG_STATE``, the screening was closed since the attempt began.
        """
        buckets = max(1, screening.buckets)
        share = -(-screening.charged // buckets) if bucket < buckets else screening.padded_codes
        with self._database.write() as connection:
            _check_open(_get(connection, screening.bank, screening.session_id, hold=True))
            bucket_steps = [step for step in _steps(connection, screening.session_id) if step.step == bucket]
            if any(step.codes for step in bucket_steps):
                _charge(connection, screening.bank, screening.agreement_id, share, term_limit)
            chosen = (steps.c.session_id == screening.session_id, steps.c.step == bucket, steps.c.attempt == attempt)
            connection.execute(update(steps).where(*chosen).values(codes=share))

    def steps(self, session_id: bytes) -> Sequence[Step]:
        """Return all steps in their order."""
        with self._database.read() as connection:
            return _steps(connection, session_id)

    def close(self, bank: str, session_id: bytes, record: bytes | None) -> BureauScreening:
        """End a screening, with its countersigned record or cancelled; one that is closed stays as it is."""
        state = CANCELLED if record is None else DONE
        values = {"state": state, "record": record, "closed_at": self._clock()}
        with self._database.write() as connection:
            _get(connection, bank, session_id, hold=True)
            chosen = (screenings.c.session_id == session_id, screenings.c.state == OPEN)
            connection.execute(update(screenings).where(*chosen).values(**values))
            return _get(connection, bank, session_id)

    def expire(self, opened_before: int) -> int:
        """Cancel screenings that are still open since before then, Unix milliseconds; returns how many."""
        values = {"state": CANCELLED, "closed_at": self._clock()}
        chosen = (screenings.c.state == OPEN, screenings.c.opened_at < opened_before)
        with self._database.write() as connection:
            return int(connection.execute(update(screenings).where(*chosen).values(**values)).rowcount)

    def used(self, bank: str, agreement_id: str) -> int:
        """Return how many padded codes a bank's screenings took of an agreement."""
        query = select(usage.c.codes).where(usage.c.bank == bank, usage.c.agreement_id == agreement_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() or 0

    def _insert(self, connection: Connection, session_id: bytes, step: Step) -> None:
        values = vars(step) | {"session_id": session_id, "answered_at": self._clock()}
        connection.execute(insert(steps), values)


def _charge(connection: Connection, bank: str, agreement_id: str, codes: int, limit: int) -> None:
    insert_ignore(connection, usage, [{"bank": bank, "agreement_id": agreement_id, "codes": 0}])
    # One conditional statement: two calls at once cannot both take the last of the quota.
    charged = connection.execute(
        update(usage)
        .where(usage.c.bank == bank, usage.c.agreement_id == agreement_id, usage.c.codes + codes <= limit)
        .values(codes=usage.c.codes + codes)
    )
    if charged.rowcount != 1:
        raise Refusal(Code.QUOTA_EXCEEDED, f"the agreement allows {limit} screened codes, padded, in its term")


def _check_open(screening: BureauScreening) -> None:
    if screening.state != OPEN:
        raise Refusal(Code.WRONG_STATE, f"the screening is {screening.state}")


def _of_job(connection: Connection, bank: str, job_id: bytes) -> BureauScreening | None:
    row = connection.execute(
        select(screenings).where(screenings.c.bank == bank, screenings.c.job_id == job_id)
    ).one_or_none()
    return None if row is None else _stored(row)


def _get(connection: Connection, bank: str, session_id: bytes, *, hold: bool = False) -> BureauScreening:
    query = select(screenings).where(screenings.c.bank == bank, screenings.c.session_id == session_id)
    row = connection.execute(query.with_for_update() if hold else query).one_or_none()
    if row is None:
        raise Refusal(Code.NOT_FOUND, "no such screening")
    return _stored(row)


def _stored(row: Row[Any]) -> BureauScreening:
    values: dict[str, Any] = dict(row._mapping)
    values.update({name: bytes(values[name]) for name in _BINARY if values[name] is not None})
    values["mode"] = ScreeningMode(values["mode"])
    values["protocol"] = ScreeningProtocol(values["protocol"])
    values["security"] = SecurityProfile(values["security"]) if values["security"] else None
    values["purpose"] = Purpose(values["purpose"])
    return BureauScreening(**values)


def _step(connection: Connection, session_id: bytes, step: int, attempt: int) -> Step | None:
    chosen = (steps.c.session_id == session_id, steps.c.step == step, steps.c.attempt == attempt)
    row = connection.execute(select(steps).where(*chosen)).one_or_none()
    return None if row is None else _as_step(row)


def _steps(connection: Connection, session_id: bytes) -> list[Step]:
    query = select(steps).where(steps.c.session_id == session_id).order_by(steps.c.step, steps.c.attempt)
    return [_as_step(row) for row in connection.execute(query)]


def _as_step(row: Row[Any]) -> Step:
    digests = (None if each is None else bytes(each) for each in (row.request_digest, row.response_digest))
    return Step(row.step, row.attempt, row.codes, *digests)
