"""Refusals on the wire: a gRPC status and, beside it, the whole refusal in trailing metadata."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from node.codes import Code, Side
from node.errors import Refusal
from protos import common_pb2

REFUSAL_KEY = "banktax-refusal-bin"
MAXIMUM_REFUSAL_BYTES = 4096
MAXIMUM_TEXT = 600

STATUS: dict[Code, grpc.StatusCode] = {
    Code.AGREEMENT_INACTIVE: grpc.StatusCode.PERMISSION_DENIED,
    Code.FIELD_NOT_ALLOWED: grpc.StatusCode.PERMISSION_DENIED,
    Code.MODEL_UNKNOWN: grpc.StatusCode.NOT_FOUND,
    Code.MODEL_EXPIRED: grpc.StatusCode.FAILED_PRECONDITION,
    Code.MODEL_NOT_ADMITTED: grpc.StatusCode.PERMISSION_DENIED,
    Code.PROFILE_UNKNOWN: grpc.StatusCode.INVALID_ARGUMENT,
    Code.BOUND_EXCEEDED: grpc.StatusCode.INVALID_ARGUMENT,
    Code.QUOTA_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Code.IDEMPOTENCY_CONFLICT: grpc.StatusCode.ALREADY_EXISTS,
    Code.VERSION_UNSUPPORTED: grpc.StatusCode.FAILED_PRECONDITION,
    Code.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    Code.PEER_UNTRUSTED: grpc.StatusCode.UNAUTHENTICATED,
    Code.DRAINING: grpc.StatusCode.UNAVAILABLE,
    Code.STORAGE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Code.AUDIT_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Code.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Code.INVALID_INPUT: grpc.StatusCode.INVALID_ARGUMENT,
    Code.WRONG_ROLE: grpc.StatusCode.PERMISSION_DENIED,
    Code.WRONG_STATE: grpc.StatusCode.FAILED_PRECONDITION,
    Code.RESULT_REJECTED: grpc.StatusCode.DATA_LOSS,
    Code.PEER_UNREACHABLE: grpc.StatusCode.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED: grpc.StatusCode.DEADLINE_EXCEEDED,
    Code.COMPUTE_FAILED: grpc.StatusCode.INTERNAL,
    Code.KEY_UNAVAILABLE: grpc.StatusCode.FAILED_PRECONDITION,
    Code.CONFIG_INVALID: grpc.StatusCode.FAILED_PRECONDITION,
    Code.NODE_NOT_RUNNING: grpc.StatusCode.UNAVAILABLE,
    Code.INTERNAL: grpc.StatusCode.INTERNAL,
}


def abort(context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
    """End the call with the refusal's status and the refusal itself in the trailing metadata."""
    context.set_trailing_metadata(((REFUSAL_KEY, encode(refusal)),))
    context.abort(STATUS[refusal.code], f"{refusal.code}: {_text(refusal.detail)}")


def encode(refusal: Refusal) -> bytes:
    """Return the refusal as it stands in trailing metadata."""
    return common_pb2.Refusal(
        code=refusal.code.value,
        detail=_text(refusal.detail),
        side=refusal.side.value,
        remedy=_text(refusal.remedy),
    ).SerializeToString()


def refusal_from(error: grpc.RpcError) -> Refusal:
    """Return the refusal behind a failed call: the one that the other side gave, or what gRPC says."""
    call: Any = error  # every error of a channel is a grpc.Call too, which the type does not say
    if not isinstance(call, grpc.Call):
        return Refusal(Code.PEER_UNREACHABLE, "the channel is closed")
    for key, value in call.trailing_metadata() or ():
        if key == REFUSAL_KEY and isinstance(value, bytes):
            return _decode(value)
    return _transport_refusal(call.code(), call.details() or "")


def _decode(data: bytes) -> Refusal:
    told = common_pb2.Refusal()
    try:
        if len(data) > MAXIMUM_REFUSAL_BYTES:
            raise ValueError("too long")
        told.ParseFromString(data)
        code, side = Code(told.code), Side(told.side)
    except (DecodeError, ValueError):
        return Refusal(Code.MALFORMED, "the peer refused in a form that this node cannot read")
    return Refusal(code, _text(told.detail), side=side, remedy=_text(told.remedy) or None)


def _transport_refusal(code: grpc.StatusCode, details: str) -> Refusal:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Refusal(Code.DEADLINE_EXCEEDED, "the peer did not answer within the call's deadline")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        return Refusal(Code.MALFORMED, "a message is larger than the receiver accepts")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Refusal(Code.PEER_UNREACHABLE, "the peer works on as many calls as it can; try again later")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Refusal(Code.VERSION_UNSUPPORTED, "the peer does not know this call")
    if "CERTIFICATE_VERIFY_FAILED" in details or "Verification Check failed" in details:
        return Refusal(Code.PEER_UNTRUSTED, "the peer showed another certificate than its pinned one")
    if code is grpc.StatusCode.CANCELLED:
        return Refusal(Code.DEADLINE_EXCEEDED, "the call was ended before its answer")
    return Refusal(
        Code.PEER_UNREACHABLE,
        "no answer: the line or the peer's node is down, or the peer does not trust this node's certificate",
    )


def _text(text: str) -> str:
    """Return text fit for one line of a terminal: no control characters, bounded."""
    return "".join(character if character.isprintable() else " " for character in text)[:MAXIMUM_TEXT]
