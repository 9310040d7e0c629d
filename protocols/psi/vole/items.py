"""Codes as 128-bit items, so that different codes are different items. README clause 1.

A code of 1..24 characters of ``0-9 A-Z -`` is packed without loss: twelve characters a word, base 38, first character
lowest, digit 0 where there is none; 38^12 < 2^63, so that the topmost bit stays clear. Anything else is hashed:
SHA-256, its first 16 bytes as a little-endian number, the topmost bit set. Two of n hashed codes fall together with
less than n^2 2^-128.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError
from protocols.psi.vole.item_kernels import pack_letters

PACKED_CHARACTERS = 24
ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
_DIGITS = np.full(256, 255, np.uint8)
_DIGITS[0] = 0
_DIGITS[np.frombuffer(ALPHABET, np.uint8)] = np.arange(1, len(ALPHABET) + 1)
_HASHED = np.uint64(1 << 63)
_MIXERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # odd: a bijection of each word


def pack(codes: Sequence[bytes] | NDArray[np.bytes_]) -> NDArray[np.uint64]:
    """Return the items (n, 2) of ``codes``, low word first; an array of NumPy type S is read at once.

    Raises:
        LocalProtocolError: a code is empty, or ends in a zero byte, which NumPy's type S cannot tell from nothing.
    """
    if not len(codes):
        return np.empty((0, 2), np.uint64)
    if not isinstance(codes, np.ndarray):
        if any(code.endswith(b"\0") for code in codes):
            raise LocalProtocolError("a code ends in a zero byte")
        codes = np.array(codes, dtype=np.bytes_)
    return _pack(codes)


def require_distinct(items: NDArray[np.uint64]) -> None:
    """Return if no item stands twice, else raise :class:`LocalProtocolError`: multiplicities are never sent."""
    folded = (items * _MIXERS).sum(axis=1, dtype=np.uint64)
    folded.sort()
    if not (folded[1:] == folded[:-1]).any():
        return  # equal items fold to equal words
    pairs = np.ascontiguousarray(items).view([("low", np.uint64), ("high", np.uint64)])
    if len(np.unique(pairs)) < len(items):
        raise LocalProtocolError("an item stands twice: remove duplicates after normalising")


def _pack(codes: NDArray[np.bytes_]) -> NDArray[np.uint64]:
    letters = np.ascontiguousarray(codes).view(np.uint8).reshape(len(codes), codes.dtype.itemsize)
    items, odd = np.empty((len(codes), 2), np.uint64), np.empty(len(codes), np.bool_)
    pack_letters(letters, _DIGITS, len(ALPHABET) + 1, items, odd)
    for index in np.flatnonzero(odd):
        items[index] = _hashed(bytes(codes[index]))
    return items


def _hashed(code: bytes) -> NDArray[np.uint64]:
    if not code:
        raise LocalProtocolError("a code is empty")
    words = np.frombuffer(hashlib.sha256(code).digest()[:16], dtype="<u8").astype(np.uint64)
    words[1] |= _HASHED
    return words
