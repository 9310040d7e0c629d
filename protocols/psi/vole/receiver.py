"""The receiver's role: sends its items as a masked table, learns which of them the sender holds. README clause 5."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.machine import Transitions
from protocols.primitives.blocks import Blocks
from protocols.psi.vole import hashes, tags
from protocols.psi.vole.coin import ReceiverCoin
from protocols.psi.vole.correlation import Correlation, ReceiverVole, receiver_vole
from protocols.psi.vole.items import require_distinct
from protocols.psi.vole.messages import (
    CoinCommitment,
    CoinOpening,
    MaskedTable,
    Message,
    TagList,
    VoleFrame,
    check_run,
)
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.table import EncodedTable, decode, encode
from protocols.randomness import Randomness


class ReceiverState(Enum):
    """Where the receiver's role stands."""

    NEW = auto()
    CORRELATING = auto()
    WAITING = auto()
    DONE = auto()
    BROKEN = auto()


# Nothing leads out of BROKEN: what is tried again after a refusal would be a second guess at the same secrets.
RECEIVER_TRANSITIONS = Transitions(
    initial=ReceiverState.NEW,
    table={
        (ReceiverState.NEW, "start"): ReceiverState.CORRELATING,
        (ReceiverState.CORRELATING, "frame of the vector OLE"): ReceiverState.CORRELATING,
        (ReceiverState.CORRELATING, "commitment to the coin"): ReceiverState.CORRELATING,
        (ReceiverState.CORRELATING, "masked table"): ReceiverState.WAITING,
        (ReceiverState.WAITING, "opening of the coin"): ReceiverState.WAITING,
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
        self._correlation = Correlation(vole or receiver_vole(parameters, randomness), parameters.run)
        self._coin = ReceiverCoin(parameters, randomness)
        self._table: EncodedTable | None = None
        self._own_tags: Blocks | None = None
        self._opened: Blocks | None = None
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
        values = hashes.values(self._parameters, self._items)
        self._table = encode(self._items, values, self._parameters.shape, self._randomness)
        return self._correlated(self._correlation.start())

    def receive(self, message: Message) -> tuple[Message, ...]:
        """Take one message of the sender and return the answers. Whatever it raises ends the run.

        Raises:
            PeerProtocolError: it is false, belongs to another run, or comes out of order.
        """
        try:
            return self._taken(message)
        except PeerProtocolError:
            self._state = ReceiverState.BROKEN
            raise

    def _taken(self, message: Message) -> tuple[Message, ...]:
        check_run(message, self._parameters.run)
        if isinstance(message, VoleFrame):
            RECEIVER_TRANSITIONS.peer(self._state, "frame of the vector OLE")
            return self._correlated(self._correlation.receive(message))
        if isinstance(message, CoinCommitment):
            RECEIVER_TRANSITIONS.peer(self._state, "commitment to the coin")
            self._coin.take(message)
            return self._correlated(())
        if isinstance(message, CoinOpening):
            RECEIVER_TRANSITIONS.peer(self._state, "opening of the coin")
            self._coin.take(message)
            return ()
        if isinstance(message, TagList):
            state = RECEIVER_TRANSITIONS.peer(self._state, "list of tags")
            self._take(message)
            self._state = state
            return ()
        raise PeerProtocolError("a sender sends no masked table and no share of the coin")

    def work_ahead(self) -> None:
        """Compute the own tags, or what can be had of them before the coin is known, while the sender is at work.

        :meth:`receive` does it if nobody has. Idempotent.

        Raises:
            LocalProtocolError: the masked table is not sent yet.
        """
        if self._own_tags is None and self._opened is None:
            if self._mask is None or self._table is None:
                raise LocalProtocolError("the vector OLE is not done")
            self._opened = decode(self._mask, self._items, self._parameters.shape, self._table.seed)
            self._mask = None
        if self._opened is not None and self._coin.known:
            self._own_tags = hashes.tags(self._parameters, self._coin.mixed(self._opened), self._items)
            self._opened = None

    def result(self) -> NDArray[np.bool_]:
        """Return for every item, in order, whether the sender holds it."""
        self._state = RECEIVER_TRANSITIONS.local(self._state, "result")
        assert self._found is not None
        return self._found

    def _correlated(self, answers: tuple[Message, ...]) -> tuple[Message, ...]:
        """Add the masked table to ``answers`` as soon as the vector OLE is done and the sender bound to its coin."""
        outcome = self._correlation.outcome()
        if outcome is None or not self._coin.committed:
            return answers
        assert self._table is not None
        self._state = RECEIVER_TRANSITIONS.local(self._state, "masked table")
        factors, self._mask = outcome
        masked = (factors ^ self._table.blocks).astype("<u8").tobytes()
        self._table = EncodedTable(self._table.seed, np.empty((0, 2), np.uint64), self._table.failed_seeds)
        return (*answers, *self._coin.share(), MaskedTable(self._parameters.run, self._table.seed, masked))

    def _take(self, message: TagList) -> None:
        expected = (self._parameters.tag_bytes, self._parameters.sender_size)
        if (message.width, len(message)) != expected:
            raise PeerProtocolError("the list of tags has another size than was agreed")
        if not self._coin.known:
            raise PeerProtocolError("the tags came before the coin was opened")
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
