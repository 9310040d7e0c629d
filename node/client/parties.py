"""Whom this node trusts."""

from __future__ import annotations

from node.client import results, wire
from node.client.calls import Caller
from protos import control_pb2 as pb


class Parties:
    """Calls on trusted parties."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def trust(self, card: bytes) -> results.Party:
        """Pin the party of a public card (JSON, as ``banktax party card`` prints it)."""
        return wire.party(self._caller.unary("TrustParty", pb.TrustPartyRequest(card=card)))

    def suspend(self, party_id: str) -> results.Party:
        """Refuse every further call of a party, also on channels that are open."""
        return wire.party(self._caller.unary("SuspendParty", pb.SuspendPartyRequest(party_id=party_id)))

    def resume(self, party_id: str) -> results.Party:
        """Let a suspended party call again."""
        request = pb.SuspendPartyRequest(party_id=party_id, resume=True)
        return wire.party(self._caller.unary("SuspendParty", request))

    def list(self) -> tuple[results.Party, ...]:
        """Return every party whose card was trusted here."""
        return tuple(map(wire.party, self._caller.unary("ListParties", pb.ListPartiesRequest()).parties))
