"""The one contract of every codec: one value, one encoding, exact size, nothing else accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from protocols.errors import PeerProtocolError


@dataclass(frozen=True)
class Codec:
    """One encoded value and how to read it."""

    encoded: bytes
    decode: Callable[[bytes], bytes]
    """Decodes and encodes again."""
    size: int
    """What the specification says the size is."""


def check_codec(codec: Codec) -> None:
    """Check round trip, size, and that truncated and longer bytes raise ``PeerProtocolError`` alone."""
    encoded = codec.encoded
    assert codec.decode(encoded) == encoded
    assert len(encoded) == codec.size
    for length in _cuts(len(encoded)):
        with pytest.raises(PeerProtocolError):
            codec.decode(encoded[:length])
    for extra in (b"\0", b"\xff" * 32):
        with pytest.raises(PeerProtocolError):
            codec.decode(encoded + extra)


def _cuts(size: int) -> list[int]:
    """Every length of a short value; of a long one the first, the last and some in between."""
    if size <= 400:
        return list(range(size))
    return [*range(60), *range(60, size, max(size // 20, 1)), size - 1]
