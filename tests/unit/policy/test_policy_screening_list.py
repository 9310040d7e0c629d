"""A list's document: its canonical bytes, whose signature it carries, and everything a bad one is refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import documents, screening_list
from node.policy.screening_list import LIST_KIND, ScreeningList, content_digest, decode_label, encode_label
from node.policy.strictjson import canonical
from protocols.primitives.signing import SigningKey
from protocols.transcript import bind, digest
from tests.support.policy import BANK, BUREAU, KEYS, party_key

BODY: dict[str, Any] = {
    "bureau": BUREAU,
    "name": "abnormal",
    "version": "2026-06",
    "kind": "abnormal-operation",
    "reason": "published every month",
    "labels": ["reason", "级别"],
    "padded_count": 1024,
    "digest": "0d" * 32,
    "issued_at": "2026-06-01T08:00:00Z",
}
CANONICAL = (
    '{"bureau":"bureau-zj","digest":"' + "0d" * 32 + '","issued_at":"2026-06-01T08:00:00Z",'
    '"kind":"abnormal-operation","labels":["reason","级别"],"name":"abnormal","padded_count":1024,'
    '"reason":"published every month","version":"2026-06"}'
).encode()


def body(**changes: Any) -> dict[str, Any]:
    return {**BODY, **changes}


def parse(data: bytes) -> ScreeningList:
    return screening_list.parse(data, BUREAU, KEYS[BUREAU])


def refused(data: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse(data)
    return caught.value


def test_signed_by_its_bureau_it_comes_back() -> None:
    listed = ScreeningList.from_body(BODY)
    document = listed.sign(party_key(BUREAU))
    assert parse(document.encode()) == listed
    assert listed.to_body() == BODY
    assert document.signers == {BUREAU}


def test_the_signature_is_over_the_canonical_bytes() -> None:
    document = ScreeningList.from_body(BODY).sign(party_key(BUREAU))
    assert document.canonical_body == CANONICAL == canonical(BODY)
    assert document.digest == digest("document", b"list", CANONICAL)
    signature = bytes.fromhex(document.signatures[0].signature)
    KEYS[BUREAU].verify(signature, bind("document", b"list", CANONICAL))
    shuffled = json.loads(document.encode())
    shuffled["body"] = dict(reversed(shuffled["body"].items()))
    assert parse(json.dumps(shuffled).encode()) == ScreeningList.from_body(BODY)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", "normal"),
        ("version", "2026-07"),
        ("kind", "abnormal"),
        ("reason", ""),
        ("labels", ["级别", "reason"]),
        ("labels", ["reason"]),
        ("padded_count", 1025),
        ("digest", "0e" * 32),
        ("issued_at", "2026-06-01T08:00:01Z"),
    ],
)
def test_a_changed_body_fails(member: str, value: object) -> None:
    changed = json.loads(ScreeningList.from_body(BODY).sign(party_key(BUREAU)).encode())
    changed["body"][member] = value
    refusal = refused(json.dumps(changed).encode())
    assert refusal.code is Code.PEER_UNTRUSTED
    assert "does not verify" in refusal.detail


def test_only_the_bureau_that_it_names_can_sign_it() -> None:
    forged = documents.sign(LIST_KIND, BODY, SigningKey(b"another".ljust(32, b".")), BUREAU)
    by_bank = documents.sign(LIST_KIND, BODY, party_key(BANK), BANK)
    unsigned = documents.draft(LIST_KIND, BODY)
    of_another = documents.sign(LIST_KIND, body(bureau="bureau-x"), party_key(BUREAU), BUREAU)
    another_kind = documents.sign("frequencies", BODY, party_key(BUREAU), BUREAU)
    for document in (forged, by_bank, unsigned, of_another):
        assert refused(document.encode()).code is Code.PEER_UNTRUSTED
    assert refused(another_kind.encode()).code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"bureau": "Bureau ZJ"}, "bureau: must be of lower-case"),
        ({"name": ""}, "name: a letter or digit first"),
        ({"name": "../abnormal"}, "name: a letter or digit first"),
        ({"name": "a" * 65}, "name: a letter or digit first"),
        ({"version": "a" * 41}, "version: "),
        ({"version": "v 1"}, "version: "),
        ({"version": ""}, "version: "),
        ({"kind": "abnormal operation"}, "kind: a letter or digit first"),
        ({"reason": "r" * 501}, "reason: "),
        ({"reason": "two\nlines"}, "reason: has white space around it or a character that does not print"),
        ({"reason": "\x1b[31mred"}, "reason: has white space around it or a character that does not print"),
        ({"labels": ["reason", "reason"]}, "labels: "),
        ({"labels": [""]}, r"labels\[0\]: "),
        ({"labels": ["l" * 65]}, r"labels\[0\]: "),
        ({"labels": [" reason"]}, r"labels\[0\]: has white space"),
        ({"labels": [f"l{number}" for number in range(9)]}, "labels: "),
        ({"padded_count": 0}, "padded_count: "),
        ({"padded_count": 2**27 + 1}, "padded_count: "),
        ({"padded_count": "1024"}, "padded_count: "),
        ({"padded_count": True}, "padded_count: "),
        ({"digest": "0D" * 32}, "digest: "),
        ({"digest": "0d" * 31}, "digest: "),
        ({"issued_at": "2026-06-01T08:00:00"}, "issued_at: "),
        ({"issued_at": "yesterday"}, "issued_at: "),
        ({"codes": 7}, "codes: "),
    ],
)
def test_a_body_of_another_form_is_refused_by_member(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refusal, match=fault) as caught:
        ScreeningList.from_body(body(**changes))
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize("member", sorted(BODY.keys() - {"reason", "labels"}))
def test_a_member_that_is_missing_is_named(member: str) -> None:
    with pytest.raises(Refusal, match=f"{member}: "):
        ScreeningList.from_body({name: value for name, value in BODY.items() if name != member})


def test_a_reason_and_labels_may_be_left_out() -> None:
    listed = ScreeningList.from_body({name: value for name, value in BODY.items() if name not in {"reason", "labels"}})
    assert (listed.reason, listed.labels) == ("", ())


def test_the_content_is_committed_to_however_it_is_cut() -> None:
    salt = bytes(range(32))
    expected = digest("screening/list", salt + b"\x00\x01a" + b"\x00\x00" + b"12345")
    assert (
        content_digest(salt, ["a"], [b"12345"], 5) == content_digest(salt, ["a"], [b"1", b"", b"2345"], 5) == expected
    )
    others = [
        content_digest(salt, [], [b"12345"], 5),
        content_digest(salt, ["b"], [b"12345"], 5),
        content_digest(salt[::-1], ["a"], [b"12345"], 5),
        content_digest(salt, ["a"], [b"12346"], 5),
        content_digest(salt, ["a", "a"], [b"12345"], 5),
    ]
    assert len({expected, *others}) == 6


@pytest.mark.parametrize("values", [["a"], ["", ""], ['"', "\\"], ["警示", "\x00", "\u2028"], ["😀"]])
def test_labels_come_back_from_their_padding(values: list[str]) -> None:
    names = [f"l{number}" for number in range(len(values))]
    label = encode_label(values)
    assert b"\x00" not in label
    assert decode_label(label + bytes(7), names) == dict(zip(names, values, strict=True))


def test_a_label_is_compact_json_in_utf8() -> None:
    assert encode_label(["警示", 'a"b']) == '["警示","a\\"b"]'.encode()


@pytest.mark.parametrize(
    "label",
    [
        b"",
        b"[]",
        b'["a"]',
        b'["a","b","c"]',
        b'["a",1]',
        b'["a",null]',
        b'{"a":"b","c":"d"}',
        b'"ab"',
        b"\xff\xfe",
        b'["a"',
    ],
)
def test_a_label_that_the_document_did_not_announce_is_refused(label: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        decode_label(label, ["one", "two"])
    assert caught.value.code is Code.MALFORMED
