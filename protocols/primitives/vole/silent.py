"""The two roles of the silent vector OLE: ``C = A Δ + B``, the receiver with (A, C), the sender with (Δ, B).

README clause 5.
"""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import PeerProtocolError
from protocols.machine import Transitions
from protocols.primitives.blocks import (
    BLOCK_BYTES,
    Blocks,
    decode_blocks,
    encode_blocks,
    hash_with_tweak,
    random_blocks,
)
from protocols.primitives.oblivious_transfer.ot_extension import CorrelatedOtReceiver, CorrelatedOtSender
from protocols.primitives.vole.code import compress
from protocols.primitives.vole.consistency import Challenge, challenge, proof, require_proof
from protocols.primitives.vole.parameters import SecurityProfile, VoleParameters
from protocols.primitives.vole.puncturable import Positions, TreeKeys, grow, grow_punctured, leaf_sums
from protocols.primitives.vole.sums import combine_bits
from protocols.randomness import Randomness

TRANSFER, CORRECTIONS, CHALLENGE, PROOF = b"\x01", b"\x02", b"\x03", b"\x04"
"""First byte of a message: of the correlated transfers among themselves; of the sender's corrections of the trees; in
the profile against malicious parties, of the receiver's challenge and of the sender's answer to it."""


class VoleState(Enum):
    """Where a role stands."""

    NEW = auto()
    TRANSFERRING = auto()
    CHECKING = auto()
    DONE = auto()
    BROKEN = auto()


# Nothing leads out of BROKEN: a second try with the same secrets would be a second guess at them.
VOLE_TRANSITIONS = Transitions(
    initial=VoleState.NEW,
    table={
        (VoleState.NEW, "start"): VoleState.TRANSFERRING,
        (VoleState.TRANSFERRING, "message of the transfers"): VoleState.TRANSFERRING,
        (VoleState.TRANSFERRING, "corrections"): VoleState.DONE,
        (VoleState.TRANSFERRING, "corrections to be checked"): VoleState.CHECKING,
        (VoleState.CHECKING, "challenge"): VoleState.DONE,
        (VoleState.CHECKING, "proof"): VoleState.DONE,
    },
)


def _corrections(parameters: VoleParameters) -> str:
    return "corrections to be checked" if parameters.checked else "corrections"


class SilentVoleReceiver:
    """Ends with ``A`` (n, 2), which looks random, and ``C`` (n, 2)."""

    def __init__(
        self,
        length: int,
        randomness: Randomness,
        session: bytes = b"",
        security: SecurityProfile = SecurityProfile.SEMI_HONEST,
    ) -> None:
        """Draw the noise: one position and one value in each tree, SECRET. ``session`` names the run, at both sides
        alike, and ``security`` is agreed upon as well.

        Raises:
            ParameterError: a length that is not in 1..MAXIMUM_LENGTH.
        """
        self._parameters = VoleParameters.for_length(length, security)
        self._session, self._randomness = session, randomness
        self._keys = TreeKeys.of_session(session)
        self._positions = _uniform(self._parameters.trees, self._parameters.leaves, randomness)
        self._values = random_blocks(self._parameters.values, randomness)
        self._transfer = CorrelatedOtReceiver(self._choices(), randomness, session)
        self._noise: Blocks | None = None
        self._expected = b""
        self._outcome: tuple[Blocks, Blocks] | None = None
        self._state = VOLE_TRANSITIONS.initial

    def _choices(self) -> NDArray[np.bool_]:
        """Return for each tree and level the side where the path does not go, then all bits of all values."""
        shifts = np.arange(self._parameters.depth - 1, -1, -1)
        siblings = ~(self._positions[:, None] >> shifts) & 1
        bits = np.unpackbits(np.frombuffer(encode_blocks(self._values), np.uint8), bitorder="little")
        return np.concatenate([siblings.ravel().astype(np.bool_), bits.astype(np.bool_)])

    def start(self) -> tuple[bytes, ...]:
        """Return what the transfers send first."""
        self._state = VOLE_TRANSITIONS.local(self._state, "start")
        return _framed(self._transfer.start())

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        """Take one message of the sender and return the answers.

        Raises:
            PeerProtocolError: it is false or comes out of order.
        """
        if payload[:1] == TRANSFER:
            state = VOLE_TRANSITIONS.peer(self._state, "message of the transfers")
            self._state = VoleState.BROKEN
            answers = _framed(self._transfer.receive(payload[1:]))
            self._state = state
            return answers
        if payload[:1] == CORRECTIONS:
            state = VOLE_TRANSITIONS.peer(self._state, _corrections(self._parameters))
            self._state = VoleState.BROKEN
            transferred = self._transfer.outcome()
            if transferred is None:
                raise PeerProtocolError("corrections came before the transfers were done")
            answers = self._corrected(payload[1:], transferred)
            self._state = state
            return answers
        if payload[:1] == PROOF:
            state = VOLE_TRANSITIONS.peer(self._state, "proof")
            self._state = VoleState.BROKEN
            require_proof(self._expected, payload[1:])
            self._compress()
            self._state = state
            return ()
        raise PeerProtocolError("a message of the vector OLE has an unknown first byte")

    def _corrected(self, corrections: bytes, transferred: Blocks) -> tuple[bytes, ...]:
        """Fill the noise in; then the outcome is there, or has to wait for the answer to a challenge."""
        parameters = self._parameters
        pairs, last = decode_corrections(corrections, parameters)
        paths = parameters.trees * parameters.depth
        keys = hash_with_tweak(self._keys.hiding, transferred[:paths], _tweaks(paths))
        side = self._choices()[:paths].astype(np.int64)
        sums = (pairs[np.arange(paths), side] ^ keys).reshape(parameters.trees, parameters.depth, 2)
        leaves = grow_punctured(self._positions, parameters, self._keys, sums.swapaxes(0, 1))
        own = combine_bits(transferred[paths:])
        trees = np.arange(parameters.trees)
        noise = np.zeros((parameters.trees, parameters.leaves, 4), np.uint64)
        noise[:, :, 2:] = leaves
        noise[trees, self._positions, :2] = self._values[: parameters.trees]
        noise[trees, self._positions, 2:] = last ^ leaf_sums(leaves) ^ own[: parameters.trees]
        self._noise = noise
        if not parameters.checked:
            self._compress()
            return ()
        asked, self._expected = challenge(noise, self._values[-1], own[-1], parameters, self._session, self._randomness)
        return (CHALLENGE + asked.encode(),)

    def _compress(self) -> None:
        assert self._noise is not None
        both = compress(self._noise.reshape(-1, 4), self._parameters)
        self._noise = None
        self._outcome = (np.ascontiguousarray(both[:, :2]), np.ascontiguousarray(both[:, 2:]))

    def outcome(self) -> tuple[Blocks, Blocks] | None:
        """Return (A, C), or nothing before the end."""
        return self._outcome

    def __repr__(self) -> str:
        return f"SilentVoleReceiver({self._state.name}, {self._parameters.length} blocks)"

    def __reduce__(self) -> str:
        raise TypeError("a side of a vector OLE cannot be pickled")


class SilentVoleSender:
    """Ends with ``B`` (n, 2) for a fresh SECRET factor :attr:`delta`."""

    def __init__(
        self,
        length: int,
        randomness: Randomness,
        session: bytes = b"",
        security: SecurityProfile = SecurityProfile.SEMI_HONEST,
    ) -> None:
        """Draw Δ. ``session`` names the run, at both sides alike, and ``security`` is agreed upon as well.

        Raises:
            ParameterError: a length that is not in 1..MAXIMUM_LENGTH.
        """
        self._parameters = VoleParameters.for_length(length, security)
        self._session = session
        self._keys = TreeKeys.of_session(session)
        self._randomness = randomness
        self._delta: Blocks = random_blocks(1, randomness)[0]
        self._transfer = CorrelatedOtSender(self._parameters.transfers, self._delta, randomness, session)
        self._leaves: Blocks | None = None
        self._product: Blocks | None = None
        self._outcome: Blocks | None = None
        self._state = VOLE_TRANSITIONS.initial

    @property
    def delta(self) -> Blocks:
        """Δ as two 64-bit words, low first; SECRET."""
        return self._delta

    def start(self) -> tuple[bytes, ...]:
        """Return what the transfers send first."""
        self._state = VOLE_TRANSITIONS.local(self._state, "start")
        return _framed(self._transfer.start())

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        """Take one message of the receiver and return the answers; the corrections as soon as the transfers are done.

        Raises:
            PeerProtocolError: it is false or comes out of order.
        """
        if payload[:1] == CHALLENGE:
            state = VOLE_TRANSITIONS.peer(self._state, "challenge")
            self._state = VoleState.BROKEN
            answer = self._proof(Challenge.decode(payload[1:]))
            self._compress()
            self._state = state
            return (PROOF + answer,)
        if payload[:1] != TRANSFER:
            raise PeerProtocolError("a message of the vector OLE has an unknown first byte")
        state = VOLE_TRANSITIONS.peer(self._state, "message of the transfers")
        self._state = VoleState.BROKEN
        answers = _framed(self._transfer.receive(payload[1:]))
        transferred = self._transfer.outcome()
        if transferred is not None:
            answers = (*answers, CORRECTIONS + self._corrections(transferred))
            state = VOLE_TRANSITIONS.local(state, _corrections(self._parameters))
        self._state = state
        return answers

    def _corrections(self, transferred: Blocks) -> bytes:
        parameters = self._parameters
        paths = parameters.trees * parameters.depth
        leaves, sums = np.empty(0, np.uint64), []
        for leaves, both in grow(random_blocks(parameters.trees, self._randomness), parameters, self._keys):  # noqa: B007
            sums.append(both)
        tweaks = _tweaks(paths)
        keys = [
            hash_with_tweak(self._keys.hiding, transferred[:paths] ^ side, tweaks)
            for side in (0 * self._delta, self._delta)
        ]
        pairs = np.stack(sums, axis=1).reshape(paths, 2, 2) ^ np.stack(keys, axis=1)
        products = combine_bits(transferred[paths:])
        last = leaf_sums(leaves) ^ products[: parameters.trees]
        self._leaves = leaves
        if parameters.checked:
            self._product = products[-1]
        else:
            self._compress()
        return encode_blocks(pairs.reshape(-1, 2)) + encode_blocks(last)

    def _proof(self, asked: Challenge) -> bytes:
        assert self._leaves is not None
        assert self._product is not None
        return proof(asked, self._leaves, self._product, self._delta, self._parameters, self._session)

    def _compress(self) -> None:
        assert self._leaves is not None
        self._outcome = compress(self._leaves.reshape(-1, 2), self._parameters)
        self._leaves = None

    def outcome(self) -> Blocks | None:
        """Return B, or nothing before the end."""
        return self._outcome

    def __repr__(self) -> str:
        return f"SilentVoleSender({self._state.name}, {self._parameters.length} blocks)"

    def __reduce__(self) -> str:
        raise TypeError("a side of a vector OLE cannot be pickled")


def decode_corrections(encoded: bytes, parameters: VoleParameters) -> tuple[Blocks, Blocks]:
    """Return the encrypted sums (trees * depth, 2, 2), tree by tree, and the last correction of each tree (trees, 2).

    Raises:
        PeerProtocolError: another length.
    """
    paths = parameters.trees * parameters.depth
    if len(encoded) != BLOCK_BYTES * (2 * paths + parameters.trees):
        raise PeerProtocolError("the corrections of the vector OLE have another length than was agreed")
    blocks = decode_blocks(encoded)
    return blocks[: 2 * paths].reshape(paths, 2, 2), blocks[2 * paths :]


def _uniform(count: int, bound: int, randomness: Randomness) -> Positions:
    """Draw positions below ``bound`` < 2^32: ``draw * bound >> 64``, biased by less than bound / 2^64."""
    drawn, half, low = np.frombuffer(randomness.bytes(8 * count), dtype="<u8"), np.uint64(32), np.uint64(2**32 - 1)
    limit = np.uint64(bound)
    carried = ((drawn & low) * limit) >> half
    return (((drawn >> half) * limit + carried) >> half).astype(np.int64)


def _framed(payloads: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(TRANSFER + payload for payload in payloads)


def _tweaks(count: int) -> Blocks:
    tweaks = np.zeros((count, 2), np.uint64)
    tweaks[:, 0] = np.arange(count)
    return tweaks
