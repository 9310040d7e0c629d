import json
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import documents
from node.policy.documents import SignedDocument
from protocols.primitives.signing import VerifyKey
from protocols.transcript import bind
from tests.support.policy import BANK, BUREAU, KEYS, party_key

BODY = {"name": "协议", "count": 3, "list": ["b", "a"], "flag": True, "inner": {"x": "1.50"}}


def signed() -> SignedDocument:
    return documents.sign("test", BODY, party_key(BANK), BANK)


def refused(document: SignedDocument, keys: dict[str, VerifyKey] | None = None, required: str = BANK) -> str:
    with pytest.raises(Refusal) as caught:
        documents.verify(document, KEYS if keys is None else keys, {required})
    assert caught.value.code is Code.PEER_UNTRUSTED
    return caught.value.detail


def test_a_signature_is_over_kind_and_canonical_body() -> None:
    document = signed()
    canonical = '{"count":3,"flag":true,"inner":{"x":"1.50"},"list":["b","a"],"name":"协议"}'.encode()
    assert document.canonical_body == canonical
    signature = bytes.fromhex(document.signatures[0].signature)
    KEYS[BANK].verify(signature, bind("document", b"test", canonical))


def test_two_parties_sign_one_body_and_the_digest_stays() -> None:
    one = documents.decode(signed().encode(), "test")
    both = documents.add_signature(one, party_key(BUREAU), BUREAU)
    documents.verify(documents.decode(both.encode(), "test"), KEYS, {BANK, BUREAU})
    assert both.digest == one.digest
    assert both.signers == {BANK, BUREAU}
    with pytest.raises(Refusal) as caught:
        documents.add_signature(both, party_key(BANK), BANK)
    assert caught.value.code is Code.WRONG_STATE


def test_white_space_and_order_of_members_do_not_matter() -> None:
    value = json.loads(signed().encode())
    value["body"] = dict(reversed(value["body"].items()))
    documents.verify(documents.decode(json.dumps(value).encode(), "test"), KEYS, {BANK})


def _tampered() -> list[Any]:
    return [
        ("name", "协议2"),
        ("count", 4),
        ("list", ["a", "b"]),
        ("flag", False),
        ("flag", 1),
        ("inner", {"x": "1.5"}),
        ("inner", {}),
        ("more", None),
    ]


@pytest.mark.parametrize(("member", "value"), _tampered())
def test_a_changed_body_fails(member: str, value: object) -> None:
    changed = json.loads(signed().encode())
    changed["body"][member] = value
    document = documents.decode(json.dumps(changed).encode(), "test")
    assert "does not verify" in refused(document)


def test_a_removed_member_fails() -> None:
    changed = json.loads(signed().encode())
    del changed["body"]["flag"]
    assert "does not verify" in refused(documents.decode(json.dumps(changed).encode(), "test"))


def test_another_kind_fails() -> None:
    document = signed()
    assert "does not verify" in refused(SignedDocument("other", document.canonical_body, document.signatures))
    with pytest.raises(Refusal, match="kind test, not agreement"):
        documents.decode(document.encode(), "agreement")


def test_missing_unknown_foreign_and_repeated_signers_fail() -> None:
    document = signed()
    assert "not signed by bureau-zj" in refused(document, required=BUREAU)
    assert "not known here" in refused(document, keys={BUREAU: KEYS[BUREAU]})
    assert "another key" in refused(document, keys={BANK: KEYS[BUREAU]})
    assert "not signed by bank-a" in refused(documents.draft("test", BODY))
    twice = SignedDocument("test", document.canonical_body, document.signatures * 2)
    assert "twice" in refused(twice)
    claimed = document.signatures[0].model_copy(update={"party": BUREAU, "key_fingerprint": KEYS[BUREAU].fingerprint})
    assert "does not verify" in refused(SignedDocument("test", document.canonical_body, (claimed,)), required=BUREAU)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "Bad Kind"}, "kind: "),
        ({"extra": 1}, "extra: "),
        ({"body": []}, "body: "),
        (
            {"signatures": [{"party": "x", "key_fingerprint": "00" * 32, "signature": "0" * 127}]},
            r"signatures\[0\]\.sig",
        ),
        (
            {"signatures": [{"party": "X", "key_fingerprint": "00" * 32, "signature": "0" * 128}]},
            r"signatures\[0\]\.par",
        ),
        ({"signatures": [{}] * 9}, "signatures"),
    ],
)
def test_a_malformed_envelope_names_the_path(change: dict[str, Any], path: str) -> None:
    value = json.loads(signed().encode()) | change
    with pytest.raises(Refusal, match=path) as caught:
        documents.decode(json.dumps(value).encode(), "test")
    assert caught.value.code is Code.INVALID_INPUT


def test_size_duplicates_and_floats_are_refused_before_anything_else() -> None:
    for data in (b" " * (documents.MAXIMUM_DOCUMENT_BYTES + 1), b'{"kind":"test","kind":"test"}', b'{"a":1.5}'):
        with pytest.raises(Refusal) as caught:
            documents.decode(data, "test")
        assert caught.value.code is Code.INVALID_INPUT
    with pytest.raises(Refusal, match="float"):
        documents.draft("test", {"a": 1.5})


def test_a_bare_body_is_a_draft_and_half_an_envelope_is_not() -> None:
    draft = documents.decode_or_draft(json.dumps(BODY).encode(), "test")
    assert draft == documents.draft("test", BODY)
    assert documents.decode_or_draft(signed().encode(), "test").signers == {BANK}
    with pytest.raises(Refusal, match="signatures"):
        documents.decode_or_draft(b'{"kind":"test","body":{}}', "test")
