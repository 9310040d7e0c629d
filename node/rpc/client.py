"""What a node calls its peers with: typed calls in signed envelopes, a deadline on each, no retries, bytes counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

from node.clock import Clock
from node.codes import Code
from node.config import LimitsSection
from node.errors import Refusal
from node.policy.card import PartyCard
from node.rpc import certificates
from node.rpc.certificates import CertificateFault, KeyAndCertificate, Usage
from node.rpc.client_exchange import ClientExchange, Counter, Ends, Outgoing, answers, transport
from node.rpc.envelope import new_nonce
from node.rpc.health import HEALTH
from node.rpc.methods import Kind, Method
from node.rpc.tls import channel_credentials, check_own, client_options
from protocols.primitives.signing import SigningKey
from protocols.randomness import Randomness

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


@dataclass(frozen=True)
class Caller:
    """This node, as it shows itself to peers."""

    party_id: str
    tls: KeyAndCertificate
    signing_key: SigningKey


class PeerClient:
    """Calls one peer over one connection. Thread-safe; make one per peer and keep it.

    Args:
        card: the peer, as it was trusted: endpoint, certificates, name and key are taken from here.
        caller: this node.
        limits: deadlines and the largest message.
        clock: for messages' times and certificates' dates.
        randomness: for nonces.
        endpoint: dialled instead of the card's.

    Raises:
        Refusal: ``CONFIG_INVALID``: the own certificate cannot be used; ``PEER_UNTRUSTED``: none of the peer's can;
            ``PEER_UNREACHABLE``: the card names no endpoint.
    """

    def __init__(
        self,
        card: PartyCard,
        caller: Caller,
        *,
        limits: LimitsSection,
        clock: Clock,
        randomness: Randomness,
        endpoint: str | None = None,
    ) -> None:
        self._card = card
        self._caller = caller
        self._limits = limits
        self._clock = clock
        self._randomness = randomness
        self._counter = Counter()
        check_own(caller.tls, (Usage.CLIENT,), clock())
        target = endpoint or card.endpoint
        if not target:
            raise Refusal(Code.PEER_UNREACHABLE, "the peer's card names no endpoint")
        self._channel = grpc.secure_channel(
            target,
            channel_credentials(caller.tls, _usable(card, clock())),
            options=client_options(limits.message_bytes, _server_name(card)),
        )

    @property
    def bytes_sent(self) -> int:
        """Bytes of all envelopes sent so far."""
        return self._counter.sent

    @property
    def bytes_received(self) -> int:
        """Bytes of all envelopes received so far."""
        return self._counter.received

    def call(self, method: Method[RequestT, ResponseT], message: RequestT, timeout: float | None = None) -> ResponseT:
        """Make one unary call.

        Args:
            method: one of :mod:`node.rpc.methods`.
            message: its request.
            timeout: seconds, if not the settings' deadline of the method.

        Raises:
            Refusal: the peer's own, or ``PEER_UNREACHABLE``, ``DEADLINE_EXCEEDED``, ``PEER_UNTRUSTED``, ``MALFORMED``.
        """
        exchange = self._exchange(method, Kind.UNARY)
        request = exchange.request(message)
        with transport():
            stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method.path)
            answer = stub(request, timeout=self._seconds(method, timeout))
        return exchange.response(answer)

    def download(
        self, method: Method[RequestT, ResponseT], message: RequestT, timeout: float | None = None
    ) -> Iterator[ResponseT]:
        """Make one call whose answer streams; see :meth:`call`. Closing the iterator ends the call."""
        exchange = self._exchange(method, Kind.SERVER_STREAM)
        request = exchange.request(message)
        with transport():
            stub: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(method.path)
            running = stub(request, timeout=self._seconds(method, timeout))
        return answers(running, exchange, None)

    def upload(
        self, method: Method[RequestT, ResponseT], messages: Iterable[RequestT], timeout: float | None = None
    ) -> ResponseT:
        """Make one call whose requests stream; see :meth:`call`. What ``messages`` raises is raised here."""
        exchange = self._exchange(method, Kind.CLIENT_STREAM)
        requests = Outgoing(messages, exchange.request)
        with transport(requests):
            stub: grpc.StreamUnaryMultiCallable[bytes, bytes] = self._channel.stream_unary(method.path)
            running = stub.future(requests, timeout=self._seconds(method, timeout))
            requests.belongs_to(running)
            answer = running.result()
        return exchange.response(answer)

    def converse(
        self, method: Method[RequestT, ResponseT], messages: Iterable[RequestT], timeout: float | None = None
    ) -> Iterator[ResponseT]:
        """Make one call that streams both ways; see :meth:`upload`. Closing the iterator ends the call."""
        exchange = self._exchange(method, Kind.BIDIRECTIONAL)
        requests = Outgoing(messages, exchange.request)
        with transport(requests):
            stub: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method.path)
            running = stub(requests, timeout=self._seconds(method, timeout))
            requests.belongs_to(running)
        return answers(running, exchange, requests)

    def healthy(self, timeout: float = 5.0) -> bool:
        """Return whether the peer says that it takes calls.

        Raises:
            Refusal: it does not answer, or not to us.
        """
        _usable(self._card, self._clock())
        request = health_pb2.HealthCheckRequest().SerializeToString()
        with transport():
            stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(f"/{HEALTH}/Check")
            data = stub(request, timeout=timeout)
        answer = health_pb2.HealthCheckResponse.FromString(data)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def close(self) -> None:
        """End the connection and every running call."""
        self._channel.close()

    def __enter__(self) -> PeerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _seconds(self, method: Method[Any, Any], timeout: float | None) -> float:
        return float(getattr(self._limits, method.pace.value)) if timeout is None else timeout

    def _exchange(self, method: Method[RequestT, ResponseT], kind: Kind) -> ClientExchange[RequestT, ResponseT]:
        if method.kind is not kind:
            raise ValueError(f"{method.path} is not a {kind.name.lower()} call")
        _usable(self._card, self._clock())  # an open connection outlives its certificates
        ends = Ends(self._caller.party_id, self._caller.signing_key, self._card.party_id, self._card.verify_key)
        nonce = new_nonce(self._randomness)
        return ClientExchange(method, ends, nonce, self._limits.message_bytes, self._clock, self._counter)


def _usable(card: PartyCard, now_ms: int) -> bytes:
    """Return the pinned certificates that a server may use now, PEM.

    Raises:
        Refusal: ``PEER_UNTRUSTED``: none.
    """
    usable, last = [], "is missing"
    for pem in card.certificates:
        encoded = pem.encode("ascii", "replace")
        try:
            certificates.check(certificates.parse(encoded), Usage.SERVER, now_ms)
            usable.append(encoded.strip() + b"\n")
        except CertificateFault as fault:
            last = str(fault)
    if not usable:
        raise Refusal(Code.PEER_UNTRUSTED, f"the peer's pinned certificate {last}")
    return b"".join(usable)


def _server_name(card: PartyCard) -> str:
    if not card.server_names:
        raise Refusal(Code.PEER_UNTRUSTED, "the peer's card names no server")
    return card.server_names[0]
