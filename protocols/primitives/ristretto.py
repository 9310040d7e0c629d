"""The group ristretto255 (RFC 9496) on libsodium: prime order, strict decoding. The one file that imports ``rbcl``.

What libsodium leaves open is closed here: its point check lets the identity pass and ignores the topmost bit, its
scalar operations accept non-reduced scalars, and its failures are a bare ``RuntimeError``. A :class:`Point` is valid
and not the identity, a :class:`Scalar` is reduced and not zero, so no operation on them can fail.
"""

from __future__ import annotations

from collections.abc import Sequence

import rbcl

from protocols.errors import ParameterError, PeerProtocolError
from protocols.randomness import Randomness

POINT_BYTES = 32
SCALAR_BYTES = 32
UNIFORM_BYTES = 64
ORDER = 2**252 + 27742317777372353535851937790883648493  # RFC 9496 section 4

_IDENTITY = bytes(POINT_BYTES)


class Point:
    """An element of ristretto255 other than the identity, in its one canonical encoding of 32 bytes."""

    __slots__ = ("encoded",)

    def __init__(self, encoded: bytes) -> None:
        """Decode what a peer sent (RFC 9496 section 4.3.1, RFC 9497 section 2.1).

        Raises:
            PeerProtocolError: the length is wrong, the encoding is not canonical, or it is the identity's.
        """
        if len(encoded) != POINT_BYTES:
            raise PeerProtocolError(f"a group element has {POINT_BYTES} bytes")
        if encoded == _IDENTITY:
            raise PeerProtocolError("a group element is the identity")
        # libsodium ignores bit 255, so that every element would have a second encoding: RFC 9496 refuses it.
        if encoded[-1] & 0x80 or not rbcl.crypto_core_ristretto255_is_valid_point(encoded):
            raise PeerProtocolError("a group element is not canonically encoded")
        self.encoded = encoded

    @classmethod
    def trusted(cls, encoded: bytes) -> Point:
        """Wrap what was checked already, or computed from a valid point and a valid scalar; not looked at again."""
        point = cls.__new__(cls)
        point.encoded = encoded
        return point

    @classmethod
    def from_uniform(cls, uniform: bytes) -> Point:
        """Map 64 uniform bytes to the group (RFC 9496 section 4.3.4).

        Raises:
            ParameterError: they map to the identity (probability 2^-252), or there are not 64 of them.
        """
        if len(uniform) != UNIFORM_BYTES:
            raise ParameterError(f"the map to the group takes {UNIFORM_BYTES} bytes")
        encoded: bytes = rbcl.crypto_core_ristretto255_from_hash(uniform)
        if encoded == _IDENTITY:
            raise ParameterError("an input maps to the identity")
        return cls.trusted(encoded)

    def multiply(self, scalar: Scalar) -> Point:
        """Return ``scalar`` times this point; in constant time, as libsodium does it."""
        # Prime order, point not the identity, scalar not zero: the product is never the identity.
        return Point.trusted(rbcl.crypto_scalarmult_ristretto255(scalar.export_secret(), self.encoded))

    def add(self, other: Point) -> Point:
        """Return the sum.

        Raises:
            ParameterError: it is the identity.
        """
        return Point._nonzero(rbcl.crypto_core_ristretto255_add(self.encoded, other.encoded))

    def subtract(self, other: Point) -> Point:
        """Return the difference.

        Raises:
            ParameterError: it is the identity.
        """
        return Point._nonzero(rbcl.crypto_core_ristretto255_sub(self.encoded, other.encoded))

    @classmethod
    def _nonzero(cls, encoded: bytes) -> Point:
        if encoded == _IDENTITY:
            raise ParameterError("a combination of elements is the identity")
        return cls.trusted(encoded)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and other.encoded == self.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __repr__(self) -> str:
        return "Point(…)"


class Scalar:
    """A SECRET integer in 1..order-1; opaque, never pickled, exported only by :meth:`export_secret`."""

    __slots__ = ("_encoded",)

    def __init__(self, encoded: bytes) -> None:
        """Take 32 little-endian bytes of our own, for instance what :meth:`export_secret` gave.

        Raises:
            ParameterError: not 32 bytes, not reduced modulo the order, or zero.
        """
        if len(encoded) != SCALAR_BYTES or not 0 < int.from_bytes(encoded, "little") < ORDER:
            raise ParameterError(f"a scalar has {SCALAR_BYTES} bytes, reduced and not zero")
        self._encoded = encoded

    @classmethod
    def _trusted(cls, encoded: bytes) -> Scalar:
        scalar = cls.__new__(cls)
        scalar._encoded = encoded
        return scalar

    @classmethod
    def from_uniform(cls, uniform: bytes) -> Scalar:
        """Reduce 64 uniform little-endian bytes modulo the order (RFC 9496 section 4.4); bias below 2^-250.

        Raises:
            ParameterError: they reduce to zero, or there are not 64 of them.
        """
        if len(uniform) != UNIFORM_BYTES:
            raise ParameterError(f"a scalar is reduced from {UNIFORM_BYTES} bytes")
        encoded: bytes = rbcl.crypto_core_ristretto255_scalar_reduce(uniform)
        if encoded == bytes(SCALAR_BYTES):
            raise ParameterError("the bytes reduce to the zero scalar")
        return cls._trusted(encoded)

    @classmethod
    def random(cls, randomness: Randomness) -> Scalar:
        """Draw a scalar: RandomScalar of RFC 9497 section 2.1 by extra random bits (section 4.7.2)."""
        return cls.from_uniform(randomness.bytes(UNIFORM_BYTES))

    def multiply(self, other: Scalar) -> Scalar:
        """Return the product modulo the order."""
        return Scalar._trusted(rbcl.crypto_core_ristretto255_scalar_mul(self._encoded, other._encoded))

    def subtract(self, other: Scalar) -> Scalar:
        """Return the difference modulo the order.

        Raises:
            ParameterError: it is zero.
        """
        difference: bytes = rbcl.crypto_core_ristretto255_scalar_sub(self._encoded, other._encoded)
        if difference == bytes(SCALAR_BYTES):
            raise ParameterError("the scalars are equal")
        return Scalar._trusted(difference)

    def invert(self) -> Scalar:
        """Return the inverse modulo the order."""
        return Scalar._trusted(rbcl.crypto_core_ristretto255_scalar_invert(self._encoded))

    def export_secret(self) -> bytes:
        """Return the SECRET 32 little-endian bytes, for sealing a key at rest and for test vectors only."""
        return self._encoded

    def __repr__(self) -> str:
        return "Scalar(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("a scalar cannot be pickled")


def invert_all(scalars: Sequence[Scalar]) -> list[Scalar]:
    """Return the inverse of every scalar: Montgomery's trick, one inversion and three products each.

    Constant time in the scalars, as every product and the one inversion are libsodium's.
    """
    if not scalars:
        return []
    products = [scalars[0]]
    for scalar in scalars[1:]:
        products.append(products[-1].multiply(scalar))
    running = products[-1].invert()
    inverses = [running] * len(scalars)
    for index in range(len(scalars) - 1, 0, -1):
        inverses[index] = running.multiply(products[index - 1])
        running = running.multiply(scalars[index])
    inverses[0] = running
    return inverses


def multiply_generator(scalar: Scalar) -> Point:
    """Return ``scalar`` times the generator of RFC 9496 section 4; in constant time, as libsodium does it."""
    return Point.trusted(rbcl.crypto_scalarmult_ristretto255_base(scalar.export_secret()))


def linear_combination(scalars: Sequence[Scalar], points: Sequence[Point]) -> bytes:
    """Return the encoding of the sum of products, which may be the identity's; as many scalars as points."""
    total = _IDENTITY
    for scalar, point in zip(scalars, points, strict=True):
        total = rbcl.crypto_core_ristretto255_add(total, point.multiply(scalar).encoded)
    return total
