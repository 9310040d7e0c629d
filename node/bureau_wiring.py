"""How the parts of a bureau hang together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.alignment.standing import StandingSet
from node.codes import Code
from node.config import Settings
from node.errors import Refusal
from node.foundation import Foundation
from node.jobs.bureau_admissions import BureauAdmissions
from node.jobs.bureau_alignment import BureauAlignment
from node.jobs.bureau_consents import BureauConsents
from node.jobs.bureau_exchange import BureauExchange
from node.jobs.bureau_frequencies import BureauFrequencies
from node.jobs.bureau_journal import BureauJournal
from node.jobs.bureau_ledger import ExtractionLedger
from node.jobs.bureau_lists import BureauLists
from node.jobs.bureau_models import BureauModels
from node.jobs.bureau_scoring import BureauParts, BureauScoring
from node.jobs.bureau_screening import BureauScreeningCalls, ScreeningService
from node.jobs.bureau_screening_close import BureauScreeningClose
from node.jobs.bureau_upkeep import DAY_MS
from node.jobs.gate import Gate
from node.lists.epochs import ListEpochs
from node.policy.certificates import Authority
from node.policy.consent import UsccField, VerifierConfig
from node.rpc.bureau_services import AlignmentService, ConsentService, ScoringService
from node.rpc.dispatch import Service
from node.rpc.screening_service import ScreeningRpc
from node.storage.bureau_screenings import BureauScreenings
from node.storage.features import FeatureStore
from node.storage.frequencies import FrequenciesStore
from node.storage.ledger import Ledger
from node.storage.screening_lists import ScreeningLists


@dataclass(frozen=True)
class WiredBureau:
    """A bureau's parts, before anybody calls them."""

    features: FeatureStore
    journal: BureauJournal
    alignment: BureauAlignment
    consents: BureauConsents
    models: BureauModels
    scoring: BureauScoring
    frequencies: BureauFrequencies
    ledger: Ledger
    lists: BureauLists
    stored_lists: ScreeningLists
    screening: ScreeningRpc
    list_epochs: ListEpochs

    def services(self) -> list[Service]:
        """Return what banks may call."""
        return [
            AlignmentService(self.alignment).service(),
            ConsentService(self.consents).service(),
            ScoringService(self.models, self.scoring).service(),
            self.screening.service(),
        ]


def wire_bureau(base: Foundation) -> WiredBureau:
    """Return a bureau's parts, with the files gone that a run which was cut off left behind."""
    security = base.settings.security
    gate = Gate(base.documents, base.settings.node.id, base.clock)
    features = FeatureStore(base.database, base.settings.data_directory)
    features.clean()
    journal = BureauJournal(base.database, base.clock)
    models = _models(base, gate)
    book = Ledger(base.database)
    parts = BureauParts(
        base.database,
        journal,
        models,
        base.consents,
        features,
        gate,
        base.compute,
        base.clock,
        ExtractionLedger(book, alert_models=security.ledger_alert_models, alert_days=security.ledger_alert_days),
    )
    stored_lists = ScreeningLists(base.database, base.settings.data_directory)
    stored_lists.clean()
    lists = BureauLists(stored_lists, base.settings.node.id, base.keys.signing, base.clock, base.randomness)
    list_epochs = _list_epochs(base)
    return WiredBureau(
        features=features,
        journal=journal,
        alignment=BureauAlignment(gate, _standing(base), features),
        consents=BureauConsents(base.database, base.consents, gate, base.compute, _verifier(base.settings), base.clock),
        models=models,
        scoring=BureauScoring(parts),
        frequencies=_frequencies(base, features),
        ledger=book,
        lists=lists,
        stored_lists=stored_lists,
        screening=_screening(base, gate, lists, stored_lists, list_epochs),
        list_epochs=list_epochs,
    )


def _list_epochs(base: Foundation) -> ListEpochs:
    limits = base.settings.limits
    epochs = ListEpochs(
        base.database,
        base.settings.data_directory,
        base.sealer,
        base.clock,
        base.randomness,
        runner=base.compute.map,
        wait_seconds=limits.chunk_seconds,
        overlap_ms=round(limits.epoch_overlap_days * DAY_MS),
    )
    epochs.remove_orphans()
    return epochs


def _screening(
    base: Foundation, gate: Gate, lists: BureauLists, stored: ScreeningLists, epochs: ListEpochs
) -> ScreeningRpc:
    journal = BureauScreenings(base.database, base.clock)
    service = ScreeningService(gate, lists, stored, epochs, journal, base.compute, base.clock, base.randomness)
    return ScreeningRpc(
        BureauScreeningCalls(service),
        BureauExchange(service, wait_seconds=base.settings.limits.chunk_seconds),
        BureauScreeningClose(service, base.documents, base.settings.node.id, base.keys.signing),
    )


def _standing(base: Foundation) -> StandingSet:
    standing = StandingSet(
        base.database,
        base.settings.data_directory,
        base.sealer,
        base.clock,
        base.randomness,
        runner=base.compute.map,
        wait_seconds=base.settings.limits.chunk_seconds,
    )
    standing.remove_orphans()
    return standing


def _frequencies(base: Foundation, features: FeatureStore) -> BureauFrequencies:
    store = FrequenciesStore(base.database)
    return BureauFrequencies(store, base.documents, features, base.compute, base.keys.signing, base.clock)


def _models(base: Foundation, gate: Gate) -> BureauModels:
    models = BureauModels(
        base.database,
        base.documents,
        gate,
        base.compute,
        base.models_folder,
        base.clock,
        base.randomness,
        BureauAdmissions(
            base.admissions,
            base.held_admissions,
            base.documents,
            base.settings.node.id,
            base.clock,
            allow_uncertified=base.settings.security.allow_uncertified,
        ),
    )
    models.remove_orphans()
    return models


def _verifier(settings: Settings) -> VerifierConfig:
    authorities = tuple(
        Authority(entry.name, _read_authority(settings.resolve(entry.certificate)), UsccField(entry.uscc_field))
        for entry in settings.consent.authorities
    )
    return VerifierConfig(settings.node.id, authorities)


def _read_authority(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise Refusal(Code.CONFIG_INVALID, f"consent.authorities: {path} cannot be read") from None
