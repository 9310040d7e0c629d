"""A job's commitment once more, plainly: hashlib, hmac and lists, one code after the other.

Written from protocols/psi/README.md clause 12; shares no code with the package.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CODE_BYTES = 36
CHILDREN = 64


@dataclass(frozen=True)
class Commitment:
    """Everything that the seed and the codes determine."""

    root: bytes
    tree_root: bytes
    leaves: tuple[bytes, ...]
    inputs: tuple[bytes, ...]
    salts: tuple[bytes, ...]


def commit(context: bytes, seed: bytes, codes: Iterable[bytes], padded: int) -> Commitment:
    """``context`` is the job's encoding."""
    real = sorted(codes)
    drawn = stream(seed, "psi/job/dummies", 16 * (padded - len(real)))
    places = real + [b"\x00" + drawn[at : at + 16] for at in range(0, len(drawn), 16)]
    keys = stream(seed, "psi/job/order", 8 * padded)
    numbers = [int.from_bytes(keys[at : at + 8], "little") for at in range(0, len(keys), 8)]
    assert len(set(numbers)) == padded
    inputs = tuple(places[place] for _, place in sorted(zip(numbers, range(padded), strict=True)))
    drawn = stream(seed, "psi/job/salts", 16 * padded)
    salts = tuple(drawn[at : at + 16] for at in range(0, len(drawn), 16))
    leaves = tuple(leaf(code, salt) for code, salt in zip(inputs, salts, strict=True))
    top = tree(leaves)
    seed_commitment = bound("psi/job-seed", seed)
    root = bound("psi/commitment", context, padded.to_bytes(4, "big"), seed_commitment, top)
    return Commitment(root, top, leaves, inputs, salts)


def job(job_id: bytes, *names: str) -> bytes:
    """The job's encoding from its id and its seven names."""
    return _encoded("psi/job", job_id, *(name.encode() for name in names))


def leaf(code: bytes, salt: bytes) -> bytes:
    """SHA-256 over 54 bytes."""
    return hashlib.sha256(b"\x00" + salt + bytes([len(code)]) + code + bytes(CODE_BYTES - len(code))).digest()


def tree(leaves: Sequence[bytes]) -> bytes:
    """The root; of one leaf the leaf itself."""
    level = list(leaves)
    while len(level) > 1:
        groups = [level[at : at + CHILDREN] for at in range(0, len(level), CHILDREN)]
        level = [hashlib.sha256(b"\x01" + b"".join(group)).digest() for group in groups]
    return level[0]


def stream(seed: bytes, label: str, count: int, *numbers: int) -> bytes:
    """The job's bytes for one purpose: AES-256-CTR under HKDF-SHA256 (RFC 5869) of the seed."""
    parts = (label.encode(), *(number.to_bytes(4, "big") for number in numbers))
    info = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    extracted = hmac.digest(bytes(32), seed, "sha256")
    key = hmac.digest(extracted, info + b"\x01", "sha256")
    return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(count))


def bound(label: str, *parts: bytes) -> bytes:
    """SHA-256 over the label, the number of parts and the parts, each behind its length."""
    return hashlib.sha256(_encoded(label, *parts)).digest()


def _encoded(label: str, *parts: bytes) -> bytes:
    return _framed(f"banktax/1/{label}".encode()) + len(parts).to_bytes(4, "big") + b"".join(map(_framed, parts))


def _framed(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part
