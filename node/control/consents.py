"""Showing consents through the control API, the same at either role."""

from __future__ import annotations

from node.clock import Clock
from node.codes import Code
from node.control import messages
from node.control.requests import parse_hex, parse_uscc
from node.errors import Refusal
from node.jobs.calls import CONSENT_ID_BYTES
from node.rpc.control_server import OperatorContext
from node.storage.consents import Consents
from node.storage.database import Database
from protos import control_pb2 as pb

MAXIMUM_LISTED = 1000


class ConsentControl:
    """Lists consents and tells what became of them."""

    def __init__(self, database: Database, consents: Consents, clock: Clock) -> None:
        self._database = database
        self._consents = consents
        self._clock = clock

    def list(self, _context: OperatorContext, request: pb.ListConsentsRequest) -> pb.Consents:
        """List consents, by id or by enterprise, the latest first."""
        if request.consent_id:
            return pb.Consents(consents=[self.summary(self.parse_id(request.consent_id))])
        limit = min(request.limit or 100, MAXIMUM_LISTED)
        found = self._consents.list(uscc=parse_uscc(request.uscc) if request.uscc else None, limit=limit)
        with self._database.read() as connection:
            statuses = self._consents.statuses(connection, [each.consent_id for each in found])
        now = self._clock()
        return pb.Consents(consents=[messages.consent(each, statuses[each.consent_id], now) for each in found])

    def summary(self, consent_id: bytes) -> pb.ConsentSummary:
        """Return one consent.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        with self._database.read() as connection:
            found = self._consents.get_many([consent_id], connection)
            statuses = self._consents.statuses(connection, [consent_id])
        if consent_id not in found:
            raise Refusal(Code.NOT_FOUND, "no consent with this id is here")
        return messages.consent(found[consent_id], statuses[consent_id], self._clock())

    def parse_id(self, text: str) -> bytes:
        """Return a consent's id from its 32 hexadecimal digits."""
        return parse_hex(text, CONSENT_ID_BYTES, "consent_id")
