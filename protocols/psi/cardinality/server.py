"""The bureau's role of a count: a fresh key, its list's tags, the bank's set in another order.

README clauses 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.psi import batch
from protocols.psi.cardinality.blinding import raise_inputs, shuffled, tags_of
from protocols.psi.cardinality.messages import MAXIMUM_LIST, TAGS_A_PART, BlindedSet, EvaluatedSet, Message, TagPart
from protocols.psi.tags import TAG_BYTES, publish
from protocols.randomness import Randomness


class CountServerState(Enum):
    """Where the bureau's role stands."""

    WAITING = auto()
    DONE = auto()


COUNT_SERVER_TRANSITIONS = Transitions(
    initial=CountServerState.WAITING,
    table={
        (CountServerState.WAITING, "start"): CountServerState.WAITING,
        (CountServerState.WAITING, "blinded set"): CountServerState.DONE,
        (CountServerState.DONE, "result"): CountServerState.DONE,
    },
)


class CountServer:
    """One count over a list of 1..2^24 codes under a key that lives no longer than this machine.

    A second machine is a second key: nothing of one count can be compared with another. The quota is the caller's
    matter.
    """

    def __init__(self, codes: Sequence[bytes], padded: int, randomness: Randomness) -> None:
        """``padded`` is the number of positions that the bank committed to.

        Raises:
            LocalProtocolError: no codes or too many, or one that stands twice.
        """
        if not 1 <= len(codes) <= MAXIMUM_LIST or len(set(codes)) != len(codes):
            raise LocalProtocolError(f"a count is over 1..{MAXIMUM_LIST} codes, none of them twice")
        self._codes = tuple(codes)
        self._padded = padded
        self._randomness = randomness
        self._state = COUNT_SERVER_TRANSITIONS.initial

    def start(self) -> tuple[()]:
        """Return nothing: the bank speaks first."""
        self._state = COUNT_SERVER_TRANSITIONS.local(self._state, "start")
        return ()

    def receive(self, message: Message) -> tuple[Message, ...]:
        """Take the bank's set; return it evaluated and shuffled, and the list's tags, padded and ascending.

        Raises:
            PeerProtocolError: it is no blinded set, another number of elements than was committed to, or a second one.
        """
        state = COUNT_SERVER_TRANSITIONS.peer(self._state, "blinded set")
        if not isinstance(message, BlindedSet) or len(message.elements) != self._padded:
            raise PeerProtocolError("a count begins with as many blinded elements as were committed to")
        key = batch.random_scalars(1, self._randomness)
        evaluated = shuffled(batch.multiply(message.elements, key), self._randomness)
        tags = publish([tags_of(raise_inputs(self._codes, key)).tobytes()], len(self._codes), self._randomness)
        self._state = state
        return (EvaluatedSet(evaluated.tobytes()), *_parts(tags))

    def result(self) -> int:
        """Return how many elements were evaluated: all that the bureau learns."""
        self._state = COUNT_SERVER_TRANSITIONS.local(self._state, "result")
        return self._padded

    def __repr__(self) -> str:
        return f"CountServer({self._state.name}, {len(self._codes)} codes)"


def _parts(tags: bytes) -> tuple[TagPart, ...]:
    total, width = len(tags) // TAG_BYTES, TAGS_A_PART * TAG_BYTES
    return tuple(TagPart(total, tags[at : at + width]) for at in range(0, len(tags), width))
