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
