"""A whole bureau with made-up tax data, a bank that wants them, and an auditor: every attack on nodes happens here.

The bureau runs as ``banktax serve`` runs it: database, worker processes, gRPC over mutual TLS. The bank speaks the wire
protocol with its own keys; the auditor reviews with the code of ``banktax auditor review``. The twin's bureau takes
models that nobody has reviewed, and so keeps no ledger of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from node.certification.admitting import AdmissionTerms, admit
from node.certification.dossier import DossierContent, DossierHeader, write
from node.certification.engine_library import inspect
from node.certification.office import AuditorOffice, open_office
from node.certification.review import ReviewOrder, review
from node.client.data import DataImport
from node.clock import system_clock
from node.codes import Engine, Reason, Role
from node.config import load
from node.demo.synthetic import SyntheticData, make
from node.errors import Refusal
from node.initialise import NewNode, initialise
from node.jobs.calls import MAXIMUM_CHUNK_ROWS
from node.jobs.model_description import ModelDescription
from node.keys import load_keys, open_sealer
from node.own_card import own_card
from node.policy import documents
from node.policy.card import PartyCard
from node.policy.catalogue import Catalogue
from node.policy.documents import SignedDocument
from node.policy.strictjson import canonical
from node.scorecards.compile import CompiledScorecard, compile_scorecard
from node.scorecards.format import Scorecard, parse_scorecard
from protocols.scoring.engine import EncryptedModel
from protocols.scoring.engines import ENGINES
from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import Bureau, agreement_draft
from tests.support.hostile_models import BUREAU, Model
from tests.support.scoring_models import MASTER, key_of
from tests.support.transport import DAY_MS, RANDOMNESS, Party

AUDITOR = "auditor-one"
HOSTILE, HONEST = "bank-hostile", "bank-honest"
ENTERPRISES, FIELDS, WIDTH = 1000, 8, 4
BINS = WIDTH - 1
SEED = 20_260_331


@dataclass
class MadeUpBureau(Bureau):
    """A bureau with the made-up data of :class:`World`."""

    data: SyntheticData = field(default_factory=lambda: make(ENTERPRISES, FIELDS * WIDTH, SEED, "card"))

    @property
    def catalogue(self) -> Catalogue:
        """What the bureau offers: every other field is sensitive."""
        body = self.data.catalogue()
        for place, entry in enumerate(body["fields"]):
            entry["sensitivity"] = "sensitive" if place % 2 else "ordinary"
        return Catalogue.from_body({**body, "bureau": BUREAU})

    def _import(self) -> None:
        self.control.catalogues.add(canonical(self.catalogue.to_body()))
        path = self.folder / "tax.csv"
        self.data.write_csv(path)
        what = DataImport("newest", "2026-03-31", self.catalogue.catalogue_id)
        *_, last = self.control.data.load(what, [path.read_bytes()])
        assert last.rejected == 0


@dataclass(frozen=True)
class Installed:
    """A model that the bureau took, and its scorecard."""

    model: Model
    card: dict[str, Any]


class World:
    """Bureau, two banks with agreements, and the auditor that these name."""

    def __init__(self, folder: Path, *, certified: bool) -> None:
        self.certified = certified
        self.bureau = MadeUpBureau(folder, allow_uncertified=not certified)
        self.bureau.start()
        self.data = self.bureau.data
        self._auditor = _auditor(folder / AUDITOR)
        self.bureau.control.parties.trust(_card_file(self._auditor))
        self.agreements: dict[str, SignedDocument] = {}
        self.hostile, self.honest = (self._bank(party) for party in (HOSTILE, HONEST))
        with self.office() as office:
            office.documents.trust(self.bureau.card.sign(self.bureau.keys.signing).encode())
            for bank in (self.hostile, self.honest):
                office.documents.trust(bank.party.card().sign(bank.party.signing).encode())
        self._frequencies = self._count()
        self._unused = iter(range(ENTERPRISES))
        self._installed: dict[str, Installed] = {}

    def _bank(self, party_id: str) -> Bank:
        bank = Bank(self.bureau, party_id)
        catalogue = self.bureau.catalogue
        terms: dict[str, Any] = {
            "catalogue_id": catalogue.catalogue_id,
            "fields": self.data.field_ids,
            "auditors": (AUDITOR,),
        }
        self.agreements[party_id] = self._agree(bank.party, terms)
        return bank

    def _agree(self, party: Party, terms: dict[str, Any]) -> SignedDocument:
        self.bureau.control.parties.trust(party.card().sign(party.signing).encode())
        draft = agreement_draft(party.party_id, self.bureau.clock(), **terms)
        signed = documents.decode(self.bureau.control.agreements.sign(draft.encode()), "agreement")
        both = documents.add_signature(signed, party.signing, party.party_id)
        self.bureau.control.agreements.add(both.encode())
        return both

    def _count(self) -> bytes:
        *_, last = self.bureau.control.data.frequencies(AUDITOR)
        return last.document

    def close(self) -> None:
        """Stop everything."""
        self.hostile.close()
        self.honest.close()
        self.bureau.stop()

    def office(self) -> Any:
        """Open the auditor's directory."""
        return open_office(self._auditor, self.bureau.clock, RANDOMNESS)

    # ---- enterprises

    def enterprises(self, count: int) -> list[int]:
        """Return enterprises that no attack has asked for yet."""
        return [next(self._unused) for _ in range(count)]

    def bins(self, place: int) -> NDArray[np.int64]:
        """Return the truth about an enterprise: the bin of every field, missing last, shape (fields,)."""
        values = self.data.values[place]
        cut = [
            np.searchsorted(edges, value, side="right") for edges, value in zip(self.data.edges, values, strict=True)
        ]
        return np.where(values < 0, BINS, np.array(cut))

    # ---- models

    def card(
        self, name: str, version: str = "1", points: NDArray[np.int64] | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Return a scorecard file over every field with other points, shape (fields, bins and missing)."""
        card: dict[str, Any] = json.loads(self.data.scorecard(version))
        given = self.data.points if points is None else points
        for each, own in zip(card["fields"], given.tolist(), strict=True):
            each |= {"points": own[:-1], "missing": own[-1]}
        expires = datetime.fromtimestamp(system_clock() / 1000, UTC) + timedelta(days=330)
        return card | {"name": name, "base_score": 0, "expires": expires.date().isoformat()} | changes

    def model(self, card: dict[str, Any], engine: Engine = Engine.BFV) -> Model:
        """Encrypt a scorecard, honestly."""
        parsed = parse_scorecard(json.dumps(card))
        compiled = compile_scorecard(parsed, self.bureau.catalogue)
        encrypted = ENGINES[engine].encrypt_model(key_of(engine), compiled.secret_model)
        return Model(_described(parsed, compiled, encrypted), compiled.secret_model, encrypted.encode(), engine)

    def install(self, card: dict[str, Any], bank: Bank | None = None, predecessor: str = "") -> Installed | None:
        """Encrypt a scorecard honestly and get it to where the bureau evaluates it; None if it fails."""
        return self.install_model(card, self.model(card), bank, predecessor)

    def install_model(
        self, card: dict[str, Any], model: Model, bank: Bank | None = None, predecessor: str = ""
    ) -> Installed | None:
        """Get a model to where the bureau evaluates it, in every way that is open to the bank; None if it fails.

        With an admission if the auditor gives one, and without.
        """
        bank = bank or self.hostile
        if self.certified and (admission := self.admission(card, model, bank, predecessor)):
            self.bureau.control.admissions.add(admission)
        try:
            bank.register(model)
        except Refusal:
            return None
        return Installed(model, card)

    def once(self, name: str, make: Callable[[], Installed]) -> Installed:
        """Return what ``make`` gave the first time."""
        if name not in self._installed:
            self._installed[name] = make()
        return self._installed[name]

    def admission(self, card: dict[str, Any], model: Model, bank: Bank, predecessor: str = "") -> bytes | None:
        """Have a model reviewed; return the admission, or None where the auditor refuses it."""
        path = self.bureau.folder / f"{model.model_id.hex()}.dossier"
        with path.open("wb") as file, self.office() as office:
            file.writelines(self._dossier(card, model, bank, predecessor, office))
        with self.office() as office:
            found = review(office, ReviewOrder(path, (self._frequencies,)), lambda _: None, lambda *_: None)
            if not found.passed:
                return None
            return admit(office, found, AdmissionTerms(("A. Reviewer",))).encode()

    def _dossier(
        self, card: dict[str, Any], model: Model, bank: Bank, predecessor: str, office: AuditorOffice
    ) -> Iterator[bytes]:
        scorecard = parse_scorecard(json.dumps(card)).to_json().encode()
        catalogue, agreement = self.bureau.catalogue.sign(self.bureau.keys.signing), self.agreements[bank.party_id]
        header = DossierHeader(
            bank=bank.party_id,
            auditor=AUDITOR,
            bureaus=(BUREAU,),
            engine=model.engine,
            profile=model.description.profile,
            model_id=model.model_id.hex(),
            description=model.description.to_json().decode(),
            predecessor=predecessor,
            engine_library_sha256=inspect(model.engine).sha256,
            scorecard_sha256=hashlib.sha256(scorecard).hexdigest(),
            catalogue_digest=catalogue.digest.hex(),
            agreement_digests=(agreement.digest.hex(),),
            made_at=datetime.fromtimestamp(self.bureau.clock() // 1000, UTC),
        )
        content = DossierContent(header, catalogue.encode(), (agreement.encode(),), scorecard, MASTER)
        return write(content, [model.encrypted], office.own_card(), bank.party.signing, RANDOMNESS)

    # ---- scores

    def scores(self, installed: Installed | None, places: Sequence[int]) -> dict[int, int]:
        """Return what the hostile bank gets to know: the scores of those enterprises that were not refused."""
        if installed is None:
            return {}
        codes = [self.data.codes[place] for place in places]
        assert len(codes) <= MAXIMUM_CHUNK_ROWS
        consents = [self.consent(self.hostile, code) for code in codes]
        try:
            call = self.hostile.chunk(installed.model, self.hostile.job(installed.model, len(codes)), codes, consents)
            outcome = self.hostile.outcome(installed.model, call, self.hostile.score(call))
        except Refusal:
            return {}
        found = zip(places, outcome, strict=True)
        return {place: score for place, score in found if not isinstance(score, Reason)}

    def consent(self, bank: Bank, code: str) -> bytes:
        """Return the id of a consent of an enterprise to everything that the bank may ask."""
        now = self.bureau.clock()
        return bank.consent(code, fields=self.data.field_ids, maximum_uses=100, expires_ms=now + 90 * DAY_MS)


def _described(card: Scorecard, compiled: CompiledScorecard, encrypted: EncryptedModel) -> ModelDescription:
    return ModelDescription(
        name=card.name,
        version=card.version,
        model_class=card.model_class,
        supersedes=card.supersedes or "",
        catalogue_id=card.catalogue.id,
        catalogue_version=card.catalogue.version,
        fields=compiled.described,
        profile=encrypted.profile,
        encrypted_digest=encrypted.digest(),
        encrypted_bytes=encrypted.encoded_bytes,
        expires_at=card.expires_at,
        purposes=tuple(card.purposes),
    )


def _auditor(directory: Path) -> Path:
    new = NewNode(Role.AUDITOR, AUDITOR, AUDITOR, AUDITOR)
    initialise(directory, new, randomness=RANDOMNESS, clock=system_clock)
    return directory


def _card_file(directory: Path) -> bytes:
    keys = load_keys(directory, open_sealer(directory, RANDOMNESS, {}))
    card: PartyCard = own_card(load(directory), keys)
    return card.sign(keys.signing).encode()
