"""Signed documents: field catalogues, agreements and admissions."""

from __future__ import annotations

from node.client import results, wire
from node.client.calls import Caller
from protos import control_pb2 as pb


class Catalogues:
    """Calls on field catalogues."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def add(self, document: bytes) -> results.CatalogueSummary:
        """Import a catalogue: a bureau signs its own, a bank checks the bureau's signature."""
        return wire.catalogue(self._caller.unary("ImportCatalogue", pb.Document(json=document)))

    def list(self) -> tuple[results.CatalogueSummary, ...]:
        """Return every catalogue version that stands here."""
        answer = self._caller.unary("ListCatalogues", pb.ListCataloguesRequest())
        return tuple(map(wire.catalogue, answer.catalogues))

    def get(self, catalogue_id: str, version: int = 0) -> bytes:
        """Return a signed catalogue as JSON; version 0 means the newest."""
        request = pb.CatalogueKey(catalogue_id=catalogue_id, version=version)
        return bytes(self._caller.unary("GetCatalogue", request).json)


class Agreements:
    """Calls on agreements between a bank and a bureau."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def sign(self, document: bytes) -> bytes:
        """Return the draft, or the agreement that the other side signed, with this node's signature added."""
        return bytes(self._caller.unary("SignAgreement", pb.Document(json=document)).json)

    def add(self, document: bytes) -> results.AgreementSummary:
        """Import an agreement that both sides signed; it is in force from its first day on."""
        return wire.agreement(self._caller.unary("ImportAgreement", pb.Document(json=document)))

    def list(self) -> tuple[results.AgreementSummary, ...]:
        """Return every agreement that was imported here."""
        answer = self._caller.unary("ListAgreements", pb.ListAgreementsRequest())
        return tuple(map(wire.agreement, answer.agreements))

    def get(self, agreement_id: str) -> bytes:
        """Return a signed agreement as JSON."""
        return bytes(self._caller.unary("GetAgreement", pb.AgreementKey(agreement_id=agreement_id)).json)


class Admissions:
    """Calls on what auditors signed of models."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def add(self, document: bytes) -> results.Admission:
        """Import an admission, or the revocation of one: at a bureau it stops running jobs at their next chunk."""
        return wire.admission(self._caller.unary("ImportAdmission", pb.Document(json=document)))

    def list(self) -> tuple[results.Admission, ...]:
        """Return every admission that was imported here, the last one first."""
        answer = self._caller.unary("ListAdmissions", pb.ListAdmissionsRequest())
        return tuple(map(wire.admission, answer.admissions))

    def get(self, admission_id: str) -> bytes:
        """Return a signed admission as JSON."""
        return bytes(self._caller.unary("GetAdmission", pb.AdmissionKey(admission_id=admission_id)).json)
