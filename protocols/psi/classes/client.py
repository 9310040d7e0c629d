"""The bank's role of a confusion table: five blinds, one for each of its own classes. README clauses 3 and 4."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.psi import batch
from protocols.psi.batch import Rows
from protocols.psi.cardinality.blinding import shuffled
from protocols.psi.cardinality.messages import BlindedSet, EvaluatedSet
from protocols.psi.classes.blinding import RowArray, raise_inputs, rows_from, rows_of
from protocols.psi.classes.entries import CLASSES, Loans
from protocols.psi.classes.messages import MAXIMUM_LOANS, ROW_BYTES, Message, RowPart
from protocols.psi.classes.suppression import Table
from protocols.psi.tags import TagSet
from protocols.randomness import Randomness

_DUMMY = b"\x00"  # begins every dummy and stands in no id
_DUMMY_BYTES = 16


class TableClientState(Enum):
    """Where the bank's role stands."""

    NEW = auto()
    WAITING = auto()
    READING = auto()
    DONE = auto()


TABLE_CLIENT_TRANSITIONS = Transitions(
    initial=TableClientState.NEW,
    table={
        (TableClientState.NEW, "start"): TableClientState.WAITING,
        (TableClientState.WAITING, "evaluated set"): TableClientState.READING,
        (TableClientState.READING, "rows"): TableClientState.READING,
        (TableClientState.READING, "last rows"): TableClientState.DONE,
        (TableClientState.DONE, "result"): TableClientState.DONE,
    },
)


class TableClient:
    """1..2^20 loans in, the confusion table out; SECRET until :func:`~protocols.psi.classes.suppression.suppress`."""

    def __init__(self, loans: Loans, size: int, randomness: Randomness) -> None:
        """``loans`` ascend; ``size`` is the number of elements that the job has; ``randomness`` is of the job's seed.

        Raises:
            LocalProtocolError: more loans than elements, or more elements than a table has.
        """
        if not 1 <= len(loans) <= size <= MAXIMUM_LOANS:
            raise LocalProtocolError(f"a confusion table is of 1..{MAXIMUM_LOANS} loans, filling counted")
        self._loans = loans
        self._size = size
        self._randomness = randomness
        self._blinds: Rows | None = None
        self._mine: list[RowArray] = []
        self._parts: list[bytes] = []
        self._read = self._total = 0
        self._table: Table = np.zeros((CLASSES, CLASSES), np.int64)
        self._state = TABLE_CLIENT_TRANSITIONS.initial

    def start(self) -> tuple[BlindedSet, ...]:
        """Blind all ids, those of one class with one blind, and return them with the filling in a random order."""
        self._state = TABLE_CLIENT_TRANSITIONS.local(self._state, "start")
        self._blinds = batch.random_scalars(CLASSES, self._randomness)
        missing = self._size - len(self._loans)
        filling = self._randomness.bytes(missing * _DUMMY_BYTES)
        dummies = [_DUMMY + filling[at : at + _DUMMY_BYTES] for at in range(0, len(filling), _DUMMY_BYTES)]
        places = np.concatenate([self._loans.classes.astype(np.int64) - 1, np.zeros(missing, np.int64)])
        elements = raise_inputs([*self._loans.ids.tolist(), *dummies], self._blinds[places])
        return (BlindedSet(shuffled(elements, self._randomness).tobytes()),)

    def receive(self, message: Message) -> tuple[()]:
        """Take the evaluated set, then the parts of the rows; nothing is answered.

        Raises:
            PeerProtocolError: the set has another size than ours, tags do not ascend, more than was announced, a row
                whose class is none or that stands for two loans, or the message comes out of order.
        """
        if isinstance(message, EvaluatedSet):
            self._take_set(message)
        elif isinstance(message, RowPart):
            self._take_rows(message)
        else:
            raise PeerProtocolError("a blinded set comes from the bank alone")
        return ()

    def result(self) -> Table:
        """Return how many loans the bank has in the class of the row and the bureau in that of the column."""
        self._state = TABLE_CLIENT_TRANSITIONS.local(self._state, "result")
        return self._table

    def _take_set(self, message: EvaluatedSet) -> None:
        state = TABLE_CLIENT_TRANSITIONS.peer(self._state, "evaluated set")
        if len(message.elements) != self._size or self._blinds is None:
            raise PeerProtocolError("the evaluated set has another size than the blinded one")
        inverses = batch.invert(self._blinds)
        # Which blind an element had is not known any more: it is tried with each, and falls on a tag with its own.
        self._mine = [rows_of(batch.multiply(message.elements, inverses[own : own + 1])) for own in range(CLASSES)]
        self._blinds, self._state = None, state

    def _take_rows(self, message: RowPart) -> None:
        state = TABLE_CLIENT_TRANSITIONS.peer(self._state, "rows")
        read = self._read + len(message.rows) // ROW_BYTES
        if read > message.total or (self._parts and message.total != self._total):
            raise PeerProtocolError("the parts of the rows do not agree on how many there are")
        if read == message.total:
            state = TABLE_CLIENT_TRANSITIONS.peer(self._state, "last rows")
            self._table = _count(self._mine, rows_from(b"".join([*self._parts, message.rows])))
            self._mine = []
        self._parts.append(message.rows)
        self._read, self._total, self._state = read, message.total, state

    def __repr__(self) -> str:
        return f"TableClient({self._state.name}, {len(self._loans)} loans)"


def _count(mine: list[RowArray], rows: RowArray) -> Table:
    """Return the table of the bank's rows under each of its blinds and the bureau's rows."""
    tags = np.ascontiguousarray(rows["tag"])
    TagSet(tags)  # refuses tags that do not ascend
    table = np.zeros((CLASSES, CLASSES), np.int64)
    found: list[int] = []
    for own, asked in enumerate(mine):
        places = np.minimum(np.searchsorted(tags, asked["tag"]), len(tags) - 1)
        hits = tags[places] == asked["tag"]
        theirs = rows["mask"][places[hits]] ^ asked["mask"][hits]
        if bool(((theirs < 1) | (theirs > CLASSES)).any()):
            raise PeerProtocolError("a loan of the bureau has none of the five classes")
        table[own] += np.bincount(theirs.astype(np.int64) - 1, minlength=CLASSES)
        found += places[hits].tolist()
    if len(set(found)) != len(found):
        raise PeerProtocolError("one loan of the bureau stands for two of the bank")
    return table
