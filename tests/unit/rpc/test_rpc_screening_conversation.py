"""A hostile bureau in a conversation: refused as its own fault, whatever the bank's machine would say."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_calls import PART_BYTES
from node.jobs.screening_exchange import converse
from node.rpc import screening_client
from node.rpc.screening_client import PeerConversation
from protocols.psi.cardinality.client import CountClient
from protocols.psi.cardinality.messages import decode_message
from protocols.psi.cardinality.server import CountServer
from protocols.randomness import SeededRandomness
from protos import screening_pb2 as pb
from tests.support.psi_jobs import codes


def part(data: bytes, *, last: bool = True) -> pb.ExchangeFrame:
    return pb.ExchangeFrame(part=data, last=last)


def hearing(frames: Iterable[pb.ExchangeFrame]) -> PeerConversation:
    talk = PeerConversation(pb.ExchangeFrame(header=pb.ExchangeHeader(session_id=bytes(16))))
    talk.hear(iter(frames))
    return talk


def blamed(call: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as caught:
        call()
    assert caught.value.side is Side.BUREAU
    return caught.value.code


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [part(b"a", last=False)],
        [part(b"")],
        [pb.ExchangeFrame(header=pb.ExchangeHeader())],
        [part(b"a", last=False), pb.ExchangeFrame(header=pb.ExchangeHeader())],
        [part(b"a" * (PART_BYTES + 1))],
    ],
    ids=["stops", "stops inside", "empty", "a header", "a header inside", "a long part"],
)
def test_frames_that_make_no_message(frames: list[pb.ExchangeFrame]) -> None:
    assert blamed(hearing(frames).receive) is Code.MALFORMED


def test_a_message_without_an_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening_client, "MAXIMUM_MESSAGE_BYTES", 100)
    frames = iter([part(b"a" * 10, last=False) for _ in range(1_000)])
    assert blamed(hearing(frames).receive) is Code.MALFORMED
    assert len(list(frames)) == 1_000 - 11


def test_a_bureau_that_goes_on_after_the_end() -> None:
    talk = hearing([part(b"whole"), part(b"more")])
    assert talk.receive() == b"whole"
    assert blamed(talk.end) is Code.MALFORMED


def answers() -> list[bytes]:
    (blinded,) = CountClient(codes(5), SeededRandomness(bytes(32))).start()
    server = CountServer(codes(9), 5, SeededRandomness(bytes([1] * 32)))
    return [message.encode() for message in server.receive(blinded)]


def held(messages: list[bytes]) -> int:
    talk = hearing(map(part, messages))
    matched: int = converse(CountClient(codes(5), SeededRandomness(bytes(32))), decode_message, talk).result
    return matched


def test_an_honest_bureau_is_heard() -> None:
    assert held(answers()) == 5


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("kind", ["stops", "cut", "longer", "twice", "swapped", "ones"])
def test_every_message_of_a_bureau_is_refused_where_it_is_false(place: int, kind: str) -> None:
    said = answers()
    changed = {
        "stops": said[:place],
        "cut": [*said[:place], said[place][:-1], *said[place + 1 :]],
        "longer": [*said[:place], said[place] + b"\x00", *said[place + 1 :]],
        "twice": [*said[:place], said[place], *said[place:]] if place == 0 else [said[0], said[1][:-12], said[1]],
        "swapped": said[::-1],
        "ones": [*said[:place], b"\xff" * len(said[place]), *said[place + 1 :]],
    }[kind]
    assert blamed(lambda: held(changed)) is Code.MALFORMED
