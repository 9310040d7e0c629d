"""The four kinds of calls, their deadlines, failures and draining, over real mutual TLS on loopback."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.codes import Code, Role, Side
from node.errors import Refusal
from node.logs import configure
from node.rpc.client import PeerClient
from node.rpc.dispatch import service
from node.rpc.methods import (
    CLOSE_JOB,
    DOWNLOAD_TAGS,
    GET_EPOCH,
    OPEN_JOB,
    REGISTER_CONSENTS,
    REGISTER_MODEL,
    SCORE_CHUNK,
)
from node.rpc.server import NodeServer
from protocols.errors import ParameterError, PeerProtocolError
from protos import alignment_pb2, consent_pb2, scoring_pb2
from tests.support.transport import Party, make_party

CANARY = "91350100M000100Y43"
SECRET_AMOUNT = "8642097531"


class Bureau:
    """Toy functions behind the real server."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.error: Exception = RuntimeError("unset")

    def open_job(self, context: Any, request: scoring_pb2.OpenJobRequest) -> scoring_pb2.OpenJobResponse:
        left = round(context.deadline_seconds_left)
        return scoring_pb2.OpenJobResponse(feature_set=request.purpose, as_of=f"{context.correlation_id} {left}")

    def score_chunk(self, _context: Any, request: scoring_pb2.ScoreChunkRequest) -> scoring_pb2.ScoreChunkResponse:
        self.entered.set()
        self.leave.wait(20)
        return scoring_pb2.ScoreChunkResponse(chunk=request.chunk)

    def close_job(self, _context: Any, _request: scoring_pb2.CloseJobRequest) -> scoring_pb2.CloseJobResponse:
        raise self.error

    def register_model(self, _context: Any, frames: Iterator[scoring_pb2.ModelFrame]) -> scoring_pb2.ModelRegistered:
        first = next(frames)
        if first.encrypted == b"answer early":
            return scoring_pb2.ModelRegistered()
        content = first.encrypted + b"".join(frame.encrypted for frame in frames)
        return scoring_pb2.ModelRegistered(model_id=content)

    def register(
        self, _context: Any, frames: Iterator[consent_pb2.RegisterFrame]
    ) -> Iterator[consent_pb2.VerdictFrame]:
        for frame in frames:
            if "refuse" in frame.consents:
                raise Refusal(Code.STORAGE_UNAVAILABLE, "the disk is full", side=Side.OPERATOR, remedy="Make room.")
            yield consent_pb2.VerdictFrame(sequence=frame.sequence, verdicts=bytes(len(frame.consents)))

    def tags(self, _context: Any, request: alignment_pb2.TagsRequest) -> Iterator[alignment_pb2.TagsFrame]:
        for first in range(request.first, request.first + 5):
            yield alignment_pb2.TagsFrame(first=first)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> tuple[Party, Party]:
    folder = tmp_path_factory.mktemp("calls")
    limits = {"limits": {"unary_seconds": 20}, "server": {"threads": 2, "waiting_calls": 1}}
    bureau = make_party(folder / "bureau", Role.BUREAU, "bureau", **limits)
    bank = make_party(folder / "bank", Role.BANK, "bank")
    bureau.trust(bank)
    return bureau, bank


class Line:
    """A running bureau and a bank's client to it."""

    def __init__(self, parties: tuple[Party, Party]) -> None:
        self.functions = Bureau()
        bureau, bank = parties
        functions = self.functions
        self.server: NodeServer = bureau.serve(
            [
                service(
                    (OPEN_JOB, functions.open_job),
                    (SCORE_CHUNK, functions.score_chunk),
                    (CLOSE_JOB, functions.close_job),
                    (REGISTER_MODEL, functions.register_model),
                ),
                service((REGISTER_CONSENTS, functions.register)),
                service((DOWNLOAD_TAGS, functions.tags)),
            ]
        )
        self.bureau = bureau
        self.bank = bank
        self.port = self.server.start()
        self.client: PeerClient = bank.dial(bureau, self.port)

    def close(self) -> None:
        self.functions.leave.set()
        self.client.close()
        self.server.stop()


@pytest.fixture
def line(parties: tuple[Party, Party]) -> Iterator[Line]:
    made = Line(parties)
    yield made
    made.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure("debug", "json", stream)
    yield stream
    configure("warning", "console")


def model_frames(*parts: bytes) -> Iterator[scoring_pb2.ModelFrame]:
    return (scoring_pb2.ModelFrame(encrypted=part) for part in parts)


def consent_frames(*consents: str) -> Iterator[consent_pb2.RegisterFrame]:
    return (consent_pb2.RegisterFrame(sequence=place, consents=[consent]) for place, consent in enumerate(consents))


def test_a_unary_call(line: Line) -> None:
    answer = line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(purpose="p"), timeout=7)
    correlation_id, seconds_left = answer.as_of.split()
    assert answer.feature_set == "p"
    assert 5 <= int(seconds_left) <= 7
    assert len(correlation_id) == 16


def test_the_servers_own_limit_bounds_what_a_caller_asks_for(line: Line) -> None:
    answer = line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(), timeout=3000)
    assert int(answer.as_of.split()[1]) <= 20


def test_a_download(line: Line) -> None:
    frames = line.client.download(DOWNLOAD_TAGS, alignment_pb2.TagsRequest(first=3))
    assert [frame.first for frame in frames] == [3, 4, 5, 6, 7]


def test_an_upload(line: Line) -> None:
    answer = line.client.upload(REGISTER_MODEL, model_frames(b"one", b"two", b"three"))
    assert answer.model_id == b"onetwothree"


def test_a_conversation_answers_one_for_one(line: Line) -> None:
    verdicts = list(line.client.converse(REGISTER_CONSENTS, consent_frames("a", "b", "c")))
    assert [verdict.sequence for verdict in verdicts] == [0, 1, 2]


def test_bytes_are_counted_both_ways(line: Line) -> None:
    line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(idempotency_key="k" * 1000))
    sent, received = line.client.bytes_sent, line.client.bytes_received
    assert 1000 < sent < 1300
    assert 100 < received < 400
    line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(idempotency_key="k" * 1000))
    assert line.client.bytes_sent == 2 * sent


def test_a_client_is_shared_by_threads(line: Line) -> None:
    answers: list[str] = []

    def ask(word: str) -> None:
        answers.append(line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(purpose=word)).feature_set)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["0", "1", "2"]


def test_a_deadline_passes(line: Line) -> None:
    begin = time.monotonic()
    with pytest.raises(Refusal) as caught:
        line.client.call(SCORE_CHUNK, scoring_pb2.ScoreChunkRequest(), timeout=0.5)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert time.monotonic() - begin < 5


def test_a_call_in_a_stream_also_has_a_deadline(line: Line) -> None:
    def slow() -> Iterator[consent_pb2.RegisterFrame]:
        yield consent_pb2.RegisterFrame(consents=["a"])
        time.sleep(2)

    with pytest.raises(Refusal) as caught:
        list(line.client.converse(REGISTER_CONSENTS, slow(), timeout=0.5))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_a_refusal_arrives_whole(line: Line) -> None:
    line.functions.error = Refusal(Code.QUOTA_EXCEEDED, "第一行\nsecond", side=Side.BANK, remedy="Wait a day.")
    with pytest.raises(Refusal) as caught:
        line.client.call(CLOSE_JOB, scoring_pb2.CloseJobRequest())
    found = caught.value
    assert (found.code, found.side, found.remedy) == (Code.QUOTA_EXCEEDED, Side.BANK, "Wait a day.")
    assert found.detail == "第一行 second"


def test_a_refusal_within_a_stream_arrives_whole(line: Line) -> None:
    answers = line.client.converse(REGISTER_CONSENTS, consent_frames("a", "refuse", "c"))
    assert next(answers).sequence == 0
    with pytest.raises(Refusal) as caught:
        list(answers)
    assert (caught.value.code, caught.value.remedy) == (Code.STORAGE_UNAVAILABLE, "Make room.")


@pytest.mark.parametrize(
    ("error", "code"),
    [(ParameterError("too wide"), Code.BOUND_EXCEEDED), (PeerProtocolError("truncated"), Code.MALFORMED)],
)
def test_what_protocols_raise_becomes_a_refusal(line: Line, error: Exception, code: Code) -> None:
    line.functions.error = error
    with pytest.raises(Refusal) as caught:
        line.client.call(CLOSE_JOB, scoring_pb2.CloseJobRequest())
    assert (caught.value.code, caught.value.detail) == (code, str(error))


def test_an_unexpected_error_shows_no_value_anywhere(line: Line, log: io.StringIO) -> None:
    line.functions.error = KeyError(f"{CANARY} owes {SECRET_AMOUNT}")
    with pytest.raises(Refusal) as caught:
        line.client.call(CLOSE_JOB, scoring_pb2.CloseJobRequest())
    assert caught.value.code is Code.INTERNAL
    written = log.getvalue()
    told = f"{caught.value} {caught.value.detail}"
    for hidden in (CANARY, SECRET_AMOUNT, "owes"):
        assert hidden not in written
        assert hidden not in told
    (event,) = [json.loads(text) for text in written.splitlines() if "call failed" in text]
    assert event["error"] == "KeyError"
    assert event["call"] in caught.value.detail
    assert any("close_job" in place for place in event["places"])


def test_what_an_uploads_frames_raise_is_raised_here_and_nothing_is_taken_for_whole(line: Line) -> None:
    def broken() -> Iterator[scoring_pb2.ModelFrame]:
        yield scoring_pb2.ModelFrame(encrypted=b"half")
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        line.client.upload(REGISTER_MODEL, broken())


def test_what_a_conversations_frames_raise_is_raised_here(line: Line) -> None:
    def broken() -> Iterator[consent_pb2.RegisterFrame]:
        yield consent_pb2.RegisterFrame(consents=["a"])
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        list(line.client.converse(REGISTER_CONSENTS, broken()))


def test_a_message_larger_than_allowed_is_not_sent(line: Line) -> None:
    with pytest.raises(Refusal) as caught:
        line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(content_digest=bytes(9 << 20)))
    assert caught.value.code is Code.MALFORMED
    with pytest.raises(Refusal, match="exceeds"):
        line.client.upload(REGISTER_MODEL, model_frames(bytes(9 << 20)))


def test_a_function_that_answers_before_the_streams_end_is_an_internal_error(line: Line) -> None:
    with pytest.raises(Refusal) as caught:
        line.client.upload(REGISTER_MODEL, model_frames(b"answer early", b"more"))
    assert caught.value.code is Code.INTERNAL


def test_suspending_ends_a_running_stream(line: Line) -> None:
    goes_on = threading.Event()

    def frames() -> Iterator[consent_pb2.RegisterFrame]:
        yield consent_pb2.RegisterFrame(sequence=0)
        goes_on.wait(10)
        yield consent_pb2.RegisterFrame(sequence=1)

    answers = line.client.converse(REGISTER_CONSENTS, frames())
    next(answers)
    line.bureau.parties.suspend("bank", line.bureau.clock())
    goes_on.set()
    try:
        with pytest.raises(Refusal) as caught:
            next(answers)
        assert caught.value.code is Code.PEER_UNTRUSTED
    finally:
        line.bureau.parties.resume("bank", line.bureau.clock())


def test_a_call_that_the_server_does_not_offer(line: Line) -> None:
    with pytest.raises(Refusal) as caught:
        line.client.call(GET_EPOCH, alignment_pb2.EpochRequest(), timeout=5)
    assert caught.value.code is Code.VERSION_UNSUPPORTED


def test_a_method_is_called_by_its_kind_only(line: Line) -> None:
    with pytest.raises(ValueError, match="not a unary call"):
        line.client.call(REGISTER_MODEL, scoring_pb2.ModelFrame())


def test_nobody_listens(parties: tuple[Party, Party]) -> None:
    bureau, bank = parties
    with bank.dial(bureau, 1) as client, pytest.raises(Refusal) as caught:
        client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(), timeout=5)
    assert caught.value.code is Code.PEER_UNREACHABLE


def test_a_closed_client(line: Line) -> None:
    line.client.close()
    with pytest.raises(Refusal) as caught:
        line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest())
    assert caught.value.code is Code.PEER_UNREACHABLE


def test_the_client_finds_a_restarted_server(parties: tuple[Party, Party]) -> None:
    line = Line(parties)
    line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest())
    line.server.stop()
    with pytest.raises(Refusal) as caught:
        line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(), timeout=5)
    assert caught.value.code is Code.PEER_UNREACHABLE
    bureau = line.bureau
    listen = {"server": bureau.settings.server.model_copy(update={"listen": f"127.0.0.1:{line.port}"})}
    again = Party(bureau.settings.model_copy(update=listen), bureau.signing, bureau.tls, bureau.parties, bureau.clock)
    server = again.serve([service((OPEN_JOB, line.functions.open_job))])
    server.start()
    try:
        _until_answered(line.client)
    finally:
        server.stop()
        line.close()


def _until_answered(client: PeerClient) -> None:
    end = time.monotonic() + 15
    while True:
        try:
            client.call(OPEN_JOB, scoring_pb2.OpenJobRequest(), timeout=5)
        except Refusal:
            assert time.monotonic() < end, "the client never came back"
            time.sleep(0.1)
        else:
            return


def test_health(line: Line, tmp_path: Path) -> None:
    assert line.client.healthy()
    stranger = make_party(tmp_path / "stranger", Role.BANK, "stranger")
    with stranger.dial(line.bureau, line.port) as client, pytest.raises(Refusal) as caught:
        client.healthy()
    assert caught.value.code is Code.PEER_UNREACHABLE


def test_health_is_for_trusted_peers_only(line: Line) -> None:
    assert line.client.healthy()
    line.bureau.parties.suspend("bank", line.bureau.clock())
    try:
        with pytest.raises(Refusal) as caught:
            line.client.healthy()
        assert caught.value.code is Code.PEER_UNTRUSTED
    finally:
        line.bureau.parties.resume("bank", line.bureau.clock())


def _in_background(line: Line) -> tuple[threading.Thread, list[Any]]:
    outcome: list[Any] = []

    def ask() -> None:
        try:
            outcome.append(line.client.call(SCORE_CHUNK, scoring_pb2.ScoreChunkRequest(chunk=9), timeout=20).chunk)
        except Refusal as refusal:
            outcome.append(refusal.code)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, outcome


def test_draining_refuses_new_calls_and_waits_for_running_ones(line: Line) -> None:
    thread, outcome = _in_background(line)
    assert line.functions.entered.wait(10)
    assert not line.server.drain(0.1), "a call still runs"
    with pytest.raises(Refusal) as caught:
        line.client.call(OPEN_JOB, scoring_pb2.OpenJobRequest())
    assert caught.value.code is Code.DRAINING
    assert not line.client.healthy()
    line.functions.leave.set()
    assert line.server.drain(10)
    thread.join(10)
    assert outcome == [9]


def test_more_calls_than_the_node_takes_on_are_refused(line: Line) -> None:
    """Two threads, one waiting place: of six calls at once some are turned away, and none hangs."""
    running = [_in_background(line) for _ in range(6)]
    time.sleep(0.5)
    line.functions.leave.set()
    for thread, _ in running:
        thread.join(20)
    outcomes = [outcome[0] for _, outcome in running]
    assert outcomes.count(9) == 3
    assert outcomes.count(Code.PEER_UNREACHABLE) == 3


def test_stopping_cuts_off_what_still_runs(line: Line) -> None:
    thread, outcome = _in_background(line)
    assert line.functions.entered.wait(10)
    line.server.stop()
    thread.join(10)
    assert outcome in ([Code.PEER_UNREACHABLE], [Code.DEADLINE_EXCEEDED])
