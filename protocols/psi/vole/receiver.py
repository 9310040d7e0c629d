"""The receiver's role: sends its items as a masked table, learns which of them the sender holds. README clause 5."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.primitives.blocks import Blocks, hash_blocks, hash_with_tweak
from protocols.psi.vole import tags
from protocols.psi.vole.correlation import Correlation, ReceiverVole, receiver_vole
from protocols.psi.vole.items import require_distinct
from protocols.psi.vole.messages import MaskedTable, Message, TagList, VoleFrame, check_run
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.table import EncodedTable, decode, encode
from protocols.randomness import Randomness


class ReceiverState(Enum):
    """Where the receiver's role stands."""

    NEW = auto()
    CORRELATING = auto()
    WAITING = auto()
    DONE = auto()


RECEIVER_TRANSITIONS = Transitions(
    initial=ReceiverState.NEW,
    table={
        (ReceiverState.NEW, "start"): ReceiverState.CORRELATING,
        (ReceiverState.CORRELATING, "frame of the vector OLE"): ReceiverState.CORRELATING,
        (ReceiverState.CORRELATING, "masked table"): ReceiverState.WAITING,
        (ReceiverState.WAITING, "list of tags"): ReceiverState.DONE,
        (ReceiverState.DONE, "result"): ReceiverState.DONE,
    },
)


class VoleIntersectionReceiver:
    """One run of the side that learns the intersection; between 0 and ``parameters.receiver_size`` distinct items."""

    def __init__(
        self,
        items: Blocks,
        parameters: VoleIntersectionParameters,
        randomness: Randomness,
        vole: ReceiverVole | None = None,
    ) -> None:
        """Take items of :func:`protocols.psi.vole.items.pack`; ``vole`` is the silent one if none is given.

        Raises:
            LocalProtocolError: more items than the padded size, or one that stands twice.
        """
        check_items(items, parameters.receiver_size)
        self._items = items
        self._parameters = parameters
        self._randomness = randomness
        self._correlation = Correlation(
            vole or receiver_vole(parameters.shape.size, randomness, parameters.run), parameters.run
        )
        self._table: EncodedTable | None = None
        self._own_tags: Blocks | None = None
        self._mask: Blocks | None = None
        self._found: NDArray[np.bool_] | None = None
        self._state = RECEIVER_TRANSITIONS.initial

    @property
    def failed_seeds(self) -> int:
        """How many seeds of the table failed and were drawn anew; 0 but with 2^-λ."""
        return self._table.failed_seeds if self._table else 0

    def start(self) -> tuple[Message, ...]:
        """Encode the items and begin the vector OLE."""
        self._state = RECEIVER_TRANSITIONS.local(self._state, "start")
        values = hash_blocks(self._parameters.key("value"), self._items)
        self._table = encode(self._items, values, self._parameters.shape, self._randomness)
        return self._correlated(self._correlation.start())

    def receive(self, message: Message) -> tuple[Message, ...]:
        """Take one message of the sender and return the answers.

        Raises:
            PeerProtocolError: it is false, belongs to another run, or comes out of order.
        """
        check_run(message, self._parameters.run)
        if isinstance(message, VoleFrame):
            RECEIVER_TRANSITIONS.peer(self._state, "frame of the vector OLE")
            return self._correlated(self._correlation.receive(message))
        if isinstance(message, TagList):
            state = RECEIVER_TRANSITIONS.peer(self._state, "list of tags")
            self._take(message)
            self._state = state
            return ()
        raise PeerProtocolError("a sender sends no masked table")

    def work_ahead(self) -> None:
        """Compute the own tags while the sender is at work; :meth:`receive` does it if nobody has. Idempotent.

        Raises:
            LocalProtocolError: the masked table is not sent yet.
        """
        if self._own_tags is None:
            if self._mask is None or self._table is None:
                raise LocalProtocolError("the vector OLE is not done")
            shape, seed = self._parameters.shape, self._table.seed
            opened = decode(self._mask, self._items, shape, seed)
            self._own_tags = hash_with_tweak(self._parameters.key("tag"), opened, self._items)
            self._mask = None

    def result(self) -> NDArray[np.bool_]:
        """Return for every item, in order, whether the sender holds it."""
        self._state = RECEIVER_TRANSITIONS.local(self._state, "result")
        assert self._found is not None
        return self._found

    def _correlated(self, answers: tuple[Message, ...]) -> tuple[Message, ...]:
        """Add the masked table to ``answers`` as soon as the vector OLE is done."""
        outcome = self._correlation.outcome()
        if outcome is None:
            return answers
        assert self._table is not None
        self._state = RECEIVER_TRANSITIONS.local(self._state, "masked table")
        factors, self._mask = outcome
        masked = (factors ^ self._table.blocks).astype("<u8").tobytes()
        self._table = EncodedTable(self._table.seed, np.empty((0, 2), np.uint64), self._table.failed_seeds)
        return (*answers, MaskedTable(self._parameters.run, self._table.seed, masked))

    def _take(self, message: TagList) -> None:
        expected = (self._parameters.tag_bytes, self._parameters.sender_size)
        if (message.width, len(message)) != expected:
            raise PeerProtocolError("the list of tags has another size than was agreed")
        self.work_ahead()
        assert self._own_tags is not None
        self._found = tags.find(message, self._own_tags)

    def __repr__(self) -> str:
        return f"VoleIntersectionReceiver({self._state.name}, {len(self._items)} items)"


def check_items(items: Blocks, size: int) -> None:
    """Return if ``items`` are (n, 2), distinct and at most ``size``, else raise :class:`LocalProtocolError`."""
    if items.dtype != np.uint64 or items.ndim != 2 or items.shape[1] != 2:
        raise LocalProtocolError("items are an (n, 2) array of 64-bit words")
    if len(items) > size:
        raise LocalProtocolError("there are more items than the padded size")
    require_distinct(items)
