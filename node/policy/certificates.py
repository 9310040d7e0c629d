"""Enterprise certificates: from a configured authority down to the key that signed a consent (RFC 5280, section 6.1).

Checked for every certificate: signature and issuer's name, term, basic constraints, key usage, path length, a modern
signature hash, and that no critical extension goes unread. Not checked: revocation of certificates (there is no line
to a CRL or OCSP responder from a node); a withdrawn consent is revoked at the bureau itself.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID, ObjectIdentifier

from node.codes import Reason
from node.policy import uscc
from node.policy.consent_claims import CLOCK_TOLERANCE_MS, ConsentFault

MAXIMUM_CHAIN = 3
MAXIMUM_CERTIFICATE_BYTES = 4096
_CACHED_CHAINS = 64
_CACHED_LEAVES = 4096
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_READ_EXTENSIONS = {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE}

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)
SigningPublicKey = EllipticCurvePublicKey | Ed25519PublicKey


class UsccField(StrEnum):
    """Which field of a certificate's subject names the enterprise; set per authority."""

    ORGANIZATION_IDENTIFIER = "organizationIdentifier"
    SERIAL_NUMBER = "serialNumber"
    UID = "uid"
    COMMON_NAME = "commonName"


SUBJECT_OIDS: dict[UsccField, ObjectIdentifier] = {
    UsccField.ORGANIZATION_IDENTIFIER: NameOID.ORGANIZATION_IDENTIFIER,
    UsccField.SERIAL_NUMBER: NameOID.SERIAL_NUMBER,
    UsccField.UID: NameOID.USER_ID,
    UsccField.COMMON_NAME: NameOID.COMMON_NAME,
}


@dataclass(frozen=True)
class Authority:
    """A certificate authority whose enterprises a bureau believes. ``certificate`` is PEM or DER."""

    name: str
    certificate: bytes
    uscc_field: UsccField

    def parse(self) -> x509.Certificate:
        """Return the authority's certificate; raises ValueError where it is none or is not a CA's."""
        pem = b"-----BEGIN" in self.certificate
        try:
            certificate = (x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate)(self.certificate)
            _check_issuer(certificate, below=0)
        except Exception as error:
            raise ValueError(f"authority {self.name}: is not the certificate of a certificate authority") from error
        return certificate


@dataclass(frozen=True)
class Term:
    """When every certificate of a path is valid, Unix milliseconds, both ends included."""

    start_ms: int
    end_ms: int

    def narrowed(self, certificate: x509.Certificate) -> Term:
        """Return the part of this term in which ``certificate`` is valid too."""
        start, end = _ms(certificate.not_valid_before_utc), _ms(certificate.not_valid_after_utc)
        return Term(max(self.start_ms, start), min(self.end_ms, end))

    def check(self, now_ms: int) -> None:
        """Raise :class:`ConsentFault` outside the term, with the tolerance for clocks."""
        if now_ms < self.start_ms - CLOCK_TOLERANCE_MS:
            raise untrusted("a certificate of the chain is not valid yet")
        if now_ms > self.end_ms + CLOCK_TOLERANCE_MS:
            raise untrusted("a certificate of the chain has expired")


@dataclass(frozen=True)
class Signer:
    """An enterprise as its certificate names it; ``uscc`` is what the subject says, validated."""

    uscc: str
    key: SigningPublicKey
    term: Term


@dataclass(frozen=True)
class _Issuer:
    """A certificate that may have issued the leaf, trusted up to its authority."""

    certificate: x509.Certificate
    uscc_field: UsccField
    term: Term


_ALWAYS = Term(0, 2**62)


class ChainVerifier:
    """Finds the signer behind an ``x5c`` chain. Chains and leaves that passed are remembered; faults are not."""

    def __init__(self, authorities: Sequence[Authority]) -> None:
        self._anchors = [
            _Issuer(certificate, authority.uscc_field, _ALWAYS.narrowed(certificate))
            for authority in authorities
            for certificate in [authority.parse()]
        ]
        self._anchor_bytes = {anchor.certificate.public_bytes(Encoding.DER) for anchor in self._anchors}
        self._issuers = lru_cache(_CACHED_CHAINS)(self._find_issuers)
        self._leaf = lru_cache(_CACHED_LEAVES)(self._find_signer)

    def signer(self, chain: Sequence[bytes], now_ms: int) -> Signer:
        """Return the signer that a chain of DER certificates names, leaf first; the authority itself may be last.

        Raises:
            ConsentFault: ``CONSENT_UNTRUSTED``, the chain does not lead to a configured authority or breaks a rule;
                ``CONSENT_WRONG_PARTY``, the certificate names no valid enterprise.
        """
        signer = self._leaf(tuple(chain))
        signer.term.check(now_ms)
        return signer

    def _find_signer(self, chain: tuple[bytes, ...]) -> Signer:
        leaf = _parse(chain[0])
        above = tuple(der for der in chain[1:] if der not in self._anchor_bytes)
        issuer = _issued_by(leaf, self._issuers(above) if above else self._anchors)
        _check_leaf(leaf)
        return Signer(_subject_code(leaf, issuer.uscc_field), _leaf_key(leaf), issuer.term.narrowed(leaf))

    def _find_issuers(self, chain: tuple[bytes, ...]) -> tuple[_Issuer, ...]:
        """Return the issuer of a leaf, verified from its authority downwards; ``chain`` is what follows the leaf."""
        above = [_parse(der) for der in chain]
        issuer = _issued_by(above[-1], self._anchors)
        _guard_issuer(issuer.certificate, below=len(above))
        for place in reversed(range(len(above))):
            if place < len(above) - 1:
                _check_link(above[place], issuer.certificate)
            _guard_issuer(above[place], below=place)
            issuer = _Issuer(above[place], issuer.uscc_field, issuer.term.narrowed(above[place]))
        return (issuer,)


def _issued_by(certificate: x509.Certificate, issuers: Sequence[_Issuer]) -> _Issuer:
    """Return the one that issued ``certificate``: by name and signature, for two may have one name."""
    for issuer in issuers:
        with suppress(ConsentFault):
            _check_link(certificate, issuer.certificate)
            return issuer
    raise untrusted("the certificate was not issued by a configured authority")


def decode_chain(x5c: object) -> tuple[bytes, ...]:
    """Return the DER certificates of an ``x5c`` header (RFC 7515, 4.1.6), bounded before any is parsed."""
    if not isinstance(x5c, list) or not 1 <= len(x5c) <= MAXIMUM_CHAIN:
        raise malformed(f"x5c is not a list of 1 to {MAXIMUM_CHAIN} certificates")
    return tuple(_decode_certificate(text) for text in x5c)


def subject_values(certificate: x509.Certificate, field: UsccField) -> tuple[str, ...]:
    """Return what a subject says in one field; normally nothing or one text."""
    attributes = certificate.subject.get_attributes_for_oid(SUBJECT_OIDS[field])
    return tuple(attribute.value for attribute in attributes if isinstance(attribute.value, str))


def untrusted(detail: str) -> ConsentFault:
    """Return the fault of a certificate chain."""
    return ConsentFault(Reason.CONSENT_UNTRUSTED, detail)


def malformed(detail: str) -> ConsentFault:
    """Return the fault of a consent that is not in the agreed form."""
    return ConsentFault(Reason.CONSENT_MALFORMED, detail)


def _decode_certificate(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > MAXIMUM_CERTIFICATE_BYTES * 4 // 3 + 4:
        raise malformed("a certificate in x5c is not a bounded text")
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("a certificate in x5c is not base64") from None


def _parse(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = certificate.extensions  # parsed lazily; what a foreign parser raises on foreign bytes ends here
    except Exception:
        raise untrusted("a certificate cannot be parsed") from None
    for extension in extensions:
        if extension.critical and extension.oid not in _READ_EXTENSIONS:
            raise untrusted("a certificate has a critical extension that is not understood")
    return certificate


def _check_link(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Check name and signature of one step of the path (RFC 5280, 6.1.3 a)."""
    try:
        certificate.verify_directly_issued_by(issuer)
        weak = certificate.signature_hash_algorithm
    except Exception:
        raise untrusted("a certificate was not issued by the next one of its chain") from None
    if weak is not None and not isinstance(weak, _HASHES):
        raise untrusted("a certificate is signed over a weak hash")


def _guard_issuer(certificate: x509.Certificate, below: int) -> None:
    try:
        _check_issuer(certificate, below)
    except ValueError as error:
        raise untrusted(str(error)) from None


def _check_issuer(certificate: x509.Certificate, below: int) -> None:
    """Check that a certificate may issue, with ``below`` further issuers under it (RFC 5280, 4.2.1.3 and 4.2.1.9)."""
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    if constraints is None or not constraints.ca:
        raise ValueError("an issuer in the chain is not a certificate authority")
    if constraints.path_length is not None and below > constraints.path_length:
        raise ValueError("the chain is longer than an authority allows")
    if usage is None or not usage.key_cert_sign:
        raise ValueError("an issuer's key may not sign certificates")


def _check_leaf(leaf: x509.Certificate) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise untrusted("the signing certificate is an authority's")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise untrusted("the certificate's key may not sign")


def _extension(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _leaf_key(leaf: x509.Certificate) -> SigningPublicKey:
    try:
        key = leaf.public_key()
    except Exception:
        raise untrusted("the certificate's key cannot be parsed") from None
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise untrusted("the certificate's key is neither ECDSA P-256 nor Ed25519")


def _subject_code(leaf: x509.Certificate, field: UsccField) -> str:
    values = subject_values(leaf, field)
    if len(values) != 1:
        raise untrusted(f"the certificate's subject does not name one enterprise in {field}")
    try:
        return uscc.validate(values[0])
    except ValueError:
        raise ConsentFault(Reason.CONSENT_WRONG_PARTY, "the certificate names no valid enterprise code") from None


def _ms(moment: datetime) -> int:
    return round(moment.timestamp()) * 1000
