"""What is published of a list under a bank's key: the base of an epoch, and the delta of a later version.

Numbers must not show. Random tags hide how many codes the base or a delta adds. A tag that stands in an earlier segment
too can be seen to do so: therefore removed, returning and changed tags are padded with padding tags of earlier
segments, which go through the same changes. The bureau finds its padding again from a seed that follows from the key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.lists.evaluating import assemble, fresh_tags, sealed_length
from node.lists.listfile import ListContent
from protocols.psi.segments import Segment, SegmentedTags, SegmentKind
from protocols.psi.tags import TAG_BYTES, padded_count
from protocols.randomness import Randomness, SeededRandomness, derive_seed

SMALLEST_STEP = padded_count(0)
RESERVE = 8 * SMALLEST_STEP
"""Padding tags that a base has beyond its own where deltas may follow: every delta moves one or two steps of them."""
MAXIMUM_DELTAS = 16
"""A lookup searches every segment: 33 at most."""
DELTA_SHARE = 4
"""Deltas have at most a quarter of the base's tags: 12 bytes x 17/16 of padding x 5/4 is below 16 bytes an item."""
UNCOUNTED_TAGS = 32 * SMALLEST_STEP
"""So many tags of deltas, less than half a megabyte, are never too many: small lists have room for changes too."""

Evaluate = Callable[[NDArray[np.bytes_], NDArray[np.uint8], int], tuple[NDArray[np.bytes_], NDArray[np.uint8]]]
"""(codes, labels, number of the segment) -> tags (S12) and sealed labels (a row each) in the order of the codes."""


@dataclass(frozen=True)
class Piece:
    """One segment's content, encoded: tags in ascending order, sealed labels in the same order or nothing."""

    kind: SegmentKind
    tags: bytes
    labels: bytes
    label_bytes: int  # of one sealed label


def base(content: ListContent, reserve: int, secret: bytes, evaluate: Evaluate, randomness: Randomness) -> Piece:
    """Return the base of a fresh epoch, with ``reserve`` more padding tags than its size asks for."""
    tags, sealed = evaluate(content.codes, content.labels, 0)
    wanted = padded_count(len(tags) + reserve)
    filler = fresh_tags(tags, wanted - len(tags), _stream(secret, 0))
    return _piece(SegmentKind.BASE, tags, sealed, filler, sealed_length(content.label_bytes), randomness)


def delta(
    old: ListContent,
    new: ListContent,
    published: tuple[tuple[Segment, ...], SegmentedTags, list[NDArray[np.bytes_]]],
    secret: bytes,
    evaluate: Evaluate,
    randomness: Randomness,
) -> tuple[Piece, Piece] | None:
    """Return removed and added tags that turn ``old`` into ``new``, or nothing where a fresh epoch is due.

    ``published`` are the epoch's segments, all of them looked up together, and each one's tags. A fresh epoch is due
    where deltas grow too many or too large, labels came or went, or padding tags to hide numbers among run short.
    """
    segments, tags, each = published
    if bool(old.label_bytes) != bool(new.label_bytes) or len(segments) // 2 >= MAXIMUM_DELTAS:
        return None
    changes = _changes(old, new)
    size = sum(map(len, (changes.removed, changes.added, changes.changed))) + sum(one.count for one in segments[1:])
    if size > max(segments[0].count // DELTA_SHARE, UNCOUNTED_TAGS):
        return None
    number = len(segments)
    none = np.empty((len(changes.removed), 0), dtype=np.uint8)
    gone, _ = evaluate(changes.removed, none, number)
    codes = np.concatenate([changes.added, changes.changed])
    come, sealed = evaluate(codes, _labels_of(new, codes), number + 1)
    fresh = come[: len(changes.added)]
    returning = int((tags.find(fresh).segment >= 0).sum())
    decoys = _Decoys(secret, segments, tags, each, randomness)
    dead = decoys.live(padded_count(len(gone) + SMALLEST_STEP) - len(gone))
    again = decoys.dead(padded_count(returning) - returning) if number > 1 else _NO_TAGS
    renewed = decoys.live(padded_count(len(changes.changed)) - len(changes.changed)) if new.label_bytes else _NO_TAGS
    if dead is None or again is None or renewed is None:
        return None
    quite_new = len(fresh) - returning
    filler = fresh_tags(come, padded_count(quite_new) - quite_new, _stream(secret, number + 1))
    padding = np.concatenate([again, renewed, filler])
    width = sealed_length(new.label_bytes)
    return (
        _piece(SegmentKind.REMOVED, gone, np.empty((len(gone), 0), dtype=np.uint8), dead, 0, randomness),
        _piece(SegmentKind.ADDED, come, sealed, padding, width, randomness),
    )


_NO_TAGS: NDArray[np.bytes_] = np.empty(0, dtype=f"S{TAG_BYTES}")


@dataclass(frozen=True)
class _Changes:
    removed: NDArray[np.bytes_]
    added: NDArray[np.bytes_]
    changed: NDArray[np.bytes_]  # in both, with another label


def _changes(old: ListContent, new: ListContent) -> _Changes:
    removed, added = np.setdiff1d(old.codes, new.codes), np.setdiff1d(new.codes, old.codes)
    both = np.intersect1d(old.codes, new.codes)
    width = max(old.label_bytes, new.label_bytes)
    before, after = (_widened(_labels_of(each, both), width) for each in (old, new))
    return _Changes(removed, added, both[(before != after).any(axis=1)])


def _labels_of(content: ListContent, codes: NDArray[np.bytes_]) -> NDArray[np.uint8]:
    return content.labels[np.searchsorted(content.codes, codes)]


def _widened(labels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    return np.pad(labels, ((0, 0), (0, width - labels.shape[1])))


class _Decoys:
    """The padding tags of an epoch, by whether they count as held now; each is given once."""

    def __init__(
        self,
        secret: bytes,
        segments: tuple[Segment, ...],
        tags: SegmentedTags,
        each: list[NDArray[np.bytes_]],
        randomness: Randomness,
    ) -> None:
        drawn = [
            np.intersect1d(_first_tags(secret, one.number, one.count), content)
            for one, content in zip(segments, each, strict=True)
            if one.kind is not SegmentKind.REMOVED
        ]
        whole = np.concatenate(drawn)
        keys = np.frombuffer(randomness.bytes(8 * len(whole)), dtype=np.uint64)
        whole = whole[np.argsort(keys, kind="stable")]
        held = tags.find(whole).held
        self._live, self._dead = whole[held], whole[~held]

    def live(self, count: int) -> NDArray[np.bytes_] | None:
        """Return so many that count as held, or nothing where there are fewer."""
        given, self._live = self._live[:count], self._live[count:]
        return given if len(given) == count else None

    def dead(self, count: int) -> NDArray[np.bytes_] | None:
        """Return so many that were removed, or nothing where there are fewer."""
        given, self._dead = self._dead[:count], self._dead[count:]
        return given if len(given) == count else None


def _stream(secret: bytes, number: int) -> SeededRandomness:
    """Return where the padding tags of a segment come from: random to whoever does not have the epoch's key."""
    return SeededRandomness(derive_seed(secret, "screening/padding", number.to_bytes(4, "big")))


def _first_tags(secret: bytes, number: int, count: int) -> NDArray[np.bytes_]:
    """Return a segment's padding tags and others behind them: no segment of ``count`` tags has more of its own."""
    most = RESERVE + SMALLEST_STEP + count // 16
    return np.frombuffer(_stream(secret, number).bytes(most * TAG_BYTES), dtype=f"S{TAG_BYTES}")


def _piece(
    kind: SegmentKind,
    tags: NDArray[np.bytes_],
    sealed: NDArray[np.uint8],
    padding: NDArray[np.bytes_],
    width: int,
    randomness: Randomness,
) -> Piece:
    content, labels = assemble(tags, sealed, padding, width, randomness)
    return Piece(kind, content, labels, width)
