"""Segments of an epoch: what was published under one key, piece by piece; the newest decides. README clause 18."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.tags import MAXIMUM_TAGS, TAG_BYTES
from protocols.transcript import DIGEST_BYTES, bind

MAXIMUM_SEGMENTS = 256
MAXIMUM_SEALED_BYTES = 1 << 16
_TAG = np.dtype(f"S{TAG_BYTES}")
_KINDS = {"base": 0, "removed": 1, "added": 2}


class SegmentKind(StrEnum):
    """``base``: the whole set, once; ``removed``: tags that no longer count; ``added``: new ones and new labels."""

    BASE = "base"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class Segment:
    """One piece of an epoch: a sorted run of ``count`` tags, padded, and its sealed labels.

    ``number`` binds the labels; ``label_bytes`` is the length of one sealed label, 0 without labels, and
    ``labels_digest`` is empty then. Building one from a peer's values checks them; raises :class:`PeerProtocolError`.
    """

    number: int
    kind: SegmentKind
    count: int
    tags_digest: bytes
    label_bytes: int = 0
    labels_digest: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.number < MAXIMUM_SEGMENTS or not 1 <= self.count <= MAXIMUM_TAGS:
            raise PeerProtocolError("a segment's number or count is out of bounds")
        if not 0 <= self.label_bytes <= MAXIMUM_SEALED_BYTES or len(self.tags_digest) != DIGEST_BYTES:
            raise PeerProtocolError("a segment's label or digest has a wrong length")
        if len(self.labels_digest) != (DIGEST_BYTES if self.label_bytes else 0):
            raise PeerProtocolError("a digest of labels belongs to a segment with labels alone")
        if self.kind is SegmentKind.REMOVED and self.label_bytes:
            raise PeerProtocolError("a segment of removed tags has no labels")

    def without_labels(self) -> Segment:
        """Return what the segment is to a job that asks for no labels."""
        return replace(self, label_bytes=0, labels_digest=b"")

    def encode(self) -> bytes:
        """Return the canonical encoding: what the transcript says of the segment."""
        numbers = self.number.to_bytes(4, "big"), bytes([_KINDS[self.kind]]), self.count.to_bytes(8, "big")
        return bind("psi/segment", *numbers, self.tags_digest, self.labels_digest)


def check_segments(segments: Sequence[Segment]) -> None:
    """Return if ``segments`` are those of an epoch: the base, then pairs of removed and added, numbered from 0.

    Raises:
        PeerProtocolError: they are not, or have more than 2^27 tags together.
    """
    order = [SegmentKind.BASE]
    for _ in range(len(segments) // 2):
        order += [SegmentKind.REMOVED, SegmentKind.ADDED]
    if [(one.number, one.kind) for one in segments] != list(enumerate(order)):
        raise PeerProtocolError("an epoch has a base, then pairs of removed and added tags, numbered from 0")
    if len({bool(one.label_bytes) for one in segments if one.kind is not SegmentKind.REMOVED}) != 1:
        raise PeerProtocolError("either every segment of an epoch has labels, or none")
    if tag_total(segments) > MAXIMUM_TAGS:
        raise PeerProtocolError(f"an epoch has at most {MAXIMUM_TAGS} tags")


def tag_total(segments: Sequence[Segment]) -> int:
    """Return the tags of all segments together: the n of the bound on a false match, which counts every one."""
    return sum(one.count for one in segments)


@dataclass(frozen=True)
class Found:
    """Where the newest segment stands that has a tag, for every tag that was looked up.

    Attributes:
        segment: place of that segment among the epoch's, -1 where none has the tag; int64.
        index: of the tag within that segment; int64, 0 where none has it.
        held: whether the tag counts: that segment is not one of removed tags.
    """

    segment: NDArray[np.int64]
    index: NDArray[np.int64]
    held: NDArray[np.bool_]


class SegmentedTags:
    """The sorted tags of all segments, oldest first, possibly memory-mapped; each is found by binary search."""

    def __init__(self, kinds: Sequence[SegmentKind], tags: Sequence[NDArray[np.bytes_]]) -> None:
        """Take one array of dtype S12 for each kind, in strictly ascending order, which the caller checked."""
        if len(kinds) != len(tags) or any(one.dtype != _TAG for one in tags):
            raise ParameterError("every segment is one array of twelve-byte strings")
        self._kinds = tuple(kinds)
        self._tags = tuple(tags)

    def find(self, wanted: NDArray[np.bytes_]) -> Found:
        """Look tags up (dtype S12, any order): the newest segment that has one decides. O(log n) each and segment."""
        segment = np.full(len(wanted), -1, dtype=np.int64)
        index = np.zeros(len(wanted), dtype=np.int64)
        open_places = np.arange(len(wanted))
        for place in reversed(range(len(self._tags))):
            tags = self._tags[place]
            at = np.minimum(np.searchsorted(tags, wanted[open_places]), len(tags) - 1)
            there = tags[at] == wanted[open_places]
            segment[open_places[there]] = place
            index[open_places[there]] = at[there]
            open_places = open_places[~there]
        counts = np.array([kind is not SegmentKind.REMOVED for kind in self._kinds] + [False], dtype=np.bool_)
        return Found(segment, index, counts[segment])
