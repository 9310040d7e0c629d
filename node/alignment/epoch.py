"""What bank and bureau agree on about one epoch, and the contracts of this part towards the rest of the node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from protocols.errors import PeerProtocolError
from protocols.psi.oprf import SUITE
from protocols.psi.tags import MAXIMUM_TAGS, TAG_BYTES
from protocols.transcript import DIGEST_BYTES

EPOCH_ID_BYTES = 16

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

TagJob = tuple[bytes, Sequence[bytes]]
"""Arguments of :func:`protocols.psi.tags.evaluate_tags`: the SECRET key and a slice of the inputs."""

Runner = Callable[[Callable[[bytes, Sequence[bytes]], bytes], Sequence[TagJob]], Iterable[bytes]]
"""Runs a top-level function once per job, in this process or in workers, and gives the results in any order."""


def run_here(function: Callable[[bytes, Sequence[bytes]], bytes], jobs: Sequence[TagJob]) -> Iterator[bytes]:
    """Run every job in this thread, one after the other."""
    return (function(*job) for job in jobs)


@dataclass(frozen=True)
class EpochInfo:
    """One OPRF key of the bureau: for one bank and one state of the standing set.

    Building one from a peer's values checks them; raises :class:`PeerProtocolError`.
    """

    epoch_id: bytes  # 16 random bytes
    tag_count: int  # padded
    tags_digest: bytes  # SHA-256 of the tags as published
    tag_bytes: int = TAG_BYTES
    suite: str = SUITE

    def __post_init__(self) -> None:
        if self.suite != SUITE or self.tag_bytes != TAG_BYTES:
            raise PeerProtocolError("an epoch is of another suite or tag length")
        if len(self.epoch_id) != EPOCH_ID_BYTES or len(self.tags_digest) != DIGEST_BYTES:
            raise PeerProtocolError("an epoch's id or digest has a wrong length")
        if not 1 <= self.tag_count <= MAXIMUM_TAGS:
            raise PeerProtocolError(f"an epoch has 1..{MAXIMUM_TAGS} tags")


@dataclass(frozen=True)
class StandingCodes:
    """The codes that the bureau answers for. ``load`` is called only when ``version`` was not seen before.

    ``version`` names the content: for instance the digests of the feature sets that the codes come from. ``load`` gives
    normalised codes in any order; duplicates do not count.
    """

    version: str
    load: Callable[[], Iterable[str]]


class Sealer(Protocol):
    """Seals secrets at rest under the node's key."""

    def seal(self, secret: bytes, label: str) -> bytes:
        """Return ``secret`` sealed; it opens under the same label only."""
        ...

    def open(self, sealed: bytes, label: str) -> bytes:
        """Return what was sealed."""
        ...


class AlignmentClient(Protocol):
    """The bank's side of the wire to one bureau."""

    def get_epoch(self) -> EpochInfo:
        """Return the current epoch, which the bureau builds if it has to."""
        ...

    def download_tags(self, epoch_id: bytes, first: int) -> Iterator[bytes]:
        """Give the epoch's tags from index ``first`` in frames of whole tags."""
        ...

    def evaluate(self, epoch_id: bytes, blinded: bytes) -> bytes:
        """Return the evaluated batch of an encoded blinded batch."""
        ...
