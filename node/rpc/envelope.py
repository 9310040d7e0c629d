"""Signed envelopes: every message between two nodes, each worth something in its own place only.

The signature is made over method, direction, sender, receiver, correlation, place within the stream, version, time
and the payload's digest, and is verified BEFORE the payload is parsed (docs/threat-model.md, «hostile peer»).

* Correlation of a request is its random nonce; the messages of one stream share it and count up.
* Correlation of a response is a digest of what it answers: of the first request message, and where a whole stream of
  requests gets one answer, of all of them.
* Time and nonce are checked on the first request message; the others hang on it.

NOT protected: a node that was started within the clock tolerance has forgotten which nonces it saw. Replaying to it
needs the peer's own TLS key, and every call that changes state is idempotent.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from protocols.errors import PeerProtocolError
from protocols.primitives.signing import SIGNATURE_BYTES, SigningKey, VerifyKey
from protocols.randomness import Randomness
from protocols.transcript import bind, digest
from protos.common_pb2 import SignedMessage

VERSION = 1
NONCE_BYTES = 16
ENVELOPE_BYTES = 1024
"""What an envelope may add to its payload."""
MAXIMUM_NONCES = 1 << 17
"""Nonces remembered per party; a thousand calls a second for two minutes."""

MessageT = TypeVar("MessageT", bound=Message)


class Direction(StrEnum):
    """Which way a message goes."""

    REQUEST = "request"
    RESPONSE = "response"


@dataclass(frozen=True)
class Place:
    """Where a message belongs: what its signature is bound to, apart from itself."""

    method: str
    direction: Direction
    sender: str
    receiver: str
    correlation: bytes
    sequence: int = 0

    def signed_bytes(self, version: int, sent_at_ms: int, payload: bytes) -> bytes:
        """Return what the signature is made over."""
        return bind(
            "envelope",
            self.method.encode(),
            self.direction.encode(),
            self.sender.encode(),
            self.receiver.encode(),
            self.correlation,
            self.sequence.to_bytes(8, "big"),
            version.to_bytes(4, "big"),
            sent_at_ms.to_bytes(8, "big", signed=True),
            hashlib.sha256(payload).digest(),
        )


def new_nonce(randomness: Randomness) -> bytes:
    """Return the nonce of a new call, 16 bytes."""
    return randomness.bytes(NONCE_BYTES)


class RequestDigest:
    """Builds what a response is correlated with, from the encoded envelopes of its requests."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []

    def add(self, envelope: bytes) -> None:
        """Take in the next request message."""
        self._digests.append(hashlib.sha256(envelope).digest())

    @property
    def count(self) -> int:
        """How many request messages were taken in."""
        return len(self._digests)

    def correlation(self, whole_stream: bool) -> bytes:
        """Return the digest, 32 bytes: of the first request, or of all of them."""
        return digest("request", *(self._digests if whole_stream else self._digests[:1]))


def seal(message: Message, place: Place, key: SigningKey, now_ms: int) -> bytes:
    """Return the encoded envelope of ``message``, signed for ``place``."""
    payload = message.SerializeToString(deterministic=True)
    envelope = SignedMessage(
        payload=payload,
        signature=key.sign(place.signed_bytes(VERSION, now_ms, payload)),
        nonce=place.correlation if place.direction is Direction.REQUEST else b"",
        sender=place.sender,
        receiver=place.receiver,
        version=VERSION,
        sent_at_ms=now_ms,
    )
    return envelope.SerializeToString(deterministic=True)


def parse_envelope(data: bytes, message_bytes: int) -> SignedMessage:
    """Return the envelope, its own bounds and version checked; nothing in it may be believed yet.

    Raises:
        Refusal: ``MALFORMED`` or ``VERSION_UNSUPPORTED``.
    """
    if len(data) > message_bytes:
        raise Refusal(Code.MALFORMED, f"a message of {len(data)} bytes exceeds the limit of {message_bytes}")
    envelope = parse_canonical(SignedMessage, data)
    if envelope.version != VERSION:
        raise Refusal(Code.VERSION_UNSUPPORTED, f"envelope version {envelope.version}, this node speaks {VERSION}")
    if len(envelope.signature) != SIGNATURE_BYTES or len(data) - len(envelope.payload) > ENVELOPE_BYTES:
        raise Refusal(Code.MALFORMED, "an envelope's parts are not of their lengths")
    return envelope


def verify(envelope: SignedMessage, place: Place, key: VerifyKey) -> None:
    """Return if the envelope was signed by ``key`` for ``place``.

    Raises:
        Refusal: ``PEER_UNTRUSTED``: it names another sender or its signature does not verify; ``MALFORMED``: it is
            addressed to another party, or its nonce is not of the call.
    """
    if envelope.sender != place.sender:
        raise Refusal(Code.PEER_UNTRUSTED, "a message names another sender than the connection's certificate")
    if envelope.receiver != place.receiver:
        raise Refusal(Code.MALFORMED, "a message is addressed to another party")
    if envelope.nonce != (place.correlation if place.direction is Direction.REQUEST else b""):
        raise Refusal(Code.MALFORMED, "a message's nonce is not that of its call")
    try:
        key.verify(envelope.signature, place.signed_bytes(envelope.version, envelope.sent_at_ms, envelope.payload))
    except PeerProtocolError:
        raise Refusal(Code.PEER_UNTRUSTED, "a message's signature does not verify for this call") from None


def parse_canonical(kind: type[MessageT], data: bytes) -> MessageT:
    """Return the message that ``data`` encodes in the one form this release writes.

    Raises:
        Refusal: ``MALFORMED``: it does not parse, has unknown fields, or encodes the same another way.
    """
    message = parse_strict(kind, data)
    if message.SerializeToString(deterministic=True) != data:
        raise Refusal(Code.MALFORMED, f"a {kind.DESCRIPTOR.name} is not in its canonical encoding")
    return message


def parse_strict(kind: type[MessageT], data: bytes) -> MessageT:
    """Return the message that ``data`` encodes, without unknown fields at any depth.

    Raises:
        Refusal: ``MALFORMED``.
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise Refusal(Code.MALFORMED, f"a {kind.DESCRIPTOR.name} does not parse") from None
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise Refusal(Code.MALFORMED, f"a {kind.DESCRIPTOR.name} has unknown fields")
    return message


class Freshness:
    """Refuses requests that are stale, from the future, or seen before. Thread-safe, bounded per party."""

    def __init__(self, tolerance_seconds: float, clock: Clock, capacity: int = MAXIMUM_NONCES) -> None:
        self._tolerance_ms = int(tolerance_seconds * 1000)
        self._clock = clock
        self._capacity = capacity
        self._seen: dict[str, OrderedDict[bytes, int]] = {}
        self._lock = threading.Lock()

    def admit(self, party_id: str, nonce: bytes, sent_at_ms: int) -> None:
        """Return once for a fresh nonce; to be called after the signature is verified.

        Raises:
            Refusal: ``MALFORMED``: wrong length, clocks too far apart, or replayed; ``QUOTA_EXCEEDED``: more calls
                within the tolerance than are remembered.
        """
        if len(nonce) != NONCE_BYTES:
            raise Refusal(Code.MALFORMED, f"a nonce has {NONCE_BYTES} bytes")
        now = self._clock()
        if abs(now - sent_at_ms) > self._tolerance_ms:
            raise Refusal(
                Code.MALFORMED,
                f"a request was sent {abs(now - sent_at_ms) // 1000} s {'ago' if now > sent_at_ms else 'ahead'} by "
                f"this node's clock; {self._tolerance_ms // 1000} s are tolerated",
                remedy="Set both clocks by a time server.",
            )
        with self._lock:
            self._remember(self._seen.setdefault(party_id, OrderedDict()), nonce, now)

    def _remember(self, seen: OrderedDict[bytes, int], nonce: bytes, now: int) -> None:
        while seen and next(iter(seen.values())) < now:
            seen.popitem(last=False)
        if nonce in seen:
            raise Refusal(Code.MALFORMED, "a request was replayed")
        if len(seen) >= self._capacity:
            raise Refusal(Code.QUOTA_EXCEEDED, "more calls in a short time than this node remembers")
        # A request from a clock ahead stays acceptable for twice the tolerance from now on.
        seen[nonce] = now + 2 * self._tolerance_ms
