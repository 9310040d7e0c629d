"""Signed documents at a node: who is trusted, which catalogues and agreements stand here. Verified when they come in.

A document is verified once more when it is read the first time in a process, then kept by its digest.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache

from node.clock import Clock
from node.codes import Code, Role
from node.errors import Refusal
from node.policy import agreement as agreements_policy
from node.policy import card as card_policy
from node.policy import catalogue as catalogue_policy
from node.policy import documents
from node.policy.agreement import Agreement
from node.policy.card import PartyCard
from node.policy.catalogue import Catalogue
from node.policy.thresholds import require_possible
from node.rpc.peers import check_card
from node.storage.agreements import Agreements, StoredAgreement
from node.storage.catalogues import Catalogues, StoredCatalogue
from node.storage.parties import Parties, StoredParty
from protocols.primitives.signing import SigningKey, VerifyKey

_card = lru_cache(256)(card_policy.parse)  # by its bytes: verified once, however often it is asked for


class Documents:
    """Cards, catalogues and agreements of one node, in their verified form."""

    def __init__(
        self,
        parties: Parties,
        catalogues: Catalogues,
        agreements: Agreements,
        own_card: PartyCard,
        key: SigningKey,
        clock: Clock,
    ) -> None:
        self._parties = parties
        self._catalogues = catalogues
        self._agreements = agreements
        self._own = own_card
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._parsed: dict[bytes, Catalogue | Agreement] = {}
        self._versions: dict[tuple[str, int], Catalogue] = {}
        self._between: dict[tuple[str, str], list[StoredAgreement]] = {}

    # ---- parties

    def trust(self, card: bytes) -> StoredParty:
        """Pin a party by its card.

        Raises:
            Refusal: ``INVALID_INPUT`` for a card that is malformed or not signed by its own key, or for one's own.
        """
        parsed = card_policy.parse(card)
        if parsed.party_id == self._own.party_id:
            raise Refusal(Code.INVALID_INPUT, "this is the node's own card; trust the peer's")
        check_card(parsed)
        return self._parties.trust(card, Role(parsed.role), parsed.party_id, self._clock())

    def suspend(self, party_id: str, *, resume: bool) -> StoredParty:
        """Stop a party at once, or answer it again."""
        now = self._clock()
        return self._parties.resume(party_id, now) if resume else self._parties.suspend(party_id, now)

    def parties(self) -> list[tuple[StoredParty, PartyCard]]:
        """Return all pinned parties with their cards."""
        return [(party, _card(party.card)) for party in self._parties.list()]

    def trusted_card(self, party_id: str) -> PartyCard:
        """Return a trusted party's card.

        Raises:
            Refusal: ``PEER_UNTRUSTED``.
        """
        party = self._parties.get(party_id)
        if party is None:
            raise Refusal(Code.PEER_UNTRUSTED, f"party {party_id} was never trusted here")
        if not party.trusted:
            raise Refusal(Code.PEER_UNTRUSTED, f"party {party_id} is suspended here")
        return _card(party.card)

    def _keys(self) -> Mapping[str, VerifyKey]:
        """Verification keys of all pinned parties and of this node; suspension does not unsign a document."""
        keys = {card.party_id: card.verify_key for _, card in self.parties()}
        return {**keys, self._own.party_id: self._own.verify_key}

    def auditor_keys(self, *, though_suspended: bool = False) -> dict[str, VerifyKey]:
        """Return the verification keys of the auditors that are trusted here, by party id."""
        return {
            card.party_id: card.verify_key
            for stored, card in self.parties()
            if stored.role is Role.AUDITOR and (stored.trusted or though_suspended)
        }

    # ---- catalogues

    def import_catalogue(self, data: bytes) -> StoredCatalogue:
        """Keep a catalogue: a bureau signs its own, a bank checks the bureau's signature."""
        if self._own.role == Role.BUREAU:
            catalogue = catalogue_policy.parse_draft(data)
            if catalogue.bureau != self._own.party_id:
                raise Refusal(Code.INVALID_INPUT, "bureau: the catalogue names another bureau than this node")
            document = catalogue.sign(self._key)
        else:
            document = documents.decode(data, catalogue_policy.CATALOGUE_KIND)
            bureau = Catalogue.from_body(document.body).bureau
            catalogue = catalogue_policy.verify(document, self.trusted_card(bureau).verify_key)
        stored = StoredCatalogue(
            catalogue.catalogue_id,
            catalogue.version,
            catalogue.bureau,
            document.encode(),
            document.digest,
            self._clock(),
        )
        self._catalogues.save(stored)
        return stored

    def catalogue(self, catalogue_id: str, version: int | None = None) -> Catalogue:
        """Return a catalogue version, or the latest. A version never changes: it is read from storage once.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        if version is not None and (known := self._versions.get((catalogue_id, version))) is not None:
            return known
        found = self._parse_catalogue(self.stored_catalogue(catalogue_id, version))
        self._versions[found.catalogue_id, found.version] = found
        return found

    def stored_catalogue(self, catalogue_id: str, version: int | None = None) -> StoredCatalogue:
        """Return a catalogue as it is kept; see :meth:`catalogue`."""
        stored = self._catalogues.get(catalogue_id, version)
        if stored is None:
            raise Refusal(
                Code.NOT_FOUND, f"catalogue {catalogue_id}{f' version {version}' if version else ''} is not here"
            )
        return stored

    def catalogues(self) -> list[tuple[StoredCatalogue, Catalogue]]:
        """Return all catalogue versions."""
        return [(stored, self._parse_catalogue(stored)) for stored in self._catalogues.list()]

    def _parse_catalogue(self, stored: StoredCatalogue) -> Catalogue:
        with self._lock:
            found = self._parsed.get(stored.digest)
        if isinstance(found, Catalogue):
            return found
        catalogue = catalogue_policy.parse(stored.document, self._keys()[stored.bureau])
        with self._lock:
            self._parsed[stored.digest] = catalogue
        return catalogue

    # ---- agreements

    def sign_agreement(self, data: bytes) -> bytes:
        """Return the agreement of a file with this node's signature added.

        Raises:
            Refusal: ``INVALID_INPUT`` where this node is no party to it, its catalogue or fields are not known here, or
                no model can meet its thresholds.
        """
        agreement, document = agreements_policy.parse_draft(data)
        if self._own.party_id not in agreement.parties:
            raise Refusal(Code.INVALID_INPUT, "this node is neither bank nor bureau of the agreement")
        self._check_content(agreement)
        require_possible(agreement.certification)
        return documents.add_signature(document, self._key, self._own.party_id).encode()

    def import_agreement(self, data: bytes) -> StoredAgreement:
        """Keep an agreement that both parties signed."""
        document = documents.decode(data, agreements_policy.AGREEMENT_KIND)
        agreement = agreements_policy.verify(document, self._keys())
        if self._own.party_id not in agreement.parties:
            raise Refusal(Code.INVALID_INPUT, "this node is neither bank nor bureau of the agreement")
        self._check_content(agreement)
        stored = StoredAgreement(
            agreement.agreement_id,
            agreement.bank,
            agreement.bureau,
            document.encode(),
            document.digest,
            agreement.valid_from_ms,
            agreement.valid_until_ms,
            self._clock(),
        )
        self._agreements.save(stored)
        with self._lock:
            self._between.pop((stored.bank, stored.bureau), None)
        return stored

    def _check_content(self, agreement: Agreement) -> None:
        """What both sign must exist: the catalogue version and every field in it."""
        catalogue = self.catalogue(agreement.catalogue_id, agreement.catalogue_version)
        if catalogue.bureau != agreement.bureau:
            raise Refusal(Code.INVALID_INPUT, "catalogue_id: the catalogue belongs to another bureau")
        for place, field in enumerate(agreement.fields):
            if field not in catalogue.by_id:
                raise Refusal(Code.FIELD_NOT_ALLOWED, f"fields[{place}]: not in catalogue {agreement.catalogue_id}")

    def agreements(self) -> list[tuple[StoredAgreement, Agreement]]:
        """Return all agreements."""
        return [(stored, self._parse_agreement(stored)) for stored in self._agreements.list()]

    def agreement(self, agreement_id: str) -> StoredAgreement:
        """Return an agreement as it is kept.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        stored = self._agreements.get(agreement_id)
        if stored is None:
            raise Refusal(Code.NOT_FOUND, f"agreement {agreement_id} is not here")
        return stored

    def agreements_in_force(self, bank: str, bureau: str) -> list[Agreement]:
        """Return the agreements of these two that are in force now, the youngest first.

        Asked at every call. Agreements are never changed or taken away, they only end: those between two parties are
        read from storage once, and again after an import; their terms are compared with the clock each time.
        """
        with self._lock:  # over the read as well, so that an import meanwhile is not overlooked
            between = self._between.get((bank, bureau))
            if between is None:
                between = self._between[bank, bureau] = self._agreements.between(bank, bureau)
        now = self._clock()
        return [self._parse_agreement(each) for each in between if each.valid_from <= now < each.valid_until]

    def _parse_agreement(self, stored: StoredAgreement) -> Agreement:
        with self._lock:
            found = self._parsed.get(stored.digest)
        if isinstance(found, Agreement):
            return found
        agreement = agreements_policy.parse(stored.document, self._keys())
        with self._lock:
            self._parsed[stored.digest] = agreement
        return agreement
