"""The typed client of one node's control API: mutual TLS, a deadline on every call, refusals as exceptions.

.. code-block:: python

    with ControlClient.for_directory(Path("bank")) as node:
        job = node.scores.submit("retail@3", applicants)
        for job in node.jobs.follow(job.job_id):
            print(job.state, job.finished)

The wire contract is protos/control.proto, its description docs/control-api.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from node.client import wire
from node.client.access import ControlAccess
from node.client.calls import Caller, Deadlines
from node.client.consents import Consents
from node.client.data import Data
from node.client.documents import Admissions, Agreements, Catalogues
from node.client.jobs import Jobs
from node.client.ledger import Ledger
from node.client.lists import Lists
from node.client.models import Models
from node.client.parties import Parties
from node.client.results import Status
from node.client.scores import Scores
from node.client.screenings import Screenings
from protos import control_pb2 as pb


class ControlClient:
    """One node's control API. Its parts are grouped as the commands of ``banktax`` are.

    Every call raises :class:`node.errors.Refusal` and nothing else for what the node refuses and for a node that does
    not answer (``NODE_NOT_RUNNING``) or not in time (``DEADLINE_EXCEEDED``). Safe to share between threads.
    """

    def __init__(self, access: ControlAccess | Callable[[], ControlAccess], deadlines: Deadlines | None = None) -> None:
        opener = access if callable(access) else lambda: access
        self._caller = Caller(opener, deadlines or Deadlines())
        self.parties = Parties(self._caller)
        self.catalogues = Catalogues(self._caller)
        self.agreements = Agreements(self._caller)
        self.admissions = Admissions(self._caller)
        self.ledger = Ledger(self._caller)
        self.data = Data(self._caller)
        self.lists = Lists(self._caller)
        self.consents = Consents(self._caller)
        self.models = Models(self._caller)
        self.scores = Scores(self._caller)
        self.jobs = Jobs(self._caller)
        self.screenings = Screenings(self._caller)

    @classmethod
    def for_directory(
        cls, directory: Path | str, *, operator: str = "operator", deadlines: Deadlines | None = None
    ) -> ControlClient:
        """Open the control API of the node that lives in ``directory``; the address is read again on a reconnect."""
        place = Path(directory)
        return cls(lambda: ControlAccess.from_directory(place, operator), deadlines)

    def status(self) -> Status:
        """Return who the node is, since when it runs and what it warns of."""
        return wire.status(self._caller.unary("GetStatus", pb.StatusRequest()))

    def close(self) -> None:
        """Close the channel."""
        self._caller.close()

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
