"""X.509 certificates of nodes and operators: making, reading and checking them.

A node's certificate signs itself: peers pin exactly this certificate, so no authority stands between them. It is no
certificate authority (CA:FALSE) and can vouch for nobody else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.randomness import Randomness

VALID_DAYS = 825
MAXIMUM_PEM_BYTES = 16 << 10
_BEGIN = b"-----BEGIN CERTIFICATE-----"


class Usage(Enum):
    """What a certificate may be used for (RFC 5280, 4.2.1.12)."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class CertificateFault(Exception):  # noqa: N818 - what is wrong with it, in words
    """What is wrong with a certificate; says nothing of what stands in it."""


@dataclass(frozen=True)
class KeyAndCertificate:
    """A private key (SECRET) and its certificate, both PEM."""

    key_pem: bytes
    certificate_pem: bytes

    def __repr__(self) -> str:
        return f"KeyAndCertificate(<redacted>, {fingerprint(parse(self.certificate_pem))[:16]}…)"

    def __reduce__(self) -> str:
        raise TypeError("a private key cannot be pickled")


def make_certificate(
    common_name: str,
    usages: tuple[Usage, ...],
    *,
    server_name: str | None = None,
    now_ms: int,
    randomness: Randomness,
    days: int = VALID_DAYS,
) -> KeyAndCertificate:
    """Return a fresh ECDSA P-256 key and the certificate that it signs for itself.

    Args:
        common_name: the party's id or the operator's name.
        usages: what it may be used for.
        server_name: DNS name that clients look for; clients of gRPC cannot match any other kind.
        now_ms: start of its validity, Unix milliseconds; one hour is given for clocks that are behind.
        randomness: where its serial numbers come from; the key itself comes from the system.
        days: how long it is valid.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(common_name, randomness)
    begin = datetime.fromtimestamp(now_ms // 1000, UTC)
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject, public_key=key.public_key())
        .serial_number(int.from_bytes(randomness.bytes(16), "big") | 1)
        .not_valid_before(begin - timedelta(hours=1))
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage.value for usage in usages]), critical=False)
    )
    if server_name is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(server_name)]), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    return KeyAndCertificate(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), certificate.public_bytes(Encoding.PEM)
    )


def _subject(common_name: str, randomness: Randomness) -> x509.Name:
    """The name with a random serial number: gRPC tells old and new certificates of one party apart by their subject."""
    number = x509.NameAttribute(NameOID.SERIAL_NUMBER, randomness.bytes(16).hex())
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name), number])


def _signing_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def server_name(party_id: str) -> str:
    """Return the DNS name that stands in the certificates of a party."""
    return f"{party_id}.banktax.internal"


@lru_cache(256)
def parse(pem: bytes) -> x509.Certificate:
    """Return the one certificate that ``pem`` holds; a peer shows the same one with every call.

    Raises:
        CertificateFault: it holds none, several, or something else.
    """
    if len(pem) > MAXIMUM_PEM_BYTES or pem.count(_BEGIN) != 1:
        raise CertificateFault("is not exactly one PEM certificate")
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise CertificateFault("is not a PEM certificate") from None


def fingerprint(certificate: x509.Certificate) -> str:
    """Return SHA-256 over the DER encoding, 64 hexadecimal digits: what pins it."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def server_name_of(certificate: x509.Certificate) -> str:
    """Return the first DNS name of the certificate.

    Raises:
        CertificateFault: it has none.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.DNSName)[0]
    except (x509.ExtensionNotFound, IndexError, ValueError):
        raise CertificateFault("has no DNS name") from None


def check(certificate: x509.Certificate, usage: Usage, now_ms: int) -> None:
    """Return if the certificate may be used for ``usage`` at this time.

    Raises:
        CertificateFault: it is of RSA or another curve, expired, not yet valid, or for another use.
    """
    check_key(certificate)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if now < certificate.not_valid_before_utc:
        raise CertificateFault("is not yet valid")
    if now > certificate.not_valid_after_utc:
        raise CertificateFault("has expired")
    check_usage(certificate, usage)


def check_key(certificate: x509.Certificate) -> None:
    """Return if the key is ECDSA on P-256; an RSA certificate would let TLS 1.2 in.

    Raises:
        CertificateFault: it is not.
    """
    try:
        key = certificate.public_key()
    except ValueError:
        raise CertificateFault("holds a key that cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateFault("is not of an ECDSA P-256 key (RSA is refused: it would let TLS 1.2 in)")


def check_usage(certificate: x509.Certificate, usage: Usage) -> None:
    """Return if the certificate names ``usage`` among its extended key usages.

    Raises:
        CertificateFault: it does not, or names none at all.
    """
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise CertificateFault("names no extended key usage") from None
    if usage.value not in usages:
        raise CertificateFault(f"is not for use as a {usage.name.lower()}")
