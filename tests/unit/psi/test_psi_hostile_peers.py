"""Every message of every protocol, in both directions, from a peer that stops, cuts, lengthens, repeats, mixes up or
replays: the machine that gets it refuses it as the peer's fault and has no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.psi.cardinality import messages as counting
from protocols.psi.cardinality.client import CountClient
from protocols.psi.cardinality.server import CountServer
from protocols.psi.oprf import Mode, derive_key_pair
from protocols.psi.verifiable import VerifiableClient, VerifiableServer
from protocols.psi.verifiable_messages import BlindedElements, EvaluatedElements
from protocols.psi.vole import messages as vole
from protocols.psi.vole.items import pack
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.randomness import SeededRandomness, derive_seed
from tests.support.psi_jobs import codes
from tests.support.psi_vole import pair

MINE, LISTED = codes(40), codes(50, first=20)
KEY = derive_key_pair(bytes(32), b"hostile", Mode.VOPRF)


@dataclass(frozen=True)
class Setting:
    """One protocol: both machines of a session, and what decodes a side's messages."""

    machines: Callable[[bytes], dict[str, Any]]
    decode: Callable[[str, bytes], Any]


def _random(session: bytes, side: str) -> SeededRandomness:
    return SeededRandomness(derive_seed(session, side))


def _oprf(session: bytes) -> dict[str, Any]:
    return {
        "bank": VerifiableClient(MINE, KEY.public_key(), _random(session, "bank")),
        "bureau": VerifiableServer(KEY, _random(session, "bureau")),
    }


def _count(session: bytes) -> dict[str, Any]:
    return {
        "bank": CountClient(MINE, _random(session, "bank")),
        "bureau": CountServer(LISTED, len(MINE), _random(session, "bureau")),
    }


def _vole(session: bytes) -> dict[str, Any]:
    parameters = VoleIntersectionParameters.for_counts(len(MINE), len(LISTED), session)
    receiver, sender = pair(pack(MINE), pack(LISTED), parameters, session)
    return {"bank": receiver, "bureau": sender}


SETTINGS = {
    "oprf": Setting(_oprf, lambda side, data: (BlindedElements if side == "bank" else EvaluatedElements).decode(data)),
    "vole": Setting(_vole, lambda _, data: vole.decode_message(data)),
    "cardinality": Setting(_count, lambda _, data: counting.decode_message(data)),
}
OTHER = {"bank": "bureau", "bureau": "bank"}
SESSION, ANOTHER = bytes(range(32)), bytes(range(1, 33))


class Conversation:
    """Both machines, and every message that was said so far in its encoding."""

    def __init__(self, setting: Setting, session: bytes = SESSION) -> None:
        self._setting = setting
        self.machines = setting.machines(session)
        self.waiting: list[tuple[str, bytes]] = []
        for side in ("bank", "bureau"):
            self._said(side, self.machines[side].start())
        self.said: list[tuple[str, bytes]] = []

    def _said(self, side: str, messages: tuple[Any, ...]) -> None:
        self.waiting += [(side, message.encode()) for message in messages]

    def deliver(self, side: str, data: bytes) -> None:
        """Give one side's bytes to the other machine."""
        receiver = OTHER[side]
        self._said(receiver, self.machines[receiver].receive(self._setting.decode(side, data)))

    def until(self, place: int) -> tuple[str, bytes]:
        """Deliver all messages before ``place`` and return that one, not delivered."""
        while True:
            side, data = self.waiting.pop(0)
            self.said.append((side, data))
            if len(self.said) > place:
                return side, data
            self.deliver(side, data)


def _transcript(name: str, session: bytes = SESSION) -> list[tuple[str, bytes]]:
    talk = Conversation(SETTINGS[name], session)
    while talk.waiting:
        side, data = talk.waiting.pop(0)
        talk.said.append((side, data))
        talk.deliver(side, data)
    for machine in talk.machines.values():
        machine.result()
    return talk.said


TRANSCRIPTS = {name: _transcript(name) for name in SETTINGS}
PLACES = [(name, place) for name, said in TRANSCRIPTS.items() for place in range(len(said))]
EVERY_MESSAGE = pytest.mark.parametrize(("name", "place"), PLACES)


def _no_result(talk: Conversation, receiver: str) -> None:
    with pytest.raises(LocalProtocolError):
        talk.machines[receiver].result()


def test_the_messages_are_those_of_the_specifications() -> None:
    assert {name: [side for side, _ in said] for name, said in TRANSCRIPTS.items()} == {
        "oprf": ["bank", "bureau"],
        "vole": ["bureau", "bank", "bureau", "bank", "bureau"],
        "cardinality": ["bank", "bureau", "bureau"],
    }


@EVERY_MESSAGE
def test_a_peer_that_stops_leaves_no_result(name: str, place: int) -> None:
    talk = Conversation(SETTINGS[name])
    side, _ = talk.until(place)
    _no_result(talk, OTHER[side])


@EVERY_MESSAGE
@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:1],
        lambda data: data[: len(data) // 2 + 1],
        lambda data: data[:-1],
        lambda data: data + b"\x00",
        lambda data: data[:-32],
        lambda data: data[:-12],
        lambda data: data + data[-32:],
        lambda data: data + bytes(32),
        lambda data: b"\xff" * len(data),
    ],
    ids=[
        "nothing",
        "one byte",
        "half",
        "a byte less",
        "a byte more",
        "32 less",
        "12 less",
        "last 32 twice",
        "32 more",
        "ones",
    ],
)
def test_a_message_of_another_size_or_content_is_refused(
    name: str, place: int, change: Callable[[bytes], bytes]
) -> None:
    talk = Conversation(SETTINGS[name])
    side, data = talk.until(place)
    changed = change(data)
    if (name, place) == ("oprf", 0) and changed == data[:-32]:
        talk.deliver(side, changed)  # a batch of one element less is one: the node knows how many it has to have
        side, changed = talk.waiting.pop()
    if (name, place) == ("cardinality", 2) and changed == data[:-12]:
        talk.deliver(side, changed)  # tags come in parts of any size: one is missing still
    else:
        with pytest.raises(PeerProtocolError):
            talk.deliver(side, changed)
    _no_result(talk, OTHER[side])


@EVERY_MESSAGE
def test_a_message_that_comes_twice_is_refused(name: str, place: int) -> None:
    talk = Conversation(SETTINGS[name])
    side, data = talk.until(place)
    talk.deliver(side, data)
    with pytest.raises(PeerProtocolError):
        talk.deliver(side, data)


@EVERY_MESSAGE
def test_any_other_message_of_the_conversation_in_its_place_is_refused(name: str, place: int) -> None:
    for other, (_, data) in enumerate(TRANSCRIPTS[name]):
        if other == place:
            continue
        talk = Conversation(SETTINGS[name])
        side, _ = talk.until(place)
        with pytest.raises(PeerProtocolError):
            talk.deliver(side, data)
        _no_result(talk, OTHER[side])


REPLAYED = [each for each in PLACES if each not in {("oprf", 0), *(("cardinality", place) for place in range(3))}]


@pytest.mark.parametrize(("name", "place"), REPLAYED)
def test_a_message_of_another_session_is_refused(name: str, place: int) -> None:
    """What the bank blinds is random bytes to a bureau: there the node tells sessions apart, not the machine."""
    _, replayed = _transcript(name, ANOTHER)[place]
    talk = Conversation(SETTINGS[name])
    side, data = talk.until(place)
    assert replayed != data
    with pytest.raises(PeerProtocolError):
        talk.deliver(side, replayed)
    _no_result(talk, OTHER[side])
