"""Encryption of a short secret to a party's public key: HPKE (RFC 9180), the ONE file that imports it.

Base mode, single shot, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. It hides the secret from everybody
but the holder of the private key; it does NOT say who encrypted (what is inside carries its own signature), and it has
no forward secrecy: who gets the private key later on opens every old message.

The library draws the ephemeral key itself, from the operating system; the one randomness here that is no argument.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from protocols.errors import ParameterError, PeerProtocolError
from protocols.randomness import Randomness

KEY_BYTES = 32
WRAPPING_BYTES = KEY_BYTES + 16
"""What a wrapped secret is longer than the secret: the ephemeral public key and the tag."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def wrap(secret: bytes, public_key: bytes, context: bytes) -> bytes:
    """Return ``secret`` encrypted to ``public_key``, :data:`WRAPPING_BYTES` longer.

    Args:
        secret: what to hide.
        public_key: X25519, 32 bytes.
        context: what the secret belongs to (RFC 9180's info); it must be the same for :meth:`EncryptionKey.unwrap`.

    Raises:
        ParameterError: the public key has another size or is of low order.
    """
    if len(public_key) != KEY_BYTES:
        raise ParameterError(f"an X25519 public key has {KEY_BYTES} bytes")
    try:
        return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(public_key), context)
    except ValueError:  # RFC 9180 section 7.1.4: an all-zero shared secret
        raise ParameterError("the public key is of low order") from None


class EncryptionKey:
    """A party's private X25519 key; opaque, never pickled."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ParameterError(f"an X25519 private key has {KEY_BYTES} bytes")
        self._secret = secret
        self._key = X25519PrivateKey.from_private_bytes(secret)

    @classmethod
    def generate(cls, randomness: Randomness) -> EncryptionKey:
        """Return a new key."""
        return cls(randomness.bytes(KEY_BYTES))

    @property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def export_secret(self) -> bytes:
        """Return the SECRET 32 bytes, for sealing them at rest and for nothing else."""
        return self._secret

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return the secret that :func:`wrap` encrypted to this key.

        Raises:
            PeerProtocolError: it was encrypted to another key or in another context, or was changed.
        """
        try:
            return _SUITE.decrypt(wrapped, self._key, context)
        except (InvalidTag, ValueError):
            raise PeerProtocolError("the secret does not open with this key") from None

    def __repr__(self) -> str:
        return "EncryptionKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a private key cannot be pickled")
