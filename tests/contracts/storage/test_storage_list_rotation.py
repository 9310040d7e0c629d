"""A list's versions under one key or under several: deltas, compaction, rotation with an overlap, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from node.codes import Code, Purpose, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_calls import ListEpoch
from node.lists import deltas
from node.lists.epochs import SETTLING_MS
from node.storage.bureau_screenings import BureauScreening, BureauScreenings
from node.storage.database import Database
from protocols.psi.tags import TAG_BYTES
from tests.support.list_epochs import BANK, BUREAU, OVERLAP_MS, EpochTrial
from tests.support.screening_lists import NAME

UNIVERSE = range(80)
FIRST = {number: f"reason {number % 3}" for number in range(60)}
SECOND = {**FIRST, 5: "another reason", 70: "new"}
THIRD = {number: label for number, label in SECOND.items() if number != 7}


@pytest.fixture
def bureau(database: Database, tmp_path: Path) -> EpochTrial:
    return EpochTrial(database, tmp_path)


def refused(call: Any) -> Code:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def open_screening(
    bureau: EpochTrial, epoch: ListEpoch, version: str, number: int = 1
) -> tuple[BureauScreenings, bytes]:
    """Write an open screening under an epoch down."""
    journal = BureauScreenings(bureau.database, bureau.clock)
    session_id = bytes([number] * 16)
    names = (ScreeningMode.CODES, ScreeningProtocol.OPRF, Purpose.PORTFOLIO_SCREENING, "a-1")
    journal.open(
        BureauScreening(
            session_id, BANK, session_id, NAME, version, *names, 64, 1024, 0, b"", bytes(32), epoch.epoch_id, 1
        ),
        1000,
    )
    return journal, session_id


def test_a_version_under_the_same_key_is_a_delta_and_only_it_is_downloaded(bureau: EpochTrial) -> None:
    first = bureau.epoch(bureau.publish("1", FIRST))
    assert bureau.answers(first, UNIVERSE) == FIRST
    base = first.segments[0]
    assert sum(size for _, _, size in bureau.downloaded) == base.count * (TAG_BYTES + base.label_bytes)
    bureau.downloaded.clear()
    second = bureau.epoch(bureau.publish("2", SECOND))
    assert (second.epoch_id, second.public_key, second.segments[0]) == (first.epoch_id, first.public_key, base)
    assert bureau.answers(second, UNIVERSE) == SECOND
    assert {segment for _, segment, _ in bureau.downloaded} == {1, 2}
    sizes = sum(one.count * (TAG_BYTES + one.label_bytes) for one in second.segments[1:])
    assert sum(size for _, _, size in bureau.downloaded) == sizes < base.count * (TAG_BYTES + base.label_bytes) // 2
    bureau.downloaded.clear()
    assert bureau.answers(second, UNIVERSE) == SECOND
    assert bureau.answers(bureau.epoch(bureau.publisher.store.get(NAME, "1")), UNIVERSE) == FIRST, "an older version"
    assert bureau.downloaded == [], "everything was on disk already"
    third = bureau.epoch(bureau.publish("3", THIRD))
    assert bureau.answers(third, UNIVERSE) == THIRD
    assert [one.number for one in third.segments] == [0, 1, 2, 3, 4]


def test_only_changes_are_evaluated(bureau: EpochTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated: list[int] = []
    inner = bureau.epochs._runner

    def counting(function: Any, jobs: Any) -> Iterator[Any]:
        evaluated.extend(len(job[1]) // 18 for job in jobs)
        return iter(inner(function, jobs))

    monkeypatch.setattr(bureau.epochs, "_runner", counting)
    bureau.epoch(bureau.publish("1", FIRST))
    assert sum(evaluated) == len(FIRST)
    evaluated.clear()
    bureau.epoch(bureau.publish("2", SECOND))
    bureau.epoch(bureau.publish("3", THIRD))
    assert sum(evaluated) == 2 + 1


@pytest.mark.parametrize("other", ["agreement", "labels", "count", "size"])
def test_a_fresh_key_where_the_agreement_or_the_size_asks_for_it(
    bureau: EpochTrial, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bureau.epoch(bureau.publish("1", FIRST))
    if other == "agreement":
        bureau.key_stays = False
    if other == "labels":
        bureau.labelled = False
    if other == "count":
        monkeypatch.setattr(deltas, "MAXIMUM_DELTAS", 0)
    if other == "size":
        monkeypatch.setattr(deltas, "UNCOUNTED_TAGS", 1)
        monkeypatch.setattr(deltas, "DELTA_SHARE", 1 << 20)
    second = bureau.epoch(bureau.publish("2", SECOND))
    assert second.public_key != first.public_key
    assert [one.number for one in second.segments] == [0]
    expected = SECOND if bureau.labelled else dict.fromkeys(SECOND, "")
    assert bureau.answers(second, UNIVERSE) == expected


def test_deltas_grow_until_a_fresh_base_is_due(bureau: EpochTrial) -> None:
    content = dict(FIRST)
    keys = []
    for number in range(20):
        content = {**content, 100 + number: "new"}
        content.pop(number)
        epoch = bureau.epoch(bureau.publish(str(number), content))
        assert bureau.answers(epoch, range(130)) == content
        assert len(epoch.segments) <= 1 + 2 * deltas.MAXIMUM_DELTAS
        keys.append(epoch.public_key)
    assert 2 <= len(set(keys)) <= 5
    assert keys[0] == keys[4], "a handful of versions needs no fresh key"
    assert len({name.partition("-")[0] for name in bureau.bank_files()}) == 1, "files of replaced keys stay at the bank"


def test_a_replaced_key_serves_its_open_screenings_and_goes_when_they_are_closed(bureau: EpochTrial) -> None:
    bureau.key_stays = False
    first = bureau.epoch(bureau.publish("1", FIRST))
    journal, session_id = open_screening(bureau, first, "1")
    second = bureau.epoch(bureau.publish("2", SECOND))
    assert second.epoch_id != first.epoch_id
    assert bureau.epochs.remove_retired() == 0
    bureau.now += SETTLING_MS
    assert bureau.epochs.remove_retired() == 0
    assert bureau.epochs.info(BANK, first.epoch_id, "1") == first
    assert bureau.answers(first, UNIVERSE) == FIRST
    journal.close(BANK, session_id, b"signed")
    assert bureau.epochs.remove_retired() == 1
    for call in (bureau.epochs.info, bureau.epochs.key):
        assert refused(partial(call, BANK, first.epoch_id)) is Code.NOT_FOUND
    files = [path.name for path in (bureau.folder / "bureau" / "lists" / "epochs").iterdir()]
    assert {name.partition("-")[0] for name in files} == {second.epoch_id.hex()}
    assert bureau.answers(second, UNIVERSE) == SECOND


def test_the_overlap_has_an_end_whoever_is_still_there(bureau: EpochTrial) -> None:
    bureau.key_stays = False
    first = bureau.epoch(bureau.publish("1", FIRST))
    open_screening(bureau, first, "1")
    bureau.epoch(bureau.publish("2", SECOND))
    bureau.now += OVERLAP_MS - 100
    assert bureau.epochs.remove_retired() == 0
    bureau.now += 200
    assert bureau.epochs.remove_retired() == 1
    assert refused(lambda: bureau.epochs.key(BANK, first.epoch_id)) is Code.NOT_FOUND


def test_a_key_that_was_just_replaced_waits_for_an_opening_under_way(bureau: EpochTrial) -> None:
    bureau.key_stays = False
    bureau.epoch(bureau.publish("1", FIRST))
    bureau.epoch(bureau.publish("2", SECOND))
    assert bureau.epochs.remove_retired() == 0
    bureau.now += SETTLING_MS
    assert bureau.epochs.remove_retired() == 1


def test_an_older_version_that_is_gone_does_not_replace_the_newest(bureau: EpochTrial) -> None:
    bureau.key_stays = False
    old = bureau.publish("1", FIRST)
    bureau.epoch(old)
    new = bureau.publish("2", SECOND)
    second = bureau.epoch(new)
    bureau.now += SETTLING_MS
    assert bureau.epochs.remove_retired() == 1
    bureau.key_stays = True
    assert bureau.answers(bureau.epoch(old), UNIVERSE) == FIRST
    assert bureau.epoch(new) == second
    bureau.now += SETTLING_MS
    assert bureau.epochs.remove_retired() == 1, "the old version's key is for its own screenings alone"
    assert bureau.epoch(new) == second


def test_a_damaged_delta_takes_its_epoch_with_it(bureau: EpochTrial) -> None:
    bureau.epoch(bureau.publish("1", FIRST))
    stored = bureau.publish("2", SECOND)
    epoch = bureau.epoch(stored)
    (bureau.folder / "bureau" / "lists" / "epochs" / f"{epoch.epoch_id.hex()}-001.tags").unlink()
    fresh = bureau.epoch(stored)
    assert fresh.public_key != epoch.public_key
    assert bureau.answers(fresh, UNIVERSE) == SECOND
    assert refused(lambda: bureau.epochs.key(BANK, epoch.epoch_id)) is Code.NOT_FOUND


def test_a_broken_download_of_a_segment_goes_on_where_it_ended(bureau: EpochTrial) -> None:
    bureau.epoch(bureau.publish("1", FIRST))
    epoch = bureau.epoch(bureau.publish("2", SECOND))
    firsts: list[tuple[int, int]] = []

    def cut(segment: int, first: int) -> Iterator[bytes]:
        firsts.append((segment, first))
        (whole,) = bureau.download(epoch, "tags", segment, first)
        if segment == 1 and not first:
            yield whole[: 100 * TAG_BYTES]
            raise Refusal(Code.PEER_UNREACHABLE, "the line is cut")
        yield whole

    assert refused(lambda: bureau.bank.tags(BUREAU, NAME, epoch, cut)) is Code.PEER_UNREACHABLE
    bureau.bank.tags(BUREAU, NAME, epoch, cut)
    assert firsts == [(0, 0), (1, 0), (1, 100), (2, 0)]
    assert bureau.answers(epoch, UNIVERSE) == SECOND


def test_false_tags_of_a_delta_are_refused_and_asked_for_again(bureau: EpochTrial) -> None:
    bureau.epoch(bureau.publish("1", FIRST))
    epoch = bureau.epoch(bureau.publish("2", SECOND))

    def swapped(segment: int, first: int) -> Iterator[bytes]:
        whole = b"".join(bureau.download(epoch, "tags", segment, first))
        yield whole if segment != 2 else whole[TAG_BYTES : 2 * TAG_BYTES] + whole[:TAG_BYTES] + whole[2 * TAG_BYTES :]

    assert refused(lambda: bureau.bank.tags(BUREAU, NAME, epoch, swapped)) is Code.MALFORMED
    assert bureau.answers(epoch, UNIVERSE) == SECOND


def test_files_of_an_epoch_that_another_screening_uses_stay(bureau: EpochTrial) -> None:
    bureau.key_stays = False
    first = bureau.epoch(bureau.publish("1", FIRST))
    bureau.answers(first, UNIVERSE)
    second = bureau.epoch(bureau.publish("2", SECOND))
    tags = partial(bureau.bank.tags, BUREAU, NAME, second, lambda *at: bureau.download(second, "tags", *at))
    tags({first.epoch_id})
    assert any(name.startswith(first.epoch_id.hex()) for name in bureau.bank_files())
    tags()
    assert not any(name.startswith(first.epoch_id.hex()) for name in bureau.bank_files())


def test_an_epoch_that_is_extended_half_is_extended_again(bureau: EpochTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bureau.epoch(bureau.publish("1", FIRST))
    stored = bureau.publish("2", SECOND)
    with monkeypatch.context() as patched:
        patched.setattr(bureau.epochs._table, "extend", _stop)
        with pytest.raises(ConnectionError):
            bureau.epoch(stored)
    assert bureau.epochs.info(BANK, first.epoch_id) == first
    assert bureau.epochs.remove_orphans() == 3
    assert bureau.answers(bureau.epoch(stored), UNIVERSE) == SECOND


def _stop(*_arguments: object) -> None:
    raise ConnectionError
