"""Parties, documents and consents for tests: valid ones, from which a test breaks one thing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from node.codes import ModelClass, Purpose, Role
from node.policy.agreement import Agreement
from node.policy.authorise import CallContext
from node.policy.card import PartyCard
from node.policy.catalogue import Catalogue
from node.policy.consent import ConsentDraft, ConsentVerifier, notice_digest
from node.policy.enterprise import EnterpriseAuthority, EnterpriseCredentials
from node.policy.strictjson import canonical
from node.policy.uscc import valid_code
from protocols.primitives.signing import SigningKey, VerifyKey
from protocols.randomness import SeededRandomness

BANK, BUREAU = "bank-a", "bureau-zj"
NOW_MS = 1_780_000_000_000  # a day in May 2026
DAY_MS = 86_400_000
CODE = valid_code(7)


def randomness(label: int = 1) -> SeededRandomness:
    return SeededRandomness(label.to_bytes(32, "big"))


def party_key(party: str) -> SigningKey:
    return SigningKey(party.encode().ljust(32, b"."))


KEYS: dict[str, VerifyKey] = {party: party_key(party).verify_key for party in (BANK, BUREAU)}


@cache
def tls_certificate(host: str = "bank-a.banktax") -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    key = ec.derive_private_key(7, ec.SECP256R1())
    start = datetime.fromtimestamp(NOW_MS // 1000, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def card_of(party: str = BANK, **changes: Any) -> PartyCard:
    body = {
        "party_id": party,
        "role": Role.BANK,
        "name_zh": "示范银行",
        "name_en": "Model Bank",
        "endpoint": "",
        "server_names": [f"{party}.banktax"],
        "certificates": [tls_certificate()],
        "signing_key": party_key(party).verify_key.encoded.hex(),
    }
    return PartyCard.from_body(body | changes)


def numeric_field(field_id: str = "vat_sales", **changes: Any) -> dict[str, Any]:
    field = {
        "id": field_id,
        "name_zh": "增值税销售额",
        "name_en": "VAT sales",
        "type": "decimal",
        "unit": "CNY",
        "low": "-10",
        "high": "1000.5",
        "step": "0.5",
        "grid": {"from": "0", "to": "1000", "by": "10"},
        "sensitivity": "sensitive",
        "provision": "score_only",
        "block": "vat_returns",
    }
    return {name: value for name, value in (field | changes).items() if value is not None}


def code_field(field_id: str = "credit_level", **changes: Any) -> dict[str, Any]:
    field = {
        "id": field_id,
        "name_zh": "纳税缴费信用级别",
        "name_en": "tax credit level",
        "type": "code",
        "codes": ["A", "B", "M", "C", "D"],
        "sensitivity": "disclosable",
        "provision": "score_only",
        "block": "credit_level",
    }
    return {name: value for name, value in (field | changes).items() if value is not None}


def catalogue_body(**changes: Any) -> dict[str, Any]:
    fields = [numeric_field(), code_field(), numeric_field("arrears", provision="aggregate_only")]
    return {"catalogue_id": "base", "version": 2, "bureau": BUREAU, "fields": fields} | changes


def catalogue() -> Catalogue:
    return Catalogue.from_body(catalogue_body())


def agreement_body(**changes: Any) -> dict[str, Any]:
    body = {
        "agreement_id": "zj-2026-01",
        "bank": BANK,
        "bureau": BUREAU,
        "channel_kind": "dedicated_line",
        "peer_networks": ["10.2.0.0/16", "2001:db8::/32"],
        "purposes": ["loan_origination"],
        "model_classes": ["credit_approval"],
        "catalogue_id": "base",
        "catalogue_version": 2,
        "fields": ["vat_sales", "credit_level", "arrears"],
        "valid_from": "2026-01-01T00:00:00+08:00",
        "valid_until": "2027-01-01T00:00:00+08:00",
    }
    return body | changes


def frequencies_body(**changes: Any) -> dict[str, Any]:
    """200 enterprises over the first two fields of :func:`catalogue_body`."""
    sales = [{"missing": True, "count": 30}, {"high": "100", "count": 60}, {"low": "100", "count": 110}]
    level = [
        {"missing": True, "count": 0},
        {"codes": ["A", "B"], "count": 80},
        {"codes": ["M"], "count": 60},
        {"codes": ["C", "D"], "count": 60},
    ]
    body = {
        "bureau": BUREAU,
        "feature_set": "2026-03-31-0123456789ab",
        "as_of": "2026-03-31",
        "catalogue_id": "base",
        "catalogue_version": 2,
        "rows": 200,
        "minimum_cell": 20,
        "counted_at": "2026-05-01T00:00:00Z",
        "fields": [{"field": "vat_sales", "cells": sales}, {"field": "credit_level", "cells": level}],
        "rank_correlation": {"fields": ["vat_sales", "credit_level"], "rows": ["1.00", "0.31 1.00"]},
    }
    return body | changes


def leakage_figures(field: str = "vat_sales") -> dict[str, str]:
    return {
        "field": field,
        "sensitivity": "sensitive",
        "gain": "0.1234",
        "gain_correlated": "0.2000",
        "gain_given_bank_fields": "0.1234",
        "disclosed_share": "0.0000",
    }


def admission_body(**changes: Any) -> dict[str, Any]:
    found = {
        "admission_id": "adm-1",
        "auditor": "auditor-a",
        "reviewers": ["Wang Fang"],
        "bank": BANK,
        "bureaus": [BUREAU],
        "model_id": "aa" * 32,
        "name": "small-loan",
        "version": "2",
        "model_class": "credit_approval",
        "engine": "bfv",
        "profile": "bfv-8192-1",
        "engine_library_sha256": "01" * 32,
        "public_key_digest": "02" * 32,
        "ciphertext_digests": ["03" * 32, "04" * 32],
        "encrypted_digest": "05" * 32,
        "catalogue": {"id": "base", "version": 2},
        "fields": [{"kind": "bins", "field": "vat_sales", "edges": ["0", "10.5"]}],
        "purposes": ["loan_origination"],
        "noise": {"distance_log2": "-54.87", "total_bound": 123456},
        "leakage": {"fields": [leakage_figures()], "distinct_scores": 900, "score_bits_milli": 9814},
        "thresholds": {
            "sensitive_gain": "0.3000",
            "ordinary_gain": "0.5500",
            "disclosed_share": "0.4000",
            "distinct_scores": 2048,
        },
        "frequencies_digests": ["06" * 32],
        "reviewed_at": "2026-05-01T00:00:00Z",
        "review_by": "2026-11-01T00:00:00Z",
        "expires_at": "2027-05-01T00:00:00Z",
    }
    return found | changes


def revocation_body(**changes: Any) -> dict[str, Any]:
    body = {
        "admission_id": "adm-1",
        "auditor": "auditor-a",
        "reason": "the points were changed",
        "revoked_at": "2026-06-01T00:00:00Z",
    }
    return body | changes


def agreement(**changes: Any) -> Agreement:
    return Agreement.from_body(agreement_body(**changes))


def call(**changes: Any) -> CallContext:
    context = CallContext(
        bank=BANK,
        bureau=BUREAU,
        peer_address="ipv4:10.2.3.4:51234",
        purpose=Purpose.LOAN_ORIGINATION,
        model_class=ModelClass.CREDIT_APPROVAL,
        fields=("vat_sales", "credit_level"),
        catalogue=catalogue(),
        rows=100,
        now_ms=NOW_MS,
        agreement=agreement(),
    )
    return replace(context, **changes)


@cache
def authority(name: str = "Test CA", seed: int = 1) -> EnterpriseAuthority:
    return EnterpriseAuthority.create(name, randomness(seed), NOW_MS - 30 * DAY_MS)


@cache
def enterprise(code: str = CODE) -> EnterpriseCredentials:
    return authority().issue(code, randomness(2), NOW_MS - DAY_MS)


@cache
def verifier() -> ConsentVerifier:
    return ConsentVerifier([authority().authority("test")], BUREAU)


def consent_draft(**changes: Any) -> ConsentDraft:
    draft = ConsentDraft(
        consent_id=bytes(range(16)),
        uscc=CODE,
        bank=BANK,
        bureau=BUREAU,
        purposes=(Purpose.LOAN_ORIGINATION,),
        fields=("vat_sales", "credit_level"),
        model_classes=(ModelClass.CREDIT_APPROVAL,),
        not_before_ms=NOW_MS - DAY_MS,
        expires_ms=NOW_MS + DAY_MS,
        maximum_uses=3,
        notice_sha256=notice_digest("授权书".encode()),
    )
    return replace(draft, **changes)


def consent(**changes: Any) -> str:
    return enterprise().sign(consent_draft(**changes), NOW_MS - DAY_MS)


def encode_part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_part(part: str) -> bytes:
    return urlsafe_b64decode(part + "==")


def signing_input(header: dict[str, Any], claims: dict[str, Any] | bytes) -> str:
    payload = claims if isinstance(claims, bytes) else canonical(claims)
    return f"{encode_part(canonical(header))}.{encode_part(payload)}"
