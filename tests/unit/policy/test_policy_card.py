import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from node.codes import Code
from node.errors import Refusal
from node.policy import card
from tests.support.policy import BANK, BUREAU, card_of, party_key, tls_certificate

RSA_CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIClTCCAX2gAwIBAgIBATANBgkqhkiG9w0BAQsFADAOMQwwCgYDVQQDDANyc2Ew
HhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANyc2Ew
ggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQC5UVmFzaMMTtRvJyvVzr4i
H7oVZX9iSbCmYyANy2wubDbU01Z7P5EXLL2bjuddT9LoPDJfxikloiwfn5PaDwcw
x6SdgeM6rl/fzn90VXf6/JyLUehn0ujU/dcxKTDFjBu9D4/YvqIPjmgv//P4dcAt
30jNHFKfHecz/XJDjiOD15Lf1NR5dPxtTJl3VBc30b4FFxSCYFgV2zuaw8ywEJGL
5G3rIXisfhx//7SosYGSjDmLg2+9EXJuWTeLUoZ4SDIWp2zG2XsdsiIkiQuYfTgd
fJSL2aToo0Yx3kZgQ9Chqn/k9SayEQgyKSiohJBt9KgfUHek3DTUXhg/+pTctblH
AgMBAAEwDQYJKoZIhvcNAQELBQADggEBAE7SF5fCBEgy/kKDSavqng5YCcw16piI
8LK7CnFGRZyXj69md9uQkEMLlVS57Pz/coilNHOrJaJZKKcNJ4jdiFRvlyNoSA+7
4hAnWARzYyznYGUnSHT2HfkfDfBJmAF41QCWedeR2IjPbpWNxwEruWDfgT6/0ND2
MDdxu0qJ1DS1hvTlgi9tMA+sSwBDNFiaYqXQbg71MnRafPOj78NYNhVCnCmkWdBL
jXqXc1Mz0V+mBp+AkhazIcY28kkScGV+780AM6r9d27+Z2WMuN65ezaQeCdNTeW/
fpRsSy0SAZsG8w455YfwZPgR+P1QIBChbRzGCIM1BSMsuWgC9VWS9fA=
-----END CERTIFICATE-----
"""


def test_a_card_comes_back_verified_with_its_fingerprints() -> None:
    original = card_of(endpoint="bank-a.example:7443")
    parsed = card.parse(original.sign(party_key(BANK)).encode())
    assert parsed == original
    assert parsed.signing_key_fingerprint == party_key(BANK).verify_key.fingerprint
    der = x509.load_pem_x509_certificate(tls_certificate().encode())
    assert parsed.certificate_fingerprints == (der.fingerprint(hashes.SHA256()).hex(),)


def test_a_card_signed_by_another_key_is_refused() -> None:
    with pytest.raises(Refusal, match="signing_key"):
        card_of().sign(party_key(BUREAU))
    value = json.loads(card_of().sign(party_key(BANK)).encode())
    value["body"]["signing_key"] = party_key(BUREAU).verify_key.encoded.hex()
    with pytest.raises(Refusal) as caught:
        card.parse(json.dumps(value).encode())
    assert caught.value.code is Code.PEER_UNTRUSTED


@pytest.mark.parametrize("member", ["name_zh", "name_en", "endpoint", "party_id"])
def test_a_changed_card_is_refused(member: str) -> None:
    value = json.loads(card_of(endpoint="host:1").sign(party_key(BANK)).encode())
    value["body"][member] = {"endpoint": "other:1", "party_id": "bank-b"}.get(member, "别名")
    with pytest.raises(Refusal) as caught:
        card.parse(json.dumps(value).encode())
    assert caught.value.code is Code.PEER_UNTRUSTED


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("party_id", "Bank A", "party_id: "),
        ("party_id", "-a", "party_id: "),
        ("role", "tax", "role: "),
        ("endpoint", "host", "endpoint: "),
        ("endpoint", "http://host:1", "endpoint: "),
        ("certificates", [], "certificates: "),
        ("certificates", ["x"], r"certificates\[0\]: is not a PEM"),
        ("certificates", [tls_certificate() * 2], r"certificates\[0\]: holds more than one"),
        ("certificates", [tls_certificate()] * 2, "certificates: an entry stands twice"),
        ("certificates", [RSA_CERTIFICATE], r"certificates\[0\]: the certificate's key is not ECDSA P-256"),
        ("signing_key", "00", "signing_key: "),
        ("server_names", ["*.banktax"], r"server_names\[0\]: "),
    ],
)
def test_a_bad_member_is_named(member: str, value: Any, path: str) -> None:
    with pytest.raises(Refusal, match=path):
        card_of(**{member: value})
