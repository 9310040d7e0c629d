"""A bank's journal of screenings: one row a job. What is bulky stands in files (:mod:`node.jobs.screening_files`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.exc import IntegrityError

from node.clock import Clock
from node.codes import Code, JobState, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_cost import Estimate
from node.jobs.screening_records import TRANSITIONS, WEIGHED, NewScreening, StoredScreening
from node.jobs.states import FINAL, check_transition
from node.storage.database import Database, insert_rows
from node.storage.schema import bank_screenings
from protocols.primitives.vole.parameters import SecurityProfile


class ScreeningJournal:
    """All reading and writing of ``bank_screenings``; every step stands here before it has an effect."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, new: NewScreening) -> StoredScreening:
        """Journal a screening; the same idempotency key with the same content gives the one that exists.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT`` where the key stands for other content.
        """
        try:
            with self._database.write() as connection:
                insert_rows(connection, bank_screenings, [_first_values(new, self._clock())])
        except IntegrityError:
            existing = self.find_by_key(new.request.idempotency_key)
            if existing is None or existing.content_digest != new.content_digest:
                raise Refusal(
                    Code.IDEMPOTENCY_CONFLICT, "this idempotency key already stands for another screening"
                ) from None
            return existing
        return self.get(new.job_id)

    def find_by_key(self, idempotency_key: str) -> StoredScreening | None:
        """Return the screening under an idempotency key, or ``None``."""
        query = select(bank_screenings).where(bank_screenings.c.idempotency_key == idempotency_key)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _stored(row._mapping)

    def get(self, job_id: bytes) -> StoredScreening:
        """Return a screening; raises ``NOT_FOUND``."""
        with self._database.read() as connection:
            return _get(connection, job_id)

    def latest(self, limit: int, state: JobState | None = None) -> list[StoredScreening]:
        """Return the latest screenings first."""
        table = bank_screenings
        query = select(table).order_by(table.c.created_at.desc(), table.c.job_id).limit(limit)
        if state is not None:
            query = query.where(table.c.state == state)
        with self._database.read() as connection:
            return [_stored(row._mapping) for row in connection.execute(query)]

    def counted(self, other_than: StoredScreening) -> list[bytes]:
        """Return the ids of other screenings in the same mode against the same list, answered or being asked for."""
        table = bank_screenings.c
        query = select(table.job_id, table.opened, table.commitment, table.state).where(
            table.bureau == other_than.bureau,
            table.list_name == other_than.list_name,
            table.mode == other_than.mode,
            table.job_id != other_than.job_id,
        )
        with self._database.read() as connection:
            rows = list(connection.execute(query))
        return [bytes(row.job_id) for row in rows if row.opened or (row.commitment and row.state == JobState.ADMITTING)]

    def has_tags(self, bureau: str, list_name: str, list_version: str) -> bool:
        """Return whether the bank has the tags of this version: the last screening that needed any was of it."""
        table = bank_screenings.c
        query = (
            select(table.list_version)
            .where(
                table.bureau == bureau,
                table.list_name == list_name,
                table.protocol == ScreeningProtocol.OPRF,
                table.done > 0,
            )
            .order_by(table.updated_at.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalar() == list_version

    def unfinished(self) -> list[bytes]:
        """Return the ids of screenings that a start has to go on with, oldest first."""
        table = bank_screenings.c
        query = select(table.job_id).where(table.state.not_in(FINAL)).order_by(table.created_at)
        with self._database.read() as connection:
            return [bytes(row.job_id) for row in connection.execute(query)]

    def opened(self, bureau: str, list_name: str) -> list[bytes]:
        """Return the bureau's answer to the opening of every unfinished screening against a list that is open."""
        table = bank_screenings.c
        mine = (table.bureau == bureau, table.list_name == list_name, table.state.not_in(FINAL))
        with self._database.read() as connection:
            return [bytes(each) for each in connection.scalars(select(table.opened).where(*mine)) if each]

    def job_ids(self) -> set[bytes]:
        """Return the ids of all screenings: folders of any other are of submissions that were cut off."""
        with self._database.read() as connection:
            return {bytes(row.job_id) for row in connection.execute(select(bank_screenings.c.job_id))}

    def move(self, job_id: bytes, state: JobState, **values: object) -> StoredScreening:
        """Change a screening's state, with other columns where given, in one transaction.

        Raises:
            Refusal: ``WRONG_STATE`` where the transition is not in the table.
        """
        with self._database.write() as connection:
            check_transition(_get(connection, job_id, hold=True).state, state, TRANSITIONS)
            return self._update(connection, job_id, {**values, "state": state})

    def note(self, job_id: bytes, **values: object) -> StoredScreening:
        """Write columns of a screening that leave its state as it is."""
        with self._database.write() as connection:
            return self._update(connection, job_id, values)

    def choose(self, job_id: bytes, protocol: ScreeningProtocol, weighed: Estimate | None) -> StoredScreening:
        """Write the protocol down, and what either would have taken where there were two."""
        values: dict[str, object] = {"protocol": protocol}
        if weighed is not None:
            values["estimated_oprf_ms"] = round(1000 * weighed.oprf_seconds)
            values["estimated_vole_ms"] = round(1000 * weighed.vole_seconds)
            values["line_round_trip_us"] = round(1_000_000 * weighed.line.round_trip_seconds)
            values["line_bytes_a_second"] = max(1, round(weighed.line.bytes_a_second))
        return self.note(job_id, **values)

    def add_traffic(self, job_id: bytes, sent: int, received: int, done: int, retries: int = 0) -> None:
        """Add payload bytes, finished codes and retries to a screening's account."""
        table = bank_screenings
        with self._database.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.job_id == job_id)
                .values(
                    bytes_sent=table.c.bytes_sent + sent,
                    bytes_received=table.c.bytes_received + received,
                    done=table.c.done + done,
                    retries=table.c.retries + retries,
                    updated_at=self._clock(),
                )
            )

    def _update(self, connection: Connection, job_id: bytes, values: dict[str, Any]) -> StoredScreening:
        table = bank_screenings
        connection.execute(update(table).where(table.c.job_id == job_id).values(**values, updated_at=self._clock()))
        return _get(connection, job_id)


def _first_values(new: NewScreening, now: int) -> dict[str, Any]:
    request = new.request
    empty = dict.fromkeys(("opened", "commitment", "transcript_digest", "record"), b"")
    sizes = ("padded_codes", "list_items", "done", "matched", "retries", "bytes_sent", "bytes_received")
    zero = dict.fromkeys((*sizes, *WEIGHED), 0)
    return {
        "job_id": new.job_id,
        "idempotency_key": request.idempotency_key,
        "content_digest": new.content_digest,
        "bureau": request.bureau,
        "list_name": request.list_name,
        "list_version": request.list_version,
        "purpose": request.purpose,
        "mode": request.mode,
        "protocol": request.protocol or "",
        "security": request.security or "",
        "label": request.label,
        "state": JobState.QUEUED,
        "rows": new.rows,
        "codes": new.codes,
        "bad_codes": new.bad_codes,
        "duplicates": new.duplicates,
        "sealed_seed": new.sealed_seed,
        "error_code": "",
        "error_detail": "",
        "created_at": now,
        "updated_at": now,
        **empty,
        **zero,
    }


def _get(connection: Connection, job_id: bytes, *, hold: bool = False) -> StoredScreening:
    query = select(bank_screenings).where(bank_screenings.c.job_id == job_id)
    row = connection.execute(query.with_for_update() if hold else query).first()
    if row is None:
        raise Refusal(Code.NOT_FOUND, "no such screening")
    return _stored(row._mapping)


def _stored(row: RowMapping) -> StoredScreening:
    values: dict[str, Any] = dict(row)
    binary = ("job_id", "content_digest", "sealed_seed", "opened", "commitment", "transcript_digest", "record")
    values.update({name: bytes(values[name]) for name in binary})
    values["state"] = JobState(values["state"])
    values["mode"] = ScreeningMode(values["mode"])
    values["protocol"] = ScreeningProtocol(values["protocol"]) if values["protocol"] else None
    values["security"] = SecurityProfile(values["security"]) if values["security"] else None
    return StoredScreening(**values)
