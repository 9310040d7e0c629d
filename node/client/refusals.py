"""gRPC errors of control calls as refusals. A node that does not answer is told apart from one that refuses."""

from __future__ import annotations

from typing import Any

import grpc

from node.codes import Code
from node.errors import Refusal
from node.rpc.status import REFUSAL_KEY, refusal_from

_HANDSHAKE = ("handshake", "certificate", "ssl", "peer name")


def control_refusal(error: grpc.RpcError, endpoint: str) -> Refusal:
    """Return what a failed call means to its caller.

    Args:
        error: as the stub raised it; a call's own error knows its status and trailing metadata.
        endpoint: ``host:port`` that was called.
    """
    call: Any = error  # every error of a channel is a grpc.Call too, which the type does not say
    if not isinstance(call, grpc.Call) or _refused(call) or call.code() is not grpc.StatusCode.UNAVAILABLE:
        return refusal_from(error)
    return _no_answer((call.details() or "").lower(), endpoint)


def _refused(call: grpc.Call) -> bool:
    return any(key == REFUSAL_KEY for key, _ in call.trailing_metadata() or ())


def _no_answer(details: str, endpoint: str) -> Refusal:
    if any(word in details for word in _HANDSHAKE):
        return Refusal(
            Code.PEER_UNTRUSTED,
            f"what answers at {endpoint} is not the node of this directory, or does not know this operator",
            remedy="Check the address, keys/tls.crt and the operator's certificate (banktax operator add).",
        )
    return Refusal(Code.NODE_NOT_RUNNING, f"no answer at the control address {endpoint}")
