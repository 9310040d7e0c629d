"""Admissions and their revocations, as auditors signed them: one id, one body; signatures may be added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, and_, bindparam, select, update

from node.codes import Code, Role
from node.errors import Refusal
from node.storage.database import Database, insert_ignore
from node.storage.parties import PartyState
from node.storage.schema import admission_models, admission_revocations, admissions, parties


@dataclass(frozen=True)
class StoredAdmission:
    """An admission. ``document`` is the signed JSON, ``digest`` its body's, ``file_digest`` that of all its bytes."""

    admission_id: str
    bank: str
    model_id: bytes
    document: bytes
    digest: bytes
    file_digest: bytes
    imported_at: int


@dataclass(frozen=True)
class StoredRevocation:
    """An auditor's word that an admission ended; times are Unix milliseconds."""

    admission_id: str
    auditor: str
    document: bytes
    reason: str
    revoked_at: int
    imported_at: int


@dataclass
class Standing:
    """What decides about one admission at this moment, but for the time.

    ``trusted``: every auditor that is trusted now, with the moment that its card was pinned, which changes with the
    card. ``revoked_by``: who took the admission back.
    """

    admission_id: str
    file_digest: bytes
    trusted: dict[str, int] = field(default_factory=dict)
    revoked_by: set[str] = field(default_factory=set)


STANDING_COLUMNS = (
    admissions.c.admission_id,
    admissions.c.file_digest,
    parties.c.party_id.label("auditor"),
    parties.c.trusted_at,
    admission_revocations.c.auditor.label("revoked_by"),
)


def with_standings(source: FromClause, model_id: ColumnElement[Any], bank: ColumnElement[Any]) -> FromClause:
    """Return ``source`` with the admissions of a bank that name a model beside it: a row for every admission, trusted
    auditor and revocation, few in all; :func:`standings_of` puts them together.
    """
    held = source.outerjoin(admission_models, admission_models.c.model_id == model_id).outerjoin(
        admissions, and_(admissions.c.admission_id == admission_models.c.admission_id, admissions.c.bank == bank)
    )
    return _judged(held)


def _judged(held: FromClause) -> FromClause:
    trusted = and_(
        parties.c.role == Role.AUDITOR.value,
        parties.c.state == PartyState.TRUSTED.value,
        admissions.c.admission_id.is_not(None),
    )
    return held.outerjoin(parties, trusted).outerjoin(
        admission_revocations, admission_revocations.c.admission_id == admissions.c.admission_id
    )


def standings_of(rows: Iterable[Any]) -> tuple[Standing, ...]:
    """Put rows of :data:`STANDING_COLUMNS` together, the admission imported last coming first."""
    found: dict[str, Standing] = {}
    for row in rows:
        if row.admission_id is None:
            continue
        standing = found.setdefault(row.admission_id, Standing(row.admission_id, bytes(row.file_digest)))
        if row.auditor is not None:
            standing.trusted[row.auditor] = row.trusted_at
        if row.revoked_by is not None:
            standing.revoked_by.add(row.revoked_by)
    return tuple(found.values())


NEWEST_FIRST = (admissions.c.imported_at.desc(), admissions.c.admission_id)
_OF_MODEL = (
    select(*STANDING_COLUMNS)
    .select_from(
        _judged(admissions.join(admission_models, admission_models.c.admission_id == admissions.c.admission_id))
    )
    .where(admission_models.c.model_id == bindparam("model"), admissions.c.bank == bindparam("bank"))
    .order_by(*NEWEST_FIRST)
)
_DOCUMENT = select(admissions.c.document).where(admissions.c.file_digest == bindparam("file"))


class Admissions:
    """The tables of admissions and revocations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(
        self, admission: StoredAdmission, named: Iterable[bytes], merge: Callable[[bytes, bytes], StoredAdmission]
    ) -> None:
        """Keep a verified admission that names the models ``named``.

        Where the same body stands there already, ``merge(old document, new document)`` is kept in its place: with the
        signatures of both.

        Raises:
            Refusal: ``WRONG_STATE``: the id stands there with another body.
        """
        with self._database.write() as conn:
            if insert_ignore(conn, admissions, [vars(admission)]):
                rows = [{"admission_id": admission.admission_id, "model_id": each} for each in sorted(set(named))]
                insert_ignore(conn, admission_models, rows)
                return
            chosen = admissions.c.admission_id == admission.admission_id
            kept = _admission(conn.execute(select(admissions).where(chosen).with_for_update()).one())
            if kept.digest != admission.digest:
                raise Refusal(
                    Code.WRONG_STATE,
                    f"admission {admission.admission_id} exists with other content",
                    remedy="Have the auditor give the changed admission an id of its own.",
                )
            both = merge(kept.document, admission.document)
            conn.execute(update(admissions).where(chosen).values(document=both.document, file_digest=both.file_digest))

    def save_revocation(self, revocation: StoredRevocation) -> None:
        """Keep a verified revocation; the first one of an auditor stays. Its admission may come later, or never."""
        with self._database.write() as conn:
            insert_ignore(conn, admission_revocations, [vars(revocation)])

    def get(self, admission_id: str) -> StoredAdmission | None:
        """Return an admission, or none."""
        with self._database.read() as conn:
            row = conn.execute(select(admissions).where(admissions.c.admission_id == admission_id)).one_or_none()
        return None if row is None else _admission(row)

    def revocations(self) -> list[StoredRevocation]:
        """Return all revocations, the earliest first."""
        query = select(admission_revocations).order_by(
            admission_revocations.c.imported_at, admission_revocations.c.admission_id, admission_revocations.c.auditor
        )
        with self._database.read() as conn:
            return [_revocation(row) for row in conn.execute(query)]

    def list(self, model_id: bytes | None = None) -> list[StoredAdmission]:
        """Return the admissions of one model, or all, the one imported last first."""
        query = select(admissions).order_by(*NEWEST_FIRST)
        if model_id is not None:
            query = query.where(admissions.c.model_id == model_id)
        with self._database.read() as conn:
            return [_admission(row) for row in conn.execute(query)]

    def document(self, file_digest: bytes) -> bytes | None:
        """Return the document of this digest, or none where it was replaced meanwhile."""
        with self._database.read() as conn:
            found = conn.execute(_DOCUMENT, {"file": file_digest}).scalar_one_or_none()
        return None if found is None else bytes(found)

    def standings(self, bank: str, model_id: bytes) -> tuple[Standing, ...]:
        """Return what stands of the bank's admissions that name a model, registered here or not."""
        with self._database.read() as conn:
            return standings_of(conn.execute(_OF_MODEL, {"model": model_id, "bank": bank}))


def _admission(row: Row[Any]) -> StoredAdmission:
    return StoredAdmission(
        row.admission_id,
        row.bank,
        bytes(row.model_id),
        bytes(row.document),
        bytes(row.digest),
        bytes(row.file_digest),
        row.imported_at,
    )


def _revocation(row: Row[Any]) -> StoredRevocation:
    return StoredRevocation(
        row.admission_id, row.auditor, bytes(row.document), row.reason, row.revoked_at, row.imported_at
    )
