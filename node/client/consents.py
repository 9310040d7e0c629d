"""Enterprises' consents: registration in bulk, revocation, listing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from node.client import results, wire
from node.client.calls import Caller
from protos import control_pb2 as pb

FRAME_CONSENTS = 256
FRAME_BYTES = 4 * 1024 * 1024


class Consents:
    """Calls on consents."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def register(self, consents: Iterable[str], bureau: str = "") -> Iterator[tuple[results.ConsentVerdict, ...]]:
        """Register compact JWS and yield verdicts in the order of the consents, as they come.

        Args:
            consents: compact JWS, read as the stream goes; never held as a whole.
            bureau: at a bank, whom to register at; may be empty where only one bureau is trusted.
        """
        frames = _frames(consents, bureau)
        yield from map(wire.verdicts, self._caller.exchange("RegisterConsents", frames))

    def revoke(self, consent_id: str, reason: str = "") -> results.ConsentSummary:
        """Withdraw a consent from now on; what was released before stays released."""
        request = pb.RevokeConsentRequest(consent_id=consent_id, reason=reason)
        return wire.consent(self._caller.unary("RevokeConsent", request))

    def list(self, *, uscc: str = "", consent_id: str = "", limit: int = 100) -> tuple[results.ConsentSummary, ...]:
        """Return consents of one enterprise, one consent by its id, or the newest ``limit``."""
        request = pb.ListConsentsRequest(uscc=uscc, consent_id=consent_id, limit=limit)
        return tuple(map(wire.consent, self._caller.unary("ListConsents", request).consents))


def _frames(consents: Iterable[str], bureau: str) -> Iterator[pb.ConsentFrame]:
    frame: list[str] = []
    size = 0
    for consent in consents:
        if frame and (len(frame) == FRAME_CONSENTS or size + len(consent) > FRAME_BYTES):
            yield wire.consent_frame(frame, bureau)
            frame, size, bureau = [], 0, ""
        frame.append(consent)
        size += len(consent)
    if frame:
        yield wire.consent_frame(frame, bureau)
