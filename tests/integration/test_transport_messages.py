"""What a trusted but hostile peer may send: every mutation of an envelope, over real mutual TLS on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from node.codes import Code, Role
from node.errors import Refusal
from node.rpc.dispatch import service
from node.rpc.envelope import Direction, Place, RequestDigest, seal
from node.rpc.methods import OPEN_JOB, REGISTER_MODEL, Method
from node.rpc.status import refusal_from
from node.rpc.tls import channel_credentials, client_options
from protos import alignment_pb2, common_pb2, scoring_pb2
from tests.support.transport import RANDOMNESS, Party, make_party

REQUEST = scoring_pb2.OpenJobRequest(job_id=bytes(16), purpose="loan_origination")
UNKNOWN_FIELD = b"\xf8\x3f\x01"  # field 1023, varint 1


class Wire:
    """A bank that sends whatever bytes it likes, and counts how often a handler was reached."""

    def __init__(self, bureau: Party, bank: Party, port: int) -> None:
        self.bureau = bureau
        self.bank = bank
        self.reached = 0
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{port}",
            channel_credentials(bank.tls, bureau.tls.certificate_pem),
            options=client_options(64 << 20, "bureau.banktax.internal"),
        )

    def place(self, **changes: Any) -> Place:
        usual: dict[str, Any] = {
            "method": OPEN_JOB.path,
            "direction": Direction.REQUEST,
            "sender": "bank",
            "receiver": "bureau",
            "correlation": RANDOMNESS.bytes(16),
        }
        return Place(**(usual | changes))

    def sealed(self, shift_ms: int = 0, **changes: Any) -> bytes:
        return seal(REQUEST, self.place(**changes), self.bank.signing, self.bank.clock() + shift_ms)

    def resealed(self, payload: bytes) -> bytes:
        """An envelope whose signature is right over a payload of ours."""
        envelope = common_pb2.SignedMessage.FromString(self.sealed())
        place = self.place(correlation=envelope.nonce)
        envelope.payload = payload
        envelope.signature = self.bank.signing.sign(place.signed_bytes(1, envelope.sent_at_ms, payload))
        return envelope.SerializeToString()

    def send(self, data: bytes, **options: Any) -> bytes:
        stub: Any = self.channel.unary_unary(OPEN_JOB.path)
        answer: bytes = stub(data, timeout=10, **options)
        return answer

    def refused(self, data: bytes, **options: Any) -> Refusal:
        before = self.reached
        with pytest.raises(grpc.RpcError) as caught:
            self.send(data, **options)
        assert self.reached == before, "a refused message reached a handler"
        return refusal_from(caught.value)

    def stream(self, method: Method[Any, Any], frames: list[bytes]) -> bytes:
        stub: Any = self.channel.stream_unary(method.path)
        answer: bytes = stub(iter(frames), timeout=10)
        return answer


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("wire")
    bureau = make_party(folder / "bureau", Role.BUREAU, "bureau")
    bank = make_party(folder / "bank", Role.BANK, "bank")
    bureau.trust(bank)

    def open_job(_context: Any, request: scoring_pb2.OpenJobRequest) -> scoring_pb2.OpenJobResponse:
        made.reached += 1
        return scoring_pb2.OpenJobResponse(feature_set=request.purpose)

    def register(_context: Any, frames: Iterator[scoring_pb2.ModelFrame]) -> scoring_pb2.ModelRegistered:
        return scoring_pb2.ModelRegistered(model_id=b"".join(frame.encrypted for frame in frames))

    server = bureau.serve([service((OPEN_JOB, open_job), (REGISTER_MODEL, register))])
    made = Wire(bureau, bank, server.start())
    yield made
    made.channel.close()
    server.stop()


def mutated(change: Callable[[common_pb2.SignedMessage], None], data: bytes) -> bytes:
    envelope = common_pb2.SignedMessage.FromString(data)
    change(envelope)
    return envelope.SerializeToString()


def test_the_unchanged_message_is_answered(wire: Wire) -> None:
    wire.send(wire.sealed())
    assert wire.reached == 1


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_truncated(wire: Wire, keep: int) -> None:
    """Nothing at all parses as an empty envelope, whose version is 0."""
    expected = Code.VERSION_UNSUPPORTED if keep == 0 else Code.MALFORMED
    assert wire.refused(wire.sealed()[:keep]).code is expected


def test_every_flipped_byte_is_refused(wire: Wire) -> None:
    data = wire.sealed()
    for position in range(0, len(data), 3):
        changed = bytearray(data)
        changed[position] ^= 0x20
        assert wire.refused(bytes(changed)).code in {
            Code.MALFORMED,
            Code.PEER_UNTRUSTED,
            Code.VERSION_UNSUPPORTED,
        }


def _payload(envelope: common_pb2.SignedMessage) -> None:
    envelope.payload = scoring_pb2.OpenJobRequest(purpose="other").SerializeToString()


def _sender(envelope: common_pb2.SignedMessage) -> None:
    envelope.sender = "another"


def _nonce(envelope: common_pb2.SignedMessage) -> None:
    envelope.nonce = bytes(16)


def _time(envelope: common_pb2.SignedMessage) -> None:
    envelope.sent_at_ms += 1


@pytest.mark.parametrize("change", [_payload, _sender, _nonce, _time])
def test_a_changed_part_breaks_the_signature(wire: Wire, change: Callable[[common_pb2.SignedMessage], None]) -> None:
    assert wire.refused(mutated(change, wire.sealed())).code is Code.PEER_UNTRUSTED


def test_an_unknown_version(wire: Wire) -> None:
    def newer(envelope: common_pb2.SignedMessage) -> None:
        envelope.version = 2

    found = wire.refused(mutated(newer, wire.sealed()))
    assert found.code is Code.VERSION_UNSUPPORTED
    assert "2" in found.detail


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"receiver": "another-bureau"}, Code.MALFORMED),
        ({"sender": "another-bank"}, Code.PEER_UNTRUSTED),
        ({"method": "/banktax.scoring.v1.Scoring/CloseJob"}, Code.PEER_UNTRUSTED),
        ({"sequence": 1}, Code.PEER_UNTRUSTED),
        ({"correlation": bytes(15)}, Code.MALFORMED),
    ],
)
def test_a_well_signed_message_of_another_place(wire: Wire, changes: dict[str, Any], code: Code) -> None:
    assert wire.refused(wire.sealed(**changes)).code is code


def test_a_response_is_no_request(wire: Wire) -> None:
    assert wire.refused(wire.sealed(direction=Direction.RESPONSE)).code is Code.PEER_UNTRUSTED


def test_a_message_signed_by_another_key(wire: Wire) -> None:
    data = seal(REQUEST, wire.place(), wire.bureau.signing, wire.bank.clock())
    assert wire.refused(data).code is Code.PEER_UNTRUSTED


def test_a_replay(wire: Wire) -> None:
    data = wire.sealed()
    wire.send(data)
    found = wire.refused(data)
    assert found.code is Code.MALFORMED
    assert "replayed" in found.detail


@pytest.mark.parametrize(("shift_ms", "word"), [(-61_000, "ago"), (62_000, "ahead")])
def test_a_stale_or_early_message(wire: Wire, shift_ms: int, word: str) -> None:
    found = wire.refused(wire.sealed(shift_ms))
    assert found.code is Code.MALFORMED
    assert word in found.detail


@pytest.mark.parametrize("shift_ms", [-58_000, 58_000])
def test_a_clock_within_the_tolerance(wire: Wire, shift_ms: int) -> None:
    wire.send(wire.sealed(shift_ms))


def test_unknown_fields_of_the_envelope(wire: Wire) -> None:
    assert wire.refused(wire.sealed() + UNKNOWN_FIELD).code is Code.MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        REQUEST.SerializeToString() + UNKNOWN_FIELD,
        REQUEST.SerializeToString() + REQUEST.SerializeToString(),
        b"\xff\xff",
        scoring_pb2.OpenJobRequest(enterprises=1).SerializeToString()[:1] + b"\x81\x00",
    ],
    ids=["unknown field", "twice", "no message", "long varint"],
)
def test_a_well_signed_payload_in_another_form(wire: Wire, payload: bytes) -> None:
    assert wire.refused(wire.resealed(payload)).code is Code.MALFORMED


def test_an_oversized_message(wire: Wire) -> None:
    found = wire.refused(bytes(9 << 20))
    assert found.code is Code.MALFORMED
    assert "larger" in found.detail


def test_a_compressed_message(wire: Wire) -> None:
    """Compression is off: a few kilobytes cannot unpack to gigabytes."""
    with pytest.raises(grpc.RpcError) as caught:
        wire.send(bytes(1 << 20), compression=grpc.Compression.Gzip)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_unknown_method(wire: Wire) -> None:
    stub: Any = wire.channel.unary_unary("/banktax.scoring.v1.Scoring/Steal")
    with pytest.raises(grpc.RpcError) as caught:
        stub(wire.sealed(), timeout=5)
    assert refusal_from(caught.value).code is Code.VERSION_UNSUPPORTED


def test_reflection_is_off(wire: Wire) -> None:
    stub: Any = wire.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    with pytest.raises(grpc.RpcError) as caught:
        next(stub(iter([b""]), timeout=5))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def _frames(wire: Wire, count: int) -> list[bytes]:
    nonce = RANDOMNESS.bytes(16)
    return [
        seal(
            scoring_pb2.ModelFrame(encrypted=bytes([index])),
            wire.place(method=REGISTER_MODEL.path, correlation=nonce, sequence=index),
            wire.bank.signing,
            wire.bank.clock(),
        )
        for index in range(count)
    ]


def test_a_stream_in_order_is_answered(wire: Wire) -> None:
    wire.stream(REGISTER_MODEL, _frames(wire, 4))


@pytest.mark.parametrize(
    "order", [(0, 2, 1, 3), (0, 1, 1, 2), (0, 1, 3), (1, 2, 3)], ids=["swapped", "doubled", "dropped", "beheaded"]
)
def test_a_stream_out_of_order_is_refused(wire: Wire, order: tuple[int, ...]) -> None:
    frames = _frames(wire, 4)
    with pytest.raises(grpc.RpcError) as caught:
        wire.stream(REGISTER_MODEL, [frames[index] for index in order])
    assert refusal_from(caught.value).code is Code.PEER_UNTRUSTED


def test_a_frame_of_another_stream_is_refused(wire: Wire) -> None:
    first, second = _frames(wire, 3), _frames(wire, 3)
    with pytest.raises(grpc.RpcError) as caught:
        wire.stream(REGISTER_MODEL, [first[0], second[1], first[2]])
    assert refusal_from(caught.value).code is Code.MALFORMED


class LyingBureau:
    """A server of the bureau's own certificate that answers with bytes of the test's choosing."""

    def __init__(self, bureau: Party, bank: Party) -> None:
        self.bureau = bureau
        self.bank = bank
        self.answer: Callable[[Place], bytes] = self.honest
        door = bureau.serve([service((OPEN_JOB, lambda _context, _request: None))])
        self.server = door
        self.port = 0

    def honest(self, place: Place) -> bytes:
        return seal(scoring_pb2.OpenJobResponse(feature_set="f"), place, self.bureau.signing, self.bureau.clock())

    def start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace what the server does last: the sealing of its answer."""
        lying = self

        def response(exchange: Any, _message: Any) -> bytes:
            correlation = exchange._requests.correlation(whole_stream=False)
            return lying.answer(Place(OPEN_JOB.path, Direction.RESPONSE, "bureau", "bank", correlation))

        monkeypatch.setattr("node.rpc.exchange.PeerExchange.response", response)
        monkeypatch.setattr("node.rpc.dispatch._typed", lambda _method, answer: answer)
        self.port = self.server.start()


@pytest.fixture
def lying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LyingBureau]:
    bureau = make_party(tmp_path / "bureau", Role.BUREAU, "bureau")
    bank = make_party(tmp_path / "bank", Role.BANK, "bank")
    bureau.trust(bank)
    made = LyingBureau(bureau, bank)
    made.start(monkeypatch)
    yield made
    made.server.stop()


def test_the_honest_answer_is_taken(lying: LyingBureau) -> None:
    with lying.bank.dial(lying.bureau, lying.port) as client:
        assert client.call(OPEN_JOB, REQUEST).feature_set == "f"


def _of_another_request(lying: LyingBureau) -> Callable[[Place], bytes]:
    other = RequestDigest()
    other.add(b"another request")
    return lambda place: lying.honest(Place(place.method, place.direction, "bureau", "bank", other.correlation(False)))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda lying: lambda place: lying.honest(place)[:-2], Code.MALFORMED),
        (lambda lying: lambda place: lying.honest(place) + UNKNOWN_FIELD, Code.MALFORMED),
        (lambda lying: lambda _place: b"", Code.VERSION_UNSUPPORTED),
        (_of_another_request, Code.PEER_UNTRUSTED),
        (
            lambda lying: (
                lambda place: seal(scoring_pb2.OpenJobResponse(), place, lying.bank.signing, lying.bank.clock())
            ),
            Code.PEER_UNTRUSTED,
        ),
        (
            lambda lying: (
                lambda place: seal(
                    alignment_pb2.TagsFrame(first=7, tags=b"\xff" * 24),
                    place,
                    lying.bureau.signing,
                    lying.bureau.clock(),
                )
            ),
            Code.MALFORMED,
        ),
    ],
    ids=["truncated", "extra", "empty", "of another request", "of another key", "of another type"],
)
def test_a_false_answer_is_refused_by_the_bank(
    lying: LyingBureau, make: Callable[[LyingBureau], Callable[[Place], bytes]], code: Code
) -> None:
    lying.answer = make(lying)
    with lying.bank.dial(lying.bureau, lying.port) as client, pytest.raises(Refusal) as caught:
        client.call(OPEN_JOB, REQUEST)
    assert caught.value.code is code
