"""A bureau's extraction ledger: what was used on an enterprise."""

from __future__ import annotations

from node.client import results, wire
from node.client.calls import Caller
from protos import control_pb2 as pb


class Ledger:
    """Calls on the extraction ledger."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def show(self, uscc: str, bank: str = "") -> tuple[results.LedgerEntry, ...]:
        """Return every model that was ever used on an enterprise, by one bank or by all, the last use first."""
        answer = self._caller.unary("ShowLedger", pb.LedgerKey(uscc=uscc, bank=bank))
        return tuple(map(wire.ledger_entry, answer.entries))

    def alerts(self, limit: int = 0) -> tuple[results.LedgerAlert, ...]:
        """Return enterprises on which several banks together used more models than the settings name.

        At most ``limit``, 50 where it is 0, the most models first.
        """
        answer = self._caller.unary("ListLedgerAlerts", pb.ListLedgerAlertsRequest(limit=limit))
        return tuple(map(wire.ledger_alert, answer.alerts))
