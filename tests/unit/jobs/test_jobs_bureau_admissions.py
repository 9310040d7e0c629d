"""Which admission allows a model at a bureau: of a real model, with one thing wrong at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import delete

from node.codes import Code, Role
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.admissions import HeldAdmissions
from node.jobs.bureau_admissions import BureauAdmissions, Certificate, ModelAtHand, Together
from node.policy.agreement import Agreement, Certification
from node.policy.card import PartyCard
from node.storage.schema import admission_models, admission_revocations, admissions
from tests.support.admissions import (
    AUDITOR,
    FIGURES,
    OTHER_AUDITOR,
    THRESHOLDS,
    admission_of,
    admit,
    body_of,
    material_of,
    revocation_of,
    signed,
    trust_auditors,
)
from tests.support.pair import DAY_MS, Pair, Prepared
from tests.support.policy import party_key
from tests.support.sides import BANK, BUREAU, party_card
from tests.support.transport import MovableClock
from tests.support.trial import refusal_of

AGREEMENTS = count()
Looking = Callable[..., Certificate | None]


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def world(
    prepared_pair: Prepared, tmp_path_factory: pytest.TempPathFactory, compute: ComputePool, clock: MovableClock
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("admissions") / "pair"
    shutil.copytree(prepared_pair.folder, folder)
    made = Pair(folder, prepared_pair.data, prepared_pair.signer, compute, clock)
    trust_auditors(made.bureau, made.bank)
    yield made
    made.close()


@pytest.fixture
def pair(world: Pair, clock: MovableClock) -> Iterator[Pair]:
    """The pair without any admission, its auditors trusted, the clock right."""
    yield world
    clock.shift_ms = 0
    trust_auditors(world.bureau)
    for side in (world.bureau, world.bank):
        with side.database.write() as connection:
            for table in (admissions, admission_models, admission_revocations):
                connection.execute(delete(table))


def agreement(pair: Pair, auditors: tuple[str, ...] = (AUDITOR, OTHER_AUDITOR), **limits: Any) -> Agreement:
    (found,) = pair.bureau.documents.agreements_in_force(BANK, BUREAU)
    changes = {
        "agreement_id": f"certified-{next(AGREEMENTS)}",
        "auditors": auditors,
        "certification": Certification(**limits),
    }
    return found.model_copy(update=changes)


@pytest.fixture
def look(pair: Pair) -> Looking:
    """Ask for the certificate of the bank's model."""
    deciding = BureauAdmissions(
        pair.bureau.admissions,
        pair.bureau.held_admissions,
        pair.bureau.documents,
        BUREAU,
        pair.clock,
        allow_uncertified=False,
    )
    model = pair.bureau.models.get(BANK, pair.bank.models.find("synthetic-card").model_id)

    def looking(under: Agreement | None = None, *, running: bool = False, **changes: Any) -> Certificate | None:
        at_hand = replace(model.at_hand, **changes)
        standings = deciding.standings(at_hand.bank, model.model_id)
        return deciding.certificate(at_hand, standings, under or agreement(pair), running=running)

    return looking


def why(look: Looking, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Refusal) as caught:
        look(*arguments, **options)
    assert caught.value.code is Code.MODEL_NOT_ADMITTED
    return caught.value.detail


def at(pair: Pair, days: float) -> str:
    return (datetime.fromtimestamp(pair.clock() // 1000, UTC) + timedelta(days=days)).isoformat()


def _body(pair: Pair) -> dict[str, Any]:
    return body_of(admit(pair.bank))


def test_an_admission_of_exactly_this_model(pair: Pair, look: Looking) -> None:
    assert why(look) == "the model carries no admission"
    pair.bureau.held_admissions.add(admit(pair.bank))
    found = look()
    assert found == Certificate(pair.bank.models.find("synthetic-card").model_id, 9966, ())
    assert look() == found, "verified once, then kept"


def test_without_any_admission_a_trial_may_go_on_and_with_a_bad_one_not(pair: Pair) -> None:
    model = pair.bureau.models.get(BANK, pair.bank.models.find("synthetic-card").model_id)
    assert pair.bureau.models.certificate(model, agreement(pair), running=False) is None
    pair.bureau.held_admissions.add(admit(pair.bank, expires_at=at(pair, 5), review_by=at(pair, 4)))
    model = pair.bureau.models.get(BANK, model.model_id)
    other = agreement(pair, auditors=(OTHER_AUDITOR,))
    assert refusal_of(lambda: pair.bureau.models.certificate(model, other, running=True)) is Code.MODEL_NOT_ADMITTED


OTHERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "encrypted again": lambda body: {"encrypted_digest": "ab" * 32},
    "another profile": lambda body: {"profile": "paillier-3072-1", "engine": "paillier"},
    "another version": lambda body: {"version": "2"},
    "another class": lambda body: {"model_class": "anti_fraud"},
    "more purposes": lambda body: {"purposes": ["loan_origination", "loan_monitoring"]},
    "another catalogue": lambda body: {"catalogue": {"id": "synthetic", "version": 2}},
    "reordered ciphertexts": lambda body: {"ciphertext_digests": body["ciphertext_digests"][::-1]},
    "one ciphertext replaced": lambda body: {"ciphertext_digests": [*body["ciphertext_digests"][:-1], "cd" * 32]},
    "one ciphertext fewer": lambda body: {"ciphertext_digests": body["ciphertext_digests"][:-1]},
    "another key": lambda body: {"public_key_digest": "cd" * 32},
    "another edge": lambda body: {"fields": [{**body["fields"][0], "edges": ["1", "2"]}, *body["fields"][1:]]},
    "fields in another order": lambda body: {"fields": body["fields"][::-1]},
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_admission_of_another_model_under_this_ones_id(pair: Pair, look: Looking, name: str) -> None:
    changes = OTHERS[name](_body(pair))
    pair.bureau.held_admissions.add(admit(pair.bank, **changes))
    assert why(look).startswith(("the admission is for", "the admission names other ciphertexts", "catalogue"))


def test_an_admission_for_another_bank_or_bureau(pair: Pair, look: Looking) -> None:
    held = pair.bureau.held_admissions
    assert refusal_of(lambda: held.add(admit(pair.bank, bureaus=["bureau-ah"]))) is Code.MODEL_NOT_ADMITTED
    held.add(admit(pair.bank, bank="bank-b"))
    assert why(look) == "the model carries no admission", "it is none of this bank's"
    assert refusal_of(lambda: pair.bank.held_admissions.add(admit(pair.bank, bank="bank-b"))) is Code.MODEL_NOT_ADMITTED
    mine = ModelAtHand(BANK, material_of(pair.bank)[0], None)
    with pytest.raises(Refusal, match="another bank"):
        pair.bureau.models._admissions.take(mine, admit(pair.bank, bank="bank-b"))
    with pytest.raises(Refusal, match="another model"):
        pair.bureau.models._admissions.take(mine, admit(pair.bank, model_id="ab" * 32))


def test_an_admission_ends(pair: Pair, look: Looking, clock: MovableClock) -> None:
    pair.bureau.held_admissions.add(admit(pair.bank, review_by=at(pair, 10), expires_at=at(pair, 20)))
    clock.shift_ms = 10 * DAY_MS - 2000
    assert look() is not None
    clock.shift_ms = 10 * DAY_MS
    assert "overdue" in why(look)
    assert look(running=True) is not None, "what runs may end"
    clock.shift_ms = 20 * DAY_MS
    assert why(look, running=True) == "the admission has expired"


def test_a_later_admission_takes_over(pair: Pair, look: Looking, clock: MovableClock) -> None:
    held = pair.bureau.held_admissions
    held.add(admit(pair.bank, review_by=at(pair, 10), expires_at=at(pair, 20)))
    clock.shift_ms = 15 * DAY_MS
    held.add(admit(pair.bank, admission_id="renewed"))
    assert look() is not None
    held.add(revocation_of("renewed", pair.clock()))
    assert why(look) == "the admission was revoked", "of the one that came last, though the older one is overdue only"
    assert look(running=True) is not None
    assert [each.state for each in held.list()] == ["revoked", "overdue"]


@pytest.mark.parametrize(("auditor", "counts"), [(AUDITOR, True), (OTHER_AUDITOR, True), ("auditor-three", False)])
def test_whose_revocation_counts(pair: Pair, look: Looking, auditor: str, counts: bool) -> None:
    """Of whoever signed, and of every auditor of the agreement; nobody else's."""
    trust_auditors(pair.bureau, auditors=["auditor-three"])
    held = pair.bureau.held_admissions
    document = admit(pair.bank)
    name = _body(pair)["admission_id"]
    assert held.add(revocation_of(name, pair.clock(), auditor)).state == "revoked", "it came before its admission"
    held.add(document)
    if counts:
        assert why(look, running=True) == "the admission was revoked"
    else:
        assert look() is not None


def test_a_suspended_auditor_revokes_but_does_not_admit(pair: Pair, look: Looking) -> None:
    held, documents = pair.bureau.held_admissions, pair.bureau.documents
    held.add(admit(pair.bank))
    assert look() is not None
    documents.suspend(AUDITOR, resume=False)
    assert "auditor-one" in why(look, running=True)
    assert [each.state for each in held.list()] == ["untrusted"]
    assert refusal_of(lambda: held.add(admit(pair.bank, admission_id="new"))) is Code.PEER_UNTRUSTED
    assert held.add(revocation_of(_body(pair)["admission_id"], pair.clock())).state == "revoked"
    documents.suspend(AUDITOR, resume=True)
    assert why(look) == "the admission was revoked"


def test_an_auditor_that_changed_its_key(pair: Pair, look: Looking) -> None:
    pair.bureau.held_admissions.add(admit(pair.bank))
    assert look() is not None
    other = party_key("another key")
    body = party_card(AUDITOR, Role.AUDITOR).to_body()
    card = PartyCard.from_body(body | {"signing_key": other.verify_key.encoded.hex()})
    pair.bureau.documents.trust(card.sign(other).encode())
    assert "another key" in why(look)


def test_an_auditor_that_the_agreement_does_not_name(pair: Pair, look: Looking) -> None:
    pair.bureau.held_admissions.add(admit(pair.bank))
    assert "no auditor" in why(look, agreement(pair, auditors=(OTHER_AUDITOR,)))
    assert "no auditor" in why(look, agreement(pair, auditors=()))


def test_a_stranger_and_a_forged_signature_do_not_come_in(pair: Pair) -> None:
    held = pair.bureau.held_admissions
    assert refusal_of(lambda: held.add(admit(pair.bank, auditor="auditor-nine"))) is Code.PEER_UNTRUSTED
    assert refusal_of(lambda: held.add(revocation_of("some", pair.clock(), "auditor-nine"))) is Code.PEER_UNTRUSTED
    forged = admit(pair.bank).replace(b'"distinct_scores": 1000', b'"distinct_scores": 1001')
    assert refusal_of(lambda: held.add(forged)) is Code.PEER_UNTRUSTED
    assert refusal_of(lambda: held.add(b"{}")) is Code.INVALID_INPUT
    assert refusal_of(lambda: held.add(b"\xff")) is Code.INVALID_INPUT
    assert held.list() == []


def test_a_party_that_is_no_auditor_signs_nothing(pair: Pair) -> None:
    document = admit(pair.bank, auditor="bank-c")
    pair.bureau.documents.trust(party_card("bank-c", Role.BANK).sign(party_key("bank-c")).encode())
    assert refusal_of(lambda: pair.bureau.held_admissions.add(document)) is Code.PEER_UNTRUSTED


def test_two_reviewers(pair: Pair, look: Looking) -> None:
    two = agreement(pair, reviewers=2)
    held = pair.bureau.held_admissions
    admission = admission_of(*material_of(pair.bank), BANK, pair.clock())
    held.add(signed(admission))
    assert "1 of 2 auditors" in why(look, two)
    assert held.add(signed(admission, OTHER_AUDITOR)).auditors == (AUDITOR, OTHER_AUDITOR)
    assert look(two) is not None
    held.add(signed(admission))
    assert look(two) is not None, "a file with fewer signatures takes none away"


def test_the_same_id_for_another_body(pair: Pair) -> None:
    pair.bureau.held_admissions.add(admit(pair.bank))
    again = admit(pair.bank, reviewers=["B. Reviewer"])
    assert refusal_of(lambda: pair.bureau.held_admissions.add(again)) is Code.WRONG_STATE


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"thresholds": {**THRESHOLDS, "ordinary_gain": "0.5501"}}, "ordinary_gain"),
        ({"thresholds": {**THRESHOLDS, "distinct_scores": 2049}}, "distinct_scores"),
        ({"leakage": {"distinct_scores": 2049}}, "distinct_scores: 2049"),
        ({"figure": {"gain": "0.5501"}}, "gain of field field-000: 0.5501"),
        ({"figure": {"gain_correlated": "0.5600"}}, "gain_correlated of field field-000"),
        ({"figure": {"gain_given_bank_fields": "1.0000"}}, "gain_given_bank_fields of field field-000"),
        ({"figure": {"disclosed_share": "0.4001"}}, "disclosed_share of field field-000: 0.4001"),
    ],
)
def test_figures_and_thresholds_are_held_against_the_agreement(
    pair: Pair, look: Looking, changes: dict[str, Any], named: str
) -> None:
    leakage = _body(pair)["leakage"] | changes.pop("leakage", {})
    if figure := changes.pop("figure", None):
        leakage["fields"][0] |= FIGURES | figure
        leakage["fields"][0]["sensitivity"] = "disclosable"  # what the admission says of it does not count
    pair.bureau.held_admissions.add(admit(pair.bank, leakage=leakage, **changes))
    assert named in why(look)
    looser = agreement(pair, sensitive_gain="1", ordinary_gain="1", disclosed_share="1", distinct_scores=5000)
    assert look(looser) is not None


def test_combinations_of_every_valid_admission_that_names_the_model(pair: Pair, look: Looking) -> None:
    """A later model's admission may name this one: then the two are allowed whichever is used first."""
    held, (description, _) = pair.bureau.held_admissions, material_of(pair.bank)
    own, later = description.model_id, b"L" * 32
    leakage = _body(pair)["leakage"]
    both = {"model_ids": [later.hex(), own.hex()], **leakage, "score_bits_milli": 14_000}
    held.add(admit(pair.bank))
    held.add(admit(pair.bank, admission_id="later", model_id=later.hex(), version="2", combinations=[both]))
    allowed = (Together(frozenset({own, later}), 14_000),)
    found = look()
    assert found is not None
    assert found.together == allowed
    held.add(revocation_of("later", pair.clock()))
    found = look()
    assert found is not None
    assert found.together == (), "what was revoked allows nothing"


def test_the_bank_sends_the_last_admission_that_has_not_expired(pair: Pair, clock: MovableClock) -> None:
    held: HeldAdmissions = pair.bank.held_admissions
    model_id = pair.bank.models.find("synthetic-card").model_id
    assert held.to_send(model_id) == b""
    first = admit(pair.bank)
    held.add(first)
    clock.shift_ms = 5
    second = admit(pair.bank, admission_id="second", review_by=at(pair, 1), expires_at=at(pair, 2))
    held.add(second)
    assert held.to_send(model_id) == second
    clock.shift_ms = 3 * DAY_MS
    assert held.to_send(model_id) == first
    assert held.document("second") == second
    assert refusal_of(lambda: held.document("third")) is Code.NOT_FOUND
