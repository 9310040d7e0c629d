"""What an attacker does to a consent's token: other algorithms, other headers, other bytes, other claims."""

import hmac
import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.policy.consent_token import MAXIMUM_CHARACTERS
from node.policy.strictjson import canonical
from node.policy.uscc import valid_code
from tests.support.broken_consents import (
    BAD_SIGNATURE,
    MALFORMED,
    UNTRUSTED,
    WRONG_PARTY,
    claims_of,
    es256,
    header_of,
    reason_of,
    resigned,
)
from tests.support.policy import (
    BANK,
    BUREAU,
    CODE,
    NOW_MS,
    consent,
    decode_part,
    encode_part,
    enterprise,
    signing_input,
    verifier,
)


def test_the_helper_makes_good_tokens() -> None:
    assert verifier().verify(resigned(), BANK, NOW_MS).uscc == CODE


# ---- algorithms


def test_alg_none_with_and_without_a_signature() -> None:
    token = consent()
    unsigned = signing_input(header_of(token) | {"alg": "none"}, claims_of(token))
    assert reason_of(f"{unsigned}.") is MALFORMED
    assert reason_of(f"{unsigned}.AA") is BAD_SIGNATURE


@pytest.mark.parametrize("form", ["pem", "der", "point"])
def test_hs256_keyed_with_the_public_key(form: str) -> None:
    public = enterprise().chain[0].public_key()
    secrets = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    }
    token = consent()
    text = signing_input(header_of(token) | {"alg": "HS256"}, claims_of(token))
    forged = f"{text}.{encode_part(hmac.digest(secrets[form], text.encode(), sha256))}"
    assert reason_of(forged) is BAD_SIGNATURE


@pytest.mark.parametrize(
    "alg", ["EdDSA", "Ed25519", "ES384", "RS256", "PS256", "ES256K", "es256", "", None, 1, ["ES256"]]
)
def test_an_algorithm_that_is_not_the_keys(alg: object) -> None:
    assert reason_of(resigned({"alg": alg})) is BAD_SIGNATURE


# ---- header


@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/chain"},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"kid": "https://attacker.example/key"},
        {"kid": "1"},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"cty": "JWT"},
        {"x5t": "AA"},
        {"typ": "JWT"},
        {"typ": None},
    ],
)
def test_a_header_with_anything_else(extra: dict[str, Any]) -> None:
    assert reason_of(resigned(extra)) is MALFORMED


@pytest.mark.parametrize("member", ["alg", "typ", "x5c"])
def test_a_header_without_a_member(member: str) -> None:
    header = header_of(consent())
    del header[member]
    assert reason_of(es256(signing_input(header, claims_of(consent())))) is MALFORMED


@pytest.mark.parametrize(
    "x5c", [None, "AA", [], [1], [None], ["*"], ["AA=A"], ["A" * 6000], ["AAAA"] * 4, [["AAAA"]], {}]
)
def test_an_x5c_that_is_no_chain(x5c: object) -> None:
    assert reason_of(resigned({"x5c": x5c})) is MALFORMED


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"not a certificate", b"\x30\x82\xff\xff" + b"\x00" * 100])
def test_a_certificate_that_cannot_be_parsed(der: bytes) -> None:
    assert reason_of(resigned({"x5c": [b64encode(der).decode()]})) is UNTRUSTED


def test_a_header_that_names_a_member_twice() -> None:
    header = canonical(header_of(consent())).replace(b'{"alg"', b'{"alg":"none","alg"', 1)
    assert reason_of(es256(f"{encode_part(header)}.{consent().split('.')[1]}")) is MALFORMED


def test_oversize_parts_are_refused_before_they_are_read() -> None:
    header, payload, signature = consent().split(".")
    big = "A" * MAXIMUM_CHARACTERS
    for token in (f"{big}.{payload}.{signature}", f"{header}.{big}.{signature}", f"{header}.{payload}.{big}"):
        assert reason_of(token) is MALFORMED
    padded = resigned({"x5c": [b64encode(bytes(3900)).decode()] * 3})
    assert len(padded) < MAXIMUM_CHARACTERS
    assert reason_of(padded) is MALFORMED  # the header alone is above its own bound


# ---- signature and bytes


def test_every_changed_claim_breaks_the_signature() -> None:
    header, payload, signature = consent().split(".")
    claims = claims_of(consent())
    widened: dict[str, Any] = {
        "iss": valid_code(8),
        "aud": ["bureau-b"],
        "bank": "bank-b",
        "bureau": "bureau-b",
        "purposes": ["loan_origination", "loan_monitoring"],
        "fields": ["vat_sales", "credit_level", "profit"],
        "model_classes": ["risk_rating"],
        "nbf": 0,
        "exp": 4_000_000_000,
        "iat": 1,
        "jti": "00" * 16,
        "max_uses": 1000,
        "notice_sha256": "00" * 32,
    }
    assert widened.keys() == claims.keys()
    for name, value in widened.items():
        changed = encode_part(canonical(claims | {name: value}))
        assert changed != payload
        assert reason_of(f"{header}.{changed}.{signature}") is BAD_SIGNATURE, name


def test_a_changed_or_cut_signature() -> None:
    text, _, signature = consent().rpartition(".")
    raw = decode_part(signature)
    forms = [bytes(64), raw[:63], raw + b"\0", raw[32:] + raw[:32], bytes(32) + raw[32:], b"\xff" * 64, raw[:1]]
    for changed in [*forms, *(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(0, 64, 9))]:
        assert reason_of(f"{text}.{encode_part(changed)}") is BAD_SIGNATURE


def test_the_other_signature_of_the_same_key_makes_no_other_consent() -> None:
    # (r, n - s) verifies wherever (r, s) does: a consent is known by its id and its terms, never by its bytes.
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    text, _, signature = consent().rpartition(".")
    raw = decode_part(signature)
    mirrored = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = verifier().verify(f"{text}.{encode_part(mirrored)}", BANK, NOW_MS)
    first = verifier().verify(f"{text}.{signature}", BANK, NOW_MS)
    assert (twin.consent_id, twin.digest) == (first.consent_id, first.digest)


def test_a_signature_moved_from_another_consent() -> None:
    header, payload, _ = consent(maximum_uses=1000).split(".")
    assert reason_of(f"{header}.{payload}.{consent().rpartition('.')[2]}") is BAD_SIGNATURE


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "a..c",
        "é.b.c",
        "a b.c.d",
        "a.b.c\n",
        " a.b.c",
        "A.A.A",
        "e30.e30.e30",
        "W10.e30.AA",
    ],
)
def test_what_is_no_compact_jws(token: str) -> None:
    assert reason_of(token) is MALFORMED


@pytest.mark.parametrize("token", [None, 1, b"a.b.c", ["a"], {"payload": ""}])
def test_what_is_no_text(token: object) -> None:
    assert reason_of(token) is MALFORMED


def test_a_nested_header_and_json_serialisation() -> None:
    assert reason_of(f"{encode_part(b'[' * 9000)}.e30.AA") is MALFORMED
    assert reason_of(json.dumps({"payload": "e30", "signatures": []})) is MALFORMED


# ---- claims that the true key signed


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "x"},
        {"iss": 5},
        {"aud": BUREAU},
        {"aud": []},
        {"aud": [BUREAU, "bureau-b"]},
        {"bank": None},
        {"purposes": []},
        {"purposes": ["marketing"]},
        {"purposes": "loan_origination"},
        {"fields": []},
        {"fields": [1]},
        {"fields": ["vat_sales", "vat_sales"]},
        {"fields": [f"f{n}" for n in range(513)]},
        {"model_classes": ["x"]},
        {"nbf": "0"},
        {"nbf": -1},
        {"exp": True},
        {"exp": 0},
        {"exp": 2**53 - 1},
        {"iat": None},
        {"jti": "AB" * 16},
        {"jti": "00" * 15},
        {"max_uses": 0},
        {"max_uses": 2**31},
        {"notice_sha256": ""},
        {"max_amount": 5},
        {"sub": "x"},
    ],
)
def test_a_claim_out_of_bounds(claims: dict[str, Any]) -> None:
    assert reason_of(resigned(claims=claims)) is MALFORMED


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"{}", b"\xff", b'{"iss":1.5}', b"[" * 10_000])
def test_a_payload_that_is_no_object_of_claims(payload: bytes) -> None:
    token = es256(signing_input(header_of(consent()), payload))
    assert reason_of(token) is MALFORMED


def test_a_claim_that_stands_twice() -> None:
    claims = canonical(claims_of(consent()))
    assert reason_of(resigned(claims=claims.replace(b'"max_uses":3', b'"max_uses":3,"max_uses":900'))) is MALFORMED


def test_an_audience_that_differs_from_the_bureau() -> None:
    assert reason_of(resigned(claims={"aud": ["bureau-b"]})) is WRONG_PARTY
