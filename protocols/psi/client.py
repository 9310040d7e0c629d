"""The bank's role: blinds its inputs, takes the evaluations, ends with the outputs. README clause 4."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import numpy as np

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.hashing import Bytes, hash_outputs
from protocols.psi.messages import MAXIMUM_BATCH, BlindedBatch, EvaluatedBatch
from protocols.psi.oprf import OUTPUT_BYTES, Mode
from protocols.randomness import Randomness


class ClientState(Enum):
    """Where the bank's role stands."""

    NEW = auto()
    WAITING = auto()
    DONE = auto()


CLIENT_TRANSITIONS = Transitions(
    initial=ClientState.NEW,
    table={
        (ClientState.NEW, "start"): ClientState.WAITING,
        (ClientState.WAITING, "evaluated batch"): ClientState.DONE,
        (ClientState.DONE, "result"): ClientState.DONE,
    },
)


class OprfClient:
    """One batch of the bank: 1..4096 distinct inputs in, one 64-byte output for each, in order.

    Blinds are drawn at :meth:`start` and never used again: a batch whose answer was lost is asked anew.
    """

    def __init__(self, inputs: Sequence[bytes], randomness: Randomness) -> None:
        """Raises :class:`LocalProtocolError` for no inputs, too many, or one that stands twice."""
        if not 1 <= len(inputs) <= MAXIMUM_BATCH:
            raise LocalProtocolError(f"a batch has 1..{MAXIMUM_BATCH} inputs")
        if len(set(inputs)) != len(inputs):
            raise LocalProtocolError("an input stands twice: multiplicities are not sent")
        self._inputs = tuple(inputs)
        self._randomness = randomness
        self._blinds: Rows | None = None
        self._outputs: Bytes = np.empty((0, OUTPUT_BYTES), np.uint8)
        self._state = CLIENT_TRANSITIONS.initial

    def start(self) -> tuple[BlindedBatch, ...]:
        """Blind all inputs and return the batch."""
        self._state = CLIENT_TRANSITIONS.local(self._state, "start")
        self._blinds = batch.random_scalars(len(self._inputs), self._randomness)
        elements = batch.hash_and_multiply(self._inputs, Mode.OPRF.hash_to_group, self._blinds)
        return (BlindedBatch.computed(elements),)

    def receive(self, message: EvaluatedBatch) -> tuple[()]:
        """Take the bureau's evaluations; nothing is answered.

        Raises:
            PeerProtocolError: there are not as many as were asked for, or they come out of order.
        """
        state = CLIENT_TRANSITIONS.peer(self._state, "evaluated batch")
        if self._blinds is None:  # pragma: no cover - the state above says that there are some
            raise LocalProtocolError("nothing was blinded")
        if len(message.elements) != len(self._inputs):
            raise PeerProtocolError("the evaluated batch has another size than the blinded one")
        unblinded = batch.multiply(message.rows, batch.invert(self._blinds))
        self._outputs = hash_outputs(self._inputs, unblinded)
        self._blinds = None
        self._state = state
        return ()

    def result(self) -> tuple[bytes, ...]:
        """Return the 64-byte OPRF outputs in the order of the inputs."""
        return tuple(row.tobytes() for row in self.output_rows())

    def output_rows(self) -> Bytes:
        """Return what :meth:`result` returns as rows, (n, 64)."""
        self._state = CLIENT_TRANSITIONS.local(self._state, "result")
        return self._outputs

    def __repr__(self) -> str:
        return f"OprfClient({self._state.name}, {len(self._inputs)} inputs)"
