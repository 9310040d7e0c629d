"""Canonical, bounded encoders and decoders.

One value has one encoding: big-endian unsigned integers, length-prefixed byte strings, nothing trailing. A
:class:`Reader` checks every count and length against a bound BEFORE it takes memory, and whatever a peer's bytes
do wrong surfaces as :class:`~protocols.errors.PeerProtocolError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from protocols.errors import ParameterError, PeerProtocolError


class Writer:
    """Builds one canonical byte string."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def uint(self, value: int, width: int) -> Writer:
        """Append an unsigned integer of ``width`` bytes."""
        if not 0 <= value < 1 << (8 * width):
            raise ParameterError(f"an integer does not fit {width} bytes")
        self._parts.append(value.to_bytes(width, "big"))
        return self

    def fixed(self, value: bytes, length: int) -> Writer:
        """Append exactly ``length`` bytes without a prefix."""
        if len(value) != length:
            raise ParameterError(f"expected {length} bytes, got {len(value)}")
        self._parts.append(value)
        return self

    def blob(self, value: bytes) -> Writer:
        """Append a byte string behind its length in four bytes."""
        return self.uint(len(value), 4).raw(value)

    def text(self, value: str) -> Writer:
        """Append a string as UTF-8 behind its length in bytes."""
        return self.blob(value.encode("utf-8"))

    def raw(self, value: bytes) -> Writer:
        """Append bytes as they are; the caller accounts for their length."""
        self._parts.append(value)
        return self

    def finish(self) -> bytes:
        """Return everything that was appended."""
        return b"".join(self._parts)


class Reader:
    """Reads what a :class:`Writer` wrote, from bytes that a peer sent; see :meth:`parts` for what is not copied."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    def _view(self, length: int) -> memoryview:
        end = self._at + length
        if end > len(self._data):
            raise PeerProtocolError("truncated")
        view = self._data[self._at : end]
        self._at = end
        return view

    def _take(self, length: int) -> bytes:
        return bytes(self._view(length))

    def uint(self, width: int, maximum: int, minimum: int = 0) -> int:
        """Read an unsigned integer of ``width`` bytes between ``minimum`` and ``maximum``."""
        value = int.from_bytes(self._take(width), "big")
        if not minimum <= value <= maximum:
            raise PeerProtocolError(f"an integer is outside {minimum}..{maximum}")
        return value

    def fixed(self, length: int) -> bytes:
        """Read exactly ``length`` bytes."""
        return self._take(length)

    def parts(self, length: int, count: int) -> Sequence[bytes]:
        """Read ``count`` byte strings of ``length`` bytes, each copied when it is asked for: the data stay in use."""
        return _Parts(self._view(length * count), length)

    def blob(self, maximum: int) -> bytes:
        """Read a byte string of at most ``maximum`` bytes."""
        return self._take(self.uint(4, maximum))

    def text(self, maximum: int) -> str:
        """Read a UTF-8 string of at most ``maximum`` bytes."""
        try:
            return self.blob(maximum).decode("utf-8")
        except UnicodeDecodeError:
            raise PeerProtocolError("a text is not UTF-8") from None

    def finish(self) -> None:
        """Refuse trailing bytes."""
        if self._at != len(self._data):
            raise PeerProtocolError(f"{len(self._data) - self._at} trailing bytes")


class _Parts(Sequence[bytes]):
    """Byte strings of one length, one after the other in ``data``."""

    def __init__(self, data: memoryview, length: int) -> None:
        self._data = data
        self._length = length

    def __len__(self) -> int:
        return len(self._data) // self._length

    @overload
    def __getitem__(self, index: int) -> bytes: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[bytes, ...]: ...

    def __getitem__(self, index: int | slice) -> bytes | tuple[bytes, ...]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(self[place] for place in places)
        return bytes(self._data[places * self._length : (places + 1) * self._length])
