"""The standard gRPC health service, for callers that the port knows; no watching, which would hold a thread each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import HealthServicer

from node.rpc.envelope import parse_strict
from node.rpc.peers import AuthContext
from node.rpc.refusing import refusals

HEALTH = "grpc.health.v1.Health"


class Health:
    """Whether this server takes calls.

    Args:
        identify: refuses callers that the port does not know.
    """

    def __init__(self, identify: Callable[[AuthContext], object]) -> None:
        self._identify = identify
        self._states = HealthServicer()
        self.not_serving()

    def serving(self) -> None:
        """Report SERVING from now on."""
        self._states.set("", health_pb2.HealthCheckResponse.SERVING)

    def not_serving(self) -> None:
        """Report NOT_SERVING from now on."""
        self._states.set("", health_pb2.HealthCheckResponse.NOT_SERVING)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the gRPC handler of ``Check``."""
        check: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(self._check)
        return grpc.method_handlers_generic_handler(HEALTH, {"Check": check})

    def _check(self, data: bytes, call: grpc.ServicerContext) -> bytes:
        with refusals(call, f"/{HEALTH}/Check", "health"):
            self._identify(call.auth_context())
            request: Any = parse_strict(health_pb2.HealthCheckRequest, data)
            answer: bytes = self._states.Check(request, call).SerializeToString()
            return answer
        raise AssertionError("unreachable: a refused call is aborted")
