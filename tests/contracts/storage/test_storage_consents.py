"""Consents, revocations and uses, on both databases, alone and under a hundred threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from node.codes import Code, Reason
from node.errors import Refusal
from node.storage.consents import Consents, ConsentStatus, StoredConsent
from node.storage.database import Database
from node.storage.grants import grants, grants_for
from node.storage.registrations import Registration, Registrations, RegistrationState
from node.storage.schema import consent_uses

NOW = 1_790_000_000_000


def terms(number: int, uses: int = 1) -> StoredConsent:
    return StoredConsent(
        consent_id=number.to_bytes(16, "big"),
        uscc=f"{number:018d}",
        bank="bank-a",
        bureau="bureau-a",
        jws=f"header.{number}.signature",
        digest=number.to_bytes(32, "little"),
        purposes=("loan_origination",),
        fields=("sales", "months"),
        model_classes=("risk_rating",),
        not_before_ms=NOW - 1000,
        expires_ms=NOW + 1000 * (number + 1),
        maximum_uses=uses,
        notice_sha256="ab" * 32,
        registered_at=NOW,
    )


@pytest.fixture
def consents(database: Database) -> Consents:
    return Consents(database)


def register(database: Database, consents: Consents, items: list[StoredConsent]) -> list[Reason | None]:
    with database.write() as conn:
        return consents.register(conn, items, NOW)


def use(database: Database, consents: Consents, item: StoredConsent, job: bytes, chunk: int = 0) -> bool:
    """Return whether the use was granted."""
    with database.write() as conn:
        return not consents.use(conn, [(item.consent_id, item.maximum_uses)], job.ljust(16), chunk, NOW)


def uses_of(database: Database) -> int:
    with database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(consent_uses)).scalar_one())


def test_what_is_registered_is_read_back_whole(database: Database, consents: Consents) -> None:
    items = [terms(number) for number in range(3)]
    assert register(database, consents, items) == [None, None, None]
    assert consents.get_many(each.consent_id for each in items) == {each.consent_id: each for each in items}
    assert consents.get_many([b"x" * 16]) == {}


def test_the_same_again_is_accepted_and_another_under_its_id_is_a_conflict(
    database: Database, consents: Consents
) -> None:
    register(database, consents, [terms(1)])
    other = replace(terms(1), digest=b"o" * 32, maximum_uses=99)
    assert register(database, consents, [terms(1), other, terms(2)]) == [None, Reason.CONSENT_CONFLICT, None]
    assert consents.get_many([terms(1).consent_id])[terms(1).consent_id].maximum_uses == 1
    twice = [terms(7), replace(terms(7), digest=b"o" * 32)]
    assert register(database, consents, twice) == [None, Reason.CONSENT_CONFLICT]


def test_a_revoked_consent_stays_revoked(database: Database, consents: Consents) -> None:
    register(database, consents, [terms(1)])
    assert consents.revoke(terms(1).consent_id, "bank-a", "withdrawn", NOW + 5) == terms(1)
    consents.revoke(terms(1).consent_id, "bank-b", "again", NOW + 9)
    with database.read() as conn:
        status = consents.statuses(conn, [terms(1).consent_id])
    assert status == {terms(1).consent_id: ConsentStatus(NOW + 5, 0)}
    assert register(database, consents, [terms(1)]) == [Reason.CONSENT_REVOKED]


def test_revoking_what_is_not_registered_is_refused(consents: Consents) -> None:
    with pytest.raises(Refusal) as refused:
        consents.revoke(b"x" * 16, "bank-a", "", NOW)
    assert refused.value.code is Code.NOT_FOUND


def test_consents_are_found_by_enterprise_for_these_parties_only(database: Database, consents: Consents) -> None:
    later = replace(terms(9), uscc=terms(1).uscc)
    elsewhere = [replace(terms(5), uscc=terms(1).uscc, bank="bank-b"), replace(terms(6), bureau="bureau-b")]
    register(database, consents, [terms(1), later, *elsewhere])
    with database.read() as conn:
        found = grants_for(conn, [terms(1).uscc, terms(6).uscc, "absent"], bank="bank-a", bureau="bureau-a")
    assert {code: [each.consent_id for each in held] for code, held in found.items()} == {
        terms(1).uscc: [later.consent_id, terms(1).consent_id]
    }


def test_a_grant_says_what_its_consent_says(database: Database, consents: Consents) -> None:
    register(database, consents, [terms(1), terms(2)])
    with database.read() as conn:
        found = grants(conn, [terms(1).consent_id, terms(2).consent_id, b"x" * 16])
    assert set(found) == {terms(1).consent_id, terms(2).consent_id}
    stored = consents.get_many([terms(1).consent_id])[terms(1).consent_id]
    grant = found[terms(1).consent_id]
    assert all(getattr(grant, name) == getattr(stored, name) for name in grant._fields if name != "scope")
    scope = grant.scope
    assert (scope.purposes, scope.fields, scope.model_classes) == (stored.purposes, stored.fields, stored.model_classes)
    assert scope is found[terms(2).consent_id].scope


def test_revoked_ones_are_told_apart(database: Database, consents: Consents) -> None:
    register(database, consents, [terms(1), terms(2)])
    consents.revoke(terms(2).consent_id, "bank-a", "", NOW)
    with database.read() as conn:
        assert consents.revoked(conn, [terms(1).consent_id, terms(2).consent_id]) == {terms(2).consent_id}


def test_listing_gives_the_latest_or_those_of_one_enterprise(database: Database, consents: Consents) -> None:
    for number in range(5):
        with database.write() as conn:
            consents.register(conn, [terms(number)], NOW + number)
    assert [each.uscc for each in consents.list(limit=2)] == [terms(4).uscc, terms(3).uscc]
    assert [each.consent_id for each in consents.list(uscc=terms(1).uscc)] == [terms(1).consent_id]


def test_what_is_used_up_is_told_without_counting(database: Database, consents: Consents) -> None:
    once, twice, unknown = terms(1, uses=1), terms(2, uses=2), terms(3)
    register(database, consents, [once, twice])
    assert use(database, consents, once, b"job-1")
    assert use(database, consents, twice, b"job-1")
    pairs = [(each.consent_id, each.maximum_uses) for each in (once, twice, unknown)]
    with database.read() as conn:
        assert consents.exhausted(conn, pairs, b"job-1".ljust(16)) == {unknown.consent_id}
        assert consents.exhausted(conn, pairs, b"job-2".ljust(16)) == {once.consent_id, unknown.consent_id}
    assert uses_of(database) == 2


def test_uses_are_counted_to_the_maximum_and_once_per_job(database: Database, consents: Consents) -> None:
    item = terms(1, uses=2)
    register(database, consents, [item])
    assert use(database, consents, item, b"job-1", chunk=0)
    assert use(database, consents, item, b"job-1", chunk=3)
    assert use(database, consents, item, b"job-2")
    assert not use(database, consents, item, b"job-3")
    assert use(database, consents, item, b"job-1")
    assert uses_of(database) == 2
    with database.read() as conn:
        assert consents.statuses(conn, [item.consent_id, b"x" * 16]) == {
            item.consent_id: ConsentStatus(None, 2),
            b"x" * 16: ConsentStatus(None, 0),
        }


def test_a_consent_that_is_not_registered_has_no_use(database: Database, consents: Consents) -> None:
    assert not use(database, consents, terms(1, uses=5), b"job-1")
    assert uses_of(database) == 0


def test_a_transaction_that_fails_spends_nothing(database: Database, consents: Consents) -> None:
    item = terms(1)
    register(database, consents, [item])

    def spend_and_fail() -> None:
        with database.write() as conn:
            assert consents.use(conn, [(item.consent_id, 1)], b"job-1".ljust(16), 0, NOW) == set()
            raise LookupError

    with pytest.raises(LookupError):
        spend_and_fail()
    assert use(database, consents, item, b"job-2")


def test_a_hundred_threads_on_one_remaining_use_yield_exactly_one(database: Database, consents: Consents) -> None:
    item = terms(1, uses=3)
    register(database, consents, [item])
    assert use(database, consents, item, b"first")
    assert use(database, consents, item, b"second")
    barrier = threading.Barrier(100)

    def compete(number: int) -> bool:
        barrier.wait(timeout=60)
        return use(database, consents, item, f"job-{number}".encode())

    with ThreadPoolExecutor(100) as pool:
        granted = list(pool.map(compete, range(100)))
    assert granted.count(True) == 1
    assert uses_of(database) == 3


def test_jobs_that_take_the_same_consents_in_other_orders_do_not_block_each_other(
    database: Database, consents: Consents
) -> None:
    items = [terms(number, uses=4) for number in range(200)]
    register(database, consents, items)
    barrier = threading.Barrier(8)

    def run(job: int) -> int:
        barrier.wait(timeout=60)
        pairs = [(each.consent_id, 4) for each in (items if job % 2 else items[::-1])]
        with database.write() as conn:
            return len(pairs) - len(consents.use(conn, pairs, bytes([job]) * 16, 0, NOW))

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(run, range(8)))
    assert granted == uses_of(database) == 4 * len(items)


def test_a_release_that_locked_first_is_not_overtaken_by_a_revocation(database: Database, consents: Consents) -> None:
    item = terms(1)
    register(database, consents, [item])
    with ThreadPoolExecutor(1) as pool:
        with database.write() as conn:
            assert consents.lock(conn, [item.consent_id]) == {item.consent_id}
            revoked = pool.submit(consents.revoke, item.consent_id, "bank-a", "", NOW)
            time.sleep(0.3)
            assert not revoked.done()
            assert consents.statuses(conn, [item.consent_id])[item.consent_id].revoked_at is None
        revoked.result(timeout=30)
    with database.read() as conn:
        assert consents.statuses(conn, [item.consent_id])[item.consent_id].revoked_at == NOW


def test_a_whole_chunk_at_once(database: Database, consents: Consents) -> None:
    items = [terms(number, uses=1) for number in range(8192)]
    assert register(database, consents, items) == [None] * 8192
    pairs = [(each.consent_id, 1) for each in items]
    with database.write() as conn:
        assert consents.use(conn, pairs[:100], b"a" * 16, 0, NOW) == set()
        exhausted = consents.use(conn, pairs, b"b" * 16, 0, NOW)
    assert exhausted == {each for each, _ in pairs[:100]}
    assert len(consents.get_many(each for each, _ in pairs)) == 8192
    assert uses_of(database) == 8192


def test_the_latest_word_on_a_registration_counts(database: Database) -> None:
    registrations = Registrations(database)
    one, two = b"1" * 16, b"2" * 16
    refused = Registration(RegistrationState.REFUSED, Reason.CONSENT_EXPIRED)
    registrations.set({one: Registration(RegistrationState.NOT_HELD), two: refused}, NOW)
    registrations.set({one: Registration(RegistrationState.REGISTERED)}, NOW + 1)
    registrations.set({}, NOW + 2)
    assert registrations.get([one, two, b"3" * 16]) == {
        one: Registration(RegistrationState.REGISTERED),
        two: refused,
    }
