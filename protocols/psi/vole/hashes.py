"""What an item is worth in the table, and the tag of an item, in either profile. README clauses 3 and 9.1.

Against parties that follow the protocol a cipher under a public key does. A proof against those that do not has to see
what they hash, and to answer it: there both hashes are SHA-256, taken as a random oracle.
"""

from __future__ import annotations

import numpy as np

from protocols.primitives.blocks import BLOCK_BYTES, Blocks, encode_blocks, hash_blocks, hash_with_tweak
from protocols.primitives.sha256 import DIGEST_BYTES, hash_messages
from protocols.psi.vole.parameters import VoleIntersectionParameters

_AT_ONCE = 2**14
"""Messages whose blocks stay in the processor's cache."""


def values(parameters: VoleIntersectionParameters, items: Blocks) -> Blocks:
    """Return ``h(x)`` for every item (n, 2)."""
    key = parameters.key("value")
    return _oracle(key, items) if parameters.malicious else hash_blocks(key, items)


def tags(parameters: VoleIntersectionParameters, opened: Blocks, items: Blocks) -> Blocks:
    """Return ``T(z, x)`` for blocks z and items x, (n, 2) each."""
    key = parameters.key("tag")
    return _oracle(key, opened, items) if parameters.malicious else hash_with_tweak(key, opened, items)


def _oracle(key: bytes, *parts: Blocks) -> Blocks:
    """Return the first 16 bytes of ``SHA-256(key || parts)``, row by row: messages of one fixed length for a key."""
    count = len(parts[0])
    hashed = np.empty((count, 2), np.uint64)
    for start in range(0, count, _AT_ONCE):
        rows = [part[start : start + _AT_ONCE] for part in parts]
        messages = np.empty((len(rows[0]), (1 + len(rows)) * BLOCK_BYTES), np.uint8)
        messages[:, :BLOCK_BYTES] = np.frombuffer(key, np.uint8)
        for number, row in enumerate(rows, start=1):
            place = slice(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES)
            messages[:, place] = np.frombuffer(encode_blocks(row), np.uint8).reshape(-1, BLOCK_BYTES)
        digests = np.frombuffer(hash_messages(messages), "<u8").reshape(-1, DIGEST_BYTES // 8)
        hashed[start : start + _AT_ONCE] = digests[:, :2]
    return hashed
