"""A source of randomness that makes the package draw known scalars."""

from __future__ import annotations

SCALAR_BYTES = 32
DRAWN_BYTES = 64


class GivenScalars:
    """Gives 64 bytes for every scalar drawn: the next of the given ones, which reduces to itself."""

    def __init__(self, *scalars: bytes) -> None:
        assert all(len(scalar) == SCALAR_BYTES for scalar in scalars)
        self._left = b"".join(scalar + bytes(DRAWN_BYTES - SCALAR_BYTES) for scalar in scalars)

    def bytes(self, count: int) -> bytes:
        drawn, self._left = self._left[:count], self._left[count:]
        assert len(drawn) == count, "more was drawn than was given"
        return drawn

    @property
    def used_up(self) -> bool:
        return not self._left
