"""The party card: what a party publishes of itself, signed with the key that it carries.

The signature shows that whoever made the card holds the key; that the key is the bank's or the bureau's is shown by
comparing fingerprints over another channel before ``banktax party trust``.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from node.codes import Code, Role
from node.errors import Refusal
from node.policy import documents
from node.policy.documents import SignedDocument
from node.policy.shapes import Hex32, Name, PartyId, PolicyModel, require_distinct
from protocols.primitives.signing import SigningKey, VerifyKey

CARD_KIND = "card"
MAXIMUM_CERTIFICATES = 4

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"


def load_party_certificate(pem: str) -> x509.Certificate:
    """Return the certificate of a PEM text.

    Raises:
        ValueError: not one PEM certificate, or its key is not ECDSA P-256. An RSA key is refused here, because RSA
            certificates would let TLS 1.2 in (docs/threat-model.md).
    """
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        key = certificates[0].public_key()
    except Exception:  # what a foreign parser raises on foreign bytes is not ours to list
        raise ValueError("is not a PEM certificate") from None
    if len(certificates) != 1:
        raise ValueError("holds more than one certificate")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the certificate's key is not ECDSA P-256")
    return certificates[0]


def _check_certificate(pem: str) -> str:
    load_party_certificate(pem)
    return pem


CertificatePem = Annotated[str, StringConstraints(max_length=16_384), AfterValidator(_check_certificate)]
ServerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$")]


class PartyCard(PolicyModel):
    """A party's public identity. A bank that is only ever the caller has an empty endpoint."""

    party_id: PartyId
    role: Role
    name_zh: Name
    name_en: Name
    endpoint: Annotated[str, StringConstraints(pattern=rf"^(?:{_HOST}:[0-9]{{1,5}})?$")] = Field(
        description="host:port that peers dial, or empty"
    )
    server_names: Annotated[tuple[ServerName, ...], Field(max_length=8), AfterValidator(require_distinct)]
    certificates: Annotated[
        tuple[CertificatePem, ...],
        Field(min_length=1, max_length=MAXIMUM_CERTIFICATES),
        AfterValidator(require_distinct),
    ]
    signing_key: Hex32 = Field(description="Ed25519 public key, 32 bytes in hexadecimal")
    encryption_key: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{64})?$")] = Field(
        default="", description="X25519 public key of an auditor, which dossiers are encrypted to; empty for others"
    )

    @model_validator(mode="after")
    def _auditors_decrypt(self) -> Self:
        if (self.role is Role.AUDITOR) is not bool(self.encryption_key):
            raise ValueError("encryption_key: an auditor has one, a bank or a bureau has none")
        return self

    @cached_property
    def verify_key(self) -> VerifyKey:
        """The key that this party signs documents and messages with."""
        return VerifyKey(bytes.fromhex(self.signing_key))

    @property
    def signing_key_fingerprint(self) -> str:
        """SHA-256 of the signing key, 64 hexadecimal digits."""
        return self.verify_key.fingerprint

    @property
    def certificate_fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of every certificate's DER form, 64 hexadecimal digits each, in order."""
        return tuple(load_party_certificate(pem).fingerprint(hashes.SHA256()).hex() for pem in self.certificates)

    def sign(self, key: SigningKey) -> SignedDocument:
        """Return this card signed with its own key.

        Raises:
            Refusal: ``INVALID_INPUT``, ``key`` is not the card's.
        """
        if key.verify_key != self.verify_key:
            raise Refusal(Code.INVALID_INPUT, "signing_key: the card carries another key than the one that signs")
        return documents.sign(CARD_KIND, self.to_body(), key, self.party_id)


def parse(data: bytes) -> PartyCard:
    """Return the card that ``data`` holds, verified under the key that it carries.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for its signature.
    """
    document = documents.decode(data, CARD_KIND)
    card = PartyCard.from_body(document.body)
    documents.verify(document, {card.party_id: card.verify_key}, {card.party_id})
    return card
