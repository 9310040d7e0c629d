"""The silent vector OLE: what both sides end with, and that nothing false or late is taken."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.blocks import Blocks
from protocols.primitives.gf128 import scale_reference
from protocols.primitives.vole.parameters import MAXIMUM_LENGTH, VoleParameters
from protocols.primitives.vole.silent import CORRECTIONS, TRANSFER, SilentVoleReceiver, SilentVoleSender
from protocols.randomness import SystemRandomness
from tests.support.vole import run, sides


def shares(receiver: SilentVoleReceiver, sender: SilentVoleSender) -> tuple[Blocks, Blocks, Blocks]:
    both, b = receiver.outcome(), sender.outcome()
    assert both is not None
    assert b is not None
    return *both, b


@pytest.mark.parametrize("length", [1, 2, 842, 843, 3371, 3373, 50_001])
def test_c_is_a_delta_plus_b(length: int) -> None:
    receiver, sender = sides(length)
    run(receiver, sender)
    a, c, b = shares(receiver, sender)
    assert a.shape == b.shape == c.shape == (length, 2)
    assert (c == scale_reference(a, sender.delta) ^ b).all()


def test_a_looks_random_and_differs_from_run_to_run() -> None:
    seen = []
    for seed in (b"one", b"two"):
        receiver, sender = sides(20_000, seed)
        run(receiver, sender)
        seen.append(shares(receiver, sender)[0])
    ones = np.unpackbits(seen[0].view(np.uint8)).mean()
    assert abs(ones - 0.5) < 5 * 0.5 / (20_000 * 128) ** 0.5
    assert len(np.unique(seen[0], axis=0)) == 20_000
    assert not (seen[0] == seen[1]).all(axis=1).any()


def test_the_same_randomness_sends_the_same_bytes() -> None:
    assert run(*sides(2_000)) == run(*sides(2_000))
    assert run(*sides(2_000)) != run(*sides(2_000, session=b"another"))


def test_sides_of_different_runs_do_not_fit() -> None:
    (receiver, _), (_, sender) = sides(500, session=b"one"), sides(500, session=b"two")
    with pytest.raises(PeerProtocolError, match="do not hold the same choices"):
        run(receiver, sender)


@pytest.mark.parametrize(("side", "number"), [("sender", 0), ("receiver", 0), ("sender", 1)])
@pytest.mark.parametrize("kind", ["shorter", "longer", "empty", "another first byte"])
def test_a_message_of_another_form_is_refused(side: str, number: int, kind: str) -> None:
    def change(who: str, which: int, message: bytes) -> bytes:
        if (who, which) != (side, number):
            return message
        return {
            "shorter": message[:-1],
            "longer": message + b"\x00",
            "empty": b"",
            "another first byte": b"\x07" + message[1:],
        }[kind]

    with pytest.raises(PeerProtocolError):
        run(*sides(300), change)


def test_nothing_is_taken_twice_or_too_early() -> None:
    receiver, sender = sides(300)
    carried = run(receiver, sender)
    request, extension, corrections = (message for _, message in carried)
    with pytest.raises(PeerProtocolError):
        receiver.receive(corrections)
    with pytest.raises(PeerProtocolError):
        sender.receive(extension)
    fresh, _ = sides(300)
    fresh.start()
    with pytest.raises(PeerProtocolError, match="before the transfers were done"):
        fresh.receive(corrections)
    with pytest.raises(PeerProtocolError):
        fresh.receive(request)  # whatever was refused ends the run


def test_a_refused_message_ends_the_run() -> None:
    receiver, sender = sides(300)
    messages = dict(enumerate(message for _, message in run(*sides(300))))
    receiver.start()
    sender.start()
    with pytest.raises(PeerProtocolError):
        sender.receive(messages[1][:-1])
    with pytest.raises(PeerProtocolError):
        sender.receive(messages[1])
    receiver.receive(messages[0])
    with pytest.raises(PeerProtocolError):
        receiver.receive(messages[2][:-1])
    with pytest.raises(PeerProtocolError):
        receiver.receive(messages[2])
    assert receiver.outcome() is None
    assert sender.outcome() is None


def test_roles_are_started_once() -> None:
    for machine in sides(300):
        machine.start()
        with pytest.raises(LocalProtocolError):
            machine.start()


@pytest.mark.parametrize("length", [0, -1, MAXIMUM_LENGTH + 1])
def test_lengths_out_of_range(length: int) -> None:
    for role in (SilentVoleReceiver, SilentVoleSender):
        with pytest.raises(ParameterError):
            role(length, SystemRandomness())


def test_secrets_are_neither_shown_nor_pickled() -> None:
    for machine in sides(300):
        assert "300 blocks" in repr(machine)
        with pytest.raises(TypeError):
            pickle.dumps(machine)


def test_bytes_on_the_wire() -> None:
    """What README clause 6 says."""
    length = 3_000
    parameters = VoleParameters.for_length(length)
    sizes = [(side, len(message)) for side, message in run(*sides(length))]
    columns = -(-parameters.transfers // 128) + 1
    corrections = 16 * parameters.trees * (2 * parameters.depth + 1)
    assert sizes == [("sender", 1 + 8_193), ("receiver", 1 + 6_161 + 2_048 * columns), ("sender", 1 + corrections)]
    assert {TRANSFER, CORRECTIONS} == {b"\x01", b"\x02"}
