"""Group operations on rows of bytes by the compiled programs, on the back end that the processor has.

Takes what :mod:`protocols.primitives.ristretto` takes and gives what it gives, many at a time.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba.core.registry import cpu_target
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES, Scalar
from protocols.primitives.ristretto_kernels import kernels
from protocols.primitives.ristretto_kernels.encodings import ENCODED_WORDS
from protocols.primitives.ristretto_kernels.field_ifma import IfmaField
from protocols.primitives.ristretto_kernels.field_portable import PortableField
from protocols.primitives.ristretto_kernels.kernels import Words
from protocols.primitives.ristretto_kernels.memory import POINT_WORDS
from protocols.primitives.ristretto_kernels.windows import TABLE_WORDS

Rows = NDArray[np.uint8]
"""Elements or scalars of 32 bytes, or uniform strings of 64: shape (n, 32) or (n, 64)."""
_WORD = np.dtype("<u8")
_PORTION = 4096  # elements at a time: 640 KiB of points
_COMBINED = 512  # elements with common doublings: 640 KiB of multiples, which stay in the second cache


class Arithmetic:
    """ristretto255 on one back end. Has no state: threads may share it."""

    def __init__(self, lanes: int) -> None:
        """``lanes`` is how many elements one instruction works on: eight on AVX-512 IFMA, else one."""
        self._lanes = lanes

    def decode_check(self, elements: Rows) -> NDArray[np.bool_]:
        """Return for every row whether it is the canonical encoding of an element other than the identity."""
        found = [self._decode(elements[each])[1] for each in _portions(len(elements), _PORTION)]
        return np.concatenate([*found, np.empty(0, np.bool_)])

    def multiply(self, elements: Rows, scalars: Rows) -> Rows:
        """Return the products with ``scalars`` (n, 32), reduced modulo the order and not zero; in constant time.

        Raises:
            PeerProtocolError: a row is no canonical encoding of an element other than the identity.
        """
        products = np.empty_like(elements)
        for each in _portions(len(elements), _PORTION):
            products[each] = self._products(self._valid(elements[each]), scalars[each])
        return products

    def map_and_multiply(self, uniform: Rows, scalars: Rows) -> Rows:
        """Return ``scalars`` (n, 32) times the elements that 64 uniform bytes each map to; in constant time.

        Raises:
            ParameterError: some map to the identity (probability 2^-252).
        """
        products = np.empty((len(uniform), POINT_BYTES), np.uint8)
        for each in _portions(len(uniform), _PORTION):
            words = self._packed(uniform[each])
            points = self._empty(len(words), POINT_WORDS)
            kernels.map_uniform(words, points)
            products[each] = self._products(points, scalars[each])
        if not products.any(axis=1).all():
            raise ParameterError("an input maps to the identity")
        return products

    def linear_combination(self, scalars: Rows, elements: Rows) -> bytes:
        """Return the encoding of the sum of ``scalars[i]`` times ``elements[i]``, which may be the identity's.

        Raises:
            PeerProtocolError: a row is no canonical encoding of an element other than the identity.
        """
        total = self._packed(np.zeros((self._lanes, POINT_BYTES), np.uint8))  # the identity's encoding
        sums = self._points(total)[0]
        for each in _portions(len(elements), _COMBINED):
            points = self._valid(elements[each])
            tables, part = self._empty(len(points), TABLE_WORDS), self._empty(1, POINT_WORDS)
            kernels.combine(points, self._packed(scalars[each]), tables, part)
            kernels.add(sums, part, sums)
        step = self._lanes // 2
        while step:  # lane 0 becomes the sum of all
            kernels.add(sums, np.roll(sums, -step, axis=-1), sums)
            step //= 2
        kernels.encode(sums, total)
        return self._unpacked(total, 1).tobytes()

    def _products(self, points: Words, scalars: Rows) -> Rows:
        kernels.multiply(points, self._packed(scalars), points)
        words = self._empty(len(points), ENCODED_WORDS)
        kernels.encode(points, words)
        return self._unpacked(words, len(scalars))

    def _valid(self, elements: Rows) -> Words:
        points, accepted = self._decode(elements)
        if not accepted.all():
            refused = elements[int(np.argmin(accepted))]
            what = "not canonically encoded" if refused.any() else "the identity"
            raise PeerProtocolError(f"a group element is {what}")
        return points

    def _decode(self, elements: Rows) -> tuple[Words, NDArray[np.bool_]]:
        points, accepted = self._points(self._packed(elements))
        return points, accepted.reshape(-1)[: len(elements)] != 0

    def _points(self, words: Words) -> tuple[Words, Words]:
        points, accepted = self._empty(len(words), POINT_WORDS), self._empty(len(words), 1)
        kernels.decode(words, points, accepted)
        return points, accepted

    def _empty(self, groups: int, words: int) -> Words:
        return np.empty((groups, words, self._lanes) if self._lanes > 1 else (groups, words), np.uint64)

    def _packed(self, rows: Rows) -> Words:
        """Return rows as groups of words; what fills the last group is zero."""
        count, width = rows.shape
        groups = -(-count // self._lanes)
        words = np.zeros((groups * self._lanes, width // _WORD.itemsize), np.uint64)
        words[:count] = np.ascontiguousarray(rows).view(_WORD)
        if self._lanes == 1:
            return words
        return np.ascontiguousarray(words.reshape(groups, self._lanes, -1).transpose(0, 2, 1))

    def _unpacked(self, words: Words, count: int) -> Rows:
        if self._lanes > 1:
            words = words.transpose(0, 2, 1).reshape(-1, words.shape[1])
        return np.ascontiguousarray(words[:count], dtype=_WORD).view(np.uint8)


IFMA = Arithmetic(IfmaField.lanes)
PORTABLE = Arithmetic(PortableField.lanes)


@cache
def has_ifma() -> bool:
    """Return whether numba compiles for AVX-512 IFMA: this processor has it, and numba was not told otherwise."""
    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return "+avx512ifma" in features.split(",")


def fastest() -> Arithmetic:
    """Return the back end for this processor."""
    return IFMA if has_ifma() else PORTABLE


def invert(scalars: Rows) -> Rows:
    """Return the inverses of ``scalars`` (n, 32), reduced modulo the order and not zero; in constant time."""
    if not len(scalars):
        return scalars
    words = np.ascontiguousarray(scalars).view(_WORD).astype(np.uint64)
    running, inverted = np.empty_like(words), np.empty_like(words)
    kernels.products(words, running)
    last = Scalar(running[-1:].astype(_WORD).tobytes()).invert()
    inverted[-1] = np.frombuffer(last.export_secret(), _WORD)
    kernels.inverses(words, running, inverted)
    return inverted.astype(_WORD).view(np.uint8)


def _portions(count: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
