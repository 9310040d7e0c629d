"""What every role of a node stands on: settings, keys, database, documents, workers."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from node.clock import Clock
from node.compute import ComputePool
from node.config import Settings
from node.jobs.admissions import HeldAdmissions
from node.jobs.documents import Documents
from node.keys import NodeKeys, Sealer, load_keys, open_sealer
from node.own_card import own_card
from node.storage.admissions import Admissions
from node.storage.agreements import Agreements
from node.storage.catalogues import Catalogues
from node.storage.consents import Consents
from node.storage.database import Database, open_database
from node.storage.parties import Parties
from protocols.randomness import Randomness


@dataclass(frozen=True)
class Foundation:
    """What every role stands on."""

    settings: Settings
    sealer: Sealer
    keys: NodeKeys
    database: Database
    parties: Parties
    documents: Documents
    admissions: Admissions
    held_admissions: HeldAdmissions
    consents: Consents
    compute: ComputePool
    clock: Clock
    randomness: Randomness

    @property
    def models_folder(self) -> Path:
        """Where the files of encrypted models are kept."""
        return self.settings.data_directory / "models"


def lay_foundation(settings: Settings, clock: Clock, randomness: Randomness, closing: ExitStack) -> Foundation:
    """Open keys and database and start the workers; ``closing`` ends what has to be ended.

    Raises:
        Refusal: ``KEY_UNAVAILABLE``, ``STORAGE_UNAVAILABLE``.
    """
    settings.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealer = open_sealer(settings.directory, randomness)
    keys = load_keys(settings.directory, sealer)
    database = open_database(settings.database_url)
    closing.callback(database.dispose)
    database.upgrade()
    parties = Parties(database)
    documents = Documents(
        parties, Catalogues(database), Agreements(database), own_card(settings, keys), keys.signing, clock
    )
    compute = ComputePool(
        settings.compute.workers, settings.compute.memory_limit_mb, settings.compute.chunk_timeout_seconds
    )
    closing.callback(compute.close)
    admissions = Admissions(database)
    held = HeldAdmissions(admissions, documents, settings.node.id, settings.node.role, clock)
    return Foundation(
        settings,
        sealer,
        keys,
        database,
        parties,
        documents,
        admissions,
        held,
        Consents(database),
        compute,
        clock,
        randomness,
    )
