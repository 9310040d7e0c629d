"""Conversations of protocol machines: what names one, and the bank's side of driving one to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_link import Conversation
from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.transcript import MessagesDigest
from protocols.psi.vole.buckets import BucketPlan


class Encoded(Protocol):
    """A protocol message."""

    def encode(self) -> bytes:
        """Return its canonical encoding."""
        ...


def bucket_plan(padded_codes: int, list_items: int, buckets: int, key: bytes, security: SecurityProfile) -> BucketPlan:
    """Return how a screening's two sets are split: sizes, buckets, key and profile as the session has them.

    Raises:
        Refusal: ``BOUND_EXCEEDED`` where the sizes cannot be split so.
    """
    try:
        return BucketPlan(padded_codes, list_items, buckets, key, security)
    except ParameterError as fault:
        raise Refusal(Code.BOUND_EXCEEDED, str(fault), remedy="Screen with --protocol oprf.") from None


@dataclass(frozen=True)
class Exchanged:
    """What a conversation gave: the machine's result, digests of both sides' messages, and the bureau's messages."""

    result: Any
    bank: bytes
    bureau: bytes
    messages: tuple[bytes, ...]


def converse(
    machine: Any,
    decode: Callable[[bytes], Any],
    talk: Conversation,
    sent: Callable[[Any], None] | None = None,
) -> Exchanged:
    """Drive the bank's machine until it is done.

    Args:
        machine: of :mod:`protocols.machine`, the bank's role.
        decode: decodes the bureau's messages.
        talk: carries them.
        sent: called with each message when it is on its way: time to work while the bureau does.

    Raises:
        Refusal: the bureau's, or ``MALFORMED`` on its side for a message that is false.
    """
    bank, bureau, kept = MessagesDigest(), MessagesDigest(), list[bytes]()

    def send(messages: tuple[Encoded, ...]) -> None:
        for message in messages:
            encoded = message.encode()
            bank.add(encoded)
            talk.send(encoded)
            if sent is not None:
                sent(message)

    send(machine.start())
    while not is_done(machine):
        received = talk.receive()
        bureau.add(received)
        kept.append(received)
        try:
            send(machine.receive(decode(received)))
        except PeerProtocolError as fault:
            raise Refusal(Code.MALFORMED, str(fault), side=Side.BUREAU) from None
    return Exchanged(machine.result(), bank.digest(), bureau.digest(), tuple(kept))


def replay(machine: Any, decode: Callable[[bytes], Any], messages: tuple[bytes, ...]) -> Exchanged:
    """Drive a machine with messages that were kept: the bank's side of a conversation made again, for an auditor.

    Raises:
        PeerProtocolError: the kept messages are not those of a whole conversation with this machine.
    """
    bank, bureau = MessagesDigest(), MessagesDigest()
    sent = list(machine.start())
    for message in messages:
        bureau.add(message)
        sent += machine.receive(decode(message))
    for each in sent:
        bank.add(each.encode())
    if not is_done(machine):
        raise PeerProtocolError("the kept messages are not a whole conversation")
    return Exchanged(machine.result(), bank.digest(), bureau.digest(), messages)


def is_done(machine: Any) -> bool:
    """Return whether a machine has its result."""
    try:
        machine.result()
    except LocalProtocolError:
        return False
    return True


def pack_messages(messages: tuple[bytes, ...]) -> bytes:
    """Return messages one after the other, each behind its length in eight bytes."""
    return b"".join(len(message).to_bytes(8, "big") + message for message in messages)


def unpack_messages(data: bytes) -> tuple[bytes, ...]:
    """Return what :func:`pack_messages` packed.

    Raises:
        PeerProtocolError: it is cut off.
    """
    found, at = [], 0
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 8], "big")
        if end > len(data):
            raise PeerProtocolError("kept messages are cut off")
        found.append(data[at + 8 : end])
        at = end
    return tuple(found)
