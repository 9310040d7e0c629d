"""The bank's commitment to what it screens, made before it learns anything. README clause 12.

Every code stands in a salted leaf at a position; dummies fill up to a padded count; the root binds the job, the count,
the seed and the leaves. Salts, dummies, the order of positions and all blinds derive from the job's seed, so whoever is
given codes and seed can make the commitment and the bank's messages again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.sha256 import hash_messages
from protocols.psi import merkle
from protocols.psi.job import MAXIMUM_POSITIONS, JobContext, JobSeed
from protocols.psi.shuffle import permutation
from protocols.transcript import digest

MAXIMUM_CODE_BYTES = 36
SALT_BYTES = 16  # 128 bits: a salted leaf shows nothing of its code
_SMALLEST_STEP = 64
_STEPS_PER_OCTAVE = 16
_DUMMY_BYTES = 16
_DUMMY = b"\x00"  # begins every dummy and stands in no code
# One block of SHA-256: 0x00 || salt || length || code, filled with zeros.
_LEAF = np.dtype([("kind", "u1"), ("salt", "V16"), ("length", "u1"), ("code", f"V{MAXIMUM_CODE_BYTES}")])
_CODE = np.dtype(f"S{MAXIMUM_CODE_BYTES}")


def padded_size(count: int) -> int:
    """Return the number of positions for ``count`` codes: all that the bureau learns of the list's size.

    ``count`` (at least 1) rounded up to a multiple of max(64, the largest power of two not above it / 16): the size is
    shown to one part in sixteen, and never finer than 64.

    Raises:
        ParameterError: more than 2^27 positions.
    """
    at_least_one = max(count, 1)
    step = max(_SMALLEST_STEP, (1 << (at_least_one.bit_length() - 1)) // _STEPS_PER_OCTAVE)
    padded = -(-at_least_one // step) * step
    if padded > MAXIMUM_POSITIONS:
        raise ParameterError(f"a list has at most {MAXIMUM_POSITIONS} positions")
    return padded


def is_dummy(data: bytes) -> bool:
    """Return whether what stands at a position is no code but filling."""
    return data.startswith(_DUMMY)


@dataclass(frozen=True)
class CodeOpening:
    """Shows that one code stands at one position of a commitment, and nothing of the others."""

    position: int
    code: bytes
    salt: bytes
    proof: merkle.Proof
    seed_commitment: bytes
    tree_root: bytes


class CommittedInput:
    """One job's codes, committed: :attr:`root` goes to the bureau when the job is opened, and into its record."""

    def __init__(
        self,
        context: JobContext,
        seed: JobSeed,
        codes: Sequence[bytes] | NDArray[np.bytes_],
        padded: int | None = None,
    ) -> None:
        """Take the codes in any order, each 1..36 bytes without a zero byte; ``padded`` is ``padded_size`` if left out.

        Raises:
            LocalProtocolError: no codes, one twice, one of another form, or more than ``padded``.
        """
        self.context = context
        self.seed = seed
        self.codes = _checked(codes)
        self.padded = padded_size(len(self.codes)) if padded is None else padded
        if not len(self.codes) <= self.padded <= MAXIMUM_POSITIONS:
            raise LocalProtocolError("there are more codes than positions")
        self._order = permutation(self.padded, seed.randomness("order"))
        self._dummies = seed.randomness("dummies").bytes((self.padded - len(self.codes)) * _DUMMY_BYTES)
        self._salts = seed.randomness("salts").bytes(self.padded * SALT_BYTES)
        self._leaves = self._hash_leaves()
        self.tree_root = merkle.root(self._leaves)
        self.root = _bind(context, self.padded, seed.commitment(), self.tree_root)

    def inputs(self, first: int, count: int) -> list[bytes]:
        """Return what stands at ``count`` positions from ``first`` on (fewer at the end): codes and dummies."""
        return [self._at(place) for place in self._order[first : first + count].tolist()]

    def open_code(self, position: int) -> CodeOpening:
        """Return the opening of one position, for an auditor who may see one code and no other."""
        code, salt = self._at(int(self._order[position])), self._salts[position * SALT_BYTES :][:SALT_BYTES]
        proof = merkle.prove(self._leaves, position)
        return CodeOpening(position, code, salt, proof, self.seed.commitment(), self.tree_root)

    def _at(self, place: int) -> bytes:
        """Return number ``place`` of the codes in ascending order with the dummies behind them."""
        if place < len(self.codes):
            code: bytes = self.codes[place]
            return code
        at = (place - len(self.codes)) * _DUMMY_BYTES
        return _DUMMY + self._dummies[at : at + _DUMMY_BYTES]

    def _hash_leaves(self) -> bytes:
        dummies = np.zeros((self.padded - len(self.codes), MAXIMUM_CODE_BYTES), np.uint8)
        dummies[:, 1 : 1 + _DUMMY_BYTES] = np.frombuffer(self._dummies, np.uint8).reshape(-1, _DUMMY_BYTES)
        characters = np.concatenate([self.codes.view(np.uint8).reshape(-1, MAXIMUM_CODE_BYTES), dummies])
        lengths = np.full(self.padded, 1 + _DUMMY_BYTES, np.uint8)
        lengths[: len(self.codes)] = np.char.str_len(self.codes)
        return _hash_leaves(characters[self._order], lengths[self._order], self._salts)

    def __repr__(self) -> str:
        return f"CommittedInput({self.padded} positions, root {self.root.hex()[:16]}…)"

    def __reduce__(self) -> str:
        raise TypeError("a committed input cannot be pickled")


def verify_code(context: JobContext, root: bytes, padded: int, opening: CodeOpening) -> None:
    """Return if ``opening`` shows a position of the commitment ``root`` with ``padded`` positions.

    Raises:
        PeerProtocolError: it does not.
    """
    if not 1 <= len(opening.code) <= MAXIMUM_CODE_BYTES or len(opening.salt) != SALT_BYTES:
        raise PeerProtocolError("an opening has a code or salt of another length")
    if _bind(context, padded, opening.seed_commitment, opening.tree_root) != root:
        raise PeerProtocolError("an opening is of another commitment")
    characters = np.frombuffer(opening.code.ljust(MAXIMUM_CODE_BYTES, b"\x00"), np.uint8).reshape(1, -1)
    leaf = _hash_leaves(characters, np.array([len(opening.code)], np.uint8), opening.salt)
    merkle.verify(opening.tree_root, padded, opening.position, leaf, opening.proof)


def verify_opening(
    context: JobContext, root: bytes, padded: int, seed: bytes, codes: Sequence[bytes]
) -> CommittedInput:
    """Return the committed input of an opened seed and set, or refuse them.

    Raises:
        PeerProtocolError: more codes than were committed to, one twice, or seed, set, job or count are not those of the
            commitment ``root``.
    """
    if len(codes) > padded:
        raise PeerProtocolError("the opened set is larger than the committed one")
    try:
        committed = CommittedInput(context, JobSeed(seed), codes, padded)
    except (LocalProtocolError, ParameterError) as fault:
        raise PeerProtocolError(f"the opened set is not one that can be committed to: {fault}") from None
    if committed.root != root:
        raise PeerProtocolError("the opened set or seed is not the committed one")
    return committed


def _checked(codes: Sequence[bytes] | NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Return the codes in ascending order, dtype S36."""
    if not len(codes):
        raise LocalProtocolError("there are no codes to commit to")
    # NumPy leaves trailing zero bytes out: they are looked for while lengths can still be compared.
    lengths = np.char.str_len(codes) if isinstance(codes, np.ndarray) else np.fromiter(map(len, codes), np.int64)
    if not 1 <= int(lengths.min()) <= int(lengths.max()) <= MAXIMUM_CODE_BYTES:
        raise LocalProtocolError(f"a code has 1..{MAXIMUM_CODE_BYTES} bytes")
    ordered: NDArray[np.bytes_] = np.sort(np.asarray(codes, dtype=_CODE))
    if np.count_nonzero(ordered.view(np.uint8)) != int(lengths.sum()):
        raise LocalProtocolError("no byte of a code is zero")
    if bool((ordered[1:] == ordered[:-1]).any()):
        raise LocalProtocolError("a code stands twice: multiplicities are not committed to")
    return ordered


def _hash_leaves(characters: NDArray[np.uint8], lengths: NDArray[np.uint8], salts: bytes) -> bytes:
    """Return SHA-256 of every leaf's 54 bytes: 0x00 || salt || length of the code || code || zeros."""
    blocks = np.zeros(len(lengths), dtype=_LEAF)
    blocks["salt"] = np.frombuffer(salts, dtype="V16")
    blocks["length"] = lengths
    blocks["code"] = np.ascontiguousarray(characters).view(f"V{MAXIMUM_CODE_BYTES}").ravel()
    return hash_messages(blocks.view(np.uint8).reshape(len(blocks), -1))


def _bind(context: JobContext, padded: int, seed_commitment: bytes, tree_root: bytes) -> bytes:
    return digest("psi/commitment", context.encode(), padded.to_bytes(4, "big"), seed_commitment, tree_root)
