"""Admissions and revocations: their form, who has to sign, and what a signature is worth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import admission as admissions
from node.policy import documents
from node.policy.admission import Admission, Revocation
from tests.support.policy import BANK, BUREAU, party_key
from tests.support.policy import admission_body as body
from tests.support.policy import leakage_figures as figures

AUDITORS = ("auditor-a", "auditor-b")
KEYS = {name: party_key(name).verify_key for name in (*AUDITORS, BANK)}
OTHER = "bb" * 32


def admission(**changes: Any) -> Admission:
    return Admission.from_body(body(**changes))


def refused(action: Callable[[], object], code: Code, part: str) -> None:
    with pytest.raises(Refusal) as caught:
        action()
    assert caught.value.code is code
    assert part in caught.value.detail


def test_an_admission_survives_its_file_form_and_names_its_terms() -> None:
    signed = admissions.sign(admission(), party_key("auditor-a"))
    found, document = admissions.read(signed.encode())
    assert admissions.verify(document, KEYS, set(AUDITORS), 1) == found == admission()
    assert admissions.field_bodies(found.fields) == body()["fields"]
    due, end = (
        round(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000) for year, month in ((2026, 11), (2027, 5))
    )
    assert (found.is_overdue(due - 1), found.is_overdue(due)) == (False, True)
    assert (found.is_expired(end - 1), found.is_expired(end)) == (False, True)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"leakage": body()["leakage"] | {"fields": [figures() | {"gain": "0.5"}]}}, "leakage.fields[0].gain"),
        ({"leakage": body()["leakage"] | {"fields": [figures() | {"gain": "1.0001"}]}}, "leakage.fields[0].gain"),
        ({"noise": {"distance_log2": "0.00", "total_bound": 1}}, "noise.distance_log2"),
        ({"ciphertext_digests": ["03" * 32, "03" * 32]}, "stands twice"),
        ({"ciphertext_digests": []}, "ciphertext_digests"),
        ({"auditor": BANK}, "not different parties"),
        ({"bureaus": [BUREAU, "auditor-a"]}, "not different parties"),
        ({"review_by": "2027-06-01T00:00:00Z"}, "not in this order"),
        ({"reviewed_at": "2026-11-01T00:00:00Z"}, "not in this order"),
        ({"expires_at": "2027-05-01T00:00:00.5Z"}, "fraction of a second"),
        ({"supersedes": "aa" * 32}, "supersede itself"),
        ({"reviewers": []}, "reviewers"),
        ({"fields": [{"kind": "bins", "field": "vat_sales", "edges": ["1e5"]}]}, "edges[0]"),
        ({"combinations": [{"model_ids": [OTHER, "cc" * 32], "fields": [figures()], "distinct_scores": 5,
                            "score_bits_milli": 2322}]}, "does not name this model"),
        ({"surplus": 1}, "surplus"),
    ],
)  # fmt: skip
def test_what_no_admission_may_say_is_refused_by_name(changes: dict[str, Any], part: str) -> None:
    refused(lambda: admission(**changes), Code.INVALID_INPUT, part)


def test_only_auditors_of_the_agreement_count_and_as_many_as_it_asks_for() -> None:
    signed = admissions.sign(admission(), party_key("auditor-a"))
    refused(lambda: admissions.verify(signed, KEYS, set(AUDITORS), 2), Code.PEER_UNTRUSTED, "1 of 2")
    both = admissions.countersign(signed, party_key("auditor-b"), "auditor-b")
    assert admissions.verify(both, KEYS, set(AUDITORS), 2) == admission()
    refused(lambda: admissions.verify(both, KEYS, {"auditor-a"}, 1), Code.PEER_UNTRUSTED, "auditor-b")
    refused(lambda: admissions.countersign(both, party_key("auditor-b"), "auditor-b"), Code.WRONG_STATE, "already")


def test_a_signature_of_another_body_key_kind_or_party_is_refused() -> None:
    signed = admissions.sign(admission(), party_key("auditor-a"))
    changed = documents.SignedDocument(signed.kind, documents.draft("admission", body(version="3")).canonical_body,
                                       signed.signatures)  # fmt: skip
    forged = documents.sign("admission", body(), party_key("auditor-b"), "auditor-a")
    by_bank = documents.sign("admission", body(), party_key(BANK), BANK)
    other_kind = documents.sign("card", body(), party_key("auditor-a"), "auditor-a")
    refused(lambda: admissions.verify(changed, KEYS, set(AUDITORS), 1), Code.PEER_UNTRUSTED, "does not verify")
    refused(lambda: admissions.verify(forged, KEYS, set(AUDITORS), 1), Code.PEER_UNTRUSTED, "another key")
    refused(lambda: admissions.verify(by_bank, KEYS, set(AUDITORS), 1), Code.PEER_UNTRUSTED, "not signed by auditor-a")
    refused(lambda: admissions.read(other_kind.encode()), Code.INVALID_INPUT, "of kind card")


def test_combinations_cover_their_subsets_and_nothing_else() -> None:
    def combination(*others: str) -> dict[str, Any]:
        ids = ["aa" * 32, *others]
        return {"model_ids": ids, "fields": [figures()], "distinct_scores": 5, "score_bits_milli": 2322}

    found = admission(combinations=[combination(OTHER, "cc" * 32), combination(OTHER)])
    named = found.allows_together({"aa" * 32, OTHER})
    assert named is not None
    assert named.model_ids == ("aa" * 32, OTHER)
    assert found.allows_together({"aa" * 32, "cc" * 32}) is not None
    assert found.allows_together({"aa" * 32, "dd" * 32}) is None


def test_a_revocation_is_its_auditors() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    revocation = Revocation(admission_id="adm-1", auditor="auditor-a", reason="points changed", revoked_at=now)
    signed = admissions.sign_revocation(revocation, party_key("auditor-a"))
    found, document = admissions.read_revocation(signed.encode())
    assert admissions.verify_revocation(document, KEYS, {"auditor-a"}) == found == revocation
    refused(lambda: admissions.verify_revocation(document, KEYS, {"auditor-b"}), Code.PEER_UNTRUSTED, "auditor-a")
    forged = documents.sign("admission-revocation", revocation.to_body(), party_key(BANK), "auditor-a")
    refused(lambda: admissions.verify_revocation(forged, KEYS, {"auditor-a"}), Code.PEER_UNTRUSTED, "another key")
