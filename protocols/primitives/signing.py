"""Ed25519 (RFC 8032): the party signing key. The one file that imports it from ``cryptography``."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocols.errors import PeerProtocolError
from protocols.randomness import Randomness

KEY_BYTES = 32
SIGNATURE_BYTES = 64


class VerifyKey:
    """A party's public signing key, 32 bytes."""

    def __init__(self, encoded: bytes) -> None:
        if len(encoded) != KEY_BYTES:
            raise PeerProtocolError(f"an Ed25519 public key has {KEY_BYTES} bytes")
        self._key = Ed25519PublicKey.from_public_bytes(encoded)
        self.encoded = encoded

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if ``signature`` is this key's over ``message``.

        Raises:
            PeerProtocolError: it is not.
        """
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            raise PeerProtocolError("a signature does not verify") from None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the encoded key, 64 hexadecimal digits: what two operators compare by telephone."""
        return hashlib.sha256(self.encoded).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and other.encoded == self.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __repr__(self) -> str:
        return f"VerifyKey({self.fingerprint[:16]}…)"


class SigningKey:
    """A party's secret signing key; opaque, never pickled, exported only by :meth:`export_secret_seed`."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def generate(cls, randomness: Randomness) -> SigningKey:
        """Return a fresh key drawn from ``randomness``."""
        return cls(randomness.bytes(KEY_BYTES))

    @property
    def verify_key(self) -> VerifyKey:
        """The public half."""
        return VerifyKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over ``message``; callers pass what :func:`protocols.transcript.bind` made."""
        return self._key.sign(message)

    def export_secret_seed(self) -> bytes:
        """Return the SECRET 32-byte seed, for sealing it at rest and for nothing else."""
        return self._key.private_bytes_raw()

    def __repr__(self) -> str:
        return "SigningKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a signing key cannot be pickled")
