"""The record of a screening: its canonical bytes, both signatures, and everything a bad one is refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.codes import Code, Purpose, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.policy import documents, screening_record
from node.policy.documents import SignedDocument
from node.policy.screening_record import RECORD_KIND, ScreeningRecord, size_class
from protocols.primitives.signing import SigningKey
from protocols.transcript import bind
from tests.support.policy import BANK, BUREAU, KEYS, party_key

BODY: dict[str, Any] = {
    "job_id": "0a" * 16,
    "session_id": "0b" * 16,
    "bank": BANK,
    "bureau": BUREAU,
    "agreement_id": "agreement-1",
    "list_name": "abnormal",
    "list_version": "2026-06",
    "list_digest": "0c" * 32,
    "mode": "codes",
    "protocol": "vole",
    "purpose": "portfolio_screening",
    "padded_codes": 128,
    "size_class": 7,
    "list_items": 1024,
    "buckets": 1,
    "attempts": 0,
    "commitment": "0d" * 32,
    "transcript_digest": "0e" * 32,
    "opened_at": "2026-06-01T08:00:00Z",
}
CANONICAL = (
    '{"agreement_id":"agreement-1","attempts":0,"bank":"bank-a","buckets":1,"bureau":"bureau-zj",'
    f'"commitment":"{"0d" * 32}","job_id":"{"0a" * 16}","list_digest":"{"0c" * 32}","list_items":1024,'
    '"list_name":"abnormal","list_version":"2026-06","mode":"codes","opened_at":"2026-06-01T08:00:00Z",'
    f'"padded_codes":128,"protocol":"vole","purpose":"portfolio_screening","session_id":"{"0b" * 16}",'
    f'"size_class":7,"transcript_digest":"{"0e" * 32}"}}'
).encode()
BOTH = frozenset({BANK, BUREAU})
CHANGES: list[tuple[str, Any]] = [
    ("job_id", "1a" * 16),
    ("session_id", "1b" * 16),
    ("agreement_id", "agreement-2"),
    ("list_name", "normal"),
    ("list_version", "2026-07"),
    ("list_digest", "1c" * 32),
    ("mode", "labels"),
    ("protocol", "oprf"),
    ("purpose", "loan_monitoring"),
    ("padded_codes", 127),
    ("list_items", 1025),
    ("buckets", 2),
    ("attempts", 1),
    ("commitment", "1d" * 32),
    ("transcript_digest", "1e" * 32),
    ("opened_at", "2026-06-01T08:00:01Z"),
    ("security", "malicious"),
]


def signed(*parties: str) -> SignedDocument:
    document = documents.draft(RECORD_KIND, ScreeningRecord.from_body(BODY).to_body())
    for party in parties:
        document = documents.add_signature(document, party_key(party), party)
    return document


def refused(document: SignedDocument) -> Refusal:
    with pytest.raises(Refusal) as caught:
        screening_record.verify(document, KEYS, BOTH)
    return caught.value


def test_signed_by_both_it_comes_back() -> None:
    document = documents.decode(signed(BANK, BUREAU).encode(), RECORD_KIND)
    record = screening_record.verify(document, KEYS, BOTH)
    assert record == ScreeningRecord.from_body(BODY)
    assert record.to_body() == BODY
    assert (record.mode, record.protocol, record.purpose) == (
        ScreeningMode.CODES,
        ScreeningProtocol.VOLE,
        Purpose.PORTFOLIO_SCREENING,
    )


def test_both_sign_the_same_canonical_bytes() -> None:
    document = signed(BANK, BUREAU)
    assert document.canonical_body == CANONICAL
    assert signed(BUREAU, BANK).digest == document.digest
    for signature in document.signatures:
        KEYS[signature.party].verify(
            bytes.fromhex(signature.signature), bind("document", b"screening-record", CANONICAL)
        )


def test_each_signature_is_asked_for() -> None:
    for document in (signed(), signed(BANK), signed(BUREAU)):
        assert refused(document).code is Code.PEER_UNTRUSTED
    assert screening_record.verify(signed(BANK), KEYS, frozenset({BANK})).bank == BANK
    stranger = documents.add_signature(signed(BANK, BUREAU), SigningKey(b"x" * 32), "bank-x")
    forged = documents.add_signature(signed(BANK), SigningKey(b"x" * 32), BUREAU)
    for document in (stranger, forged):
        assert refused(document).code is Code.PEER_UNTRUSTED


@pytest.mark.parametrize(("member", "value"), [*CHANGES, ("bank", "bank-b"), ("bureau", "bureau-x")])
def test_a_record_that_was_changed_fails(member: str, value: object) -> None:
    changed = json.loads(signed(BANK, BUREAU).encode())
    changed["body"][member] = value
    refusal = refused(documents.decode(json.dumps(changed).encode(), RECORD_KIND))
    assert refusal.code is Code.PEER_UNTRUSTED
    assert "does not verify" in refusal.detail


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"job_id": "0a" * 15}, "job_id: "),
        ({"session_id": "0B" * 16}, "session_id: "),
        ({"bank": "Bank A"}, "bank: must be of lower-case"),
        ({"list_version": "v 1"}, "list_version: "),
        ({"list_digest": "0c"}, "list_digest: "),
        ({"mode": "all"}, "mode: "),
        ({"protocol": "ecdh"}, "protocol: "),
        ({"purpose": "curiosity"}, "purpose: "),
        ({"padded_codes": 0}, "padded_codes: "),
        ({"padded_codes": 2**30 + 1}, "padded_codes: "),
        ({"padded_codes": 129}, "size_class: is not that of padded_codes"),
        ({"size_class": 8}, "size_class: is not that of padded_codes"),
        ({"size_class": 31}, "size_class: "),
        ({"list_items": 0}, "list_items: "),
        ({"list_items": 2**27 + 1}, "list_items: "),
        ({"buckets": -1}, "buckets: "),
        ({"buckets": 4097}, "buckets: "),
        ({"attempts": -1}, "attempts: "),
        ({"commitment": "0d" * 33}, "commitment: "),
        ({"opened_at": "2026-06-01T08:00:00"}, "opened_at: "),
        ({"matched": 3}, "matched: "),
        ({"security": "strong"}, "security: "),
        ({"security": "malicious", "protocol": "oprf"}, "security: belongs to protocol vole"),
    ],
)
def test_a_body_of_another_form_is_refused_by_member(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refusal, match=fault) as caught:
        ScreeningRecord.from_body(BODY | changes)
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize("member", sorted(BODY.keys() - {"buckets", "attempts"}))
def test_a_member_that_is_missing_is_named(member: str) -> None:
    with pytest.raises(Refusal, match=f"{member}: "):
        ScreeningRecord.from_body({name: value for name, value in BODY.items() if name != member})


@pytest.mark.parametrize(
    ("codes", "expected"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (128, 7), (129, 8), (2**30, 30)]
)
def test_the_size_class_is_the_smallest_power_that_holds_the_codes(codes: int, expected: int) -> None:
    assert size_class(codes) == expected
    assert codes <= 2**expected
    assert expected == 0 or codes > 2 ** (expected - 1)
