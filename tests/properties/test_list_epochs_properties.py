"""Whatever versions follow each other: after each one a bank finds exactly what the plain list holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from node.jobs.screening_calls import ListEpoch
from node.storage.database import open_database
from protocols.psi.segments import SegmentKind
from tests.support.list_epochs import BANK, EpochTrial

UNIVERSE = range(12)
STEP = 1024
versions = st.lists(
    st.dictionaries(
        st.sampled_from(UNIVERSE), st.sampled_from(["", "甲", "a much longer label of many bytes"]), min_size=1
    ),
    min_size=2,
    max_size=6,
)


@contextmanager
def trial(*, labelled: bool, key_stays: bool) -> Iterator[EpochTrial]:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/node.db")
        database.upgrade()
        try:
            yield EpochTrial(database, Path(folder), key_stays=key_stays, labelled=labelled)
        finally:
            database.dispose()


def shown(made: EpochTrial, epoch: ListEpoch) -> Iterator[int]:
    """Yield what a bank can count: tags of a segment, and those of them that earlier ones have, by their state."""
    before: dict[bytes, bool] = {}
    for segment in epoch.segments:
        data = b"".join(made.epochs.read_tags(BANK, epoch.epoch_id, segment.number, 0))
        tags = np.frombuffer(data, dtype="S12").tolist()
        assert tags == sorted(set(tags))
        yield len(tags)
        yield sum(1 for one in tags if before.get(one) is True)
        yield sum(1 for one in tags if before.get(one) is False)
        before |= dict.fromkeys(tags, segment.kind is not SegmentKind.REMOVED)


@settings(max_examples=25, deadline=None)
@given(contents=versions, labelled=st.booleans(), key_stays=st.booleans())
def test_every_version_is_found_exactly(contents: list[dict[int, str]], labelled: bool, key_stays: bool) -> None:
    with trial(labelled=labelled, key_stays=key_stays) as made:
        keys = set()
        for number, content in enumerate(contents):
            epoch = made.epoch(made.publish(str(number), content))
            keys.add(epoch.public_key)
            expected = {code: label if labelled else "" for code, label in content.items()}
            assert made.answers(epoch, UNIVERSE) == expected
            assert all(count % STEP == 0 for count in shown(made, epoch)), "a number shows finer than the step"
        if not key_stays:
            assert len(keys) == len(contents)
