"""Both sides of the correlated oblivious transfer, run in memory; and its messages taken apart for tampering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.blocks import Blocks
from protocols.primitives.oblivious_transfer.ot_extension import CorrelatedOtReceiver, CorrelatedOtSender
from protocols.randomness import Randomness, SeededRandomness, derive_seed

DELTA = np.array([0x0123456789ABCDEF, 0xFEDCBA9876543210], np.uint64)
"""Half of its bits are ones."""


def seeded(seed: bytes, side: str) -> Randomness:
    return SeededRandomness(derive_seed(seed, side))


def choices_of(count: int, seed: int = 1) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(count) < 0.5


def sides(
    choices: NDArray[np.bool_], delta: Blocks = DELTA, seed: bytes = b"seed", session: bytes = b""
) -> tuple[CorrelatedOtSender, CorrelatedOtReceiver]:
    """Return both roles on seeded randomness."""
    sender = CorrelatedOtSender(len(choices), delta, seeded(seed, "sender"), session)
    return sender, CorrelatedOtReceiver(choices, seeded(seed, "receiver"), session)


def run(sender: CorrelatedOtSender, receiver: CorrelatedOtReceiver) -> tuple[bytes, bytes]:
    """Carry both messages across and return them."""
    assert receiver.start() == ()
    (request,) = sender.start()
    (extension,) = receiver.receive(request)
    assert sender.receive(extension) == ()
    return request, extension


def outcomes(sender: CorrelatedOtSender, receiver: CorrelatedOtReceiver) -> tuple[Blocks, Blocks]:
    q, t = sender.outcome(), receiver.outcome()
    assert q is not None
    assert t is not None
    return q, t


def waiting(choices: NDArray[np.bool_], delta: Blocks = DELTA) -> tuple[CorrelatedOtSender, bytes]:
    """Return a sender that waits for the extension, and the honest one."""
    sender, receiver = sides(choices, delta)
    receiver.start()
    (request,) = sender.start()
    (extension,) = receiver.receive(request)
    return sender, extension


def number(block: NDArray[np.uint64]) -> int:
    """Return a block as an integer."""
    return int(block[0]) | int(block[1]) << 64


def flipped(data: bytes, byte: int, mask: int = 1) -> bytes:
    """Return ``data`` with bits of one byte changed."""
    changed = bytearray(data)
    changed[byte] ^= mask
    return bytes(changed)
