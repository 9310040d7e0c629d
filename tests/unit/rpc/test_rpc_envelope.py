"""Freshness, canonical parsing and the binding of signatures, without a network."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from node.codes import Code
from node.errors import Refusal
from node.rpc.envelope import (
    Direction,
    Freshness,
    Place,
    RequestDigest,
    parse_canonical,
    parse_envelope,
    parse_strict,
    seal,
    verify,
)
from protocols.primitives.signing import SigningKey
from protocols.randomness import SeededRandomness, SystemRandomness
from protos import scoring_pb2

KEY = SigningKey.generate(SeededRandomness(bytes(32)))
PLACE = Place("/s/M", Direction.REQUEST, "bank", "bureau", bytes(range(16)))
NOW = 1_800_000_000_000
MESSAGE = scoring_pb2.CloseJobResponse(released=3)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def code_of(caught: pytest.ExceptionInfo[Refusal]) -> Code:
    return caught.value.code


def test_what_is_sealed_verifies_in_its_place() -> None:
    envelope = parse_envelope(seal(MESSAGE, PLACE, KEY, NOW), 1 << 20)
    verify(envelope, PLACE, KEY.verify_key)
    assert parse_canonical(scoring_pb2.CloseJobResponse, envelope.payload) == MESSAGE


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "/s/N"},
        {"direction": Direction.RESPONSE},
        {"sequence": 1},
        {"sender": "banks"},
        {"receiver": "bureaus"},
        {"correlation": bytes(16)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_nothing_verifies_in_another_place(changes: dict[str, object]) -> None:
    """The signature alone refuses it, even where the readable parts are changed along."""
    other = replace(PLACE, **changes)  # type: ignore[arg-type]
    envelope = parse_envelope(seal(MESSAGE, PLACE, KEY, NOW), 1 << 20)
    envelope.sender, envelope.receiver = other.sender, other.receiver
    envelope.nonce = other.correlation if other.direction is Direction.REQUEST else b""
    with pytest.raises(Refusal) as caught:
        verify(envelope, other, KEY.verify_key)
    assert code_of(caught) is Code.PEER_UNTRUSTED


def test_the_bound_holds_before_anything_is_parsed() -> None:
    data = seal(MESSAGE, PLACE, KEY, NOW)
    with pytest.raises(Refusal) as caught:
        parse_envelope(data, len(data) - 1)
    assert code_of(caught) is Code.MALFORMED


def test_a_padded_envelope_is_refused() -> None:
    data = seal(MESSAGE, replace(PLACE, sender="b" * 2000), KEY, NOW)
    with pytest.raises(Refusal, match="lengths"):
        parse_envelope(data, 1 << 20)


def test_unknown_fields_at_any_depth_are_refused() -> None:
    inner = scoring_pb2.OpenJobRequest(purpose="p").SerializeToString() + b"\xf8\x3f\x01"
    nested = b"\x0a" + bytes([len(inner)]) + inner
    with pytest.raises(Refusal, match="unknown fields"):
        parse_strict(scoring_pb2.ScoreOneRequest, nested)


def test_whether_a_stream_or_its_first_message_is_answered_makes_a_difference() -> None:
    digest = RequestDigest()
    digest.add(b"first")
    assert digest.correlation(True) == digest.correlation(False)
    digest.add(b"second")
    assert digest.correlation(True) != digest.correlation(False)
    assert digest.count == 2


def test_a_nonce_is_fresh_once_per_party() -> None:
    freshness = Freshness(60, Clock())
    freshness.admit("bank", bytes(16), NOW)
    freshness.admit("other", bytes(16), NOW)
    with pytest.raises(Refusal, match="replayed"):
        freshness.admit("bank", bytes(16), NOW)


@pytest.mark.parametrize("ahead_ms", [-60_000, 0, 60_000])
def test_a_nonce_is_remembered_for_as_long_as_its_time_is_tolerated(ahead_ms: int) -> None:
    clock = Clock()
    freshness = Freshness(60, clock)
    sent = NOW + ahead_ms
    freshness.admit("bank", bytes(16), sent)
    for later in range(0, 125_000, 5_000):
        clock.now = NOW + later
        with pytest.raises(Refusal):
            freshness.admit("bank", bytes(16), sent)


def test_old_nonces_are_forgotten_and_many_are_refused_rather_than_forgotten() -> None:
    clock = Clock()
    freshness = Freshness(60, clock, capacity=3)
    for number in range(3):
        freshness.admit("bank", bytes([number] * 16), NOW)
    with pytest.raises(Refusal) as caught:
        freshness.admit("bank", bytes([9] * 16), NOW)
    assert code_of(caught) is Code.QUOTA_EXCEEDED
    freshness.admit("other", bytes([9] * 16), NOW)
    clock.now += 121_000
    freshness.admit("bank", bytes([9] * 16), clock.now)


@pytest.mark.parametrize("late_ms", [60_001, -60_001])
def test_the_tolerance_is_exact(late_ms: int) -> None:
    freshness = Freshness(60, Clock())
    freshness.admit("bank", bytes(16), NOW - late_ms + (1 if late_ms > 0 else -1))
    with pytest.raises(Refusal) as caught:
        freshness.admit("bank", bytes([1] * 16), NOW - late_ms)
    assert code_of(caught) is Code.MALFORMED


def test_of_many_threads_one_gets_a_nonce_in() -> None:
    freshness = Freshness(60, Clock())
    admitted: list[int] = []

    def try_it(number: int) -> None:
        for nonce in nonces:
            try:
                freshness.admit("bank", nonce, NOW)
            except Refusal:
                continue
            admitted.append(number)

    nonces = [SystemRandomness().bytes(16) for _ in range(200)]
    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == len(nonces)
