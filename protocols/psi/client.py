"""The bank's role: blinds its inputs, takes the evaluations, ends with the outputs. README clause 4."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.primitives.ristretto import Scalar, invert_all
from protocols.psi.messages import MAXIMUM_BATCH, BlindedBatch, EvaluatedBatch
from protocols.psi.oprf import blind, finalize
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
        self._blinds: tuple[Scalar, ...] = ()
        self._outputs: tuple[bytes, ...] = ()
        self._state = CLIENT_TRANSITIONS.initial

    def start(self) -> tuple[BlindedBatch, ...]:
        """Blind all inputs and return the batch."""
        self._state = CLIENT_TRANSITIONS.local(self._state, "start")
        pairs = [blind(data, self._randomness) for data in self._inputs]
        self._blinds = tuple(scalar for scalar, _ in pairs)
        return (BlindedBatch(tuple(element for _, element in pairs)),)

    def receive(self, message: EvaluatedBatch) -> tuple[()]:
        """Take the bureau's evaluations; nothing is answered.

        Raises:
            PeerProtocolError: there are not as many as were asked for, or they come out of order.
        """
        state = CLIENT_TRANSITIONS.peer(self._state, "evaluated batch")
        if len(message.elements) != len(self._inputs):
            raise PeerProtocolError("the evaluated batch has another size than the blinded one")
        inverses = invert_all(self._blinds)
        triples = zip(self._inputs, inverses, message.elements, strict=True)
        self._outputs = tuple(finalize(data, inverse, element) for data, inverse, element in triples)
        self._blinds = ()
        self._state = state
        return ()

    def result(self) -> tuple[bytes, ...]:
        """Return the 64-byte OPRF outputs in the order of the inputs."""
        self._state = CLIENT_TRANSITIONS.local(self._state, "result")
        return self._outputs

    def __repr__(self) -> str:
        return f"OprfClient({self._state.name}, {len(self._inputs)} inputs)"
