"""The parties a node knows: pinned cards, and whether they are trusted now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from node.codes import Code, Role
from node.errors import Refusal
from node.storage.database import Database, upsert
from node.storage.schema import parties


class PartyState(StrEnum):
    """Whether a party's calls are answered."""

    TRUSTED = "trusted"
    SUSPENDED = "suspended"


@dataclass(frozen=True)
class StoredParty:
    """A party as it was pinned. ``card`` is the signed document, byte for byte; times are Unix milliseconds."""

    party_id: str
    role: Role
    card: bytes
    state: PartyState
    trusted_at: int
    changed_at: int

    @property
    def trusted(self) -> bool:
        """Whether the party's calls are answered."""
        return self.state is PartyState.TRUSTED


# Asked at every call, so made once.
_ONE = select(parties).where(parties.c.party_id == bindparam("party"))
_ALL = select(parties).order_by(parties.c.party_id)


class Parties:
    """The table of parties. Read it at every call: a suspended party is stopped at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def trust(self, card: bytes, role: Role, party_id: str, now: int) -> StoredParty:
        """Pin ``card``, in place of an older card of the same party, and trust it from ``now`` on.

        Raises :class:`Refusal` with ``WRONG_STATE`` where the id belongs to a party of another role.
        """
        party = StoredParty(party_id, role, card, PartyState.TRUSTED, now, now)
        with self._database.write() as conn:
            known = conn.execute(select(parties.c.role).where(parties.c.party_id == party_id)).scalar()
            if known not in {None, role.value}:
                raise Refusal(Code.WRONG_STATE, f"the party id belongs to a {known} already")
            upsert(conn, parties, [_row(party)], ["card", "state", "trusted_at", "changed_at"])
        return party

    def suspend(self, party_id: str, now: int) -> StoredParty:
        """Stop answering the party. Raises :class:`Refusal` with ``NOT_FOUND``."""
        return self._change(party_id, PartyState.SUSPENDED, now)

    def resume(self, party_id: str, now: int) -> StoredParty:
        """Answer a suspended party again, by the card it has. Raises :class:`Refusal` with ``NOT_FOUND``."""
        return self._change(party_id, PartyState.TRUSTED, now)

    def get(self, party_id: str) -> StoredParty | None:
        """Return the party, trusted or not; none where it was never pinned."""
        with self._database.read() as conn:
            row = conn.execute(_ONE, {"party": party_id}).one_or_none()
        return None if row is None else _party(row)

    def list(self) -> list[StoredParty]:
        """Return all parties, by id."""
        with self._database.read() as conn:
            return [_party(row) for row in conn.execute(_ALL)]

    def _change(self, party_id: str, state: PartyState, now: int) -> StoredParty:
        with self._database.write() as conn:
            chosen = parties.c.party_id == party_id
            conn.execute(update(parties).where(chosen).values(state=state.value, changed_at=now))
            row = conn.execute(select(parties).where(chosen)).one_or_none()
        if row is None:
            raise Refusal(Code.NOT_FOUND, "no party has this id")
        return _party(row)


def _row(party: StoredParty) -> dict[str, Any]:
    return {
        "party_id": party.party_id,
        "role": party.role.value,
        "card": party.card,
        "state": party.state.value,
        "trusted_at": party.trusted_at,
        "changed_at": party.changed_at,
    }


def _party(row: Row[Any]) -> StoredParty:
    return StoredParty(
        row.party_id, Role(row.role), bytes(row.card), PartyState(row.state), row.trusted_at, row.changed_at
    )
