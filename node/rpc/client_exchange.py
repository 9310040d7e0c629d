"""One outgoing call: its messages sealed and opened, its bytes counted, its errors turned into refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from node.rpc.envelope import Direction, Place, RequestDigest, parse_canonical, parse_envelope, seal, verify
from node.rpc.methods import Kind, Method
from node.rpc.status import refusal_from
from protocols.primitives.signing import SigningKey, VerifyKey

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

START_SECONDS = 5.0


class Counter:
    """Bytes of envelopes sent and received. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sent = 0
        self.received = 0

    def add(self, *, sent: int = 0, received: int = 0) -> None:
        """Count one message."""
        with self._lock:
            self.sent += sent
            self.received += received


@dataclass(frozen=True)
class Ends:
    """Both ends of a call, with the keys that sign its two directions."""

    own_id: str
    own_key: SigningKey
    peer_id: str
    peer_key: VerifyKey


class ClientExchange(Generic[RequestT, ResponseT]):
    """Seals the requests of one call and opens its responses, each in its place."""

    def __init__(
        self,
        method: Method[RequestT, ResponseT],
        ends: Ends,
        nonce: bytes,
        message_bytes: int,
        clock: Clock,
        counter: Counter,
    ) -> None:
        self._method = method
        self._ends = ends
        self._nonce = nonce
        self._message_bytes = message_bytes
        self._clock = clock
        self._counter = counter
        self._requests = RequestDigest()
        self._answered = 0

    def request(self, message: RequestT) -> bytes:
        """Return the envelope of the next request.

        Raises:
            Refusal: ``MALFORMED``: it is larger than messages may be.
        """
        ends = self._ends
        place = Place(
            self._method.path, Direction.REQUEST, ends.own_id, ends.peer_id, self._nonce, self._requests.count
        )
        data = seal(message, place, ends.own_key, self._clock())
        if len(data) > self._message_bytes:
            raise Refusal(Code.MALFORMED, f"a message of {len(data)} bytes exceeds the limit of {self._message_bytes}")
        self._requests.add(data)
        self._counter.add(sent=len(data))
        return data

    def response(self, data: bytes) -> ResponseT:
        """Return the payload of the next response.

        Raises:
            Refusal: ``PEER_UNTRUSTED``, ``MALFORMED``, ``VERSION_UNSUPPORTED``: it is not the peer's answer to this.
        """
        self._counter.add(received=len(data))
        ends = self._ends
        envelope = parse_envelope(data, self._message_bytes)
        correlation = self._requests.correlation(whole_stream=self._method.kind is Kind.CLIENT_STREAM)
        place = Place(self._method.path, Direction.RESPONSE, ends.peer_id, ends.own_id, correlation, self._answered)
        verify(envelope, place, ends.peer_key)
        self._answered += 1
        return parse_canonical(self._method.response, envelope.payload)


class Outgoing(Generic[RequestT]):
    """The stream of requests that gRPC's own thread pulls; a failure in making one ends the call and is kept."""

    def __init__(self, messages: Iterable[RequestT], encode: Callable[[RequestT], bytes]) -> None:
        self._messages = iter(messages)
        self._encode = encode
        self._started = threading.Event()
        self._call: Any = None
        self._failure: Exception | None = None

    def belongs_to(self, call: Any) -> None:
        """Name the call that a failure cancels."""
        self._call = call
        self._started.set()

    def __iter__(self) -> Outgoing[RequestT]:
        return self

    def __next__(self) -> bytes:
        try:
            return self._encode(next(self._messages))
        except StopIteration:
            raise
        except Exception as error:
            self._failure = error
            if not self._started.wait(START_SECONDS):
                raise  # gRPC then ends the call itself
            self._call.cancel()  # before the stream ends: half of it must not pass for the whole
            raise StopIteration from None

    def raise_failure(self) -> None:
        """Raise what making a request raised, if anything did."""
        if self._failure is not None:
            raise self._failure


@contextmanager
def transport(requests: Outgoing[Any] | None = None) -> Iterator[None]:
    """Turn what gRPC raises into a refusal, or into the failure of our own that ended the call."""
    try:
        yield
    except (grpc.RpcError, grpc.FutureCancelledError, ValueError) as error:
        if requests is not None:
            requests.raise_failure()
        if isinstance(error, grpc.RpcError):
            raise refusal_from(error) from None
        raise Refusal(Code.PEER_UNREACHABLE, "the connection was closed") from None


def answers(
    running: Any, exchange: ClientExchange[Any, ResponseT], requests: Outgoing[Any] | None
) -> Iterator[ResponseT]:
    """Yield the responses of a streaming call, and end the call when nobody wants more."""
    try:
        while True:
            with transport(requests):
                data = next(running, None)
            if data is None:
                break
            yield exchange.response(data)
        if requests is not None:
            requests.raise_failure()
    finally:
        running.cancel()
