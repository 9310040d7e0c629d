"""Refusals on the wire and back, also from a peer that writes nonsense into them."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from node.codes import Code, Side
from node.errors import Refusal
from node.rpc.status import MAXIMUM_REFUSAL_BYTES, REFUSAL_KEY, STATUS, encode, refusal_from
from protos import common_pb2


class Failed(grpc.RpcError, grpc.Call):
    """What a channel raises."""

    def __init__(self, code: grpc.StatusCode, details: str = "", trailing: bytes | None = None) -> None:
        super().__init__()
        self._code, self._details, self._trailing = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return () if self._trailing is None else (("other", "x"), (REFUSAL_KEY, self._trailing))

    def initial_metadata(self) -> Any: ...
    def add_callback(self, callback: Any) -> Any: ...
    def cancel(self) -> Any: ...
    def is_active(self) -> Any: ...
    def time_remaining(self) -> Any: ...


def test_every_code_has_a_status_and_none_is_ok() -> None:
    assert set(STATUS) == set(Code)
    assert grpc.StatusCode.OK not in STATUS.values()


@pytest.mark.parametrize("code", list(Code))
def test_a_refusal_survives_the_wire(code: Code) -> None:
    refusal = Refusal(code, "字段 field", side=Side.BANK, remedy="Do this.")
    found = refusal_from(Failed(STATUS[code], "", encode(refusal)))
    assert (found.code, found.detail, found.side, found.remedy) == (code, "字段 field", Side.BANK, "Do this.")


@pytest.mark.parametrize(
    "trailing",
    [
        b"\xff\xff",
        b"",
        common_pb2.Refusal(code="NO_SUCH_CODE", side="bank").SerializeToString(),
        common_pb2.Refusal(code="MALFORMED", side="nobody").SerializeToString(),
        common_pb2.Refusal(code="MALFORMED", side="bank", detail="x" * MAXIMUM_REFUSAL_BYTES).SerializeToString(),
    ],
)
def test_a_nonsensical_refusal_is_malformed(trailing: bytes) -> None:
    assert refusal_from(Failed(grpc.StatusCode.INTERNAL, "", trailing)).code is Code.MALFORMED


def test_a_peers_text_cannot_steer_a_terminal() -> None:
    data = common_pb2.Refusal(code="MALFORMED", side="bank", detail="a\x1b[2Jb\r\nc\u202ed" + "y" * 900)
    detail = refusal_from(Failed(grpc.StatusCode.INTERNAL, "", data.SerializeToString())).detail
    assert detail.startswith("a [2Jb  c dyy")
    assert len(detail) == 600


@pytest.mark.parametrize(
    ("status", "details", "code"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, "", Code.DEADLINE_EXCEEDED),
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", Code.PEER_UNREACHABLE),
        (grpc.StatusCode.UNAVAILABLE, "... CERTIFICATE_VERIFY_FAILED: ...", Code.PEER_UNTRUSTED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)", Code.MALFORMED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!", Code.PEER_UNREACHABLE),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", Code.VERSION_UNSUPPORTED),
        (grpc.StatusCode.CANCELLED, "", Code.DEADLINE_EXCEEDED),
        (grpc.StatusCode.UNKNOWN, "anything", Code.PEER_UNREACHABLE),
    ],
)
def test_what_grpc_itself_says_becomes_a_code(status: grpc.StatusCode, details: str, code: Code) -> None:
    assert refusal_from(Failed(status, details)).code is code


def test_an_error_without_a_call() -> None:
    assert refusal_from(grpc.RpcError()).code is Code.PEER_UNREACHABLE
