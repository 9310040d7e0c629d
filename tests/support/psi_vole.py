"""A vector OLE from an ideal dealer, and two machines driven against each other in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.gf128 import scale
from protocols.psi.vole.messages import Message, decode_message
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.psi.vole.sender import VoleIntersectionSender
from protocols.randomness import Randomness, SeededRandomness, derive_seed

Blocks = NDArray[np.uint64]


def blocks_of(count: int, randomness: Randomness) -> Blocks:
    """Return random blocks (n, 2)."""
    return np.frombuffer(randomness.bytes(16 * count), dtype="<u8").reshape(-1, 2).astype(np.uint64)


def ideal_vole(n: int, delta: Blocks, randomness: Randomness) -> tuple[Blocks, Blocks, Blocks]:
    """Return (A, C, B) with C = A delta + B."""
    A, B = blocks_of(n, randomness), blocks_of(n, randomness)
    return A, scale(A, delta) ^ B, B


class DealtReceiver:
    """The receiver's share, known from the start."""

    def __init__(self, A: Blocks, C: Blocks) -> None:
        self._share = (A, C)

    def start(self) -> tuple[bytes, ...]:
        return ()

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        raise AssertionError("a dealer needs no messages")

    def outcome(self) -> tuple[Blocks, Blocks]:
        return self._share


class DealtSender:
    """The sender's share, known from the start."""

    def __init__(self, B: Blocks, delta: Blocks) -> None:
        self._B = B
        self.delta = delta

    def start(self) -> tuple[bytes, ...]:
        return ()

    def receive(self, payload: bytes) -> tuple[bytes, ...]:
        raise AssertionError("a dealer needs no messages")

    def outcome(self) -> Blocks:
        return self._B


def dealt(n: int, seed: bytes) -> tuple[DealtReceiver, DealtSender]:
    """Return both sides of an ideal vector OLE of ``n`` blocks."""
    randomness = SeededRandomness(derive_seed(seed, "dealer"))
    delta = blocks_of(1, randomness)[0]
    A, C, B = ideal_vole(n, delta, randomness)
    return DealtReceiver(A, C), DealtSender(B, delta)


def pair(
    own: Blocks, other: Blocks, parameters: VoleIntersectionParameters, seed: bytes, *, ideal: bool = False
) -> tuple[VoleIntersectionReceiver, VoleIntersectionSender]:
    """Return both machines on seeded randomness; over the silent vector OLE, or over an ideal dealer."""
    left, right = (SeededRandomness(derive_seed(seed, side)) for side in ("receiver", "sender"))
    dealer = dealt(parameters.shape.size, seed) if ideal else (None, None)
    return (
        VoleIntersectionReceiver(own, parameters, left, dealer[0]),
        VoleIntersectionSender(other, parameters, right, dealer[1]),
    )


def run(
    receiver: VoleIntersectionReceiver,
    sender: VoleIntersectionSender,
    change: Callable[[str, Message], Message] = lambda side, message: message,
) -> int:
    """Carry every message across in its encoding until none is left; return the bytes. ``change`` may tamper."""
    waiting = [("receiver", message) for message in receiver.start()] + [("sender", m) for m in sender.start()]
    carried = 0
    while waiting:
        side, message = waiting.pop(0)
        encoded = change(side, message).encode()
        carried += len(encoded)
        other, machine = ("sender", sender) if side == "receiver" else ("receiver", receiver)
        waiting += [(other, answer) for answer in machine.receive(decode_message(encoded))]
    return carried
