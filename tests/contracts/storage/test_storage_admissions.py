"""Admissions on both databases: one id, one body; signatures and revocations that come one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.codes import Code, Role
from node.storage.admissions import Admissions, Standing, StoredAdmission, StoredRevocation
from node.storage.database import Database
from node.storage.parties import Parties
from tests.support.trial import refusal_of

NOW = 1_800_000_000_000
MODEL, BESIDE = b"m" * 32, b"n" * 32


def stored(name: str = "one", *, body: bytes = b"b", signatures: bytes = b"1", at: int = NOW) -> StoredAdmission:
    file = (name.encode() + signatures).ljust(32, b".")
    return StoredAdmission(name, "bank-a", MODEL, signatures, body.ljust(32, b"."), file, at)


def merged(old: bytes, new: bytes) -> StoredAdmission:
    return stored(signatures=old + new)


def revocation(name: str = "one", auditor: str = "auditor-one") -> StoredRevocation:
    return StoredRevocation(name, auditor, b"signed", "wrong sample", NOW, NOW)


@pytest.fixture
def admissions(database: Database) -> Admissions:
    return Admissions(database)


@pytest.fixture
def parties(database: Database) -> Parties:
    found = Parties(database)
    for place, auditor in enumerate(("auditor-one", "auditor-two")):
        found.trust(b"card", Role.AUDITOR, auditor, NOW + place)
    found.trust(b"card", Role.BUREAU, "bureau-zj", NOW)
    return found


def test_the_same_admission_again_changes_nothing(admissions: Admissions) -> None:
    for _ in range(2):
        admissions.save(stored(), [MODEL], lambda old, new: stored())
    assert admissions.list() == [admissions.get("one")] == [stored()]
    assert admissions.get("two") is None


def test_a_further_signature_replaces_the_document_alone(admissions: Admissions) -> None:
    admissions.save(stored(), [MODEL], merged)
    admissions.save(stored(signatures=b"2", at=NOW + 5), [MODEL], merged)
    assert admissions.list() == [stored(signatures=b"12")]
    assert admissions.document(stored(signatures=b"12").file_digest) == b"12"
    assert admissions.document(stored().file_digest) is None


def test_an_id_stands_for_one_body(admissions: Admissions) -> None:
    admissions.save(stored(), [MODEL], merged)
    assert refusal_of(lambda: admissions.save(stored(body=b"c"), [MODEL], merged)) is Code.WRONG_STATE
    assert admissions.list() == [stored()]


def test_a_model_finds_every_admission_that_names_it(admissions: Admissions, parties: Parties) -> None:
    trusted = {"auditor-one": NOW, "auditor-two": NOW + 1}
    admissions.save(stored(), [MODEL], merged)
    admissions.save(replace(stored("two", at=NOW + 1), model_id=BESIDE), [MODEL, BESIDE], merged)
    first = Standing("one", stored("one").file_digest, trusted)
    second = Standing("two", stored("two").file_digest, trusted)
    assert admissions.standings("bank-a", MODEL) == (second, first)
    assert admissions.standings("bank-a", BESIDE) == (second,)
    assert admissions.standings("bank-b", MODEL) == ()
    assert admissions.standings("bank-a", b"x" * 32) == ()


def test_a_standing_tells_who_is_trusted_and_who_revoked(admissions: Admissions, parties: Parties) -> None:
    admissions.save(stored(), [MODEL], merged)
    parties.suspend("auditor-one", NOW + 7)
    for auditor in ("auditor-two", "auditor-one"):
        admissions.save_revocation(revocation(auditor=auditor))
    (standing,) = admissions.standings("bank-a", MODEL)
    assert standing == Standing("one", stored().file_digest, {"auditor-two": NOW + 1}, {"auditor-one", "auditor-two"})
    parties.trust(b"new card", Role.AUDITOR, "auditor-one", NOW + 8)
    (standing,) = admissions.standings("bank-a", MODEL)
    assert standing.trusted == {"auditor-one": NOW + 8, "auditor-two": NOW + 1}


def test_without_an_auditor_there_is_a_standing_all_the_same(admissions: Admissions) -> None:
    admissions.save(stored(), [MODEL], merged)
    assert admissions.standings("bank-a", MODEL) == (Standing("one", stored().file_digest),)


def test_the_first_revocation_of_an_auditor_stays_and_may_come_first(admissions: Admissions, parties: Parties) -> None:
    admissions.save_revocation(revocation())
    admissions.save_revocation(replace(revocation(), reason="another reason"))
    assert admissions.revocations() == [revocation()]
    admissions.save(stored(), [MODEL], merged)
    assert admissions.standings("bank-a", MODEL)[0].revoked_by == {"auditor-one"}
