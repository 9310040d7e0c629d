"""Two machines of the silent vector OLE, driven against each other in memory."""

from __future__ import annotations

from collections.abc import Callable

from protocols.primitives.vole.parameters import SecurityProfile
from protocols.primitives.vole.silent import SilentVoleReceiver, SilentVoleSender
from protocols.randomness import SeededRandomness, derive_seed

Change = Callable[[str, int, bytes], bytes]
"""Takes who sends, the number of the message at this side, and the message; gives what arrives."""


def sides(
    length: int,
    seed: bytes = b"seed",
    session: bytes = b"run",
    security: SecurityProfile = SecurityProfile.SEMI_HONEST,
) -> tuple[SilentVoleReceiver, SilentVoleSender]:
    """Return both sides on seeded randomness."""
    receiver, sender = (SeededRandomness(derive_seed(seed, side)) for side in ("receiver", "sender"))
    return (
        SilentVoleReceiver(length, receiver, session, security),
        SilentVoleSender(length, sender, session, security),
    )


def run(
    receiver: SilentVoleReceiver, sender: SilentVoleSender, change: Change = lambda side, number, message: message
) -> list[tuple[str, bytes]]:
    """Carry messages across until none is left; return them."""
    waiting = [("receiver", each) for each in receiver.start()] + [("sender", each) for each in sender.start()]
    carried: list[tuple[str, bytes]] = []
    while waiting:
        side, message = waiting.pop(0)
        number = sum(1 for other, _ in carried if other == side)
        message = change(side, number, message)
        carried.append((side, message))
        if side == "receiver":
            waiting += [("sender", answer) for answer in sender.receive(message)]
        else:
            waiting += [("receiver", answer) for answer in receiver.receive(message)]
    return carried
