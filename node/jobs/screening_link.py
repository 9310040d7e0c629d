"""A bureau as a bank's screening reaches it, and what it says, as values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from node.codes import ScreeningProtocol
from node.jobs.screening_calls import ListEpoch, ListTerms, ScreeningOpening
from protocols.psi.segments import Segment, SegmentKind


@dataclass(frozen=True)
class ListOffer:
    """A list's signed document, and what the agreement lets this bank do with lists."""

    document: bytes
    terms: ListTerms


@dataclass(frozen=True)
class Opened:
    """What the bureau said of an open screening; ``epoch`` for oprf alone, ``bucket_key`` for vole alone."""

    session_id: bytes
    list_items: int
    agreement_id: str
    opened_at_ms: int
    bucket_key: bytes
    buckets: int
    list_digest: str
    epoch: ListEpoch | None

    def encode(self) -> bytes:
        """Return it for the journal."""
        return json.dumps(asdict(self), default=bytes.hex).encode("ascii")

    @classmethod
    def decode(cls, data: bytes) -> Opened:
        """Return what :meth:`encode` wrote."""
        values: dict[str, Any] = json.loads(data)
        epoch = values.pop("epoch")
        read = None if epoch is None else _epoch(epoch)
        return cls(**_binary(values, "session_id", "bucket_key"), epoch=read)


def _epoch(values: dict[str, Any]) -> ListEpoch:
    segments = tuple(
        Segment(**_binary(one, "tags_digest", "labels_digest") | {"kind": SegmentKind(one["kind"])})
        for one in values.pop("segments")
    )
    return ListEpoch(**_binary(values, "epoch_id", "public_key"), segments=segments)


def _binary(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: bytes.fromhex(value) if name in names else value for name, value in values.items()}


class Conversation(Protocol):
    """Protocol messages in both directions, each in order."""

    def send(self, message: bytes) -> None:
        """Send a message; returns at once."""
        ...

    def receive(self) -> bytes:
        """Wait for the next message.

        Raises:
            Refusal: the bureau's, or ``MALFORMED`` where it ends the conversation early.
        """
        ...

    @property
    def traffic(self) -> tuple[int, int]:
        """Payload bytes (sent, received) so far."""
        ...


class ScreeningLink(Protocol):
    """The bank's side of the wire. Every call raises the bureau's refusals."""

    def get_list(self, name: str, version: str) -> ListOffer:
        """Return a list's document and terms; an empty version: the newest."""
        ...

    def open_screening(self, opening: ScreeningOpening, list_digest: str) -> Opened:
        """Open a session, or find it open."""
        ...

    def download_tags(self, session_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give a segment's tags from index ``first`` in frames of whole tags."""
        ...

    def download_labels(self, session_id: bytes, segment: int, first: int) -> Iterator[bytes]:
        """Give a segment's sealed labels, in the order of the tags, from index ``first`` in frames of whole ones."""
        ...

    def evaluate(self, session_id: bytes, first: int, blinded: bytes) -> tuple[bytes, bytes]:
        """Return the evaluated batch and its proof."""
        ...

    def exchange(
        self, protocol: ScreeningProtocol, session_id: bytes, bucket: int, attempt: int
    ) -> AbstractContextManager[Conversation]:
        """Hold one conversation of protocol messages; leaving the block ends it."""
        ...

    def exchange_table(self, session_id: bytes, part: int, attempt: int) -> AbstractContextManager[Conversation]:
        """Hold the conversation of a confusion table, the part behind those of the protocol."""
        ...

    def close_screening(self, session_id: bytes, *, cancelled: bool, record: bytes) -> bytes:
        """End a session; returns the countersigned record, nothing where it was cancelled."""
        ...
