"""The sender's role: evaluates the function that the receiver's table fixes on its items. README clause 5."""

from __future__ import annotations

from enum import Enum, auto

from protocols.errors import PeerProtocolError
from protocols.machine import Transitions
from protocols.primitives.blocks import Blocks
from protocols.primitives.gf128 import scale
from protocols.psi.vole import hashes, tags
from protocols.psi.vole.coin import SenderCoin
from protocols.psi.vole.correlation import Correlation, SenderVole, sender_vole
from protocols.psi.vole.messages import CoinShare, MaskedTable, Message, TagList, VoleFrame, check_run
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.receiver import check_items
from protocols.psi.vole.table import decode
from protocols.randomness import Randomness


class SenderState(Enum):
    """Where the sender's role stands."""

    NEW = auto()
    CORRELATING = auto()
    DONE = auto()
    BROKEN = auto()


# Nothing leads out of BROKEN: what is tried again after a refusal would be a second guess at the same secrets.
SENDER_TRANSITIONS = Transitions(
    initial=SenderState.NEW,
    table={
        (SenderState.NEW, "start"): SenderState.CORRELATING,
        (SenderState.CORRELATING, "frame of the vector OLE"): SenderState.CORRELATING,
        (SenderState.CORRELATING, "share of the coin"): SenderState.CORRELATING,
        (SenderState.CORRELATING, "masked table"): SenderState.DONE,
        (SenderState.DONE, "result"): SenderState.DONE,
    },
)


class VoleIntersectionSender:
    """One run of the side that learns nothing but a size; between 0 and ``parameters.sender_size`` distinct items."""

    def __init__(
        self,
        items: Blocks,
        parameters: VoleIntersectionParameters,
        randomness: Randomness,
        vole: SenderVole | None = None,
    ) -> None:
        """Take items of :func:`protocols.psi.vole.items.pack`; ``vole`` is the silent one if none is given.

        Raises:
            LocalProtocolError: more items than the padded size, or one that stands twice.
        """
        check_items(items, parameters.sender_size)
        self._items = items
        self._parameters = parameters
        self._randomness = randomness
        self._vole = vole or sender_vole(parameters, randomness)
        self._coin = SenderCoin(parameters, randomness)
        self._correlation = Correlation(self._vole, parameters.run)
        self._state = SENDER_TRANSITIONS.initial

    def start(self) -> tuple[Message, ...]:
        """Begin the vector OLE."""
        self._state = SENDER_TRANSITIONS.local(self._state, "start")
        return (*self._coin.commitment(), *self._correlation.start())

    def receive(self, message: Message) -> tuple[Message, ...]:
        """Take one message of the receiver and return the answers. Whatever it raises ends the run.

        Raises:
            PeerProtocolError: it is false, belongs to another run, or comes out of order.
        """
        try:
            return self._taken(message)
        except PeerProtocolError:
            self._state = SenderState.BROKEN
            raise

    def _taken(self, message: Message) -> tuple[Message, ...]:
        check_run(message, self._parameters.run)
        if isinstance(message, VoleFrame):
            SENDER_TRANSITIONS.peer(self._state, "frame of the vector OLE")
            return self._correlation.receive(message)
        if isinstance(message, CoinShare):
            SENDER_TRANSITIONS.peer(self._state, "share of the coin")
            self._coin.take(message)
            return ()
        if isinstance(message, MaskedTable):
            state = SENDER_TRANSITIONS.peer(self._state, "masked table")
            opening = self._coin.opening()
            answer = self._evaluate(message)
            self._state = state
            return (*opening, answer)
        raise PeerProtocolError("a receiver sends no tags")

    def result(self) -> int:
        """Return the padded size of the receiver's set: all that the sender learns."""
        self._state = SENDER_TRANSITIONS.local(self._state, "result")
        return self._parameters.receiver_size

    def _evaluate(self, message: MaskedTable) -> TagList:
        """Return the tags of ``Decode(B + U Δ, y) + Δ h(y) + w`` for every own item y, README clause 5."""
        own = self._correlation.outcome()
        if own is None:
            raise PeerProtocolError("the masked table came before the vector OLE was done")
        parameters = self._parameters
        if len(message.blocks) != parameters.shape.size:
            raise PeerProtocolError("the masked table has another size than was agreed")
        key = own ^ scale(message.blocks, self._vole.delta)
        opened = decode(key, self._items, parameters.shape, message.seed)
        opened ^= scale(hashes.values(parameters, self._items), self._vole.delta)
        blocks = hashes.tags(parameters, self._coin.mixed(opened), self._items)
        return tags.padded_tags(parameters.run, blocks, parameters.tag_bytes, parameters.sender_size, self._randomness)

    def __repr__(self) -> str:
        return f"VoleIntersectionSender({self._state.name}, {len(self._items)} items)"
