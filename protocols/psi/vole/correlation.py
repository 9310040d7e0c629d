"""The vector OLE inside a run: ``C = A Δ + B`` in blocks, receiver (A, C), sender (Δ, B). README clause 5."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from protocols.primitives.blocks import Blocks
from protocols.primitives.vole.silent import SilentVoleReceiver, SilentVoleSender
from protocols.psi.vole.messages import Message, VoleFrame
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.randomness import Randomness

OutcomeT_co = TypeVar("OutcomeT_co", covariant=True)
OutcomeT = TypeVar("OutcomeT")


class ByteVole(Protocol[OutcomeT_co]):
    """One role of a vector OLE whose messages are bytes."""

    def start(self) -> tuple[bytes, ...]:
        """Return what this role sends first; may be nothing."""
        ...

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        """Take one message of the peer and return the answers, or raise ``PeerProtocolError``."""
        ...

    def outcome(self) -> OutcomeT_co | None:
        """Return what this role holds at the end, or nothing before."""
        ...


class ReceiverVole(ByteVole[tuple[Blocks, Blocks]], Protocol):
    """Ends with (A, C), each (n, 2)."""


class SenderVole(ByteVole[Blocks], Protocol):
    """Ends with B, (n, 2), for the SECRET factor Δ that it was given."""

    @property
    def delta(self) -> Blocks:
        """Δ as two 64-bit words, low first."""
        ...


class Correlation(Generic[OutcomeT]):
    """Carries the vector OLE's messages in frames of the run."""

    def __init__(self, vole: ByteVole[OutcomeT], run: bytes) -> None:
        self._vole = vole
        self._run = run

    def start(self) -> tuple[Message, ...]:
        """Return the first frames."""
        return self._framed(self._vole.start())

    def receive(self, frame: VoleFrame) -> tuple[Message, ...]:
        """Take one frame and return the answers."""
        return self._framed(self._vole.receive(frame.payload))

    def outcome(self) -> OutcomeT | None:
        """Return what the role holds at the end, or nothing before."""
        return self._vole.outcome()

    def _framed(self, payloads: tuple[bytes, ...]) -> tuple[Message, ...]:
        return tuple(VoleFrame(self._run, payload) for payload in payloads)


def receiver_vole(parameters: VoleIntersectionParameters, randomness: Randomness) -> ReceiverVole:
    """Return the receiver of a silent vector OLE as long as the table, in the run's profile."""
    return SilentVoleReceiver(parameters.shape.size, randomness, parameters.run, parameters.security)


def sender_vole(parameters: VoleIntersectionParameters, randomness: Randomness) -> SenderVole:
    """Return the sender of a silent vector OLE as long as the table, with a fresh Δ, in the run's profile."""
    return SilentVoleSender(parameters.shape.size, randomness, parameters.run, parameters.security)
