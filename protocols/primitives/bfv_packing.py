"""Packed residues: one value, one encoding, exact sizes, every residue below its modulus (README §5).

A residue takes exactly its modulus' bits, little-endian: 48-bit residues six bytes each, 50-bit residues four in
25 bytes. No padding bits exist, so that nothing can hide in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_profile import BFV_8192_1

Residues = NDArray[np.uint64]
"""Non-negative integers below a modulus of at most 50 bits."""

_LOW_50 = np.uint64((1 << 50) - 1)


def _pack_48(values: Residues) -> bytes:
    return np.ascontiguousarray(values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :6]).tobytes()


def _unpack_48(data: bytes) -> Residues:
    wide = np.zeros((len(data) // 6, 8), dtype=np.uint8)
    wide[:, :6] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 6)
    return wide.view("<u8").reshape(-1).astype(np.uint64)


def _pack_50(values: Residues) -> bytes:
    """Four residues r0..r3 are the 200 bits r0 + r1 2^50 + r2 2^100 + r3 2^150: three words and a byte."""
    r0, r1, r2, r3 = values.reshape(-1, 4).T
    words = np.stack([r0 | r1 << np.uint64(50), r1 >> np.uint64(14) | r2 << np.uint64(36)], axis=1)
    third = r2 >> np.uint64(28) | r3 << np.uint64(22)
    out = np.empty((r0.size, 25), dtype=np.uint8)
    out[:, :16] = words.astype("<u8").view(np.uint8).reshape(-1, 16)
    out[:, 16:24] = third.astype("<u8").view(np.uint8).reshape(-1, 8)
    out[:, 24] = r3 >> np.uint64(42)
    return out.tobytes()


def _unpack_50(data: bytes) -> Residues:
    groups = np.frombuffer(data, dtype=np.uint8).reshape(-1, 25)
    words = np.ascontiguousarray(groups[:, :24]).view("<u8").reshape(-1, 3).astype(np.uint64)
    w0, w1, w2 = words.T
    last = groups[:, 24].astype(np.uint64)
    out = np.empty((w0.size, 4), dtype=np.uint64)
    out[:, 0] = w0 & _LOW_50
    out[:, 1] = (w0 >> np.uint64(50) | w1 << np.uint64(14)) & _LOW_50
    out[:, 2] = (w1 >> np.uint64(36) | w2 << np.uint64(28)) & _LOW_50
    out[:, 3] = w2 >> np.uint64(22) | last << np.uint64(42)
    return out.reshape(-1)


_PACK = {48: _pack_48, 50: _pack_50}
_UNPACK = {48: _unpack_48, 50: _unpack_50}


def pack_residues(values: Residues, modulus: int) -> bytes:
    """Return the packed form of ``values`` (any shape, flattened; a multiple of four of them for 50 bits)."""
    if values.size and int(values.max()) >= modulus:
        raise ParameterError("a residue is not below its modulus")
    return _PACK[modulus.bit_length()](np.ascontiguousarray(values.reshape(-1)))


def unpack_residues(data: bytes, count: int, modulus: int) -> Residues:
    """Return the ``count`` residues that ``data`` packs, shape (count,).

    Raises:
        PeerProtocolError: the size is not exact, or a residue is not below ``modulus``.
    """
    bits = modulus.bit_length()
    if len(data) * 8 != count * bits:
        raise PeerProtocolError("packed residues have the wrong size")
    values = _UNPACK[bits](data)
    if count and int(values.max()) >= modulus:
        raise PeerProtocolError("a residue is not below its modulus")
    return values


def pack_polynomials(residues: Residues) -> bytes:
    """Pack ring elements modulo q, shape (count, primes, N): element by element, prime by prime."""
    primes = BFV_8192_1.data_primes
    return b"".join(pack_residues(element[place], prime) for element in residues for place, prime in enumerate(primes))


def unpack_polynomials(data: bytes, count: int) -> Residues:
    """Return the ``count`` ring elements modulo q that ``data`` packs, shape (count, primes, N).

    Raises:
        PeerProtocolError: the size is not exact, or a residue is not below its modulus.
    """
    profile = BFV_8192_1
    if len(data) != count * profile.polynomial_bytes:
        raise PeerProtocolError("a ring element has the wrong size")
    out = np.empty((count, len(profile.data_primes), profile.degree), dtype=np.uint64)
    start = 0
    for element in out:
        for place, prime in enumerate(profile.data_primes):
            end = start + profile.degree * prime.bit_length() // 8
            element[place] = unpack_residues(data[start:end], profile.degree, prime)
            start = end
    return out
