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
    hashed = hashlib.sha256(_head(label, 1).uint(length, 4).finish())
    for piece in pieces:
        hashed.update(piece)
        length -= len(piece)
    if length:
        raise ParameterError("the pieces do not have the length that was said")
    return hashed.digest()


def _head(label: str, parts: int) -> Writer:
    return Writer().text(f"banktax/{PROTOCOL_VERSION}/{label}").uint(parts, 4)
