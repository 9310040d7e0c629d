"""A bank's dossiers: what an auditor makes a model again from, encrypted to that auditor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from node.certification.dossier import MAXIMUM_DESCRIPTION_BYTES, DossierContent, DossierHeader, write
from node.certification.engine_library import inspect
from node.clock import Clock
from node.codes import Code, Role
from node.errors import Refusal
from node.jobs.bank_model_records import ModelMaterial
from node.jobs.documents import Documents
from node.policy import documents as policy_documents
from node.policy.agreement import AGREEMENT_KIND
from node.policy.card import PartyCard
from node.policy.catalogue import CATALOGUE_KIND
from node.scorecards.format import parse_scorecard
from protocols.primitives.signing import SigningKey
from protocols.randomness import Randomness
from protocols.scoring.engines import ENGINES

PART_BYTES = 1 << 20


class BankDossiers:
    """Writes dossiers of the bank's own models. Nothing is kept; the same model again gives another file."""

    def __init__(
        self,
        material: Callable[[str], ModelMaterial],
        documents: Documents,
        bank: str,
        key: SigningKey,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._material = material
        self._documents = documents
        self._bank = bank
        self._key = key
        self._clock = clock
        self._randomness = randomness

    def write(self, model: str, auditor: str) -> Iterator[bytes]:
        """Yield the file of a dossier in pieces; what is wrong is said before the first one.

        Args:
            model: name, ``name@version`` or model id.
            auditor: party id of an auditor that is trusted here and named in an agreement with the model's bureau.

        Raises:
            Refusal: ``MODEL_UNKNOWN``, ``MODEL_EXPIRED``, ``PEER_UNTRUSTED``, ``WRONG_ROLE``, ``AGREEMENT_INACTIVE``,
                ``BOUND_EXCEEDED``, ``INVALID_INPUT``.
        """
        card = self._auditor(auditor)
        material = self._material(model)
        content = self._content(material, auditor)
        return write(content, _parts(material.encrypted), card, self._key, self._randomness)

    def _auditor(self, party: str) -> PartyCard:
        card = self._documents.trusted_card(party)
        if card.role is not Role.AUDITOR:
            raise Refusal(Code.WRONG_ROLE, f"{party} is a {card.role}; a dossier goes to an auditor and to nobody else")
        return card

    def _content(self, material: ModelMaterial, auditor: str) -> DossierContent:
        if len(material.description) > MAXIMUM_DESCRIPTION_BYTES:
            raise Refusal(Code.BOUND_EXCEEDED, "the model's fields and edges are too long for a dossier: 1 MiB at most")
        catalogue = self._catalogue(material)
        agreements = self._agreements(material.bureau, auditor)
        header = DossierHeader(
            bank=self._bank,
            auditor=auditor,
            bureaus=(material.bureau,),
            engine=material.engine,
            profile=ENGINES[material.engine].profile,
            model_id=material.model_id.hex(),
            description=material.description,
            predecessor=material.predecessor.hex(),
            engine_library_sha256=inspect(material.engine).sha256,
            scorecard_sha256=hashlib.sha256(material.scorecard).hexdigest(),
            catalogue_digest=policy_documents.decode(catalogue, CATALOGUE_KIND).digest.hex(),
            agreement_digests=tuple(policy_documents.decode(one, AGREEMENT_KIND).digest.hex() for one in agreements),
            made_at=datetime.fromtimestamp(self._clock() // 1000, UTC),
        )
        return DossierContent(header, catalogue, agreements, material.scorecard, material.master)

    def _catalogue(self, material: ModelMaterial) -> bytes:
        named = parse_scorecard(material.scorecard).catalogue
        return self._documents.stored_catalogue(named.id, named.version).document

    def _agreements(self, bureau: str, auditor: str) -> tuple[bytes, ...]:
        """Return the youngest agreement in force with the bureau that names the auditor."""
        for agreement in self._documents.agreements_in_force(self._bank, bureau):
            if auditor in agreement.auditors:
                return (self._documents.agreement(agreement.agreement_id).document,)
        raise Refusal(
            Code.AGREEMENT_INACTIVE,
            f"no agreement in force with {bureau} names the auditor {auditor}",
            remedy="Draft an agreement with --auditor and have both sides sign and import it.",
        )


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part
