"""The enterprise's side: a key and a certificate that names it, and the small authority that issues such certificates.

A real enterprise brings the certificate that its authority gave it (:func:`load_credentials`). The authority here is
for trials, demonstrations and small deployments that run their own; its keys stay outside of any node.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from node.codes import Code
from node.errors import Refusal
from node.policy import uscc
from node.policy.certificates import MAXIMUM_CHAIN, SUBJECT_OIDS, Authority, UsccField, subject_values
from node.policy.consent import ConsentDraft, sign
from node.policy.consent_token import SigningPrivateKey
from protocols.randomness import Randomness

# SEC 2, 2.4.2: the order of the P-256 group.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SERIAL_BYTES = 16
MAXIMUM_KEY_FILE_BYTES = 65_536


@dataclass(frozen=True, repr=False)
class EnterpriseCredentials:
    """An enterprise's SECRET signing key and its certificate chain, its own certificate first."""

    uscc: str
    key: SigningPrivateKey
    chain: tuple[x509.Certificate, ...]

    def sign(self, draft: ConsentDraft, issued_at_ms: int) -> str:
        """Return the consent that ``draft`` describes, signed; see :func:`node.policy.consent.sign`."""
        return sign(draft, self.key, self.chain, issued_at_ms)

    def chain_pem(self) -> bytes:
        """Return the certificates as PEM, the enterprise's first."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)

    def export_secret_key(self, passphrase: bytes | None) -> bytes:
        """Return the SECRET key as PKCS #8 PEM, encrypted where a passphrase is given."""
        return _key_pem(self.key, passphrase)

    def __repr__(self) -> str:
        return "EnterpriseCredentials(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("an enterprise's key cannot be pickled")


class EnterpriseAuthority:
    """A certificate authority for enterprises: ECDSA P-256, issues signing certificates and nothing else."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, uscc_field: UsccField) -> None:
        self._key = key
        self.certificate = certificate
        self.uscc_field = uscc_field
        self._identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())

    @classmethod
    def create(
        cls,
        name: str,
        randomness: Randomness,
        now_ms: int,
        *,
        days: int = 3650,
        uscc_field: UsccField = UsccField.ORGANIZATION_IDENTIFIER,
    ) -> EnterpriseAuthority:
        """Return a new authority with a self-signed certificate, valid from ``now_ms`` less one hour."""
        key = _p256_key(randomness)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key.public_key(), randomness, now_ms, days)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate, uscc_field)

    def issue(self, code: str, randomness: Randomness, now_ms: int, *, days: int = 730) -> EnterpriseCredentials:
        """Return fresh credentials of the enterprise with a valid ``code``; raises ValueError where it is not valid."""
        key = _p256_key(randomness)
        subject = x509.Name([x509.NameAttribute(SUBJECT_OIDS[self.uscc_field], uscc.validate(code))])
        builder = _builder(subject, self.certificate.subject, key.public_key(), randomness, now_ms, days)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(self._identifier, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return EnterpriseCredentials(uscc.validate(code), key, (certificate,))

    def authority(self, name: str) -> Authority:
        """Return what a bureau configures to believe this authority."""
        return Authority(name, self.certificate_pem(), self.uscc_field)

    def certificate_pem(self) -> bytes:
        """Return the authority's certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def export_secret_key(self, passphrase: bytes | None) -> bytes:
        """Return the SECRET key as PKCS #8 PEM, encrypted where a passphrase is given."""
        return _key_pem(self._key, passphrase)

    def __repr__(self) -> str:
        return "EnterpriseAuthority(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("an authority's key cannot be pickled")


def load_credentials(key_pem: bytes, chain_pem: bytes, passphrase: bytes | None = None) -> EnterpriseCredentials:
    """Return the credentials that two PEM files hold.

    Raises:
        Refusal: ``KEY_UNAVAILABLE``, the key is not readable or the passphrase is wrong; ``INVALID_INPUT``, the key is
            of another kind, or the first certificate names no enterprise.
    """
    key = _load_key(key_pem, passphrase)
    chain = _load_chain(chain_pem)
    return EnterpriseCredentials(find_uscc(chain[0]), key, chain)


def load_authority(
    key_pem: bytes, certificate_pem: bytes, uscc_field: UsccField, passphrase: bytes | None = None
) -> EnterpriseAuthority:
    """Return the authority that two PEM files hold; refusals as in :func:`load_credentials`."""
    key = _load_key(key_pem, passphrase)
    certificate = _load_chain(certificate_pem)[0]
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise Refusal(Code.INVALID_INPUT, "key: does not belong to the authority's certificate")
    return EnterpriseAuthority(key, certificate, uscc_field)


def find_uscc(certificate: x509.Certificate) -> str:
    """Return the enterprise code that a subject names, in whichever field.

    Raises:
        Refusal: ``INVALID_INPUT``, no field or several with different codes.
    """
    texts = [text for field in UsccField for text in subject_values(certificate, field)]
    codes = {uscc.normalise(text) for text in texts if uscc.is_valid(uscc.normalise(text))}
    if len(codes) != 1:
        raise Refusal(Code.INVALID_INPUT, "chain: the first certificate does not name one enterprise by its code")
    return codes.pop()


def _load_key(pem: bytes, passphrase: bytes | None) -> SigningPrivateKey:
    try:
        key = load_pem_private_key(pem[:MAXIMUM_KEY_FILE_BYTES], passphrase)
    except Exception:  # a foreign parser on a foreign file: many kinds, one meaning
        raise Refusal(
            Code.KEY_UNAVAILABLE,
            "key: cannot be read; is it PEM, and the passphrase right?",
            remedy="Give the key's own passphrase: BANKTAX_ENTERPRISE_PASSPHRASE, or --passphrase-prompt.",
        ) from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise Refusal(Code.INVALID_INPUT, "key: is neither ECDSA P-256 nor Ed25519")


def _load_chain(pem: bytes) -> tuple[x509.Certificate, ...]:
    try:
        chain = x509.load_pem_x509_certificates(pem[:MAXIMUM_KEY_FILE_BYTES])
    except Exception:
        raise Refusal(Code.INVALID_INPUT, "chain: is not a PEM file of certificates") from None
    if len(chain) > MAXIMUM_CHAIN:
        raise Refusal(Code.INVALID_INPUT, f"chain: holds more than {MAXIMUM_CHAIN} certificates")
    return tuple(chain)


def _p256_key(randomness: Randomness) -> ec.EllipticCurvePrivateKey:
    """Draw a key by rejection (FIPS 186-5, A.2.2)."""
    while True:
        candidate = int.from_bytes(randomness.bytes(32), "big")
        if 1 <= candidate < _P256_ORDER:
            return ec.derive_private_key(candidate, ec.SECP256R1())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    randomness: Randomness,
    now_ms: int,
    days: int,
) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(now_ms // 1000, UTC) - timedelta(hours=1)  # clocks differ
    serial = int.from_bytes(randomness.bytes(_SERIAL_BYTES), "big") | 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(hours=1, days=days))
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: SigningPrivateKey, passphrase: bytes | None) -> bytes:
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
