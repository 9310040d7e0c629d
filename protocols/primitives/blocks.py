"""128-bit blocks, and hashes of them in bulk by AES-128 under public keys of the run.

AES under a fixed public key is taken as a random permutation. Blocks are (n, 2) arrays of 64-bit words, the low word
first; as bytes, little-endian.
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from protocols.randomness import Randomness

BLOCK_BYTES = 16
_WORD = np.dtype("<u8")

Blocks = NDArray[np.uint64]


def random_blocks(count: int, randomness: Randomness) -> Blocks:
    """Draw ``count`` blocks, 16 bytes of ``randomness`` each, in order."""
    return decode_blocks(randomness.bytes(BLOCK_BYTES * count))


def encode_blocks(blocks: Blocks) -> bytes:
    """Return 16 bytes a block."""
    return np.ascontiguousarray(blocks, dtype=_WORD).tobytes()


def decode_blocks(encoded: bytes) -> Blocks:
    """Return the blocks of a multiple of 16 bytes, (n, 2); a copy, so that it may be changed."""
    return np.frombuffer(encoded, dtype=_WORD).reshape(-1, 2).astype(np.uint64)


def permute(key: bytes, blocks: Blocks) -> Blocks:
    """Return AES-128 of every block, in the shape of ``blocks`` (..., 2); a fresh, read-only array."""
    # One block at a time is what a permutation is: nothing is encrypted here, the key is public.
    cipher = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305
    plain = np.ascontiguousarray(blocks, dtype=_WORD)
    if not plain.size:
        return np.empty_like(plain)
    return np.frombuffer(cipher.update(plain.data.cast("B")), dtype=_WORD).reshape(plain.shape)


def hash_blocks(key: bytes, blocks: Blocks) -> Blocks:
    """Return ``π(x) ⊕ x``: one-way, and random where the key is drawn after the inputs (Matyas, Meyer and Oseas)."""
    return permute(key, blocks) ^ blocks


def hash_with_tweak(key: bytes, blocks: Blocks, tweaks: Blocks) -> Blocks:
    """Return ``π(π(x) ⊕ i) ⊕ π(x)`` for blocks x and tweaks i.

    TMMO of Guo, Katz, Wang and Yu (eprint 2019/074, section 7.4): tweakable circular correlation robust where π is a
    random permutation.
    """
    inner = permute(key, blocks)
    return permute(key, inner ^ tweaks) ^ inner
