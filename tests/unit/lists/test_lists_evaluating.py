"""What a list is published as: tags in ascending order with their labels, padded so that nothing can be told apart."""

from __future__ import annotations

import numpy as np
import pytest

from node.lists.evaluating import assemble, fresh_tags
from protocols.errors import ParameterError
from protocols.psi.tags import TAG, TAG_BYTES
from protocols.randomness import Randomness, SystemRandomness

LABEL_BYTES = 5
TAGS = [bytes([number]) * TAG_BYTES for number in (9, 3, 200, 7)]
LABELS = [bytes([number]) * LABEL_BYTES for number in range(4)]
PADDED = 1024


def publish(tags: list[bytes], labels: list[bytes], width: int, randomness: Randomness) -> tuple[bytes, bytes]:
    """Return what a list of these tags is published as, padded."""
    real = np.frombuffer(b"".join(tags), TAG)
    sealed = np.frombuffer(b"".join(labels), np.uint8).reshape(-1, max(1, width))
    return assemble(real, sealed, fresh_tags(real, PADDED - len(tags), randomness), width, randomness)


class _Given:
    """Gives some bytes first, then random ones."""

    def __init__(self, first: bytes) -> None:
        self._first = first

    def bytes(self, count: int) -> bytes:
        given, self._first = self._first[:count], self._first[count:]
        return given + SystemRandomness().bytes(count - len(given))


def _rows(published: bytes, width: int) -> list[bytes]:
    return [row.tobytes() for row in np.frombuffer(published, np.uint8).reshape(-1, width)]


def test_labels_stand_where_their_tags_stand() -> None:
    tags, labels = publish(TAGS, LABELS, LABEL_BYTES, SystemRandomness())
    rows = _rows(tags, TAG_BYTES)
    assert rows == sorted(set(rows))
    assert len(rows) == PADDED
    beside = dict(zip(rows, _rows(labels, LABEL_BYTES), strict=True))
    assert [beside[tag] for tag in TAGS] == LABELS


def test_padding_is_neither_a_real_tag_nor_twice_the_same() -> None:
    twice = bytes([77]) * TAG_BYTES
    tags, _ = publish(TAGS, [], 0, _Given(TAGS[0] + twice + twice))
    rows = _rows(tags, TAG_BYTES)
    assert rows == sorted(set(rows))
    assert len(rows) == PADDED
    assert {*TAGS, twice} <= set(rows)


@pytest.mark.parametrize(("tags", "labels"), [([*TAGS[:3], TAGS[0]], LABELS), (TAGS, LABELS[1:])])
def test_a_tag_twice_or_a_label_too_few_is_refused(tags: list[bytes], labels: list[bytes]) -> None:
    with pytest.raises(ParameterError, match="not distinct, or not one label"):
        publish(tags, labels, LABEL_BYTES, SystemRandomness())


def test_a_source_of_randomness_that_repeats_itself_is_noticed() -> None:
    class Repeating:
        def bytes(self, count: int) -> bytes:
            return bytes(count)

    with pytest.raises(ParameterError, match="repeats itself"):
        publish(TAGS, [], 0, Repeating())
