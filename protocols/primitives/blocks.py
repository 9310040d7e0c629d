"""128-bit blocks, and hashes of them in bulk by AES-128 under public keys of the run.

AES under a fixed public key is taken as a random permutation. Blocks are (n, 2) arrays of 64-bit words, the low word
first; as bytes, little-endian.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from protocols.primitives.aes_instructions import AVAILABLE, round_keys
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
    """Return AES-128 of every block, in the shape of ``blocks`` (..., 2)."""
    return _compiled("permute", blocks, [key]) if AVAILABLE else permute_reference(key, blocks)


def hash_blocks(key: bytes, blocks: Blocks) -> Blocks:
    """Return ``π(x) ⊕ x``: one-way, and random where the key is drawn after the inputs (Matyas, Meyer and Oseas)."""
    return _compiled("hash_blocks", blocks, [key]) if AVAILABLE else permute_reference(key, blocks) ^ blocks


def hash_twice(left: bytes, right: bytes, blocks: Blocks) -> Blocks:
    """Return for blocks (..., 2) their hashes under both keys, (..., 2, 2): a node's two children."""
    if AVAILABLE:
        return _compiled("hash_twice", blocks, [left, right]).reshape(*blocks.shape[:-1], 2, 2)
    return np.stack([permute_reference(key, blocks) ^ blocks for key in (left, right)], axis=-2)


def hash_with_tweak(key: bytes, blocks: Blocks, tweaks: Blocks) -> Blocks:
    """Return ``π(π(x) ⊕ i) ⊕ π(x)`` for blocks x and tweaks i, (n, 2) each.

    TMMO of Guo, Katz, Wang and Yu (eprint 2019/074, section 7.4): tweakable circular correlation robust where π is a
    random permutation.
    """
    if AVAILABLE:
        return _compiled("hash_with_tweak", blocks, [key], tweaks)
    inner = permute_reference(key, blocks)
    return permute_reference(key, inner ^ tweaks) ^ inner


def permute_reference(key: bytes, blocks: Blocks) -> Blocks:
    """Return what :func:`permute` returns, by ``cryptography``: what the compiled loops are tested against.

    Serves where the processor has no AES instructions that they could use.
    """
    # One block at a time is what a permutation is: nothing is encrypted here, the key is public.
    cipher = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305
    plain = np.ascontiguousarray(blocks, dtype=_WORD)
    if not plain.size:
        return np.empty_like(plain)
    return np.frombuffer(cipher.update(plain.data.cast("B")), dtype=_WORD).reshape(plain.shape)


def _compiled(name: str, blocks: Blocks, keys: Sequence[bytes], *others: Blocks) -> Blocks:
    """Run a loop of ``block_kernels`` that writes one block for each key; returns the shape of ``blocks``, so widened.

    Imported when the first one runs: a program that hashes no blocks loads no loops.
    """
    from protocols.primitives import block_kernels

    rows = [_rows(each) for each in (blocks, *others)]
    out = np.empty((len(rows[0]), 2 * len(keys)), np.uint64)
    getattr(block_kernels, name)(*map(round_keys, keys), *rows, out)
    return out.reshape(*blocks.shape[:-1], 2 * len(keys))


def _rows(blocks: Blocks) -> Blocks:
    return np.require(blocks.reshape(-1, 2), requirements=["C", "W"])
