"""Intersection over a vector OLE: a peer that cuts, repeats, reorders, mixes up or lies is refused at every message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from benchmarks.psi_data import make_lists
from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.psi.vole.items import pack, require_distinct
from protocols.psi.vole.messages import MaskedTable, Message, TagList, VoleFrame, decode_message
from protocols.psi.vole.parameters import MAXIMUM_SIZE, VoleIntersectionParameters
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.psi.vole.sender import VoleIntersectionSender
from protocols.randomness import SystemRandomness
from tests.support.psi_vole import pair, run

LISTS = make_lists(300, 400, 0.5, 5)
PARAMETERS = VoleIntersectionParameters.for_counts(300, 400, bytes(range(32)))


def machines(
    parameters: VoleIntersectionParameters = PARAMETERS,
) -> tuple[VoleIntersectionReceiver, VoleIntersectionSender]:
    return pair(pack(LISTS.portfolio), pack(LISTS.listed), parameters, b"seed")


def conversation() -> list[tuple[str, Message]]:
    said: list[tuple[str, Message]] = []

    def keep(side: str, message: Message) -> Message:
        said.append((side, message))
        return message

    run(*machines(), keep)
    return said


SAID = conversation()
KINDS = [type(message).__name__ for _, message in SAID]


def test_the_order_of_messages() -> None:
    assert [side for side, _ in SAID] == ["sender", "receiver", "sender", "receiver", "sender"]
    assert KINDS == ["VoleFrame", "VoleFrame", "VoleFrame", "MaskedTable", "TagList"]


@pytest.mark.parametrize("place", range(5))
def test_bytes_that_are_no_message(place: int) -> None:
    encoded = SAID[place][1].encode()
    for broken in (encoded[:-1], encoded + b"\x00", b"", encoded[:5], b"\x09" + encoded[1:]):
        with pytest.raises(PeerProtocolError):
            decode_message(broken)


@pytest.mark.parametrize("place", range(5))
def test_a_message_of_another_run(place: int) -> None:
    """A replay: the same lists, another session."""

    def change(side: str, message: Message) -> Message:
        current = next(numbers)
        return replace(message, run=bytes(16)) if current == place else message

    numbers = iter(range(100))
    with pytest.raises(PeerProtocolError, match="another run"):
        run(*machines(), change)


@pytest.mark.parametrize(("place", "other"), list(permutations(range(5), 2)))
def test_a_message_in_the_place_of_another(place: int, other: int) -> None:
    def change(side: str, message: Message) -> Message:
        return SAID[other][1] if next(numbers) == place else message

    numbers = iter(range(100))
    with pytest.raises(PeerProtocolError):
        run(*machines(), change)


@pytest.mark.parametrize("place", range(5))
def test_a_message_that_comes_twice(place: int) -> None:
    receiver, sender = machines()
    receiver.start()
    sender.start()
    for number, (side, message) in enumerate(SAID):
        machine = sender if side == "receiver" else receiver
        machine.receive(message)
        if number == place:
            with pytest.raises(PeerProtocolError):
                machine.receive(message)
            return


@pytest.mark.parametrize("place", range(5))
def test_a_peer_that_stops(place: int) -> None:
    receiver, sender = machines()
    receiver.start()
    sender.start()
    for side, message in SAID[:place]:
        (sender if side == "receiver" else receiver).receive(message)
    with pytest.raises(LocalProtocolError):
        receiver.result()


def shorter_table(message: Message) -> Message:
    return replace(message, table=message.table[:-16]) if isinstance(message, MaskedTable) else message


def longer_table(message: Message) -> Message:
    return replace(message, table=message.table + bytes(16)) if isinstance(message, MaskedTable) else message


def fewer_tags(message: Message) -> Message:
    return replace(message, tags=message.tags[: -message.width]) if isinstance(message, TagList) else message


def wider_tags(message: Message) -> Message:
    if not isinstance(message, TagList):
        return message
    return TagList(message.run, message.width + 1, bytes((message.width + 1) * len(message)))


@pytest.mark.parametrize("lie", [shorter_table, longer_table, fewer_tags, wider_tags])
def test_lies_about_sizes(lie: Callable[[Message], Message]) -> None:
    with pytest.raises(PeerProtocolError, match="another size"):
        run(*machines(), lambda side, message: lie(message))


@pytest.mark.parametrize("kind", ["twice", "out of order", "descending"])
def test_tags_twice_or_out_of_order(kind: str) -> None:
    def change(side: str, message: Message) -> Message:
        if not isinstance(message, TagList):
            return message
        tags = [message.tags[at : at + message.width] for at in range(0, len(message.tags), message.width)]
        if kind == "twice":
            tags[7] = tags[8]
        elif kind == "out of order":
            tags[7], tags[8] = tags[8], tags[7]
        else:
            tags.reverse()
        return replace(message, tags=b"".join(tags))

    with pytest.raises(PeerProtocolError, match="strictly ascending"):
        run(*machines(), change)


def test_sides_that_do_not_agree_on_sizes_are_in_different_runs() -> None:
    receiver, _ = machines()
    _, sender = machines(VoleIntersectionParameters.for_counts(300, 4_000, bytes(range(32))))
    with pytest.raises(PeerProtocolError, match="another run"):
        run(receiver, sender)


@pytest.mark.parametrize("role", [VoleIntersectionReceiver, VoleIntersectionSender])
def test_own_lists_that_do_not_fit(role: type[VoleIntersectionReceiver] | type[VoleIntersectionSender]) -> None:
    items = pack(LISTS.portfolio)
    small = VoleIntersectionParameters(100, 100, bytes(32))
    with pytest.raises(LocalProtocolError, match="more items"):
        role(items, small, SystemRandomness())
    with pytest.raises(LocalProtocolError, match="stands twice"):
        role(np.concatenate([items, items[:1]]), PARAMETERS, SystemRandomness())
    with pytest.raises(LocalProtocolError, match="array"):
        role(items.astype(np.int64), PARAMETERS, SystemRandomness())


def test_duplicates_are_told_from_sums_that_fall_together() -> None:
    """The quick look folds an item to one word: equal words are looked at again."""
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    other = (-0xC2B2AE3D27D4EB4F * inverse) % 2**64
    require_distinct(np.array([[other, 1], [0, 0]], np.uint64))
    with pytest.raises(LocalProtocolError, match="stands twice"):
        require_distinct(np.array([[other, 1], [5, 5], [other, 1]], np.uint64))


def test_parameters_out_of_range() -> None:
    for sizes in ((0, 1), (1, 0), (MAXIMUM_SIZE + 1, 1)):
        with pytest.raises(ParameterError):
            VoleIntersectionParameters(*sizes, bytes(32))
    with pytest.raises(ParameterError):
        VoleIntersectionParameters(1, 1, bytes(31))
    with pytest.raises(ParameterError):
        VoleIntersectionParameters(1, 1, bytes(32), 39)


def test_codes_that_are_none() -> None:
    for codes in ([b""], [b"91", b""], [b"A\x00"]):
        with pytest.raises(LocalProtocolError):
            pack(codes)


def test_machines_show_no_items() -> None:
    for machine in machines():
        assert "300" in repr(machine) or "400" in repr(machine)
        assert LISTS.portfolio[0].decode() not in repr(machine)
    assert isinstance(SAID[0][1], VoleFrame)
    assert isinstance(SAID[3][1], MaskedTable)
