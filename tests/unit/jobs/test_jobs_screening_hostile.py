"""A hostile bank at a bureau's screenings, message by message: refused, charged no more; the honest one still works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.compute import ComputePool
from node.errors import Refusal
from node.jobs.gate import Caller
from node.jobs.screening_calls import PART_BYTES, ExchangePlace, OpenedScreening, run_name
from node.policy.uscc import valid_code
from node.rpc.screening_wire import exchange_place, whole_messages
from node.storage.bureau_screenings import Step
from protocols.primitives.ristretto import Point
from protocols.psi.cardinality.client import CountClient
from protocols.psi.verifiable import VerifiableClient
from protocols.psi.verifiable_messages import EvaluatedElements
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import decode_message
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.randomness import SeededRandomness
from protos import screening_pb2 as pb
from tests.unit.jobs.test_jobs_bureau_screening import CALLER, OPENING, PADDED, Bureau

OPRF = replace(OPENING, protocol=ScreeningProtocol.OPRF, buckets=0)
COUNT = replace(OPENING, protocol=ScreeningProtocol.CARDINALITY, mode=ScreeningMode.COUNT, buckets=0)
CODES = [valid_code(number).encode() for number in range(PADDED)]
STRANGER = Caller("another-bank", "ipv4:127.0.0.1:40001")


@pytest.fixture
def bureau(tmp_path: Path, compute: ComputePool) -> Iterator[Bureau]:
    made = Bureau(tmp_path, compute)
    yield made
    made.database.dispose()


def refused(call: Callable[[], object]) -> Code:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def batch(seed: int, key: Point) -> tuple[VerifiableClient, bytes]:
    client = VerifiableClient(CODES, key, SeededRandomness(bytes([seed] * 32)))
    return client, client.start()[0].encode()


# ---- oprf


@pytest.mark.parametrize(
    ("first", "change"),
    [
        (0, lambda data: b""),
        (0, lambda data: data[:-1]),
        (0, lambda data: data[:-32]),
        (0, lambda data: data[:-32] + data[:32]),
        (0, lambda data: data[:-32] + bytes(32)),
        (0, lambda data: data[:-32] + b"\xff" * 32),
        (0, lambda data: data + data[:32]),
        (PADDED, lambda data: data),
        (4096, lambda data: data),
        (1, lambda data: data[32:]),
    ],
    ids=["none", "cut", "less", "twice", "identity", "not canonical", "more", "moved", "beyond", "within"],
)
def test_a_batch_that_was_not_committed_to_is_refused(
    bureau: Bureau, first: int, change: Callable[[bytes], bytes]
) -> None:
    opened = bureau.calls.open(CALLER, OPRF)
    assert opened.epoch is not None
    client, blinded = batch(1, Point(opened.epoch.public_key))
    assert refused(lambda: bureau.calls.evaluate(CALLER, opened.session_id, first, change(blinded))) is Code.MALFORMED
    client.receive(EvaluatedElements(*bureau.calls.evaluate(CALLER, opened.session_id, 0, blinded)))
    assert len(client.result()) == PADDED
    assert bureau.used() == PADDED


def test_a_batch_is_answered_alike_again_and_another_in_its_place_never(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPRF)
    assert opened.epoch is not None
    key = Point(opened.epoch.public_key)
    answer = bureau.calls.evaluate(CALLER, opened.session_id, 0, batch(1, key)[1])
    assert bureau.calls.evaluate(CALLER, opened.session_id, 0, batch(1, key)[1]) == answer
    other = batch(2, key)[1]
    assert refused(lambda: bureau.calls.evaluate(CALLER, opened.session_id, 0, other)) is Code.IDEMPOTENCY_CONFLICT
    assert bureau.used() == PADDED


def test_a_session_serves_its_own_bank_protocol_and_mode_alone(bureau: Bureau) -> None:
    opened = bureau.calls.open(CALLER, OPRF)
    place = ExchangePlace(opened.session_id, 0, 0)
    assert refused(lambda: bureau.calls.tags(STRANGER, opened.session_id, 0, 0)) is Code.NOT_FOUND
    assert refused(lambda: bureau.calls.labels(CALLER, opened.session_id, 0, 0)) is Code.AGREEMENT_INACTIVE
    for exchange in (bureau.exchange.vole, bureau.exchange.count):
        assert refused(lambda exchange=exchange: list(exchange(CALLER, place, []))) is Code.WRONG_STATE  # type: ignore[misc]
    assert bureau.journal.steps(opened.session_id) == []


# ---- vole


def receiver(opened: OpenedScreening, attempt: int = 0) -> VoleIntersectionReceiver:
    place = ExchangePlace(opened.session_id, 0, attempt)
    parameters = VoleIntersectionParameters(PADDED, opened.list_items, run_name(place))
    return VoleIntersectionReceiver(
        pack(np.array(CODES, dtype="S18")), parameters, SeededRandomness(bytes([attempt] * 32))
    )


Sent = Callable[[list[bytes]], Iterable[bytes]]
"""All that the bank has said so far, the newest last -> what it sends instead of the newest."""


def hostile_exchange(bureau: Bureau, opened: OpenedScreening, place: int, send: Sent, attempt: int = 0) -> list[bytes]:
    """Hold a conversation in which the bank's message number ``place`` is exchanged; return the bureau's messages."""
    machine, said, heard = receiver(opened, attempt), [], []
    waiting = [message.encode() for message in machine.start()]

    def speak() -> Iterator[bytes]:
        while waiting:
            said.append(waiting.pop(0))
            yield from send(said) if len(said) - 1 == place else said[-1:]

    for data in bureau.exchange.vole(CALLER, ExchangePlace(opened.session_id, 0, attempt), speak()):
        heard.append(data)
        waiting += [message.encode() for message in machine.receive(decode_message(data))]
    return heard


HOSTILE: dict[str, Sent] = {
    "cut": lambda said: [said[-1][:-1]],
    "longer": lambda said: [said[-1] + b"\x00"],
    "nothing in it": lambda said: [b""],
    "another kind": lambda said: [b"\x09" + said[-1][1:]],
    "of another run": lambda said: [said[-1][:1] + bytes(16) + said[-1][17:]],
    "twice": lambda said: [said[-1], said[-1]],
    "an earlier one": lambda said: [said[0], said[0]],
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("place", [0, 1])
def test_every_message_of_a_vole_conversation_is_refused_where_it_is_false(
    bureau: Bureau, place: int, kind: str
) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    assert refused(lambda: hostile_exchange(bureau, opened, place, HOSTILE[kind])) is Code.MALFORMED
    honest = hostile_exchange(bureau, opened, -1, list, attempt=1)
    assert len(honest) == 3
    answered = kind == "twice" and place == 1  # the false one comes behind a whole conversation, which is paid
    assert bureau.used() == (2 if answered else 1) * PADDED


@pytest.mark.parametrize("place", [0, 1])
def test_a_bank_that_stops_in_a_vole_conversation_has_no_tags(bureau: Bureau, place: int) -> None:
    opened = bureau.calls.open(CALLER, OPENING)
    assert len(hostile_exchange(bureau, opened, place, lambda said: [])) <= 2
    assert bureau.journal.steps(opened.session_id) == [Step(0, 0, 0, None, None)]
    assert bureau.used() == PADDED


@pytest.mark.parametrize("place", [0, 1])
def test_a_conversation_of_another_session_is_refused(bureau: Bureau, place: int) -> None:
    """A bank that hands in what it said in a session before gets no answer to it."""
    first = bureau.calls.open(CALLER, OPENING)
    kept: list[bytes] = []

    def keep_and_stop(said: list[bytes]) -> list[bytes]:
        kept.extend(said)
        return []

    hostile_exchange(bureau, first, 1, keep_and_stop)
    second = bureau.calls.open(CALLER, replace(OPENING, job_id=b"k" * 16))
    assert refused(lambda: hostile_exchange(bureau, second, place, lambda _: [kept[place]])) is Code.MALFORMED


# ---- counting


@pytest.mark.parametrize(
    "change",
    [
        lambda data: [],
        lambda data: [data[:-1]],
        lambda data: [data[:-32]],
        lambda data: [data + data[1:33]],
        lambda data: [b"\x02" + data[1:]],
        lambda data: [data, data],
    ],
    ids=["nothing", "cut", "less", "twice in it", "another kind", "twice"],
)
def test_what_is_not_the_committed_set_is_not_counted(bureau: Bureau, change: Callable[[bytes], list[bytes]]) -> None:
    opened = bureau.calls.open(CALLER, COUNT)
    (blinded,) = CountClient(CODES, SeededRandomness(bytes(32))).start()
    place = ExchangePlace(opened.session_id, 0, 0)
    assert refused(lambda: list(bureau.exchange.count(CALLER, place, change(blinded.encode())))) is Code.MALFORMED
    assert refused(lambda: list(bureau.exchange.count(CALLER, place, [blinded.encode()]))) is Code.WRONG_STATE
    assert bureau.used() == PADDED


# ---- frames


def header(session: bytes = bytes(16), bucket: int = 0, attempt: int = 0) -> pb.ExchangeFrame:
    return pb.ExchangeFrame(header=pb.ExchangeHeader(session_id=session, bucket=bucket, attempt=attempt))


def part(data: bytes, *, last: bool = True) -> pb.ExchangeFrame:
    return pb.ExchangeFrame(part=data, last=last)


@pytest.mark.parametrize(
    "frames",
    [
        [part(b"a", last=False)],
        [part(b"a", last=False), header(), part(b"b")],
        [part(b"")],
        [part(b"a" * (PART_BYTES + 1))],
        [part(b"a" * 60, last=False), part(b"b" * 60)],
    ],
    ids=["ends inside", "a header inside", "empty", "a long part", "a long message"],
)
def test_frames_that_make_no_messages(frames: list[pb.ExchangeFrame]) -> None:
    assert refused(lambda: list(whole_messages(frames, 100))) is Code.MALFORMED


@pytest.mark.parametrize(
    "frame",
    [None, part(b"a"), header(b"short"), header(bucket=4096), header(attempt=8)],
    ids=["nothing", "no header", "session", "bucket", "attempt"],
)
def test_a_conversation_that_begins_with_no_header(frame: pb.ExchangeFrame | None) -> None:
    assert refused(lambda: exchange_place(frame)) is Code.MALFORMED
