"""The bank's role of a count: blinds its positions once, ends with one number. README clauses 3 and 4."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.cardinality.blinding import raise_inputs, shuffled, tags_of
from protocols.psi.cardinality.messages import MAXIMUM_COUNTED, BlindedSet, EvaluatedSet, Message, TagPart
from protocols.psi.tags import TAG, TAG_BYTES, TagSet
from protocols.randomness import Randomness


class CountClientState(Enum):
    """Where the bank's role stands."""

    NEW = auto()
    WAITING = auto()
    READING = auto()
    DONE = auto()


COUNT_CLIENT_TRANSITIONS = Transitions(
    initial=CountClientState.NEW,
    table={
        (CountClientState.NEW, "start"): CountClientState.WAITING,
        (CountClientState.WAITING, "evaluated set"): CountClientState.READING,
        (CountClientState.READING, "tags"): CountClientState.READING,
        (CountClientState.READING, "last tags"): CountClientState.DONE,
        (CountClientState.DONE, "result"): CountClientState.DONE,
    },
)


class CountClient:
    """1..2^20 distinct inputs in, the number of those that the bureau holds out."""

    def __init__(self, inputs: Sequence[bytes], randomness: Randomness) -> None:
        """``inputs`` are all positions of the commitment, dummies too; ``randomness`` derives from the job's seed.

        Raises:
            LocalProtocolError: no inputs, too many, or one that stands twice.
        """
        if not 1 <= len(inputs) <= MAXIMUM_COUNTED:
            raise LocalProtocolError(f"a count is of 1..{MAXIMUM_COUNTED} inputs")
        if len(set(inputs)) != len(inputs):
            raise LocalProtocolError("an input stands twice: multiplicities are not sent")
        self._inputs = tuple(inputs)
        self._randomness = randomness
        self._blind: Rows | None = None
        self._tags: NDArray[np.bytes_] = np.empty(0, TAG)
        self._parts: list[bytes] = []
        self._read = 0
        self._total = 0
        self._count = 0
        self._state = COUNT_CLIENT_TRANSITIONS.initial

    def start(self) -> tuple[BlindedSet, ...]:
        """Blind all inputs with the job's one blind and return them in a random order."""
        self._state = COUNT_CLIENT_TRANSITIONS.local(self._state, "start")
        self._blind = batch.random_scalars(1, self._randomness)
        return (BlindedSet(shuffled(raise_inputs(self._inputs, self._blind), self._randomness).tobytes()),)

    def receive(self, message: Message) -> tuple[()]:
        """Take the evaluated set, then the parts of the tags; nothing is answered.

        Raises:
            PeerProtocolError: the set has another size than ours, tags are not ascending, more than was announced, or
            the
                message comes out of order.
        """
        if isinstance(message, EvaluatedSet):
            self._take_set(message)
        elif isinstance(message, TagPart):
            self._take_tags(message)
        else:
            raise PeerProtocolError("a blinded set comes from the bank alone")
        return ()

    def result(self) -> int:
        """Return how many of the inputs the bureau holds."""
        self._state = COUNT_CLIENT_TRANSITIONS.local(self._state, "result")
        return self._count

    def _take_set(self, message: EvaluatedSet) -> None:
        state = COUNT_CLIENT_TRANSITIONS.peer(self._state, "evaluated set")
        if len(message.elements) != len(self._inputs) or self._blind is None:
            raise PeerProtocolError("the evaluated set has another size than the blinded one")
        self._tags = tags_of(batch.multiply(message.elements, batch.invert(self._blind)))
        self._blind, self._state = None, state

    def _take_tags(self, message: TagPart) -> None:
        state = COUNT_CLIENT_TRANSITIONS.peer(self._state, "tags")
        read = self._read + len(message.tags) // TAG_BYTES
        if read > message.total or (self._parts and message.total != self._total):
            raise PeerProtocolError("the parts of the tags do not agree on how many there are")
        if read == message.total:
            state = COUNT_CLIENT_TRANSITIONS.peer(self._state, "last tags")
            self._count = int(
                np.count_nonzero(TagSet.from_bytes(b"".join([*self._parts, message.tags])).held(self._tags))
            )
        self._parts.append(message.tags)
        self._read, self._total, self._state = read, message.total, state

    def __repr__(self) -> str:
        return f"CountClient({self._state.name}, {len(self._inputs)} inputs)"
