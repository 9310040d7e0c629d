"""Agreements as documents that both parties signed: one id, one content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select

from node.codes import Code
from node.errors import Refusal
from node.storage.database import Database, insert_ignore
from node.storage.schema import agreements


@dataclass(frozen=True)
class StoredAgreement:
    """An agreement. ``document`` is the signed JSON byte for byte; in force from ``valid_from`` (Unix milliseconds)
    until just before ``valid_until``.
    """

    agreement_id: str
    bank: str
    bureau: str
    document: bytes
    digest: bytes
    valid_from: int
    valid_until: int
    imported_at: int

    def state(self, now: int) -> str:
        """Return ``future``, ``active`` or ``expired``."""
        if now < self.valid_from:
            return "future"
        return "active" if now < self.valid_until else "expired"


class Agreements:
    """The table of agreements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, agreement: StoredAgreement) -> bool:
        """Keep a verified agreement. Returns false where the same one stands there already.

        Raises :class:`Refusal` with ``WRONG_STATE`` where the id stands there with other content.
        """
        with self._database.write() as conn:
            if insert_ignore(conn, agreements, [vars(agreement)]):
                return True
            chosen = agreements.c.agreement_id == agreement.agreement_id
            if bytes(conn.execute(select(agreements.c.digest).where(chosen)).scalar_one()) != agreement.digest:
                raise Refusal(
                    Code.WRONG_STATE,
                    f"agreement {agreement.agreement_id} exists with other content",
                    remedy="Give the changed agreement an id of its own.",
                )
            return False

    def get(self, agreement_id: str) -> StoredAgreement | None:
        """Return the agreement, or none."""
        found = self._select(select(agreements).where(agreements.c.agreement_id == agreement_id))
        return found[0] if found else None

    def between(self, bank: str, bureau: str) -> list[StoredAgreement]:
        """Return the agreements of these two, whenever they are in force, the youngest first."""
        statement = select(agreements).where(agreements.c.bank == bank, agreements.c.bureau == bureau)
        return self._select(statement.order_by(agreements.c.valid_from.desc(), agreements.c.agreement_id))

    def _select(self, statement: Select[Any]) -> list[StoredAgreement]:
        with self._database.read() as conn:
            return [_agreement(row) for row in conn.execute(statement)]

    def list(self) -> list[StoredAgreement]:
        """Return all agreements, by id."""
        return self._select(select(agreements).order_by(agreements.c.agreement_id))


def _agreement(row: Row[Any]) -> StoredAgreement:
    return StoredAgreement(
        row.agreement_id,
        row.bank,
        row.bureau,
        bytes(row.document),
        bytes(row.digest),
        row.valid_from,
        row.valid_until,
        row.imported_at,
    )
