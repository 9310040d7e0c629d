"""At a bank: what became of the consents that it presented to a bureau. The latest word counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from sqlalchemy import Connection, select

from node.codes import Reason
from node.storage.database import Database, SelectIn, upsert
from node.storage.schema import consent_registrations


class RegistrationState(StrEnum):
    """What the bureau (or the alignment before it) said of a consent."""

    REGISTERED = "registered"
    NOT_HELD = "not_held"
    REFUSED = "refused"


@dataclass(frozen=True)
class Registration:
    """The state of one consent; ``reason`` where it was refused."""

    state: RegistrationState
    reason: Reason | None = None


class Registrations:
    """The table of registrations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, outcomes: Mapping[bytes, Registration], now: int, conn: Connection | None = None) -> None:
        """Remember the outcome of every consent (by its id) in place of an older one."""
        if conn is None:
            with self._database.write() as own:
                self.set(outcomes, now, own)
            return
        rows = [
            {
                "consent_id": consent_id,
                "state": outcome.state.value,
                "reason": outcome.reason.value if outcome.reason else "",
                "changed_at": now,
            }
            for consent_id, outcome in sorted(outcomes.items())
        ]
        upsert(conn, consent_registrations, rows, ["state", "reason", "changed_at"])

    def get(self, ids: Iterable[bytes], conn: Connection | None = None) -> dict[bytes, Registration]:
        """Return the outcomes that are known; a consent never presented is left out."""
        if conn is None:
            with self._database.read() as own:
                return self.get(ids, own)
        return {bytes(consent_id): _registration(*fate) for consent_id, *fate in _OUTCOMES(conn, set(ids))}


_OUTCOMES = SelectIn(
    select(consent_registrations.c.consent_id, consent_registrations.c.state, consent_registrations.c.reason),
    consent_registrations.c.consent_id,
)


@cache
def _registration(state: str, reason: str) -> Registration:
    """One object for all consents of one fate: there are but a few, and tens of thousands of consents in a job."""
    return Registration(RegistrationState(state), Reason(reason) if reason else None)
