"""Calls to a peer that are timed as they are made: what a bank knows of the line to its bureau."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from google.protobuf.message import Message

from node.jobs.screening_line import LineObserver
from node.rpc.client import PeerClient
from node.rpc.methods import Method

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


class MeasuredPeer:
    """Calls of a :class:`PeerClient`; those that end well are observed. Thread-safe."""

    def __init__(self, peer: PeerClient, observer: LineObserver) -> None:
        self._peer = peer
        self._observer = observer

    def call(self, method: Method[RequestT, ResponseT], message: RequestT) -> ResponseT:
        """Make one unary call."""
        began = self._observer.now
        answer = self._peer.call(method, message)
        self._observe(began, message.ByteSize() + answer.ByteSize())
        return answer

    def download(self, method: Method[RequestT, ResponseT], message: RequestT) -> Iterator[ResponseT]:
        """Make one call whose answer streams; what the caller does with its parts counts as the line's time."""
        began = self._observer.now
        return self._heard(began, self._peer.download(method, message), [message.ByteSize()], transfer=True)

    def converse(self, method: Method[RequestT, ResponseT], messages: Iterable[RequestT]) -> Iterator[ResponseT]:
        """Make one call that streams both ways."""
        began, sizes = self._observer.now, [0]

        def sent() -> Iterator[RequestT]:
            for message in messages:
                sizes[0] += message.ByteSize()
                yield message

        return self._heard(began, self._peer.converse(method, sent()), sizes)

    def _heard(
        self, began: float, answers: Iterator[ResponseT], sent: list[int], *, transfer: bool = False
    ) -> Iterator[ResponseT]:
        received = 0
        for answer in answers:
            received += answer.ByteSize()
            yield answer
        self._observe(began, sent[0] + received, transfer=transfer)

    def _observe(self, began: float, size: int, *, transfer: bool = False) -> None:
        self._observer.observe(size, self._observer.now - began, transfer=transfer)
