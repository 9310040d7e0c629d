"""The bank's commitment to what it screens, made before it learns anything. README clause 12.

Every code stands in a salted leaf at a position; dummies fill up to a padded count; the root binds the job, the count,
the seed and the leaves. Salts, dummies, the order of positions and all blinds derive from the job's seed, so whoever is
given codes and seed can make the commitment and the bank's messages again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

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
_ROW = np.dtype(f"V{MAXIMUM_CODE_BYTES}")
_LEAF = np.dtype([("kind", "u1"), ("salt", f"V{SALT_BYTES}"), ("length", "u1"), ("code", _ROW)])
_BLOCK_POSITIONS = 1 << 14  # leaves that are laid out at a time: they stay in the processor's caches
_CODE = np.dtype(f"S{MAXIMUM_CODE_BYTES}")

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Gives a function of every argument in their order."""


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
        each: Each = map,
    ) -> None:
        """Commit to the codes.

        Args:
            context: the job.
            seed: the job's.
            codes: in any order, each 1..36 bytes without a zero byte.
            padded: number of positions; :func:`padded_size` if left out.
            each: how independent pieces of the work are run, as ``map`` does it or a pool's.

        Raises:
            LocalProtocolError: no codes, one twice, one of another form, or more than ``padded``.
        """
        self.context = context
        self.seed = seed
        self.padded = padded_size(len(codes)) if padded is None else padded
        if not len(codes) <= self.padded <= MAXIMUM_POSITIONS:
            raise LocalProtocolError("there are more codes than positions")
        ordering = partial(permutation, self.padded, seed.randomness("order"))
        self.codes, self._order = each(_call, (partial(_checked, codes), ordering))
        self._dummies = _dummies(seed.randomness("dummies").bytes((self.padded - len(self.codes)) * _DUMMY_BYTES))
        self._salts = seed.randomness("salts").bytes(self.padded * SALT_BYTES)
        self._leaves: bytes = b"".join(each(self._hash_block, range(0, self.padded, _BLOCK_POSITIONS)))
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
        dummy: bytes = self._dummies[place - len(self.codes)].tobytes()
        return dummy[: len(_DUMMY) + _DUMMY_BYTES]

    def _hash_block(self, first: int) -> bytes:
        """Return the leaves of some positions from ``first`` on."""
        places = self._order[first : first + _BLOCK_POSITIONS]
        leaves = np.zeros(len(places), dtype=_LEAF)
        leaves["salt"] = np.frombuffer(self._salts, "V16", len(places), first * SALT_BYTES)
        filling = places >= len(self.codes)
        codes = self.codes[places[~filling]]
        leaves["length"][~filling] = np.char.str_len(codes)
        leaves["code"][~filling] = codes.view(_ROW)
        leaves["length"][filling] = len(_DUMMY) + _DUMMY_BYTES
        leaves["code"][filling] = self._dummies[places[filling] - len(self.codes)]
        return _hash(leaves)

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
    leaf = np.array([(0, opening.salt, len(opening.code), opening.code.ljust(MAXIMUM_CODE_BYTES, b"\x00"))], _LEAF)
    merkle.verify(opening.tree_root, padded, opening.position, _hash(leaf), opening.proof)


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


def _call(piece: Callable[[], Any]) -> Any:
    return piece()


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


def _hash(leaves: NDArray[np.void]) -> bytes:
    """Return SHA-256 of every leaf's 54 bytes: 0x00 || salt || length of the code || code || zeros."""
    return hash_messages(leaves.view(np.uint8).reshape(len(leaves), -1))


def _dummies(drawn: bytes) -> NDArray[np.void]:
    """Return what fills up, 0x00 and sixteen of the drawn bytes each, followed by zeros."""
    rows = np.zeros((len(drawn) // _DUMMY_BYTES, MAXIMUM_CODE_BYTES), np.uint8)
    rows[:, len(_DUMMY) : len(_DUMMY) + _DUMMY_BYTES] = np.frombuffer(drawn, np.uint8).reshape(-1, _DUMMY_BYTES)
    return rows.view(_ROW).ravel()


def _bind(context: JobContext, padded: int, seed_commitment: bytes, tree_root: bytes) -> bytes:
    return digest("psi/commitment", context.encode(), padded.to_bytes(4, "big"), seed_commitment, tree_root)
