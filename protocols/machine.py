"""The contract that every protocol role follows.

A machine is driven from outside: ``start`` gives the first messages, ``receive`` takes one message of the
peer and gives the answers, ``result`` gives the outcome once the machine is done. It does no I/O, so a pair of
machines is tested in memory, and the service decides about transport, deadlines and storage.

The transition table is data (:class:`Transitions`), so that diagrams and tests are drawn from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from protocols.errors import LocalProtocolError, PeerProtocolError

MessageT_contra = TypeVar("MessageT_contra", contravariant=True)
MessageT_co = TypeVar("MessageT_co", covariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)
StateT = TypeVar("StateT", bound=Enum)


class Machine(Protocol[MessageT_contra, MessageT_co, ResultT_co]):
    """One role of one protocol run."""

    def start(self) -> tuple[MessageT_co, ...]:
        """Return the messages that this role sends before it receives anything; may be empty."""
        ...

    def receive(self, message: MessageT_contra) -> tuple[MessageT_co, ...]:
        """Take one message of the peer and return the answers.

        Raises:
            PeerProtocolError: the message is false or comes out of order.
        """
        ...

    def result(self) -> ResultT_co:
        """Return the outcome.

        Raises:
            LocalProtocolError: the machine is not done.
        """
        ...


@dataclass(frozen=True)
class Transitions(Generic[StateT]):
    """Which event leads from which state to which; everything that is not listed is refused."""

    initial: StateT
    table: Mapping[tuple[StateT, str], StateT]

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", MappingProxyType(dict(self.table)))

    def local(self, state: StateT, event: str) -> StateT:
        """Return the state after an event of our own, or raise :class:`LocalProtocolError`."""
        try:
            return self.table[state, event]
        except KeyError:
            raise LocalProtocolError(f"{event} is not possible in state {state.name}") from None

    def peer(self, state: StateT, event: str) -> StateT:
        """Return the state after an event of the peer's, or raise :class:`PeerProtocolError`."""
        try:
            return self.table[state, event]
        except KeyError:
            raise PeerProtocolError(f"{event} came in state {state.name}") from None
