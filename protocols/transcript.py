"""Domain separation and session binding: every digest and signature says what it is for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from protocols.encoding import Writer
from protocols.errors import ParameterError

PROTOCOL_VERSION = 1
DIGEST_BYTES = 32


def bind(label: str, *parts: bytes) -> bytes:
    """Return the canonical, unambiguous encoding of ``label`` and ``parts``; what a signature is made over."""
    writer = _head(label, len(parts))
    for part in parts:
        writer.blob(part)
    return writer.finish()


def digest(label: str, *parts: bytes) -> bytes:
    """Return SHA-256 over :func:`bind`; 32 bytes."""
    return hashlib.sha256(bind(label, *parts)).digest()


def digest_of_pieces(label: str, pieces: Iterable[bytes], length: int) -> bytes:
    """Return ``digest(label, part)`` of the one part of ``length`` bytes that ``pieces`` are in order.

    For what is too large to be held a second time.

    Raises:
        ParameterError: the pieces have another length together.
    """
    running = RunningDigest(label, length)
    for piece in pieces:
        running.update(piece)
    return running.digest()


class RunningDigest:
    """``digest(label, part)`` of one part of ``length`` bytes that comes piece by piece."""

    def __init__(self, label: str, length: int) -> None:
        self._hashed = hashlib.sha256(_head(label, 1).uint(length, 4).finish())
        self._left = length

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        self._hashed.update(piece)
        self._left -= len(piece)

    def digest(self) -> bytes:
        """Return the digest, 32 bytes.

        Raises:
            ParameterError: the pieces have another length together.
        """
        if self._left:
            raise ParameterError("the pieces do not have the length that was said")
        return self._hashed.digest()


def _head(label: str, parts: int) -> Writer:
    return Writer().text(f"banktax/{PROTOCOL_VERSION}/{label}").uint(parts, 4)
