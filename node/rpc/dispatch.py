"""From a raw gRPC call to a plain function and back: one path for every kind of call, peers' and operators'.

A :class:`Door` decides who comes in and how messages are carried (signed envelopes for peers, bare messages for
operators); a service is a list of functions ``(context, request) -> response``, with iterators where a side streams.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from google.protobuf.message import Message

from node.codes import Code
from node.errors import Refusal
from node.logs import correlated
from node.rpc.methods import Kind, Method
from node.rpc.refusing import refusals
from protocols.errors import LocalProtocolError

Handler = Callable[[Any, Any], Any]


class Exchange(Protocol):
    """One call on its way: its context, and how its messages are opened and sealed."""

    @property
    def context(self) -> Any:
        """What the service's function is given first."""
        ...

    def request(self, data: bytes) -> Message:
        """Return the next message of the caller, checked."""
        ...

    def response(self, message: Message) -> bytes:
        """Return an answer as it goes on the wire."""
        ...


class Door(Protocol):
    """Who may call, and how messages are carried."""

    def admit(self, method: Method[Any, Any], call: grpc.ServicerContext, correlation_id: str) -> Exchange:
        """Return the exchange of a caller that is known and allowed.

        Raises:
            Refusal: it is not.
        """
        ...


@dataclass(frozen=True)
class Service:
    """The functions that answer the calls of one service."""

    name: str
    handlers: tuple[tuple[Method[Any, Any], Handler], ...]


def service(*handlers: tuple[Method[Any, Any], Handler]) -> Service:
    """Return a service of ``(method, function)`` pairs; all methods belong to one service.

    A function takes the call's context and the request, or an iterator of requests where the caller streams; it
    returns the response, or an iterator of responses where the callee streams.
    """
    names = {method.service for method, _ in handlers}
    if len(names) != 1:
        raise ValueError("a service has handlers of one service")
    return Service(names.pop(), tuple(handlers))


class Activity:
    """Counts running calls and turns new ones away once draining began. Thread-safe."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._running = 0
        self._draining = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """Hold one running call.

        Raises:
            Refusal: ``DRAINING``.
        """
        with self._condition:
            if self._draining:
                raise Refusal(Code.DRAINING, "the node is stopping")
            self._running += 1
        try:
            yield
        finally:
            with self._condition:
                self._running -= 1
                self._condition.notify_all()

    def drain(self, seconds: float) -> bool:
        """Turn new calls away and wait for running ones; return whether all of them ended in time."""
        end = time.monotonic() + seconds
        with self._condition:
            self._draining = True
            return self._condition.wait_for(lambda: not self._running, max(0.0, end - time.monotonic()))


class Dispatcher:
    """Makes gRPC handlers of services.

    Args:
        door: who may call and how messages are carried.
        activity: what counts running calls.
        correlation_ids: gives every call a fresh id of its own.
    """

    def __init__(self, door: Door, activity: Activity, correlation_ids: Callable[[], str]) -> None:
        self._door = door
        self._activity = activity
        self._correlation_ids = correlation_ids

    def handler(self, offered: Service) -> grpc.GenericRpcHandler:
        """Return the gRPC handler of one service; a method without a function is UNIMPLEMENTED."""
        methods = {method.name: self._method(method, function) for method, function in offered.handlers}
        return grpc.method_handlers_generic_handler(offered.name, methods)

    def _method(self, method: Method[Any, Any], function: Handler) -> grpc.RpcMethodHandler[bytes, bytes]:
        if method.kind is Kind.UNARY:
            return grpc.unary_unary_rpc_method_handler(self._single(method, function))
        if method.kind is Kind.SERVER_STREAM:
            return grpc.unary_stream_rpc_method_handler(self._many(method, function))
        if method.kind is Kind.CLIENT_STREAM:
            return grpc.stream_unary_rpc_method_handler(self._single(method, function))
        return grpc.stream_stream_rpc_method_handler(self._many(method, function))

    def _single(self, method: Method[Any, Any], function: Handler) -> Callable[[Any, grpc.ServicerContext], bytes]:
        def behaviour(received: Any, call: grpc.ServicerContext) -> bytes:
            with self._exchange(method, call) as exchange:
                requests = _Requests(method, exchange, received)
                answer = function(exchange.context, requests.argument)
                requests.require_end()
                return exchange.response(_typed(method, answer))
            raise AssertionError("unreachable: a refused call is aborted")

        return behaviour

    def _many(
        self, method: Method[Any, Any], function: Handler
    ) -> Callable[[Any, grpc.ServicerContext], Iterator[bytes]]:
        def behaviour(received: Any, call: grpc.ServicerContext) -> Iterator[bytes]:
            with self._exchange(method, call) as exchange:
                requests = _Requests(method, exchange, received)
                for answer in function(exchange.context, requests.argument):
                    yield exchange.response(_typed(method, answer))

        return behaviour

    @contextmanager
    def _exchange(self, method: Method[Any, Any], call: grpc.ServicerContext) -> Iterator[Exchange]:
        correlation_id = self._correlation_ids()
        with (
            correlated(correlation_id),
            refusals(call, method.path, correlation_id),
            self._activity.call(),
        ):
            yield self._door.admit(method, call, correlation_id)


class _Requests:
    """What a service's function gets as its second argument, each message opened when it is asked for."""

    def __init__(self, method: Method[Any, Any], exchange: Exchange, received: Any) -> None:
        self._received = received
        self._ended = not method.kind.streams_requests
        self._exchange = exchange
        self.argument: Any = exchange.request(received) if self._ended else self._messages()

    def _messages(self) -> Iterator[Message]:
        for data in self._received:
            yield self._exchange.request(data)
        self._ended = True

    def require_end(self) -> None:
        """Hold the function to reading the stream to its end: the one answer is bound to all of it."""
        if not self._ended and next(self.argument, None) is not None:
            raise LocalProtocolError("a handler answered before it had read all requests")


def _typed(method: Method[Any, Any], answer: Any) -> Message:
    """Hold the function to the method's type; a wrong one would otherwise be the peer's riddle."""
    if not isinstance(answer, method.response):
        raise LocalProtocolError(f"a handler of {method.path} answered with another type")
    checked: Message = answer
    return checked
