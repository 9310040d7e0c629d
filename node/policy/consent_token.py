"""The form of a consent on the wire: a compact JWS (RFC 7515), its bounds, its header and its signature.

joserfc does the signing and verifying. Its limits are narrowed to ours and its algorithms to those that the key of the
certificate fits, so nothing that a token says chooses a key or an algorithm (RFC 8725, 3.1 to 3.10).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from node.codes import Reason
from node.policy.certificates import SigningPublicKey, malformed
from node.policy.consent_claims import ConsentFault
from node.policy.strictjson import JsonFault, parse_object

TYPE = "banktax-consent+jwt"
MAXIMUM_HEADER_CHARACTERS = 12_288
MAXIMUM_PAYLOAD_CHARACTERS = 18_432
MAXIMUM_SIGNATURE_CHARACTERS = 128
# A frame of 256 consents stays below the 8 MiB that a message may have.
MAXIMUM_CHARACTERS = MAXIMUM_HEADER_CHARACTERS + MAXIMUM_PAYLOAD_CHARACTERS + MAXIMUM_SIGNATURE_CHARACTERS + 2

SigningPrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey

_FORM = re.compile(
    rf"([A-Za-z0-9_-]{{1,{MAXIMUM_HEADER_CHARACTERS}}})"
    rf"\.([A-Za-z0-9_-]{{1,{MAXIMUM_PAYLOAD_CHARACTERS}}})"
    rf"\.([A-Za-z0-9_-]{{1,{MAXIMUM_SIGNATURE_CHARACTERS}}})"
)
_HEADER_MEMBERS = {"alg", "typ", "x5c"}


class _Registry(jws.JWSRegistry):
    """joserfc's limits and algorithms, narrowed to ours; the header limit is raised on purpose, for ``x5c``."""

    max_header_length = MAXIMUM_HEADER_CHARACTERS
    max_payload_length = MAXIMUM_PAYLOAD_CHARACTERS
    max_signature_length = MAXIMUM_SIGNATURE_CHARACTERS

    def get_alg(self, name: str) -> Any:
        """Return the model of an allowed algorithm; «EdDSA» (RFC 8037) means Ed25519 (RFC 9864) and nothing else."""
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


class _PublicECKey(ECKey):
    """A key that only verifies; does without the JWK form that joserfc would make to look for ``key_ops``."""

    def check_key_op(self, operation: str) -> None:
        """Allow verifying, nothing else."""
        if operation != "verify":
            raise JoseError("a public key only verifies")


_REGISTRY = _Registry(algorithms=["ES256", "Ed25519"])


@dataclass(frozen=True)
class ParsedToken:
    """A token in the agreed form and what it says; nothing is verified."""

    token: str
    jws: jws.CompactSignature


def parse_token(token: object) -> ParsedToken:
    """Return header, payload and segments of a token in the agreed form; nothing is verified.

    Raises:
        ConsentFault: ``CONSENT_MALFORMED``.
    """
    if not isinstance(token, str) or len(token) > MAXIMUM_CHARACTERS:
        raise malformed("not a text, or too long")
    if (parts := _FORM.fullmatch(token)) is None:
        raise malformed("not a compact JWS, or a part of it is too long")
    try:
        header = parse_object(_decoded(parts[1]), MAXIMUM_HEADER_CHARACTERS)
        parsed = jws.CompactSignature(header, _decoded(parts[2]))
    except (JsonFault, ValueError):
        raise malformed("a part is not base64url, or the header is not strict JSON") from None
    if header.keys() != _HEADER_MEMBERS:
        raise malformed("the header holds other members than alg, typ and x5c")
    if header["typ"] != TYPE:
        raise malformed(f"typ is not {TYPE}")
    header_part, payload_part, signature_part = (part.encode("ascii") for part in parts.groups())
    parsed.segments = {"header": header_part, "payload": payload_part, "signature": signature_part}
    return ParsedToken(token, parsed)


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def check_signature(parsed: ParsedToken, key: SigningPublicKey) -> None:
    """Return if ``key`` signed what was parsed, with an algorithm of its own.

    Raises:
        ConsentFault: ``CONSENT_BAD_SIGNATURE``.
    """
    if parsed.jws.protected["alg"] not in _allowed(key):
        raise _bad_signature("the algorithm is not allowed for the certificate's key")
    public = _PublicECKey(key, None) if isinstance(key, EllipticCurvePublicKey) else OKPKey(key, None)
    try:
        good = jws.validate_compact(parsed.jws, public, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise _bad_signature("the signature cannot be checked") from None
    if not good:
        raise _bad_signature("the signature does not verify")


def serialise(payload: bytes, x5c: list[str], key: SigningPrivateKey) -> str:
    """Return the compact JWS of ``payload``.

    Raises:
        ConsentFault: ``CONSENT_MALFORMED``, a part is above its bound.
        JoseError, ValueError: the key is of another kind.
    """
    header = {"alg": _allowed(key.public_key())[0], "typ": TYPE, "x5c": x5c}
    private = ECKey(key, None) if isinstance(key, EllipticCurvePrivateKey) else OKPKey(key, None)
    token = jws.serialize_compact(header, payload, private, registry=_REGISTRY)
    parse_token(token)  # a chain of large certificates may pass the bound of the header
    return token


def _allowed(key: SigningPublicKey) -> tuple[str, ...]:
    return ("ES256",) if isinstance(key, EllipticCurvePublicKey) else ("EdDSA", "Ed25519")


def _bad_signature(detail: str) -> ConsentFault:
    return ConsentFault(Reason.CONSENT_BAD_SIGNATURE, detail)
