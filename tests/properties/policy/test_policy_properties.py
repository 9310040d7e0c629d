"""Laws: one value has one tick and one canonical form; a stranger's bytes raise nothing but a fault."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.codes import Code
from node.errors import Refusal
from node.policy import agreement, card, catalogue, documents, frequencies, uscc
from node.policy.authorise import peer_ip
from node.policy.consent import ConsentFault
from node.policy.strictjson import MAXIMUM_INTEGER, canonical, parse_object
from node.policy.values import MISSING, NumericScale, ValueRejected, ticks_from_strings
from tests.support.policy import BANK, KEYS, NOW_MS, consent, encode_part, verifier

UNTIMED = settings(deadline=None)  # speed is shown by benchmarks, never by a test

scalars = (
    st.none() | st.booleans() | st.integers(-MAXIMUM_INTEGER, MAXIMUM_INTEGER) | st.text(st.characters(codec="utf-8"))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)
objects = st.dictionaries(st.text(st.characters(codec="utf-8")), values, max_size=6)


@UNTIMED
@given(objects)
def test_canonical_form_is_json_and_stable(value: dict[str, Any]) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(parse_object(text, len(text))) == text
    shuffled = dict(reversed(value.items()))
    assert canonical(shuffled) == text


@UNTIMED
@given(st.binary(max_size=300))
def test_any_bytes_give_a_refusal_from_documents(data: bytes) -> None:
    for read in (card.parse, catalogue.parse_draft, agreement.parse_draft, frequencies.read):
        with pytest.raises(Refusal) as caught:
            read(data)
        assert caught.value.code is Code.INVALID_INPUT


@UNTIMED
@given(objects)
def test_any_object_gives_a_refusal_from_documents(value: dict[str, Any]) -> None:
    data = json.dumps({"kind": "agreement", "body": value, "signatures": []}).encode()
    with pytest.raises(Refusal):
        agreement.parse(data, KEYS)
    with pytest.raises(Refusal):
        documents.decode(json.dumps(value).encode(), "agreement")


def faulty(token: object) -> None:
    with pytest.raises(ConsentFault):
        verifier().verify(token, BANK, NOW_MS)  # type: ignore[arg-type]


@UNTIMED
@given(st.text() | st.binary() | st.none() | st.integers())
def test_any_text_or_bytes_give_a_fault(token: object) -> None:
    faulty(token)


@UNTIMED
@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=80))
def test_any_three_parts_give_a_fault(header: bytes, payload: bytes, signature: bytes) -> None:
    faulty(".".join(encode_part(part) for part in (header, payload, signature)))


@UNTIMED
@given(objects, st.fixed_dictionaries({"alg": scalars, "typ": st.just("banktax-consent+jwt"), "x5c": values}))
def test_any_header_gives_a_fault(extra: dict[str, Any], header: dict[str, Any]) -> None:
    _, payload, signature = consent().split(".")
    for value in (header, extra | header):
        faulty(f"{encode_part(json.dumps(value).encode())}.{payload}.{signature}")


@UNTIMED
@given(st.data())
def test_any_changed_character_of_header_or_payload_gives_a_fault(data: st.DataObject) -> None:
    token = consent()
    signed = token.rpartition(".")[0]
    place = data.draw(st.integers(0, len(signed) - 1))
    character = data.draw(st.sampled_from("AZaz09-_.~=").filter(lambda c: c != signed[place]))
    faulty(token[:place] + character + token[place + 1 :])


steps = st.sampled_from(["1", "0.5", "0.01", "25", "0.000000001"])


@UNTIMED
@given(steps, st.lists(st.integers(-(10**6), 10**6), max_size=30))
def test_ticks_survive_their_texts(step: str, ticks: list[int]) -> None:
    bounds = [format(Decimal(step) * bound, "f") for bound in (-(10**6), 10**6)]
    scale = NumericScale.build(bounds[0], bounds[1], step, integral=False)
    texts = [scale.from_tick(tick) for tick in ticks]
    assert [scale.to_tick(text) for text in texts] == ticks
    assert ticks_from_strings(scale, texts)[0].tolist() == ticks
    assert all(Decimal(text) == Decimal(step) * tick for text, tick in zip(texts, ticks, strict=True))


numbers = st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,12}([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@settings(max_examples=300, deadline=None)
@given(steps, st.lists(numbers | st.text(max_size=12) | st.none(), max_size=20))
def test_a_column_is_its_single_values(step: str, texts: list[str | None]) -> None:
    bounds = [format(Decimal(step) * bound, "f") for bound in (-2000, 2**31)]
    scale = NumericScale.build(bounds[0], bounds[1], step, integral=False)
    ticks, faults = ticks_from_strings(scale, texts)
    for row, text in enumerate(texts):
        try:
            expected, fault = scale.to_tick(text or ""), None
        except ValueRejected as rejected:
            expected, fault = MISSING, rejected.fault
        assert (ticks[row], faults.get(row)) == (expected, fault)


@UNTIMED
@given(st.lists(st.text(max_size=20) | st.text(uscc.ALPHABET, min_size=18, max_size=18) | st.none(), max_size=20))
def test_many_codes_are_checked_as_one_is(codes: list[str | None]) -> None:
    expected = [code is not None and uscc.is_valid(code) for code in codes]
    assert uscc.check_many(codes).tolist() == expected


@UNTIMED
@given(st.integers(0, 31**6 - 31**5 - 1), st.integers(0, 17), st.sampled_from(uscc.ALPHABET))
def test_one_wrong_character_is_always_found(n: int, place: int, character: str) -> None:
    code = uscc.valid_code(n)
    changed = code[:place] + character + code[place + 1 :]
    assert uscc.is_valid(changed) is (changed == code)


@UNTIMED
@given(st.text())
def test_any_peer_string_is_an_address_or_refused(peer: str) -> None:
    try:
        peer_ip(peer)
    except Refusal:
        return
