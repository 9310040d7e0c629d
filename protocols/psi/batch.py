"""Arithmetic on many group elements at once: arrays of n x 32 bytes in, arrays of n x 32 bytes out.

The one place that says which implementation of ristretto255 computes batches: libsodium for a few elements, the
compiled programs for more. Elements are canonical encodings (RFC 9496 section 4.3.2), scalars are little-endian and
reduced modulo the order. Everything but :func:`linear_combination` and :func:`decode_check`, whose arguments are
public, takes the same time for all values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives import ristretto
from protocols.primitives.ristretto import ORDER, POINT_BYTES, SCALAR_BYTES, UNIFORM_BYTES, Point, Scalar
from protocols.primitives.scalar_reduction import reduce_uniform
from protocols.psi.hashing import expand_messages
from protocols.psi.oprf import MAXIMUM_INPUT_BYTES
from protocols.randomness import Randomness

if TYPE_CHECKING:
    from protocols.primitives.ristretto_kernels.arithmetic import Arithmetic

Rows = NDArray[np.uint8]
"""Elements or scalars: shape (n, 32)."""
FEW = 8
"""Fewer elements are libsodium's: they would not fill a vector, and the compiled programs take a second to load."""


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
        ParameterError: an input maps to the identity (probability 2^-252).
    """
    if any(len(data) > MAXIMUM_INPUT_BYTES for data in inputs):
        raise LocalProtocolError(f"an input has at most {MAXIMUM_INPUT_BYTES} bytes")
    uniform, factors = expand_messages(inputs, separation), _scalars(scalars, len(inputs))
    if len(inputs) < FEW:
        return _products([Point.from_uniform(row.tobytes()) for row in uniform], factors)
    return _arithmetic().map_and_multiply(uniform, factors)


def decode_check(elements: Rows) -> NDArray[np.bool_]:
    """Return for every row whether it is the canonical encoding of an element other than the identity."""
    if len(elements) < FEW:
        return np.array([_is_element(row.tobytes()) for row in elements], dtype=np.bool_)
    return _arithmetic().decode_check(elements)


def multiply(elements: Rows, scalars: Rows) -> Rows:
    """Return the products; ``scalars`` has one row for each element, or a single one for all.

    Raises:
        PeerProtocolError: a row is no canonical encoding of an element other than the identity.
    """
    factors = _scalars(scalars, len(elements))
    if len(elements) < FEW:
        return _products([Point(row.tobytes()) for row in elements], factors)
    return _arithmetic().multiply(elements, factors)


def linear_combination(scalars: Rows, elements: Rows) -> bytes:
    """Return the encoding of the sum of ``scalars[i]`` times ``elements[i]``: 32 bytes, perhaps the identity's.

    Both are PUBLIC: the time may depend on them.

    Raises:
        PeerProtocolError: a row is no canonical encoding of an element other than the identity.
    """
    factors = _scalars(scalars, len(elements))
    if len(elements) < FEW:
        points = [Point(row.tobytes()) for row in elements]
        return ristretto.linear_combination([Scalar(row.tobytes()) for row in factors], points)
    return _arithmetic().linear_combination(factors, elements)


def invert(scalars: Rows) -> Rows:
    """Return the inverse of every scalar modulo the order, by Montgomery's trick."""
    factors = _scalars(scalars, len(scalars))
    if len(scalars) < FEW:
        inverses = ristretto.invert_all([Scalar(row.tobytes()) for row in factors])
        return _gather(inverse.export_secret() for inverse in inverses)
    from protocols.primitives.ristretto_kernels import arithmetic

    return arithmetic.invert(factors)


def random_scalars(count: int, randomness: Randomness) -> Rows:
    """Draw SECRET scalars in 1..order-1, 64 bytes of ``randomness`` each, in order (RFC 9497 section 4.7.2)."""
    drawn = np.frombuffer(randomness.bytes(count * UNIFORM_BYTES), np.uint8)
    return reduce_uniform(drawn.reshape(-1, UNIFORM_BYTES))


def _arithmetic() -> Arithmetic:
    """Return the compiled programs; loading them loads numba, which a node that needs none of this does not."""
    from protocols.primitives.ristretto_kernels import arithmetic

    return arithmetic.fastest()


def _products(points: Sequence[Point], scalars: Rows) -> Rows:
    factors = [Scalar(row.tobytes()) for row in scalars]
    return _gather(point.multiply(factor).encoded for point, factor in zip(points, factors, strict=True))


def _scalars(scalars: Rows, count: int) -> Rows:
    """Return one scalar for each of ``count`` elements, all checked as :class:`Scalar` checks one."""
    if scalars.ndim != 2 or scalars.shape[1] != SCALAR_BYTES or len(scalars) not in (1, count):
        raise ParameterError("there is one scalar for each element, or one for all")
    if not _are_scalars(scalars).all():
        raise ParameterError(f"a scalar has {SCALAR_BYTES} bytes, reduced and not zero")
    return np.broadcast_to(scalars, (count, SCALAR_BYTES))


def _are_scalars(scalars: Rows) -> NDArray[np.bool_]:
    """Return for every row whether it is in 1..order-1, in the same time for all that are."""
    words = np.ascontiguousarray(scalars).view("<u8")
    order = np.frombuffer(ORDER.to_bytes(SCALAR_BYTES, "little"), dtype="<u8")
    less = np.zeros(len(scalars), dtype=np.bool_)
    for word, bound in zip(words.T, order, strict=True):  # from the lowest on: a higher one decides
        less = (word < bound) | (word == bound) & less
    return less & words.any(axis=1)


def _gather(encodings: Iterable[bytes]) -> Rows:
    return rows(b"".join(encodings))


def _is_element(encoded: bytes) -> bool:
    try:
        Point(encoded)
    except PeerProtocolError:
        return False
    return True
