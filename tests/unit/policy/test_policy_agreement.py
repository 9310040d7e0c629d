import json
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import agreement as agreements
from node.policy import documents
from node.policy.agreement import AGREEMENT_KIND, Agreement
from node.policy.documents import SignedDocument
from tests.support.policy import BANK, BUREAU, KEYS, NOW_MS, agreement, agreement_body, party_key


def signed_by(*parties: str) -> SignedDocument:
    document = documents.draft(AGREEMENT_KIND, agreement_body())
    for party in parties:
        document = documents.add_signature(document, party_key(party), party)
    return document


def test_an_agreement_signed_by_both_comes_back() -> None:
    for order in ((BANK, BUREAU), (BUREAU, BANK)):
        assert agreements.parse(signed_by(*order).encode(), KEYS) == agreement()


@pytest.mark.parametrize("signers", [(), (BANK,), (BUREAU,)])
def test_an_agreement_without_both_signatures_is_refused(signers: tuple[str, ...]) -> None:
    with pytest.raises(Refusal, match="not signed by") as caught:
        agreements.parse(signed_by(*signers).encode(), KEYS)
    assert caught.value.code is Code.PEER_UNTRUSTED
    parsed, document = agreements.parse_draft(signed_by(*signers).encode())
    assert (parsed, document.signers) == (agreement(), frozenset(signers))
    assert agreements.verify(document, KEYS, frozenset(signers)) == agreement()


CHANGES: list[tuple[str, Any]] = [
    ("agreement_id", "other"),
    ("bank", "bank-b"),
    ("channel_kind", "platform"),
    ("peer_networks", ["0.0.0.0/0"]),
    ("purposes", ["loan_monitoring"]),
    ("model_classes", ["risk_rating"]),
    ("catalogue_id", "big"),
    ("catalogue_version", 3),
    ("fields", ["profit"]),
    ("limits", {"max_rows_per_job": 2}),
    ("auditors", ["auditor-x"]),
    ("certification", {"sensitive_gain": "1"}),
    ("valid_from", "2025-01-01T00:00:00Z"),
    ("valid_until", "2099-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("member", "value"), CHANGES)
def test_no_member_can_be_changed_after_signing(member: str, value: object) -> None:
    changed = json.loads(signed_by(BANK, BUREAU).encode())
    changed["body"][member] = value
    with pytest.raises(Refusal) as caught:
        agreements.parse(json.dumps(changed).encode(), KEYS)
    assert caught.value.code is Code.PEER_UNTRUSTED


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"peer_networks": []}, "peer_networks: "),
        ({"peer_networks": ["10.0.0.1/8"]}, r"peer_networks\[0\]: is not a network"),
        ({"peer_networks": ["10.0.0.0/8", "any"]}, r"peer_networks\[1\]: is not a network"),
        ({"purposes": []}, "purposes: "),
        ({"purposes": ["marketing"]}, r"purposes\[0\]: "),
        ({"purposes": ["loan_origination"] * 2}, "purposes: an entry stands twice"),
        ({"model_classes": []}, "model_classes: "),
        ({"fields": []}, "fields: "),
        ({"fields": ["a", "a"]}, "fields: an entry stands twice"),
        ({"bank": BUREAU}, "bureau: is the bank itself"),
        ({"valid_until": "2026-01-01T00:00:00+08:00"}, "valid_until: is not after"),
        ({"valid_from": "2026-01-01T00:00:00"}, "valid_from: "),
        ({"valid_from": 1}, "valid_from: "),
        ({"channel_kind": "internet"}, "channel_kind: "),
        ({"limits": {"max_rows_per_job": -1}}, "limits.max_rows_per_job: "),
        ({"limits": {"max_rows": 1}}, "limits.max_rows: Extra"),
        ({"budget": 1}, "budget: Extra"),
        ({"certification": {"reviewers": 3}}, "certification.reviewers: "),
        ({"certification": {"reviewers": 2}, "auditors": ["auditor-x"]}, "certification.reviewers: is more than"),
        ({"certification": {"sensitive_gain": "1.01"}}, 'certification.sensitive_gain: must be from "0" to "1"'),
        ({"certification": {"ordinary_gain": "-0.1"}}, 'certification.ordinary_gain: must be from "0" to "1"'),
        ({"certification": {"disclosed_share": 0}}, "certification.disclosed_share: "),
        ({"certification": {"term_days": 0}}, "certification.term_days: "),
        ({"certification": {"bits": 1}}, "certification.bits: Extra"),
    ],
)
def test_a_bad_member_is_named_by_its_path(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refusal, match=fault) as caught:
        Agreement.from_body(agreement_body(**change))
    assert caught.value.code is Code.INVALID_INPUT


def test_defaults_and_term() -> None:
    limits = agreement().limits
    assert (limits.max_rows_per_job, limits.max_jobs_per_day) == (1_000_000, 10_000)
    assert (limits.max_online_per_day, limits.alignment_per_day) == (1_000_000, 5_000_000)
    start, end = agreement().valid_from_ms, agreement().valid_until_ms
    assert start == 1_767_196_800_000  # 2026-01-01 00:00 in Beijing
    moments = (start - 1, start, NOW_MS, end - 1, end)
    assert [agreement().state(now) for now in moments] == ["future", "active", "active", "active", "expired"]


def test_a_body_survives_the_model() -> None:
    assert Agreement.from_body(agreement().to_body()) == agreement()


def test_terms_of_certification_have_defaults_that_older_agreements_get_too() -> None:
    terms = agreement().certification
    assert (terms.sensitive_gain, terms.ordinary_gain, terms.disclosed_share) == ("0.30", "0.55", "0.40")
    assert (terms.distinct_scores, terms.reviewers, terms.term_days) == (2048, 1, 365)
    assert (terms.max_models_per_enterprise, terms.max_bits_per_enterprise) == (3, 24)
    assert terms.frequencies_per_day == 10
    two = agreement(auditors=["auditor-x", "auditor-y"], certification={"reviewers": 2, "sensitive_gain": "0.2"})
    assert (two.certification.reviewers, two.certification.sensitive_gain) == (2, "0.2")
