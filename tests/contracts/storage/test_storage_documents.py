"""Parties, catalogues and agreements on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.codes import Code, Role
from node.errors import Refusal
from node.storage.agreements import Agreements, StoredAgreement
from node.storage.catalogues import Catalogues, StoredCatalogue
from node.storage.database import Database
from node.storage.parties import Parties, PartyState, StoredParty

CATALOGUE = StoredCatalogue("base", 1, "bureau-a", '{"名":"值"}'.encode(), b"d" * 32, 5)
AGREEMENT = StoredAgreement("agreement-1", "bank-a", "bureau-a", b"{}", b"d" * 32, 100, 200, 5)


def test_a_party_is_pinned_suspended_and_resumed(database: Database) -> None:
    parties = Parties(database)
    assert parties.get("bank-a") is None
    trusted = parties.trust(b"card", Role.BANK, "bank-a", 1)
    assert parties.get("bank-a") == trusted == StoredParty("bank-a", Role.BANK, b"card", PartyState.TRUSTED, 1, 1)
    assert trusted.trusted
    assert not parties.suspend("bank-a", 2).trusted
    assert parties.get("bank-a") == replace(trusted, state=PartyState.SUSPENDED, changed_at=2)
    assert parties.resume("bank-a", 3) == replace(trusted, changed_at=3)


def test_a_new_card_replaces_the_old_one_and_trusts_again(database: Database) -> None:
    parties = Parties(database)
    parties.trust(b"old", Role.BANK, "bank-a", 1)
    parties.suspend("bank-a", 2)
    parties.trust(b"new", Role.BANK, "bank-a", 3)
    parties.trust(b"other", Role.AUDITOR, "auditor-a", 4)
    assert [(each.party_id, each.card, each.trusted) for each in parties.list()] == [
        ("auditor-a", b"other", True),
        ("bank-a", b"new", True),
    ]


def test_a_party_does_not_change_its_role(database: Database) -> None:
    parties = Parties(database)
    parties.trust(b"card", Role.BANK, "bank-a", 1)
    with pytest.raises(Refusal) as refused:
        parties.trust(b"card2", Role.BUREAU, "bank-a", 2)
    assert refused.value.code is Code.WRONG_STATE
    stored = parties.get("bank-a")
    assert stored is not None
    assert stored.card == b"card"


def test_a_party_that_is_not_there_cannot_be_suspended(database: Database) -> None:
    for change in (Parties(database).suspend, Parties(database).resume):
        with pytest.raises(Refusal) as refused:
            change("nobody", 1)
        assert refused.value.code is Code.NOT_FOUND


def test_catalogues_are_kept_by_version(database: Database) -> None:
    catalogues = Catalogues(database)
    assert catalogues.get("base") is None
    assert catalogues.save(CATALOGUE)
    assert not catalogues.save(replace(CATALOGUE, imported_at=9))
    newer = replace(CATALOGUE, version=2, digest=b"e" * 32)
    assert catalogues.save(newer)
    assert catalogues.get("base") == newer
    assert catalogues.get("base", 1) == CATALOGUE
    assert catalogues.get("base", 3) is None
    assert catalogues.list() == [CATALOGUE, newer]


def test_a_catalogues_version_never_changes(database: Database) -> None:
    catalogues = Catalogues(database)
    catalogues.save(CATALOGUE)
    with pytest.raises(Refusal) as refused:
        catalogues.save(replace(CATALOGUE, digest=b"x" * 32, document=b"other"))
    assert refused.value.code is Code.WRONG_STATE
    assert catalogues.list() == [CATALOGUE]


def test_agreements_between_two_parties(database: Database) -> None:
    agreements = Agreements(database)
    later = replace(AGREEMENT, agreement_id="agreement-2", valid_from=150, valid_until=300, digest=b"e" * 32)
    other = replace(AGREEMENT, agreement_id="agreement-3", bank="bank-b")
    assert all(agreements.save(each) for each in (AGREEMENT, later, other))
    assert not agreements.save(AGREEMENT)
    assert agreements.between("bank-a", "bureau-a") == [later, AGREEMENT]
    assert [AGREEMENT.state(now) for now in (99, 100, 200)] == ["future", "active", "expired"]
    assert agreements.get("agreement-3") == other
    assert agreements.get("agreement-9") is None
    assert agreements.list() == [AGREEMENT, later, other]


def test_an_agreement_never_changes(database: Database) -> None:
    agreements = Agreements(database)
    agreements.save(AGREEMENT)
    with pytest.raises(Refusal) as refused:
        agreements.save(replace(AGREEMENT, digest=b"x" * 32))
    assert refused.value.code is Code.WRONG_STATE
