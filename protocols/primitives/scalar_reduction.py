"""Many scalars of ristretto255 from 64 uniform bytes each: reduced modulo the group's order (RFC 9496 section 4.4).

Libsodium's reduction in :class:`protocols.primitives.ristretto.Scalar` serves a few; it says the same as the compiled
loops and is what they are tested against.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.primitives.ristretto import ORDER, SCALAR_BYTES, UNIFORM_BYTES, Scalar

FEW = 8
"""Fewer scalars are libsodium's: the compiled loops take a second to load."""
_Words = NDArray[np.uint64]
_Limbs = NDArray[np.int64]


def reduce_uniform(uniform: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return little-endian scalars (n, 32) in 1..order-1 from ``uniform`` (n, 64), which may be SECRET.

    Raises:
        ParameterError: one reduces to zero (probability 2^-252), or there are not 64 bytes a scalar.
    """
    if uniform.ndim != 2 or uniform.shape[1] != UNIFORM_BYTES:
        raise ParameterError(f"a scalar is reduced from {UNIFORM_BYTES} bytes")
    if len(uniform) < FEW:
        scalars = b"".join(Scalar.from_uniform(row.tobytes()).export_secret() for row in uniform)
        return np.frombuffer(scalars, np.uint8).reshape(-1, SCALAR_BYTES)
    reduced = _reduced(np.ascontiguousarray(uniform).view("<u8").astype(np.uint64))
    if not reduced.any(axis=1).all():
        raise ParameterError("the bytes reduce to the zero scalar")
    return reduced.astype("<u8").view(np.uint8)


def _reduced(words: _Words) -> _Words:
    from protocols.primitives import scalar_loops as loops

    excess = ORDER - (1 << loops.LIMB_BITS * loops.LOW)
    limbs = (_limbs(excess, 5, loops.LIMB_BITS), _limbs(ORDER, loops.LOW + 1, loops.LIMB_BITS))
    out = np.empty((len(words), SCALAR_BYTES // 8), np.uint64)
    loops.reduce_rows(words, *limbs, out)
    return out


def _limbs(number: int, count: int, bits: int) -> _Limbs:
    return np.array([number >> bits * at & (1 << bits) - 1 for at in range(count)], np.int64)
