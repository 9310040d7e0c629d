"""Arithmetic on many group elements at once: arrays of n x 32 bytes in, arrays of n x 32 bytes out.

The one place that says which implementation of ristretto255 computes batches. Elements are canonical encodings
(RFC 9496 section 4.3.2), scalars are little-endian and reduced modulo the order. Everything but
:func:`linear_combination` and :func:`decode_check`, whose arguments are public, takes the same time for all values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives import ristretto
from protocols.primitives.ristretto import POINT_BYTES, SCALAR_BYTES, UNIFORM_BYTES, Point, Scalar
from protocols.primitives.scalar_reduction import reduce_uniform
from protocols.psi.hashing import expand_messages
from protocols.psi.oprf import MAXIMUM_INPUT_BYTES
from protocols.randomness import Randomness

Rows = NDArray[np.uint8]
"""Elements or scalars: shape (n, 32)."""


def rows(encoded: bytes) -> Rows:
    """Return encodings that follow each other as rows, without a copy; raises :class:`ParameterError` for a part."""
    if len(encoded) % POINT_BYTES:
        raise ParameterError(f"rows have {POINT_BYTES} bytes each")
    return np.frombuffer(encoded, dtype=np.uint8).reshape(-1, POINT_BYTES)


def hash_and_multiply(inputs: Sequence[bytes], separation: bytes, scalars: Rows) -> Rows:
    """Return ``scalars[i]`` times the input's element, HashToGroup of RFC 9497 section 4.1 under ``separation``.

    ``scalars`` has one row for each input, or a single one for all.

    Raises:
        LocalProtocolError: an input is longer than 65,534 bytes.
    """
    if any(len(data) > MAXIMUM_INPUT_BYTES for data in inputs):
        raise LocalProtocolError(f"an input has at most {MAXIMUM_INPUT_BYTES} bytes")
    points = [Point.from_uniform(row.tobytes()) for row in expand_messages(inputs, separation)]
    return _products(points, scalars)


def decode_check(elements: Rows) -> NDArray[np.bool_]:
    """Return for every row whether it is the canonical encoding of an element other than the identity."""
    return np.array([_is_element(row.tobytes()) for row in elements], dtype=np.bool_)


def multiply(elements: Rows, scalars: Rows) -> Rows:
    """Return the products; ``scalars`` has one row for each element, or a single one for all.

    Raises:
        PeerProtocolError: a row is no canonical encoding of an element other than the identity.
    """
    return _products([Point(row.tobytes()) for row in elements], scalars)


def linear_combination(scalars: Rows, elements: Rows) -> bytes:
    """Return the encoding of the sum of ``scalars[i]`` times ``elements[i]``: 32 bytes, perhaps the identity's.

    Both are PUBLIC: the time may depend on them.

    Raises:
        PeerProtocolError: a row is no canonical encoding of an element other than the identity.
    """
    points = [Point(row.tobytes()) for row in elements]
    return ristretto.linear_combination(_scalars(scalars, len(points)), points)


def invert(scalars: Rows) -> Rows:
    """Return the inverse of every scalar modulo the order: Montgomery's trick, on libsodium."""
    return _gather(scalar.export_secret() for scalar in ristretto.invert_all(_scalars(scalars, len(scalars))))


def random_scalars(count: int, randomness: Randomness) -> Rows:
    """Draw SECRET scalars in 1..order-1, 64 bytes of ``randomness`` each, in order (RFC 9497 section 4.7.2)."""
    drawn = np.frombuffer(randomness.bytes(count * UNIFORM_BYTES), np.uint8)
    return reduce_uniform(drawn.reshape(-1, UNIFORM_BYTES))


def _products(points: Sequence[Point], scalars: Rows) -> Rows:
    factors = _scalars(scalars, len(points))
    return _gather(point.multiply(factor).encoded for point, factor in zip(points, factors, strict=True))


def _scalars(scalars: Rows, count: int) -> list[Scalar]:
    if scalars.ndim != 2 or scalars.shape[1] != SCALAR_BYTES or len(scalars) not in (1, count):
        raise ParameterError("there is one scalar for each element, or one for all")
    factors = [Scalar(row.tobytes()) for row in scalars]
    return factors * count if len(factors) == 1 else factors


def _gather(encodings: Iterable[bytes]) -> Rows:
    return rows(b"".join(encodings))


def _is_element(encoded: bytes) -> bool:
    try:
        Point(encoded)
    except PeerProtocolError:
        return False
    return True
