"""An auditor's directory: keys, trusted cards, and what was reviewed. No process runs; each command opens it anew.

DIR/keys, DIR/banktax.toml, DIR/data    as at every party (:mod:`node.initialise`)
DIR/reviews/<dossier digest>.sealed     what a review found, sealed under the node key; no points, no seeds
DIR/auditor.log                         what was done, one line each (:mod:`node.certification.office_log`)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from node.certification.office_log import Deed, OfficeLog
from node.certification.result import ReviewResult
from node.clock import Clock
from node.codes import Code, Role
from node.config import Settings, load
from node.errors import Refusal
from node.jobs.documents import Documents
from node.keys import NodeKeys, Sealer, load_keys, open_sealer
from node.own_card import own_card
from node.policy.card import PartyCard
from node.policy.shapes import Hex32
from node.storage.agreements import Agreements
from node.storage.catalogues import Catalogues
from node.storage.database import open_database
from node.storage.durable import write_whole
from node.storage.parties import Parties
from protocols.primitives.public_encryption import EncryptionKey
from protocols.primitives.signing import VerifyKey
from protocols.randomness import Randomness

REVIEWS_DIRECTORY = "reviews"
LOG_FILE = "auditor.log"
MOST_LOGGED = 1000
"""Characters of a log line's detail."""


@dataclass(frozen=True)
class AuditorOffice:
    """What every command of an auditor works with; made by :func:`open_office`."""

    settings: Settings
    sealer: Sealer
    keys: NodeKeys
    documents: Documents
    log: OfficeLog
    clock: Clock
    randomness: Randomness

    @property
    def party_id(self) -> str:
        """The auditor's own party id."""
        return self.settings.node.id

    @property
    def encryption_key(self) -> EncryptionKey:
        """What dossiers are encrypted to.

        Raises:
            Refusal: ``KEY_UNAVAILABLE``: the directory has none.
        """
        if self.keys.encryption is None:
            raise Refusal(
                Code.KEY_UNAVAILABLE,
                "this directory has no encryption key",
                remedy="Make a new one with banktax init auditor.",
            )
        return self.keys.encryption

    def key_of(self, party_id: str, role: Role) -> VerifyKey:
        """Return the verification key of a party of one role that is trusted here.

        Raises:
            Refusal: ``PEER_UNTRUSTED``: never trusted, suspended, or of another role.
        """
        card = self.documents.trusted_card(party_id)
        if card.role is not role:
            raise Refusal(Code.PEER_UNTRUSTED, f"{party_id} is trusted here as a {card.role}, not as a {role}")
        return card.verify_key

    def own_card(self) -> PartyCard:
        """Return what others trust this auditor by."""
        return own_card(self.settings, self.keys)

    # ---- reviews

    def save(self, result: ReviewResult) -> None:
        """Keep what a review found; a later review of the same dossier replaces it."""
        self._reviews.mkdir(mode=0o700, exist_ok=True)
        sealed = self.sealer.seal(result.to_json(), _label(result.dossier))
        write_whole(self._path(result.dossier), sealed)

    def record(self, result: ReviewResult) -> None:
        """Keep a review and log it."""
        self.save(result)
        failed = "; ".join(check.text for check in result.failures)
        self.note(Deed.REFUSED if failed else Deed.REVIEWED, result, failed[:MOST_LOGGED])

    def note(self, deed: Deed, result: ReviewResult, detail: str = "") -> None:
        """Log a deed about a reviewed model."""
        facts = result.facts
        self.log.append(
            deed, bank=facts.bank, model=facts.label, model_id=facts.model_id, dossier=result.dossier, detail=detail
        )

    def review(self, reference: str) -> ReviewResult:
        """Return the latest review of a model, by the first digits of its id or of a dossier's digest, or by its name.

        Raises:
            Refusal: ``NOT_FOUND``: none, or more than one model is meant; ``KEY_UNAVAILABLE``.
        """
        found = [result for result in self.reviews() if reference in result.names or _is_start(reference, result)]
        if len({result.facts.model_id for result in found}) != 1:
            several = "several models have" if found else "no review here has"
            raise Refusal(
                Code.NOT_FOUND,
                f"{several} this digest, model id or name",
                remedy="Name the dossier by its digest: banktax auditor log.",
            )
        return found[0]

    def reviews(self) -> list[ReviewResult]:
        """Return what every review found, the latest first."""
        found = [
            ReviewResult.from_json(self.sealer.open(path.read_bytes(), _label(path.stem)))
            for path in sorted(self._reviews.glob("*.sealed"))
        ]
        return sorted(found, key=lambda result: result.reviewed_at, reverse=True)

    def _path(self, dossier: Hex32) -> Path:
        return self._reviews / f"{dossier}.sealed"

    @property
    def _reviews(self) -> Path:
        return self.settings.directory / REVIEWS_DIRECTORY


def _label(dossier: str) -> str:
    return f"review/{dossier}"


def _is_start(reference: str, result: ReviewResult) -> bool:
    return len(reference) >= 8 and any(name.startswith(reference) for name in (result.dossier, result.facts.model_id))


@contextmanager
def open_office(directory: Path, clock: Clock, randomness: Randomness) -> Iterator[AuditorOffice]:
    """Open an auditor's directory.

    Raises:
        Refusal: ``WRONG_ROLE``: another party lives there; ``CONFIG_INVALID``, ``KEY_UNAVAILABLE``,
            ``STORAGE_UNAVAILABLE``.
    """
    settings = load(directory)
    if settings.node.role is not Role.AUDITOR:
        raise Refusal(Code.WRONG_ROLE, f"{directory} is the directory of a {settings.node.role}, not of an auditor")
    settings.data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealer = open_sealer(settings.directory, randomness)
    keys = load_keys(settings.directory, sealer)
    database = open_database(settings.database_url)
    try:
        database.upgrade()
        card = own_card(settings, keys)
        documents = Documents(Parties(database), Catalogues(database), Agreements(database), card, keys.signing, clock)
        log = OfficeLog(settings.directory / LOG_FILE, clock)
        yield AuditorOffice(settings, sealer, keys, documents, log, clock, randomness)
    finally:
        database.dispose()
