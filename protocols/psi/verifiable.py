"""Both roles of one verifiable round (RFC 9497 mode VOPRF): the bureau proves the key that it used.

README clause 11.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.primitives.ristretto import Point
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.client import CLIENT_TRANSITIONS
from protocols.psi.dleq import generate_proof, verify_proof
from protocols.psi.hashing import Bytes, hash_outputs
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import OUTPUT_BYTES, Mode, OprfKey
from protocols.psi.server import SERVER_TRANSITIONS
from protocols.psi.verifiable_messages import BlindedElements, EvaluatedElements
from protocols.randomness import Randomness

_MODE = Mode.VOPRF


class VerifiableClient:
    """One batch of the bank: 1..4096 distinct inputs in, one 64-byte output for each, in order.

    Blinds are drawn at :meth:`start`. With a randomness that a job's seed determines (README clause 13) the same batch
    is blinded alike again: what was lost is asked again byte for byte, and shows nothing new.
    """

    def __init__(self, inputs: Sequence[bytes], public_key: Point, randomness: Randomness) -> None:
        """``public_key`` is the epoch's published one.

        Raises:
            LocalProtocolError: no inputs, too many, or one that stands twice.
        """
        if not 1 <= len(inputs) <= MAXIMUM_BATCH:
            raise LocalProtocolError(f"a batch has 1..{MAXIMUM_BATCH} inputs")
        if len(set(inputs)) != len(inputs):
            raise LocalProtocolError("an input stands twice: multiplicities are not sent")
        self._inputs = tuple(inputs)
        self._public_key = public_key
        self._randomness = randomness
        self._blinds: Rows | None = None
        self._blinded: BlindedElements | None = None
        self._outputs: Bytes = np.empty((0, OUTPUT_BYTES), np.uint8)
        self._state = CLIENT_TRANSITIONS.initial

    def start(self) -> tuple[BlindedElements, ...]:
        """Blind all inputs and return the batch."""
        self._state = CLIENT_TRANSITIONS.local(self._state, "start")
        self._blinds = batch.random_scalars(len(self._inputs), self._randomness)
        elements = batch.hash_and_multiply(self._inputs, _MODE.hash_to_group, self._blinds)
        self._blinded = BlindedElements.computed(elements)
        return (self._blinded,)

    def receive(self, message: EvaluatedElements) -> tuple[()]:
        """Take the bureau's evaluations; nothing is answered.

        Raises:
            PeerProtocolError: there are not as many as were asked for, the proof does not verify under the
                published key, or they come out of order.
        """
        state = CLIENT_TRANSITIONS.peer(self._state, "evaluated batch")
        if self._blinded is None or self._blinds is None:  # pragma: no cover - the state above says that they are
            raise LocalProtocolError("nothing was blinded")
        if len(message) != len(self._inputs):
            raise PeerProtocolError("the evaluated batch has another size than the blinded one")
        verify_proof(self._public_key, self._blinded.elements, message.elements, message.proof)
        unblinded = batch.multiply(message.elements, batch.invert(self._blinds))
        self._outputs = hash_outputs(self._inputs, unblinded)
        self._blinds = self._blinded = None
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
        return f"VerifiableClient({self._state.name}, {len(self._inputs)} inputs)"


class VerifiableServer:
    """One batch of the bureau. The quota is the caller's matter, and is charged BEFORE :meth:`receive`."""

    def __init__(self, key: OprfKey, randomness: Randomness) -> None:
        """``randomness`` gives the proof's nonce: never from a seed that is used twice (:func:`generate_proof`)."""
        self._key = key
        self._randomness = randomness
        self._evaluated = 0
        self._state = SERVER_TRANSITIONS.initial

    def start(self) -> tuple[()]:
        """Return nothing: the bank speaks first."""
        self._state = SERVER_TRANSITIONS.local(self._state, "start")
        return ()

    def receive(self, message: BlindedElements) -> tuple[EvaluatedElements, ...]:
        """Evaluate the batch and return the evaluations in its order with their proof.

        Raises:
            PeerProtocolError: a second batch comes.
        """
        self._state = SERVER_TRANSITIONS.peer(self._state, "blinded batch")
        blinded = message.elements
        evaluated = batch.multiply(blinded, batch.rows(self._key.export_secret()))
        proof = generate_proof(self._key, self._key.public_key(), blinded, evaluated, self._randomness)
        self._evaluated = len(message)
        return (EvaluatedElements.computed(evaluated, proof),)

    def result(self) -> int:
        """Return how many elements were evaluated: all that the bureau learns."""
        self._state = SERVER_TRANSITIONS.local(self._state, "result")
        return self._evaluated
