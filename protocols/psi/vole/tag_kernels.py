"""The loops over tags, compiled: bytes to words and back, putting in order, finding. README clause 6.

A tag of w bytes is two words that order as its bytes do, first byte first: the first eight bytes big-endian, then the
rest; what lies behind the w bytes is zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.compiled import compiled

_Words = NDArray[np.uint64]
_Bytes = NDArray[np.uint8]

_EIGHT = np.uint64(8)
_BYTE = np.uint64(0xFF)


@compiled("uint64[:,::1](uint64[:,::1], int64)")
def truncate(blocks: _Words, width: int) -> _Words:
    """Return the first ``width`` bytes of little-endian blocks (n, 2) as ordered words (n, 2)."""
    words = np.zeros((blocks.shape[0], 2), np.uint64)
    for row in range(blocks.shape[0]):
        for index in range(width):
            half = index >> 3
            byte = (blocks[row, half] >> np.uint64(8 * (index & 7))) & _BYTE
            words[row, half] |= byte << np.uint64(56 - 8 * (index & 7))
    return words


@compiled("uint8[:,::1](uint64[:,::1], int64)")
def to_bytes(words: _Words, width: int) -> _Bytes:
    """Return (n, width): the bytes of ordered words."""
    written = np.empty((words.shape[0], width), np.uint8)
    for row in range(words.shape[0]):
        for index in range(width):
            written[row, index] = (words[row, index >> 3] >> np.uint64(56 - 8 * (index & 7))) & _BYTE
    return written


@compiled("uint64[:,::1](Array(uint8, 2, 'C', readonly=True))")
def from_bytes(written: _Bytes) -> _Words:
    """Return the ordered words of (n, width) bytes."""
    words = np.zeros((written.shape[0], 2), np.uint64)
    for row in range(written.shape[0]):
        for index in range(written.shape[1]):
            words[row, index >> 3] |= np.uint64(written[row, index]) << np.uint64(56 - 8 * (index & 7))
    return words


@compiled("uint32[::1](uint64[:,::1])")
def directory(words: _Words) -> NDArray[np.uint32]:
    """Return where the words begin whose topmost bits are 0, 1, 2, ... once they are in order, and the end.

    As many entries as there are words, up to the next power of two: about one word each, for tags are random.
    """
    bits = 1
    while (1 << bits) < words.shape[0]:
        bits += 1
    starts = np.zeros((1 << bits) + 1, np.uint32)
    for row in range(words.shape[0]):
        starts[(words[row, 0] >> np.uint64(64 - bits)) + np.uint64(1)] += np.uint32(1)
    for index in range(1 << bits):
        starts[index + 1] += starts[index]
    return starts


@compiled("uint64[:,::1](uint64[:,::1], uint32[::1])")
def in_order(words: _Words, starts: NDArray[np.uint32]) -> _Words:
    """Return our own, random words in ascending order; ``starts`` is their directory and is CHANGED.

    Each goes to its entry of the directory and then in among the few that stand there already.
    """
    bits = 0
    while (1 << bits) < starts.shape[0] - 1:
        bits += 1
    filled = np.zeros(starts.shape[0] - 1, np.uint32)
    ordered = np.empty_like(words)
    for row in range(words.shape[0]):
        first, second = words[row, 0], words[row, 1]
        entry = first >> np.uint64(64 - bits)
        start = np.int64(starts[entry])
        at = start + np.int64(filled[entry])
        filled[entry] += np.uint32(1)
        while at > start and (
            ordered[at - 1, 0] > first or (ordered[at - 1, 0] == first and ordered[at - 1, 1] > second)
        ):
            ordered[at, 0] = ordered[at - 1, 0]
            ordered[at, 1] = ordered[at - 1, 1]
            at -= 1
        ordered[at, 0] = first
        ordered[at, 1] = second
    return ordered


@compiled("boolean(uint64[:,::1])")
def ascending(words: _Words) -> bool:
    """Tell whether every word is greater than the one before it."""
    for row in range(1, words.shape[0]):
        if words[row, 0] < words[row - 1, 0]:
            return False
        if words[row, 0] == words[row - 1, 0] and words[row, 1] <= words[row - 1, 1]:
            return False
    return True


@compiled("boolean[::1](uint64[:,::1], uint32[::1], uint64[:,::1])")
def search(words: _Words, starts: NDArray[np.uint32], wanted: _Words) -> NDArray[np.bool_]:
    """Tell for each of ``wanted`` whether it is among the ascending ``words``.

    Halves between two entries of the directory: a peer that crowds its tags costs a logarithm, no more.
    """
    bits = 0
    while (1 << bits) < starts.shape[0] - 1:
        bits += 1
    found = np.empty(wanted.shape[0], np.bool_)
    for row in range(wanted.shape[0]):
        first, second = wanted[row, 0], wanted[row, 1]
        entry = first >> np.uint64(64 - bits)
        low, end = np.int64(starts[entry]), np.int64(starts[entry + np.uint64(1)])
        high = end
        while low < high:
            middle = (low + high) >> 1
            at = words[middle, 0]
            if at < first or (at == first and words[middle, 1] < second):
                low = middle + 1
            else:
                high = middle
        found[row] = low < end and words[low, 0] == first and words[low, 1] == second
    return found
