"""What the control API does at either role: status, parties, catalogues, agreements."""

from __future__ import annotations

from collections.abc import Callable

from node.clock import Clock
from node.codes import Code
from node.config import Settings
from node.control import messages
from node.errors import Refusal
from node.jobs.documents import Documents
from node.rpc.control_server import ControlFunction, OperatorContext
from node.version import VERSION
from protos import control_pb2 as pb


class CommonControl:
    """Status, parties, catalogues and agreements."""

    def __init__(
        self,
        settings: Settings,
        documents: Documents,
        clock: Clock,
        warnings: tuple[str, ...],
        running_jobs: Callable[[], int],
        traffic: Callable[[], tuple[int, int]],
        listening: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._documents = documents
        self._clock = clock
        self._warnings = warnings
        self._running_jobs = running_jobs
        self._traffic = traffic
        self._listening = listening
        self._started_at = clock() // 1000

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {
            "GetStatus": self.status,
            "TrustParty": self.trust,
            "SuspendParty": self.suspend,
            "ListParties": self.parties,
            "ImportCatalogue": self.import_catalogue,
            "ListCatalogues": self.catalogues,
            "GetCatalogue": self.catalogue,
            "SignAgreement": self.sign_agreement,
            "ImportAgreement": self.import_agreement,
            "ListAgreements": self.agreements,
            "GetAgreement": self.agreement,
        }

    def status(self, _context: OperatorContext, _request: pb.StatusRequest) -> pb.Status:
        """Tell who the node is and how it does."""
        sent, received = self._traffic()
        return pb.Status(
            party_id=self._settings.node.id,
            role=self._settings.node.role,
            version=VERSION,
            listen=self._listening(),
            started_at=self._started_at,
            warnings=self._warnings,
            running_jobs=self._running_jobs(),
            bytes_sent=sent,
            bytes_received=received,
        )

    # ---- parties

    def trust(self, _context: OperatorContext, request: pb.TrustPartyRequest) -> pb.Party:
        """Pin a party by its card."""
        return self._party(self._documents.trust(request.card).party_id)

    def suspend(self, _context: OperatorContext, request: pb.SuspendPartyRequest) -> pb.Party:
        """Stop a party at once, or answer it again."""
        return self._party(self._documents.suspend(request.party_id, resume=request.resume).party_id)

    def parties(self, _context: OperatorContext, _request: pb.ListPartiesRequest) -> pb.Parties:
        """List all pinned parties."""
        return pb.Parties(parties=[messages.party(stored, card) for stored, card in self._documents.parties()])

    def _party(self, party_id: str) -> pb.Party:
        return next(
            messages.party(stored, card) for stored, card in self._documents.parties() if stored.party_id == party_id
        )

    # ---- documents

    def import_catalogue(self, _context: OperatorContext, request: pb.Document) -> pb.CatalogueSummary:
        """Keep a catalogue; a bureau signs it."""
        stored = self._documents.import_catalogue(request.json)
        return messages.catalogue(stored, self._documents.catalogue(stored.catalogue_id, stored.version))

    def catalogues(self, _context: OperatorContext, _request: pb.ListCataloguesRequest) -> pb.Catalogues:
        """List all catalogue versions."""
        return pb.Catalogues(catalogues=[messages.catalogue(*each) for each in self._documents.catalogues()])

    def catalogue(self, _context: OperatorContext, request: pb.CatalogueKey) -> pb.Document:
        """Give a signed catalogue, the latest version where none is named."""
        stored = self._documents.stored_catalogue(request.catalogue_id, request.version or None)
        return pb.Document(json=stored.document)

    def sign_agreement(self, _context: OperatorContext, request: pb.Document) -> pb.Document:
        """Add this node's signature."""
        return pb.Document(json=self._documents.sign_agreement(request.json))

    def import_agreement(self, _context: OperatorContext, request: pb.Document) -> pb.AgreementSummary:
        """Keep an agreement that both signed."""
        stored = self._documents.import_agreement(request.json)
        return self._summary(stored.agreement_id)

    def agreements(self, _context: OperatorContext, _request: pb.ListAgreementsRequest) -> pb.Agreements:
        """List all agreements."""
        now = self._clock()
        return pb.Agreements(agreements=[messages.agreement(*each, now) for each in self._documents.agreements()])

    def agreement(self, _context: OperatorContext, request: pb.AgreementKey) -> pb.Document:
        """Give a signed agreement."""
        return pb.Document(json=self._documents.agreement(request.agreement_id).document)

    def _summary(self, agreement_id: str) -> pb.AgreementSummary:
        for stored, parsed in self._documents.agreements():
            if stored.agreement_id == agreement_id:
                return messages.agreement(stored, parsed, self._clock())
        raise Refusal(Code.NOT_FOUND, "no agreement has this id")
