"""Consents and certificate chains with one thing out of order, and the reason why a verifier refuses them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from node.codes import Reason
from node.policy.consent import (
    ConsentFault,
    ConsentVerifier,
    sign,
)
from node.policy.strictjson import parse_object
from tests.support.policy import (
    BANK,
    CODE,
    DAY_MS,
    NOW_MS,
    authority,
    consent,
    consent_draft,
    decode_part,
    encode_part,
    enterprise,
    signing_input,
    verifier,
)

BAD_SIGNATURE, MALFORMED = Reason.CONSENT_BAD_SIGNATURE, Reason.CONSENT_MALFORMED
UNTRUSTED, WRONG_PARTY = Reason.CONSENT_UNTRUSTED, Reason.CONSENT_WRONG_PARTY


def reason_of(token: Any, by: ConsentVerifier | None = None, now_ms: int = NOW_MS) -> Reason:
    with pytest.raises(ConsentFault) as caught:
        (by or verifier()).verify(token, BANK, now_ms)
    return caught.value.reason


def header_of(token: str) -> dict[str, Any]:
    return parse_object(decode_part(token.split(".")[0]), 20_000)


def claims_of(token: str) -> dict[str, Any]:
    return parse_object(decode_part(token.split(".")[1]), 20_000)


def es256(text: str) -> str:
    key = enterprise().key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encode_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def resigned(header: dict[str, Any] | None = None, claims: dict[str, Any] | bytes | None = None) -> str:
    """A token that the true key signed, with parts of it replaced."""
    token = consent()
    whole = claims if isinstance(claims, bytes) else claims_of(token) | (claims or {})
    return es256(signing_input(header_of(token) | (header or {}), whole))


# ---- chains


def issued(
    subject: list[tuple[x509.ObjectIdentifier, str]],
    *,
    issuer: x509.Certificate | None = None,
    issuer_key: Any = None,
    key: Any = None,
    ca: bool | None = False,
    path_length: int | None = None,
    signs: bool | None = True,
    certifies: bool = False,
    start: int = NOW_MS - DAY_MS,
    end: int = NOW_MS + DAY_MS,
    extra: x509.Extension[x509.ExtensionType] | None = None,
    digest: Any = None,
) -> x509.Certificate:
    """A certificate with one thing out of order; by the test authority unless an issuer is given."""
    issuer = issuer or authority().certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, text) for oid, text in subject]))
        .issuer_name(issuer.subject)
        .public_key((key or enterprise().key).public_key())
        .serial_number(99)
        .not_valid_before(datetime.fromtimestamp(start // 1000, UTC))
        .not_valid_after(datetime.fromtimestamp(end // 1000, UTC))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if signs is not None:
        usage = x509.KeyUsage(signs, False, False, False, False, certifies, False, False, False)
        builder = builder.add_extension(usage, critical=True)
    if extra is not None:
        builder = builder.add_extension(extra.value, critical=extra.critical)
    signing = issuer_key or authority()._key
    return builder.sign(signing, None if isinstance(signing, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256())


NAMED = [(NameOID.ORGANIZATION_IDENTIFIER, CODE)]


def with_chain(*chain: x509.Certificate, key: Any = None) -> str:
    return sign(consent_draft(), key or enterprise().key, chain, NOW_MS - DAY_MS)
