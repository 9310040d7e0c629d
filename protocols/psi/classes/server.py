"""The bureau's role of a confusion table: a fresh key, its loans' tags with masked classes, the bank's set shuffled.

README clauses 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import numpy as np

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.machine import Transitions
from protocols.psi import batch
from protocols.psi.cardinality.blinding import shuffled
from protocols.psi.cardinality.messages import BlindedSet, EvaluatedSet
from protocols.psi.classes.blinding import RowArray, raise_inputs, rows_from, rows_of
from protocols.psi.classes.entries import Loans, loans_of
from protocols.psi.classes.messages import MAXIMUM_LIST, ROW_BYTES, ROWS_A_PART, Message, RowPart
from protocols.psi.tags import padded_count
from protocols.randomness import Randomness

_PADDING_DRAWS = 4  # more than one only if a random tag falls on another one


class TableServerState(Enum):
    """Where the bureau's role stands."""

    WAITING = auto()
    DONE = auto()


TABLE_SERVER_TRANSITIONS = Transitions(
    initial=TableServerState.WAITING,
    table={
        (TableServerState.WAITING, "start"): TableServerState.WAITING,
        (TableServerState.WAITING, "blinded set"): TableServerState.DONE,
        (TableServerState.DONE, "result"): TableServerState.DONE,
    },
)


class TableServer:
    """One confusion table over a list of 1..2^23 loans under a key that lives no longer than this machine."""

    def __init__(self, entries: Sequence[bytes], size: int, randomness: Randomness) -> None:
        """``entries`` are those of the list, two a loan; ``size`` is the number of elements that the job has.

        Raises:
            LocalProtocolError: a loan does not stand with exactly one class, or there are too many.
        """
        self._loans: Loans = loans_of(entries)
        if padded_count(len(self._loans)) > MAXIMUM_LIST:
            raise LocalProtocolError(f"a table is over at most {MAXIMUM_LIST} loans, padded")
        self._size = size
        self._randomness = randomness
        self._state = TABLE_SERVER_TRANSITIONS.initial

    def start(self) -> tuple[()]:
        """Return nothing: the bank speaks first."""
        self._state = TABLE_SERVER_TRANSITIONS.local(self._state, "start")
        return ()

    def receive(self, message: Message) -> tuple[Message, ...]:
        """Take the bank's set; return it evaluated and shuffled, and the list's rows, padded and ascending.

        Raises:
            PeerProtocolError: it is no blinded set, another number of elements than the job has, or a second one.
        """
        state = TABLE_SERVER_TRANSITIONS.peer(self._state, "blinded set")
        if not isinstance(message, BlindedSet) or len(message.elements) != self._size:
            raise PeerProtocolError("a confusion table begins with as many blinded elements as the job has")
        key = batch.random_scalars(1, self._randomness)
        evaluated = shuffled(batch.multiply(message.elements, key), self._randomness)
        rows = rows_of(raise_inputs(self._loans.ids.tolist(), key))
        rows["mask"] ^= self._loans.classes
        self._state = state
        return (EvaluatedSet(evaluated.tobytes()), *_parts(_publish(rows, self._randomness)))

    def result(self) -> int:
        """Return how many elements were evaluated: all that the bureau learns."""
        self._state = TABLE_SERVER_TRANSITIONS.local(self._state, "result")
        return self._size

    def __repr__(self) -> str:
        return f"TableServer({self._state.name}, {len(self._loans)} loans)"


def _publish(rows: RowArray, randomness: Randomness) -> bytes:
    """Return the rows with random ones among them up to the padded count, in ascending order of distinct tags."""
    wanted = padded_count(len(rows))
    for _ in range(_PADDING_DRAWS):
        filling = rows_from(randomness.bytes((wanted - len(rows)) * ROW_BYTES))
        whole = np.concatenate([rows, filling])
        whole = whole[np.argsort(whole["tag"], kind="stable")]
        if bool((whole["tag"][1:] != whole["tag"][:-1]).all()):
            return whole.tobytes()
    raise ParameterError("the source of randomness repeats itself")


def _parts(rows: bytes) -> tuple[RowPart, ...]:
    total, width = len(rows) // ROW_BYTES, ROWS_A_PART * ROW_BYTES
    return tuple(RowPart(total, rows[at : at + width]) for at in range(0, len(rows), width))
