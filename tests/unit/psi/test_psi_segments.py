"""Segments of an epoch: their order and bounds, and that the newest one that has a tag decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.segments import (
    MAXIMUM_SEGMENTS,
    Segment,
    SegmentedTags,
    SegmentKind,
    check_segments,
    tag_total,
)
from protocols.psi.tags import MAXIMUM_TAGS, check_false_match

BASE, REMOVED, ADDED = SegmentKind.BASE, SegmentKind.REMOVED, SegmentKind.ADDED
DIGEST = bytes(32)
EPOCH = (Segment(0, BASE, 4, DIGEST), Segment(1, REMOVED, 2, DIGEST), Segment(2, ADDED, 3, DIGEST))


def array(*tags: int) -> Any:
    return np.array([bytes([number]) * 12 for number in tags], dtype="S12")


def test_the_newest_segment_that_has_a_tag_decides() -> None:
    tags = SegmentedTags(
        [BASE, REMOVED, ADDED, REMOVED, ADDED],
        [array(1, 2, 3, 4), array(2, 3), array(3, 4, 5), array(4, 5), array(5, 6)],
    )
    found = tags.find(array(7, 6, 5, 4, 3, 2, 1))
    assert found.held.tolist() == [False, True, True, False, True, False, True]
    assert found.segment.tolist() == [-1, 4, 4, 3, 2, 1, 0]
    assert found.index.tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert tags.find(array()).held.tolist() == []


def test_tags_of_another_width_or_count_are_refused() -> None:
    with pytest.raises(ParameterError):
        SegmentedTags([BASE], [np.array([b"x"], dtype="S11")])
    with pytest.raises(ParameterError):
        SegmentedTags([BASE, REMOVED], [array(1)])


def test_an_epoch_is_a_base_and_pairs() -> None:
    check_segments(EPOCH)
    check_segments(EPOCH[:1])
    assert tag_total(EPOCH) == 9
    labelled = tuple(replace(one, label_bytes=46, labels_digest=DIGEST) for one in (EPOCH[0], EPOCH[2]))
    check_segments((labelled[0], EPOCH[1], labelled[1]))
    for false in (
        (),
        EPOCH[:2],
        EPOCH[1:],
        (EPOCH[0], EPOCH[2], EPOCH[1]),
        (EPOCH[0], EPOCH[1], replace(EPOCH[2], number=3)),
        (EPOCH[0], EPOCH[1], EPOCH[1]),
        (EPOCH[0], EPOCH[1], labelled[1]),
        (replace(EPOCH[0], count=MAXIMUM_TAGS), *EPOCH[1:]),
    ):
        with pytest.raises(PeerProtocolError):
            check_segments(false)


@pytest.mark.parametrize(
    "change",
    [
        {"number": -1},
        {"number": MAXIMUM_SEGMENTS},
        {"count": 0},
        {"count": MAXIMUM_TAGS + 1},
        {"tags_digest": bytes(31)},
        {"label_bytes": 46},
        {"labels_digest": DIGEST},
        {"label_bytes": -1, "labels_digest": DIGEST},
        {"label_bytes": 1 << 17, "labels_digest": DIGEST},
        {"kind": REMOVED, "label_bytes": 46, "labels_digest": DIGEST},
    ],
    ids=str,
)
def test_a_segment_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PeerProtocolError):
        replace(EPOCH[0], **change)


def test_the_encoding_shows_every_member() -> None:
    one = Segment(2, ADDED, 3, DIGEST, 46, DIGEST)
    changed = [
        replace(one, number=4),
        replace(one, kind=BASE),
        replace(one, count=4),
        replace(one, tags_digest=bytes([1] * 32)),
        replace(one, labels_digest=bytes([1] * 32)),
        one.without_labels(),
    ]
    assert len({each.encode() for each in (one, *changed)}) == 7


def test_the_bound_on_false_matches_counts_the_tags_of_all_segments() -> None:
    half = replace(EPOCH[0], count=2**26)
    check_false_match(tag_total((half,)), 2**29)
    with pytest.raises(ParameterError):
        check_false_match(tag_total((half, half, half, half)), 2**29)
