"""Correlated transfers ``t_j = q_j ⊕ x_j Δ`` in blocks of 128 bits, x_j the receiver's choices. README clause 4.

The extension of Ishai, Kilian, Nissim and Petrank (CRYPTO 2003) in the correlated form of Keller, Orsini and Scholl
(eprint 2015/546, as revised in 2022 after Roy, eprint 2022/192, had refuted the lemma under its first check).
"""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.primitives.blocks import BLOCK_BYTES, Blocks
from protocols.primitives.oblivious_transfer.base_ot import BASE_COUNT, BaseOtReceiver, answer
from protocols.primitives.oblivious_transfer.bit_matrix import COLUMNS, transpose
from protocols.primitives.oblivious_transfer.consistency import universal_hash
from protocols.primitives.oblivious_transfer.messages import BaseRequest, Extension, encode_words, words
from protocols.randomness import Randomness, SeededRandomness
from protocols.transcript import digest

BLOCK_BITS = 128
MAXIMUM_COUNT = 2**19
"""Transfers of one run; bounds what a peer can make us hold to 8 MiB a matrix."""

_WEIGHTS = "oblivious-transfer/extension/weights"


class SenderState(Enum):
    """Where the sender's role stands."""

    NEW = auto()
    WAITING = auto()
    DONE = auto()
    BROKEN = auto()


class ReceiverState(Enum):
    """Where the receiver's role stands."""

    NEW = auto()
    WAITING = auto()
    DONE = auto()
    BROKEN = auto()


# Nothing leads out of BROKEN: a second try with the same Δ would be a second guess at its bits (README clause 6).
SENDER_TRANSITIONS = Transitions(
    initial=SenderState.NEW,
    table={
        (SenderState.NEW, "start"): SenderState.WAITING,
        (SenderState.WAITING, "extension"): SenderState.DONE,
    },
)
RECEIVER_TRANSITIONS = Transitions(
    initial=ReceiverState.NEW,
    table={
        (ReceiverState.NEW, "start"): ReceiverState.WAITING,
        (ReceiverState.WAITING, "request of the base transfers"): ReceiverState.DONE,
    },
)


class CorrelatedOtSender:
    """The side with Δ: ends with one block ``q_j`` for every transfer."""

    def __init__(self, count: int, delta: Blocks, randomness: Randomness, session: bytes = b"") -> None:
        """Take the SECRET ``delta``, two 64-bit words, low first; it serves ONE run.

        ``count`` and ``session``, a name for the run, are the same at both sides.

        Raises:
            LocalProtocolError: ``count`` is not 1..MAXIMUM_COUNT, or ``delta`` is not two 64-bit words.
        """
        _check_count(count)
        if delta.dtype != np.uint64 or delta.shape != (2,):
            raise LocalProtocolError("Δ is two 64-bit words")
        self._count = count
        self._session = session
        self._randomness = randomness
        self._bits = np.unpackbits(delta.astype("<u8").view(np.uint8), bitorder="little")
        self._base: BaseOtReceiver | None = None
        self._outcome: Blocks | None = None
        self._state = SENDER_TRANSITIONS.initial

    def start(self) -> tuple[bytes, ...]:
        """Return the request of the base transfers."""
        self._state = SENDER_TRANSITIONS.local(self._state, "start")
        self._base = BaseOtReceiver(self._bits.astype(np.bool_), self._session, self._randomness)
        return (BaseRequest(self._base.request).encode(),)

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        """Take the receiver's one message; answers nothing. Whatever it raises ends the run.

        Raises:
            PeerProtocolError: it is malformed, out of order, or its columns do not hold the same choices.
        """
        state = SENDER_TRANSITIONS.peer(self._state, "extension")
        self._state = SenderState.BROKEN
        assert self._base is not None
        base, self._base = self._base, None
        message = Extension.decode(payload, _blocks_of_a_column(self._count))
        own = self._own_columns(base.keys(message.reply), message)
        weights = _weights(self._session, self._count, base.request, message.reply, message.columns)
        self._check(own, weights, message)
        self._outcome = transpose(own)[: self._count].copy()
        self._state = state
        return ()

    def outcome(self) -> Blocks | None:
        """Return the SECRET blocks q, (count, 2), or nothing before the end."""
        return self._outcome

    def _own_columns(self, keys: tuple[bytes, ...], message: Extension) -> NDArray[np.uint64]:
        """Return the columns of q: ``G(k_chosen) ⊕ Δ_i u_i``."""
        length = len(message.columns) // COLUMNS
        return _expand(keys, length) ^ (words(message.columns, COLUMNS) & self._masks())

    def _check(self, own: NDArray[np.uint64], weights: Blocks, message: Extension) -> None:
        expected = words(message.columns_hash, COLUMNS) ^ (words(message.choices_hash, 1) & self._masks())
        if (universal_hash(own, weights) ^ expected).any():
            raise PeerProtocolError("the columns of the oblivious transfer do not hold the same choices")

    def _masks(self) -> NDArray[np.uint64]:
        """Return all ones where Δ has a one and zero elsewhere, (128, 1)."""
        return -self._bits.astype(np.uint64)[:, None]

    def __repr__(self) -> str:
        return f"CorrelatedOtSender({self._state.name}, {self._count} transfers)"

    def __reduce__(self) -> str:
        raise TypeError("a side of an oblivious transfer cannot be pickled")


class CorrelatedOtReceiver:
    """The side with the choices: ends with one block ``t_j = q_j ⊕ x_j Δ`` for every transfer."""

    def __init__(self, choices: NDArray[np.bool_], randomness: Randomness, session: bytes = b"") -> None:
        """Take the SECRET ``choices`` x, (count,), one for every transfer.

        Raises:
            LocalProtocolError: they are not booleans, or not 1..MAXIMUM_COUNT of them.
        """
        if choices.dtype != np.bool_ or choices.ndim != 1:
            raise LocalProtocolError("choices are an array of booleans")
        _check_count(len(choices))
        self._choices = choices
        self._session = session
        self._randomness = randomness
        self._outcome: Blocks | None = None
        self._state = RECEIVER_TRANSITIONS.initial

    def start(self) -> tuple[bytes, ...]:
        """Begin; the sender speaks first."""
        self._state = RECEIVER_TRANSITIONS.local(self._state, "start")
        return ()

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        """Take the request of the base transfers and return the one answer. Whatever it raises ends the run.

        Raises:
            PeerProtocolError: it is malformed, out of order, or an element is false.
        """
        state = RECEIVER_TRANSITIONS.peer(self._state, "request of the base transfers")
        self._state = ReceiverState.BROKEN
        message = self._extension(BaseRequest.decode(payload).request)
        self._state = state
        return (message.encode(),)

    def outcome(self) -> Blocks | None:
        """Return the SECRET blocks t, (count, 2), or nothing before the end."""
        return self._outcome

    def _extension(self, request: bytes) -> Extension:
        count = len(self._choices)
        base = answer(request, self._session, self._randomness)
        length = BLOCK_BYTES * _blocks_of_a_column(count)
        filled = self._filled_choices(length)
        own = _expand([first for first, _ in base.keys], length)
        columns = encode_words(own ^ _expand([second for _, second in base.keys], length) ^ filled)
        weights = _weights(self._session, count, request, base.reply, columns)
        hashes = universal_hash(np.concatenate([filled, own]), weights)
        self._outcome = transpose(own)[:count].copy()
        return Extension(base.reply, columns, encode_words(hashes[:1]), encode_words(hashes[1:]))

    def _filled_choices(self, length: int) -> NDArray[np.uint64]:
        """Return the choices as one column of ``length`` bytes, (1, words); random ones fill it and hide its hash."""
        bits = np.unpackbits(np.frombuffer(self._randomness.bytes(length), dtype=np.uint8), bitorder="little")
        bits[: len(self._choices)] = self._choices
        return words(np.packbits(bits, bitorder="little").tobytes(), 1)

    def __repr__(self) -> str:
        return f"CorrelatedOtReceiver({self._state.name}, {len(self._choices)} transfers)"

    def __reduce__(self) -> str:
        raise TypeError("a side of an oblivious transfer cannot be pickled")


def _check_count(count: int) -> None:
    if not 1 <= count <= MAXIMUM_COUNT:
        raise LocalProtocolError(f"a run has 1..{MAXIMUM_COUNT} oblivious transfers")


def _blocks_of_a_column(count: int) -> int:
    """Return how many blocks hold ``count`` bits, and one more that is hashed with weight one."""
    return -(-count // BLOCK_BITS) + 1


def _expand(keys: tuple[bytes, ...] | list[bytes], length: int) -> NDArray[np.uint64]:
    """Return one pseudorandom column of ``length`` bytes for every key, (128, words)."""
    return words(b"".join(SeededRandomness(key).bytes(length) for key in keys), BASE_COUNT)


def _weights(session: bytes, count: int, request: bytes, reply: bytes, columns: bytes) -> Blocks:
    """Return the weights of the hash, (blocks - 1, 2), from everything sent before it (Fiat and Shamir)."""
    seed = digest(_WEIGHTS, session, count.to_bytes(4, "big"), request, reply, columns)
    blocks = _blocks_of_a_column(count) - 1
    return words(SeededRandomness(seed).bytes(BLOCK_BYTES * blocks), blocks)
