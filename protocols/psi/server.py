"""The bureau's role: evaluates one blinded batch under its key. README clause 4."""

from __future__ import annotations

from enum import Enum, auto

from protocols.machine import Transitions
from protocols.psi import batch
from protocols.psi.messages import BlindedBatch, EvaluatedBatch
from protocols.psi.oprf import OprfKey


class ServerState(Enum):
    """Where the bureau's role stands."""

    WAITING = auto()
    DONE = auto()


SERVER_TRANSITIONS = Transitions(
    initial=ServerState.WAITING,
    table={
        (ServerState.WAITING, "start"): ServerState.WAITING,
        (ServerState.WAITING, "blinded batch"): ServerState.DONE,
        (ServerState.DONE, "result"): ServerState.DONE,
    },
)


class OprfServer:
    """One batch of the bureau. The quota is the caller's matter, and is charged BEFORE :meth:`receive`."""

    def __init__(self, key: OprfKey) -> None:
        self._key = key
        self._evaluated = 0
        self._state = SERVER_TRANSITIONS.initial

    def start(self) -> tuple[()]:
        """Return nothing: the bank speaks first."""
        self._state = SERVER_TRANSITIONS.local(self._state, "start")
        return ()

    def receive(self, message: BlindedBatch) -> tuple[EvaluatedBatch, ...]:
        """Evaluate the batch and return the evaluations in its order.

        Raises:
            PeerProtocolError: a second batch comes.
        """
        self._state = SERVER_TRANSITIONS.peer(self._state, "blinded batch")
        self._evaluated = len(message.elements)
        return (EvaluatedBatch.computed(batch.multiply(message.rows, batch.rows(self._key.export_secret()))),)

    def result(self) -> int:
        """Return how many elements were evaluated: all that the bureau learns."""
        self._state = SERVER_TRANSITIONS.local(self._state, "result")
        return self._evaluated
