"""What the control API tells a bureau's operator of the extraction ledger."""

from __future__ import annotations

from node.clock import Clock
from node.control.requests import listed, parse_uscc
from node.jobs.bureau_ledger import DAY_MS
from node.rpc.control_server import ControlFunction, OperatorContext
from node.settings_sections import SecuritySection
from node.storage.ledger import Ledger, LedgerAlert, LedgerEntry
from protos import control_pb2 as pb


class LedgerControl:
    """Shows what was used on an enterprise, and where several banks used many models."""

    def __init__(self, ledger: Ledger, settings: SecuritySection, clock: Clock) -> None:
        self._ledger = ledger
        self._settings = settings
        self._clock = clock

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {"ShowLedger": self.show, "ListLedgerAlerts": self.alerts}

    def show(self, _context: OperatorContext, request: pb.LedgerKey) -> pb.LedgerEntries:
        """Return the debits of one enterprise."""
        entries = self._ledger.entries(parse_uscc(request.uscc), request.bank)
        return pb.LedgerEntries(entries=[_entry(each) for each in entries])

    def alerts(self, _context: OperatorContext, request: pb.ListLedgerAlertsRequest) -> pb.LedgerAlerts:
        """Return the enterprises that stand out now."""
        since = self._clock() - self._settings.ledger_alert_days * DAY_MS
        found = self._ledger.alerts(since, self._settings.ledger_alert_models, listed(request.limit))
        return pb.LedgerAlerts(alerts=[_alert(each) for each in found])


def _entry(entry: LedgerEntry) -> pb.LedgerEntry:
    return pb.LedgerEntry(
        uscc=entry.uscc,
        bank=entry.bank,
        model_id=entry.model_id.hex(),
        name=entry.name,
        version=entry.version,
        milli_bits=entry.milli_bits,
        debited_at=entry.debited_at // 1000,
        used_at=entry.used_at // 1000,
    )


def _alert(alert: LedgerAlert) -> pb.LedgerAlert:
    return pb.LedgerAlert(uscc=alert.uscc, banks=alert.banks, models=alert.models, latest_at=alert.latest_at // 1000)
