"""An auditor, a bank and a bureau on the disk, and dossiers made without a node; a test then breaks one thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node.certification.dossier import DossierContent, DossierHeader, write
from node.certification.engine_library import inspect
from node.certification.office import AuditorOffice, open_office
from node.certification.result import Check, ReviewResult
from node.certification.review import ReviewOrder, review
from node.codes import Engine, Role
from node.config import load
from node.demo.synthetic import HIGHEST, make
from node.initialise import NewNode, initialise
from node.jobs.model_description import ModelDescription
from node.keys import NodeKeys, load_keys, open_sealer
from node.own_card import own_card
from node.policy import agreement as agreement_policy
from node.policy import documents
from node.policy import frequencies as frequencies_policy
from node.policy.agreement import AGREEMENT_KIND
from node.policy.card import PartyCard
from node.policy.catalogue import Catalogue
from node.policy.documents import SignedDocument
from node.policy.frequencies import Frequencies
from node.scorecards.compile import CompiledScorecard, compile_scorecard
from node.scorecards.format import Scorecard, parse_scorecard
from protocols.randomness import SystemRandomness
from protocols.scoring.engine import EncryptedModel
from protocols.scoring.engines import ENGINES
from protocols.scoring.model import SecretModel

BANK, BUREAU, AUDITOR, SECOND = "bank-a", "bureau-zj", "auditor-a", "auditor-b"
NOW_MS = 1_780_000_000_000
MASTER = bytes(range(7, 39))
RANDOMNESS = SystemRandomness()
_ROLES = {BANK: Role.BANK, BUREAU: Role.BUREAU, AUDITOR: Role.AUDITOR, SECOND: Role.AUDITOR}


@dataclass
class Party:
    """One party's directory, keys and card."""

    directory: Path
    keys: NodeKeys
    card: PartyCard

    @property
    def card_file(self) -> bytes:
        """The signed card."""
        return self.card.sign(self.keys.signing).encode()


def make_party(folder: Path, party_id: str) -> Party:
    """Make a party's directory as ``banktax init`` does."""
    directory = folder / party_id
    listen = "127.0.0.1:0" if _ROLES[party_id] is Role.BUREAU else None
    node = NewNode(_ROLES[party_id], party_id, party_id, party_id, listen=listen)
    initialise(directory, node, randomness=RANDOMNESS, clock=lambda: NOW_MS)
    keys = load_keys(directory, open_sealer(directory, RANDOMNESS, {}))
    return Party(directory, keys, own_card(load(directory), keys))


def spread_frequencies(catalogue: Catalogue, rows: int = 1000, **changes: Any) -> Frequencies:
    """Return frequencies over ten ranges of every field, none missing, no field correlated with another."""
    edges = [str(HIGHEST * tenth // 10) for tenth in range(1, 10)]
    ranges = [*zip([None, *edges], [*edges, None], strict=True)]
    cells = [{"missing": True, "count": 0}] + [
        {name: edge for name, edge in (("low", low), ("high", high)) if edge is not None} | {"count": rows // 10}
        for low, high in ranges
    ]
    names = [entry.id for entry in catalogue.fields]
    body = {
        "bureau": catalogue.bureau,
        "feature_set": "tax-2026q1",
        "as_of": "2026-03-31",
        "catalogue_id": catalogue.catalogue_id,
        "catalogue_version": catalogue.version,
        "rows": rows,
        "minimum_cell": 20,
        "counted_at": datetime.fromtimestamp(NOW_MS // 1000, UTC).isoformat(),
        "fields": [{"field": name, "cells": cells} for name in names],
        "rank_correlation": {
            "fields": names,
            "rows": [" ".join(["0.00"] * place + ["1.00"]) for place in range(len(names))],
        },
    }
    return Frequencies.from_body(body | changes)


@dataclass
class Dossier:
    """The parts of a dossier that a test may change before it is written."""

    content: DossierContent
    pieces: list[bytes] = field(default_factory=list)
    """The encrypted model: head, public key, ciphertexts."""

    def with_header(self, **changes: Any) -> Dossier:
        """Return a dossier whose header says otherwise."""
        return self.replaced(header=self.content.header.model_copy(update=changes))

    def with_scorecard(self, scorecard: bytes) -> Dossier:
        """Return a dossier with another model file, and the header of that one."""
        digest = hashlib.sha256(scorecard).hexdigest()
        return self.with_header(scorecard_sha256=digest).replaced(scorecard=scorecard)

    def with_ciphertext(self, column: int, ciphertext: bytes) -> Dossier:
        """Return a dossier with another ciphertext, registered as it then stands."""
        pieces = [*self.pieces]
        pieces[2 + column] = ciphertext
        return Dossier(self.content, pieces).redigested()

    def redigested(self) -> Dossier:
        """Return a dossier whose description names the digest of the ciphertexts that it has."""
        encrypted = EncryptedModel(self.content.header.profile, self.pieces[1], tuple(self.pieces[2:]))
        told = json.loads(self.content.header.description) | {"encrypted_digest": encrypted.digest().hex()}
        description = ModelDescription.from_json(json.dumps(told).encode())
        changed = self.with_header(description=description.to_json().decode(), model_id=description.model_id.hex())
        return Dossier(changed.content, self.pieces)

    def replaced(self, **changes: Any) -> Dossier:
        """Return a dossier with other content, not described anew."""
        return Dossier(DossierContent(**(vars(self.content) | changes)), self.pieces)


class CertificationWorld:
    """Bank, bureau and auditors that trust each other, one catalogue and one agreement."""

    def __init__(self, folder: Path, columns: int = 48, auditors: tuple[str, ...] = (AUDITOR,), **terms: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.parties = {name: make_party(folder, name) for name in (BANK, BUREAU, *auditors)}
        self.data = make(20, columns, 5)
        self.catalogue = Catalogue.from_body({**self.data.catalogue(), "bureau": BUREAU})
        self.agreement = self._agreement(auditors, terms)
        self.now_ms = NOW_MS
        for name in auditors:
            with self.office(name) as office:
                for other in {BANK, BUREAU, *auditors} - {name}:
                    office.documents.trust(self.parties[other].card_file)

    def _agreement(self, auditors: Iterable[str], terms: dict[str, Any]) -> SignedDocument:
        body = {
            "agreement_id": "zj-2026-01",
            "bank": BANK,
            "bureau": BUREAU,
            "channel_kind": "dedicated_line",
            "peer_networks": ["10.2.0.0/16"],
            "purposes": ["loan_origination"],
            "model_classes": ["credit_approval"],
            "catalogue_id": self.catalogue.catalogue_id,
            "catalogue_version": 1,
            "fields": [entry.id for entry in self.catalogue.fields],
            "auditors": list(auditors),
            "certification": terms,
            "valid_from": "2026-01-01T00:00:00+00:00",
            "valid_until": "2027-12-31T00:00:00+00:00",
        }
        signed = documents.sign(AGREEMENT_KIND, body, self.parties[BANK].keys.signing, BANK)
        signed = documents.add_signature(signed, self.parties[BUREAU].keys.signing, BUREAU)
        keys = {name: self.parties[name].card.verify_key for name in (BANK, BUREAU)}
        agreement_policy.verify(signed, keys)
        return signed

    # ---- the auditor

    def office(self, auditor: str = AUDITOR) -> AbstractContextManager[AuditorOffice]:
        """Open an auditor's directory at the world's own time."""
        return open_office(self.parties[auditor].directory, lambda: self.now_ms, RANDOMNESS)

    def review(
        self,
        dossier: Path,
        *frequencies: bytes,
        auditor: str = AUDITOR,
        tell: Callable[[Check], None] | None = None,
        **order: Any,
    ) -> ReviewResult:
        """Review a dossier over the given frequencies, the spread ones unless given."""
        counted = frequencies or (self.frequencies(),)
        with self.office(auditor) as office:
            return review(office, ReviewOrder(dossier, counted, **order), tell or (lambda _: None), lambda *_: None)

    def frequencies(self, body: Frequencies | None = None) -> bytes:
        """Return frequencies that the bureau signed."""
        return self.signed(frequencies_policy.FREQUENCIES_KIND, (body or spread_frequencies(self.catalogue)).to_body())

    def signed(self, kind: str, body: dict[str, Any], party: str = BUREAU) -> bytes:
        """Return a document that a party signed, whatever it says."""
        return documents.sign(kind, body, self.parties[party].keys.signing, party).encode()

    # ---- the bank

    def scorecard(self, version: str = "1", **changes: Any) -> bytes:
        """Return the synthetic model file, with other members where given."""
        card = json.loads(self.data.scorecard(version)) | {"expires": "2027-06-30"} | changes
        return parse_scorecard(json.dumps(card)).to_json().encode()

    def compiled(self, scorecard: bytes) -> CompiledScorecard:
        """Compile a model file against the world's catalogue."""
        return compile_scorecard(parse_scorecard(scorecard), self.catalogue)

    def dossier(
        self, scorecard: bytes | None = None, engine: Engine = Engine.BFV, auditor: str = AUDITOR, **header: Any
    ) -> Dossier:
        """Return the dossier of a model that is honestly made from ``MASTER``."""
        scorecard = self.scorecard() if scorecard is None else scorecard
        card, compiled = parse_scorecard(scorecard), self.compiled(scorecard)
        encrypted = encrypt(engine, compiled.secret_model)
        description = describe(card, compiled, encrypted.digest(), encrypted.encoded_bytes, encrypted.profile)
        return Dossier(self.content(scorecard, description, engine, auditor, **header), list(encrypted.pieces()))

    def content(
        self, scorecard: bytes, description: ModelDescription, engine: Engine, auditor: str = AUDITOR, **header: Any
    ) -> DossierContent:
        """Return what stands before the ciphertexts; ``header``: members that are to be otherwise."""
        body: dict[str, Any] = {
            "bank": BANK,
            "auditor": auditor,
            "bureaus": (BUREAU,),
            "engine": engine,
            "profile": ENGINES[engine].profile,
            "model_id": description.model_id.hex(),
            "description": description.to_json().decode(),
            "engine_library_sha256": inspect(engine).sha256,
            "scorecard_sha256": hashlib.sha256(scorecard).hexdigest(),
            "catalogue_digest": self._signed_catalogue.digest.hex(),
            "agreement_digests": (self.agreement.digest.hex(),),
            "made_at": datetime.fromtimestamp(NOW_MS // 1000, UTC),
        }
        papers = self._signed_catalogue.encode(), (self.agreement.encode(),)
        return DossierContent(DossierHeader(**(body | header)), *papers, scorecard, MASTER)

    @property
    def _signed_catalogue(self) -> SignedDocument:
        return self.catalogue.sign(self.parties[BUREAU].keys.signing)

    def written(self, dossier: Dossier | None = None, name: str = "model.dossier", auditor: str = AUDITOR) -> Path:
        """Write a dossier to a file and return its path."""
        found = self.dossier(auditor=auditor) if dossier is None else dossier
        return self.write(found.content, found.pieces, name, auditor)

    def write(self, content: DossierContent, pieces: Iterable[bytes], name: str, auditor: str = AUDITOR) -> Path:
        """Write a dossier whose ciphertexts may be made while it is written."""
        card, key = self.parties[auditor].card, self.parties[BANK].keys.signing
        path = self.folder / name
        with path.open("wb") as file:
            file.writelines(write(content, pieces, card, key, RANDOMNESS))
        return path


def encrypt(engine: Engine, model: SecretModel) -> EncryptedModel:
    """Encrypt a model under ``MASTER``."""
    return ENGINES[engine].encrypt_model(ENGINES[engine].generate(MASTER), model)


def describe(
    card: Scorecard, compiled: CompiledScorecard, encrypted_digest: bytes, encrypted_bytes: int, profile: str
) -> ModelDescription:
    """Return what a bank registers of a model."""
    return ModelDescription(
        name=card.name,
        version=card.version,
        model_class=card.model_class,
        supersedes=card.supersedes or "",
        catalogue_id=card.catalogue.id,
        catalogue_version=card.catalogue.version,
        fields=compiled.described,
        profile=profile,
        encrypted_digest=encrypted_digest,
        encrypted_bytes=encrypted_bytes,
        expires_at=card.expires_at,
        purposes=tuple(card.purposes),
    )
