"""The bank's connections to its bureaus."""

from __future__ import annotations

import threading

from node.alignment.memory import AlignmentMemory
from node.codes import Code, Role
from node.errors import Refusal
from node.foundation import Foundation
from node.jobs.screening_line import Lines
from node.policy.card import PartyCard
from node.rpc.bureau_client import BureauClient
from node.rpc.client import Caller, PeerClient
from node.rpc.measured_peer import MeasuredPeer
from node.rpc.screening_client import ScreeningClient


class Links:
    """The bureaus that a bank reaches; one connection each, renewed when the bureau's card changes."""

    def __init__(self, base: Foundation, memory: AlignmentMemory) -> None:
        self._base = base
        self._memory = memory
        self.lines = Lines()
        self._lock = threading.Lock()
        self._open: dict[str, tuple[PartyCard, PeerClient, BureauClient]] = {}
        self._closed_traffic = (0, 0)

    def __call__(self, bureau: str) -> BureauClient:
        """Return the link to a trusted bureau.

        Raises:
            Refusal: ``PEER_UNTRUSTED``, ``CONFIG_INVALID``, ``PEER_UNREACHABLE``.
        """
        card = self._base.documents.trusted_card(bureau)
        with self._lock:
            known = self._open.get(bureau)
            if known is not None and known[0] == card:
                return known[2]
            settings, keys = self._base.settings, self._base.keys
            peer = PeerClient(
                card,
                Caller(settings.node.id, keys.tls, keys.signing),
                limits=settings.limits,
                clock=self._base.clock,
                randomness=self._base.randomness,
            )
            client = BureauClient(bureau, peer, self._memory, self._base.randomness)
            self._open[bureau] = (card, peer, client)
            if known is not None:
                self._retire(known[1])
        return client

    def screening(self, bureau: str) -> ScreeningClient:
        """Return the screening service of a trusted bureau; see :meth:`__call__`."""
        self(bureau)
        with self._lock:
            return ScreeningClient(MeasuredPeer(self._open[bureau][1], self.lines.of(bureau)))

    def only(self) -> str:
        """Return the one trusted bureau, for calls that name none.

        Raises:
            Refusal: ``INVALID_INPUT`` where there are none or several.
        """
        bureaus = [
            stored.party_id
            for stored, _ in self._base.documents.parties()
            if stored.role is Role.BUREAU and stored.trusted
        ]
        if len(bureaus) != 1:
            raise Refusal(Code.INVALID_INPUT, f"name the bureau: {len(bureaus)} are trusted here")
        return bureaus[0]

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes (sent, received) on all links since the start, envelopes included."""
        with self._lock:
            peers = [peer for _, peer, _ in self._open.values()]
        sent, received = self._closed_traffic
        return sent + sum(p.bytes_sent for p in peers), received + sum(p.bytes_received for p in peers)

    def _retire(self, peer: PeerClient) -> None:
        sent, received = self._closed_traffic
        self._closed_traffic = (sent + peer.bytes_sent, received + peer.bytes_received)
        peer.close()

    def close(self) -> None:
        """End all connections."""
        for _, peer, _ in self._open.values():
            peer.close()
