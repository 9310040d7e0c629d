"""Calls under a deadline, and what becomes of their errors: every failure leaves here as a ``Refusal``.

The exception is a fault of the caller's own iterator of frames, which reaches the caller as itself: then the call is
cancelled, and the frame that says that a list or file is whole is never sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from node.client.access import ControlAccess
from node.client.refusals import control_refusal
from node.codes import Code
from node.errors import Refusal
from protos.control_pb2_grpc import ControlStub

MESSAGE_BYTES = 8 * 1024 * 1024
"""Longest message either way; the node refuses longer ones too."""


@dataclass(frozen=True)
class Deadlines:
    """Longest time for a call, in seconds: one question and answer; one stream; one slice of following a job."""

    unary: float = 60.0
    stream: float = 6 * 3600.0
    follow: float = 300.0


class RunningCall(Protocol):
    """The part of a gRPC call that this module uses."""

    def cancel(self) -> object:
        """Stop the call; nothing if it has ended."""

    def result(self) -> Any:
        """Wait for the answer of a call with one answer."""

    def __iter__(self) -> Iterator[Any]:
        """Wait for the answers of a call with many."""


class Caller:
    """Runs calls on one channel, each under its deadline."""

    def __init__(self, access: Callable[[], ControlAccess], deadlines: Deadlines) -> None:
        self._access = access
        self.deadlines = deadlines
        self._channel: grpc.Channel | None = None
        self._stub: Any = None
        self.endpoint = ""
        self.reconnect()

    def reconnect(self) -> None:
        """Open the channel anew, at the address that the node has now: it changes when a node restarts."""
        self.close()
        access = self._access()
        self.endpoint = access.endpoint
        self._channel = open_channel(access)
        self._stub = ControlStub(self._channel)  # type: ignore[no-untyped-call]

    def reconnect_if_running(self) -> None:
        """Open the channel anew where the node has an address; one that is down is asked again later."""
        try:
            self.reconnect()
        except Refusal as refusal:
            if refusal.code is not Code.NODE_NOT_RUNNING:
                raise

    def close(self) -> None:
        """Close the channel; running calls are cancelled."""
        if self._channel is not None:
            self._channel.close()

    def unary(self, method: str, request: object, seconds: float | None = None) -> Any:
        """One request, one response; ``seconds`` replaces the unary deadline."""
        with self._refusing():
            return getattr(self._stub, method)(request, timeout=seconds or self.deadlines.unary)

    def upload(self, method: str, frames: Iterable[object]) -> Any:
        """Many requests, one response."""
        source = _Frames(frames)
        call: RunningCall = getattr(self._stub, method).future(source, timeout=self.deadlines.stream)
        with source.feeding(call), self._refusing():
            return call.result()

    def download(self, method: str, request: object, seconds: float | None = None) -> Iterator[Any]:
        """One request, many responses; leaving the iterator early cancels the call."""
        call: RunningCall = getattr(self._stub, method)(request, timeout=seconds or self.deadlines.stream)
        with _cancelling(call), self._refusing():
            yield from call

    def exchange(self, method: str, frames: Iterable[object]) -> Iterator[Any]:
        """Many requests, many responses, both under way at once."""
        source = _Frames(frames)
        call: RunningCall = getattr(self._stub, method)(source, timeout=self.deadlines.stream)
        with source.feeding(call), self._refusing():
            yield from call

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Turn gRPC's errors into refusals."""
        try:
            yield
        except grpc.FutureCancelledError:
            raise Refusal(Code.INTERNAL, "the call was cancelled at this side") from None
        except grpc.RpcError as error:
            raise control_refusal(error, self.endpoint) from None


def open_channel(access: ControlAccess) -> grpc.Channel:
    """Open a TLS channel that accepts exactly the node's pinned certificate and presents the operator's."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=access.server_certificate,
        private_key=access.operator_key,
        certificate_chain=access.operator_certificate,
    )
    options = [
        ("grpc.ssl_target_name_override", access.server_name),
        ("grpc.enable_http_proxy", 0),  # control calls never pass a proxy, whatever the environment says
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        ("grpc.max_send_message_length", MESSAGE_BYTES),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    return grpc.secure_channel(access.endpoint, credentials, options)


@contextmanager
def _cancelling(call: RunningCall) -> Iterator[None]:
    try:
        yield
    finally:
        call.cancel()


class _Frames:
    """Hands frames to gRPC's thread and keeps what the caller's iterator raised there for the caller's own."""

    def __init__(self, frames: Iterable[object]) -> None:
        self._frames = iter(frames)
        self._failure: Exception | None = None
        self._call: RunningCall | None = None
        self._started = threading.Event()

    def __iter__(self) -> _Frames:
        return self

    def __next__(self) -> object:
        try:
            return next(self._frames)
        except StopIteration:
            raise
        except Exception as failure:
            self._stop(failure)
            raise StopIteration from None

    def _stop(self, failure: Exception) -> None:
        self._failure = failure
        self._started.wait()
        if self._call is not None:
            self._call.cancel()

    @contextmanager
    def feeding(self, call: RunningCall) -> Iterator[None]:
        """Run the call: cancelled at the end whatever happens, the iterator's own failure before the call's."""
        self._call = call
        self._started.set()
        try:
            with _cancelling(call):
                yield
        except Exception:
            if self._failure is not None:
                raise self._failure from None
            raise
