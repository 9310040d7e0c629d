"""The one source of randomness; an argument everywhere, never reached for.

Production code passes :class:`SystemRandomness`. Reproducible encryption derives labelled seeds with HKDF and
expands them with :class:`SeededRandomness`, one instance for one purpose.
"""

from __future__ import annotations

import secrets
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEED_BYTES = 32


class Randomness(Protocol):
    """A stream of bytes that nobody else can predict."""

    def bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes of the stream."""
        ...


class SystemRandomness:
    """The operating system's generator. Holds no state, so a fork inherits nothing."""

    def bytes(self, count: int) -> bytes:
        """Return ``count`` fresh bytes."""
        return secrets.token_bytes(count)


class SeededRandomness:
    """A deterministic stream: AES-256 in counter mode (NIST SP 800-38A) under a 32-byte seed, counter from zero.

    The seed belongs to ONE purpose. Use :func:`derive_seed` to get a separate seed for every purpose.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")
        self._stream = Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor()

    def bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes of the key stream."""
        return self._stream.update(bytes(count))

    def __repr__(self) -> str:
        return "SeededRandomness(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a seeded generator cannot be pickled")


def derive_seed(master: bytes, label: str, *context: bytes) -> bytes:
    """Return a 32-byte seed for one labelled purpose: HKDF-SHA256 (RFC 5869), info = length-prefixed parts."""
    parts = (label.encode("utf-8"), *context)
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return HKDF(algorithm=hashes.SHA256(), length=SEED_BYTES, salt=None, info=info).derive(master)
