"""How a server's call ends when something is raised in it.

What is no refusal becomes ``INTERNAL`` with the call's correlation id. The log gets types and places of the
exceptions, never their messages, which may hold values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from node.codes import Code
from node.errors import Refusal
from node.logs import get_logger, places
from node.rpc.status import abort
from protocols.errors import ParameterError, PeerProtocolError

_log = get_logger("rpc")


@contextmanager
def refusals(context: grpc.ServicerContext, method: str, correlation_id: str) -> Iterator[None]:
    """End the call with a status whatever is raised inside; nothing but refusals shows what it says.

    Args:
        context: the call.
        method: its path, for the log.
        correlation_id: what the log and an ``INTERNAL`` status share.
    """
    try:
        yield
    except Exception as error:
        abort(context, as_refusal(error, method, correlation_id))


def as_refusal(error: Exception, method: str, correlation_id: str) -> Refusal:
    """Return the refusal that a caller is told of, and write to the log what it is not told."""
    if isinstance(error, Refusal):
        _log.info("call refused", method=method, code=error.code.value)
        return error
    if isinstance(error, ParameterError):
        return Refusal(Code.BOUND_EXCEEDED, str(error))
    if isinstance(error, PeerProtocolError):
        return Refusal(Code.MALFORMED, str(error))
    if isinstance(error, grpc.RpcError):
        _log.info("call ended by the caller", method=method)
        return Refusal(Code.DEADLINE_EXCEEDED, "the caller ended the call")
    _log.error("call failed", method=method, error=type(error).__name__, places=places(error))
    return Refusal(Code.INTERNAL, f"internal error number {correlation_id}")
