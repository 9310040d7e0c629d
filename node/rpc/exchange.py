"""How a peer's call is carried: its certificate names the party, every message is a signed envelope."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from node.clock import Clock
from node.config import LimitsSection
from node.policy.card import PartyCard
from node.rpc.envelope import (
    Direction,
    Freshness,
    Place,
    RequestDigest,
    parse_canonical,
    parse_envelope,
    seal,
    verify,
)
from node.rpc.methods import Kind, Method
from node.rpc.peers import PeerAddress, PeerDirectory, peer_address
from protocols.primitives.signing import SigningKey


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def of(cls, call: grpc.ServicerContext, limit_seconds: float) -> Deadline:
        """Return the caller's deadline, or our own limit where that is sooner or the caller set none."""
        return cls(time.monotonic() + min(call.time_remaining(), limit_seconds))

    def seconds_left(self) -> float:
        """Return what is left, not below zero."""
        return max(0.0, self.at - time.monotonic())


@dataclass(frozen=True)
class CallContext:
    """What a service's function knows of a peer's call."""

    party: PartyCard
    """Who calls, by its certificate."""
    peer_address: PeerAddress | None
    """From where, for the agreement's networks; None where the transport names no IP address."""
    correlation_id: str
    deadline: Deadline

    @property
    def deadline_seconds_left(self) -> float:
        """Seconds until the caller gives up."""
        return self.deadline.seconds_left()


class PeerDoor:
    """Lets trusted parties in and carries their messages in signed envelopes."""

    def __init__(
        self,
        own_id: str,
        directory: PeerDirectory,
        signing_key: SigningKey,
        limits: LimitsSection,
        clock: Clock,
    ) -> None:
        self.own_id = own_id
        self.directory = directory
        self.signing_key = signing_key
        self.limits = limits
        self.clock = clock
        self.freshness = Freshness(limits.clock_tolerance_seconds, clock)

    def admit(self, method: Method[Any, Any], call: grpc.ServicerContext, correlation_id: str) -> PeerExchange:
        """Return the exchange of a trusted party.

        Raises:
            Refusal: see :meth:`~node.rpc.peers.PeerDirectory.identify`.
        """
        context = CallContext(
            self.directory.identify(call.auth_context()),
            peer_address(call.peer()),
            correlation_id,
            Deadline.of(call, getattr(self.limits, method.pace.value)),
        )
        return PeerExchange(self, method, call, context)


class PeerExchange:
    """One call of a peer, from its first request to its last response."""

    def __init__(
        self, door: PeerDoor, method: Method[Any, Any], call: grpc.ServicerContext, context: CallContext
    ) -> None:
        self._door = door
        self._method = method
        self._call = call
        self.context = context
        self._requests = RequestDigest()
        self._nonce = b""
        self._answered = 0

    def request(self, data: bytes) -> Message:
        """Return the payload of the next request message: who, signature and time first, then the parse.

        Raises:
            Refusal: ``PEER_UNTRUSTED``, ``MALFORMED`` or ``VERSION_UNSUPPORTED``.
        """
        envelope = parse_envelope(data, self._door.limits.message_bytes)
        if first := not self._requests.count:
            self._nonce = envelope.nonce
        else:  # a stream is long enough for its caller to be suspended meanwhile
            self._door.directory.identify(self._call.auth_context())
        verify(envelope, self._request_place(), self.context.party.verify_key)
        if first:
            self._door.freshness.admit(self.context.party.party_id, envelope.nonce, envelope.sent_at_ms)
        self._requests.add(data)
        message: Message = parse_canonical(self._method.request, envelope.payload)
        return message

    def response(self, message: Message) -> bytes:
        """Return the signed envelope of the next response message."""
        place = Place(
            self._method.path,
            Direction.RESPONSE,
            self._door.own_id,
            self.context.party.party_id,
            self._requests.correlation(whole_stream=self._method.kind is Kind.CLIENT_STREAM),
            self._answered,
        )
        self._answered += 1
        return seal(message, place, self._door.signing_key, self._door.clock())

    def _request_place(self) -> Place:
        return Place(
            self._method.path,
            Direction.REQUEST,
            self.context.party.party_id,
            self._door.own_id,
            self._nonce,
            self._requests.count,
        )
