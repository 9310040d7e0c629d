"""Consents, their revocations and their uses. A consent's row never changes: what happens to it is a row of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, func, select

from node.codes import Code, Reason
from node.errors import Refusal
from node.storage.database import Database, SelectIn, insert_ignore
from node.storage.schema import consent_revocations, consent_uses, consents


class Terms(Protocol):
    """What a verified consent says; ``node.policy.consent.ConsentTerms`` is one. Times are Unix milliseconds."""

    @property
    def consent_id(self) -> bytes:
        """16 bytes."""

    @property
    def uscc(self) -> str:
        """The enterprise's code."""

    @property
    def bank(self) -> str:
        """The bank that may ask."""

    @property
    def bureau(self) -> str:
        """The bureau that may answer."""

    @property
    def jws(self) -> str:
        """The signed consent as it came."""

    @property
    def digest(self) -> bytes:
        """32 bytes over what the consent says; equal for equal terms."""

    @property
    def purposes(self) -> Sequence[str]:
        """Codes of the purposes."""

    @property
    def fields(self) -> Sequence[str]:
        """Ids of the fields."""

    @property
    def model_classes(self) -> Sequence[str]:
        """Codes of the model classes."""

    @property
    def not_before_ms(self) -> int:
        """When the term begins."""

    @property
    def expires_ms(self) -> int:
        """When the term ends."""

    @property
    def maximum_uses(self) -> int:
        """How many jobs may use it."""

    @property
    def notice_sha256(self) -> str:
        """Digest of the notice that was shown, in hex."""


@dataclass(frozen=True)
class StoredConsent:
    """A registered consent; the names and units of :class:`Terms`."""

    consent_id: bytes
    uscc: str
    bank: str
    bureau: str
    jws: str
    digest: bytes
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    model_classes: tuple[str, ...]
    not_before_ms: int
    expires_ms: int
    maximum_uses: int
    notice_sha256: str
    registered_at: int


@dataclass(frozen=True)
class ConsentStatus:
    """What happened to a consent: when it was revoked (Unix milliseconds, or none), how many jobs used it."""

    revoked_at: int | None
    uses: int


_WHOLE = SelectIn(select(consents), consents.c.consent_id)
_LOCKED = SelectIn(
    select(consents.c.consent_id).order_by(consents.c.consent_id).with_for_update(), consents.c.consent_id
)
_DIGESTS = SelectIn(select(consents.c.consent_id, consents.c.digest), consents.c.consent_id)
_REVOCATIONS = SelectIn(
    select(consent_revocations.c.consent_id, consent_revocations.c.revoked_at), consent_revocations.c.consent_id
)
_USES = SelectIn(
    select(consent_uses.c.consent_id, func.count()).group_by(consent_uses.c.consent_id), consent_uses.c.consent_id
)
_REGISTERED_USES = SelectIn(  # (consent id, uses, uses by one job) of registered consents, used or not
    select(
        consents.c.consent_id,
        func.count(consent_uses.c.job_id),
        func.count(consent_uses.c.job_id).filter(consent_uses.c.job_id == bindparam("job")),
    )
    .select_from(consents.outerjoin(consent_uses, consents.c.consent_id == consent_uses.c.consent_id))
    .group_by(consents.c.consent_id),
    consents.c.consent_id,
)


class Consents:
    """The tables of consents. Functions that take a connection belong into the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, conn: Connection, terms: Sequence[Terms], now: int) -> list[Reason | None]:
        """Keep verified consents; one verdict each, in order.

        The same consent again is accepted and changes nothing. Another consent under an id that is taken is
        ``CONSENT_CONFLICT``, one that was revoked ``CONSENT_REVOKED``.
        """
        rows = [_row(each, now) for each in terms]
        rows.sort(key=lambda row: row["consent_id"])  # in one order, so that two frames never wait for each other
        insert_ignore(conn, consents, rows)
        ids = {each.consent_id for each in terms}
        kept = _digests(conn, ids)
        revoked = _revocations(conn, ids)
        return [_verdict(each, kept[each.consent_id], each.consent_id in revoked) for each in terms]

    def get_many(self, ids: Iterable[bytes], conn: Connection | None = None) -> dict[bytes, StoredConsent]:
        """Return the registered ones among ``ids``."""
        if conn is None:
            with self._database.read() as own:
                return self.get_many(ids, own)
        return {consent.consent_id: consent for consent in map(_consent, _WHOLE(conn, set(ids)))}

    def list(self, *, uscc: str | None = None, limit: int = 100) -> list[StoredConsent]:
        """Return the consents registered last, of one enterprise or of all."""
        statement = select(consents).order_by(consents.c.registered_at.desc(), consents.c.consent_id)
        if uscc is not None:
            statement = statement.where(consents.c.uscc == uscc)
        with self._database.read() as conn:
            return [_consent(row) for row in conn.execute(statement.limit(limit))]

    def lock(self, conn: Connection, ids: Iterable[bytes]) -> set[bytes]:
        """Until the transaction ends nobody else uses or revokes these. Returns those that are registered.

        Rows are locked in the order of their ids, so that two jobs never wait for each other.
        """
        return {bytes(consent_id) for (consent_id,) in _LOCKED(conn, sorted(set(ids)))}

    def hold(self, conn: Connection, ids: Iterable[bytes]) -> None:
        """As :meth:`lock`, for many; costs nothing on SQLite, where a writing transaction is alone already."""
        if conn.dialect.name != "sqlite":
            self.lock(conn, ids)

    def revoked(self, conn: Connection, ids: Iterable[bytes]) -> set[bytes]:
        """Return those of ``ids`` that were revoked. Call :meth:`hold` first where it decides a release."""
        return set(_revocations(conn, set(ids)))

    def statuses(self, conn: Connection, ids: Iterable[bytes]) -> dict[bytes, ConsentStatus]:
        """Return revocation and uses of every one of ``ids``. Call :meth:`lock` first where it decides a release."""
        wanted = set(ids)
        revoked = _revocations(conn, wanted)
        uses = {bytes(consent_id): count for consent_id, count in _USES(conn, wanted)}
        return {each: ConsentStatus(revoked.get(each), uses.get(each, 0)) for each in wanted}

    def use(
        self, conn: Connection, pairs: Iterable[tuple[bytes, int]], job_id: bytes, chunk: int, now: int
    ) -> set[bytes]:
        """Count one use by ``job_id`` of every consent; ``pairs`` are (consent id, maximum uses).

        Returns the ids that had no use left (or are not registered); nothing is counted for these. A consent that the
        job used already is not counted again, whatever its chunk. Uses of jobs at once never pass the maximum.
        """
        maximum = dict(pairs)
        self.hold(conn, maximum)
        free, own = _free_and_own(conn, maximum, job_id)
        rows = [{"consent_id": each, "job_id": job_id, "chunk": chunk, "used_at": now} for each in sorted(free - own)]
        insert_ignore(conn, consent_uses, rows)
        return set(maximum) - free - own

    def exhausted(self, conn: Connection, pairs: Iterable[tuple[bytes, int]], job_id: bytes) -> set[bytes]:
        """Return what :meth:`use` would return now, and count nothing: to do no work for what cannot be released."""
        maximum = dict(pairs)
        free, own = _free_and_own(conn, maximum, job_id)
        return set(maximum) - free - own

    def revoke(self, consent_id: bytes, by: str, reason: str, now: int) -> StoredConsent:
        """Revoke from ``now`` on; a second time changes nothing. Raises :class:`Refusal` with ``NOT_FOUND``."""
        with self._database.write() as conn:
            if not self.lock(conn, [consent_id]):
                raise Refusal(Code.NOT_FOUND, "no consent with this id is registered")
            row = {"consent_id": consent_id, "revoked_at": now, "revoked_by": by, "reason": reason}
            insert_ignore(conn, consent_revocations, [row])
            return self.get_many([consent_id], conn)[consent_id]


def _verdict(terms: Terms, kept: bytes, revoked: bool) -> Reason | None:
    if kept != terms.digest:
        return Reason.CONSENT_CONFLICT
    return Reason.CONSENT_REVOKED if revoked else None


def _digests(conn: Connection, ids: set[bytes]) -> dict[bytes, bytes]:
    return {bytes(consent_id): bytes(digest) for consent_id, digest in _DIGESTS(conn, ids)}


def _revocations(conn: Connection, ids: set[bytes]) -> dict[bytes, int]:
    return {bytes(consent_id): revoked_at for consent_id, revoked_at in _REVOCATIONS(conn, ids)}


def _free_and_own(conn: Connection, maximum: Mapping[bytes, int], job_id: bytes) -> tuple[set[bytes], set[bytes]]:
    """Return the registered ones among ``maximum`` that have a use left, and those that ``job_id`` used already."""
    used = {bytes(each): (uses, own) for each, uses, own in _REGISTERED_USES(conn, maximum, job=job_id)}
    free = {each for each, (uses, _) in used.items() if uses < maximum[each]}
    return free, {each for each, (_, own) in used.items() if own}


def _row(terms: Terms, now: int) -> dict[str, Any]:
    return {
        "consent_id": terms.consent_id,
        "uscc": terms.uscc,
        "bank": terms.bank,
        "bureau": terms.bureau,
        "jws": terms.jws,
        "digest": terms.digest,
        "purposes": list(terms.purposes),
        "fields": list(terms.fields),
        "model_classes": list(terms.model_classes),
        "not_before": terms.not_before_ms,
        "expires": terms.expires_ms,
        "maximum_uses": terms.maximum_uses,
        "notice_sha256": terms.notice_sha256,
        "registered_at": now,
    }


def _consent(row: Any) -> StoredConsent:
    consent_id, uscc, bank, bureau, jws, digest, purposes, fields, classes, begin, end, uses, notice, at = row
    return StoredConsent(
        bytes(consent_id),
        uscc,
        bank,
        bureau,
        jws,
        bytes(digest),
        tuple(purposes),
        tuple(fields),
        tuple(classes),
        begin,
        end,
        uses,
        notice,
        at,
    )
