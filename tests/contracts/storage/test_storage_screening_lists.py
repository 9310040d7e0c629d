"""A bureau's lists on both databases: versions, withdrawals, files, and publishing that is all or nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import screening_list
from node.policy.uscc import valid_code
from node.storage.bureau_screenings import BureauScreenings
from node.storage.database import Database
from node.storage.screening_lists import ListState, ScreeningLists, StoredList
from tests.contracts.storage.test_storage_bureau_screenings import TERM, screening
from tests.support.policy import BUREAU, KEYS
from tests.support.screening_lists import NAME, NOW, Publisher, code_table, draft, labelled_table, table

LIST = StoredList(
    name=NAME,
    version="1",
    kind="abnormal-operation",
    document='{"名":"单"}'.encode(),
    digest=b"d" * 32,
    salt=b"s" * 32,
    codes=7,
    padded_count=1024,
    label_bytes=0,
    path="lists/first.list",
    state=ListState.PUBLISHED,
    published_at=NOW,
    changed_at=NOW,
)
SECOND = replace(LIST, version="2", path="lists/second.list", published_at=NOW + 10, changed_at=NOW + 10)
THIRD = replace(LIST, name="other", path="lists/third.list", published_at=NOW + 20, changed_at=NOW + 20)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> ScreeningLists:
    return ScreeningLists(database, tmp_path)


@pytest.fixture
def publisher(database: Database, tmp_path: Path) -> Publisher:
    ticks = count(NOW)
    return Publisher(database, tmp_path, lambda: next(ticks))


def refused(call: Any, *arguments: Any) -> Code:
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.code


# ---- the table


def test_versions_are_kept_and_the_newest_is_found_without_one(store: ScreeningLists) -> None:
    assert store.list() == []
    for each in (SECOND, LIST, THIRD):  # the newest by its time, not the one that was written last
        assert store.add(each) == each
    assert store.get(NAME) == store.published(NAME) == SECOND
    assert store.get(NAME, "1") == store.published(NAME, "1") == LIST
    assert store.list() == [THIRD, SECOND, LIST]
    assert [refused(store.get, NAME, "3"), refused(store.get, "none")] == [Code.NOT_FOUND] * 2


def test_a_version_never_changes(store: ScreeningLists) -> None:
    store.require_free(NAME, "1")
    store.add(LIST)
    assert refused(store.require_free, NAME, "1") is Code.IDEMPOTENCY_CONFLICT
    assert refused(store.add, replace(LIST, digest=b"e" * 32, path="lists/x.list")) is Code.IDEMPOTENCY_CONFLICT
    assert store.list() == [LIST]
    store.require_free(NAME, "2")
    store.require_free("other", "1")


def test_a_withdrawn_version_serves_nobody_and_stays_on_record(store: ScreeningLists) -> None:
    store.add(LIST)
    store.add(SECOND)
    withdrawn = store.withdraw(NAME, "2", "an error", NOW + 50)
    assert withdrawn == replace(SECOND, state=ListState.WITHDRAWN, changed_at=NOW + 50, withdrawn_reason="an error")
    assert store.get(NAME, "2") == withdrawn
    assert refused(store.published, NAME, "2") is Code.WRONG_STATE
    assert store.published(NAME) == LIST, "the newest that is published"
    assert store.withdraw(NAME, "2", "another word", NOW + 60) == withdrawn
    assert refused(store.require_free, NAME, "2") is Code.IDEMPOTENCY_CONFLICT
    store.withdraw(NAME, "1", "old", NOW + 70)
    assert refused(store.published, NAME) is Code.NOT_FOUND
    assert len(store.list()) == 2


def test_what_is_not_there_cannot_be_withdrawn(store: ScreeningLists) -> None:
    store.add(LIST)
    assert refused(store.withdraw, NAME, "9", "why", NOW) is Code.NOT_FOUND
    assert refused(store.withdraw, NAME.upper(), "1", "why", NOW) is Code.NOT_FOUND
    assert store.list() == [LIST]


def test_screenings_of_a_version_are_counted(database: Database, store: ScreeningLists) -> None:
    journal = BureauScreenings(database, lambda: NOW)
    for number, version in enumerate(("1", "1", "2")):
        journal.open(screening(number, version=version), TERM)
    journal.open(screening(9, name="other"), TERM)
    assert [store.screened(NAME, version) for version in ("1", "2", "3")] == [2, 1, 0]


def test_a_start_removes_files_that_no_row_names(store: ScreeningLists) -> None:
    store.add(LIST)
    store.add(SECOND)
    store.withdraw(NAME, "2", "an error", NOW)
    for name in ("first.list", "second.list", "orphan.list", "notes.txt"):
        (store.folder / name).write_bytes(b"x")
    store.clean()
    assert sorted(path.name for path in store.folder.iterdir()) == ["first.list", "notes.txt", "second.list"]
    assert store.folder.stat().st_mode & 0o077 == 0


# ---- publishing


def test_a_published_list_is_its_codes_its_labels_and_a_signed_document(publisher: Publisher, tmp_path: Path) -> None:
    stored = publisher.publish(draft("1", "reason"), labelled_table(tmp_path, 30))
    assert publisher.store.get(NAME) == stored
    content = publisher.lists.content(stored)
    assert content.codes.astype(str).tolist() == sorted(valid_code(number) for number in range(30))
    told = [screening_list.decode_label(row.tobytes(), ["reason"])["reason"] for row in content.labels]
    assert sorted(told) == sorted(f"原因 {number}" for number in range(30))
    listed = screening_list.parse(stored.document, BUREAU, KEYS[BUREAU])
    assert (listed.name, listed.version, listed.labels, listed.padded_count) == (NAME, "1", ("reason",), 1024)
    assert listed.digest == content.digest(stored.salt, ("reason",)).hex()
    assert stored.path == f"lists/{publisher.files()[0]}"
    assert valid_code(3).encode() not in stored.document


def test_the_same_table_under_two_versions_commits_to_two_digests(publisher: Publisher, tmp_path: Path) -> None:
    source = code_table(tmp_path, 5)
    first, second = (publisher.publish(draft(version), source) for version in "12")
    digests = {screening_list.parse(each.document, BUREAU, KEYS[BUREAU]).digest for each in (first, second)}
    assert len(digests) == 2, "each has a salt of its own"
    assert publisher.store.get(NAME) == second


def test_a_version_that_stands_is_refused_before_the_table_is_read(publisher: Publisher, tmp_path: Path) -> None:
    stored = publisher.publish(draft(), code_table(tmp_path, 5))
    missing = code_table(tmp_path, 6)
    missing.path.unlink()
    assert refused(publisher.publish, draft(), missing) is Code.IDEMPOTENCY_CONFLICT
    assert refused(publisher.publish, replace(draft("2"), kind="not a kind"), missing) is Code.INVALID_INPUT
    assert publisher.store.list() == [stored]
    assert len(publisher.files()) == 1


def test_a_table_without_a_good_row_publishes_nothing(publisher: Publisher, tmp_path: Path) -> None:
    assert refused(publisher.publish, draft(), table(tmp_path, [("x",), ("y",)])) is Code.INVALID_INPUT
    assert publisher.store.list() == []
    assert publisher.files() == []


def test_a_publication_that_is_broken_off_leaves_nothing(publisher: Publisher, tmp_path: Path) -> None:
    with closing(publisher.lists.publish(draft(), code_table(tmp_path, 5))) as steps:
        next(steps)
    assert publisher.store.list() == []
    assert publisher.files() == []


def test_of_many_publications_of_one_version_one_stands_whole(publisher: Publisher, tmp_path: Path) -> None:
    ready = Barrier(6)
    sources = []
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        sources.append(code_table(folder, 10 + number))

    def publishing(number: int) -> StoredList | Code:
        steps = publisher.lists.publish(draft(), sources[number])
        next(steps)  # every one has found the version free
        ready.wait(60)
        try:
            while True:
                next(steps)
        except StopIteration as end:
            stored: StoredList = end.value
            return stored
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(publishing, range(6)))
    assert results.count(Code.IDEMPOTENCY_CONFLICT) == 5
    (stored,) = publisher.store.list()
    assert stored in results
    assert publisher.files() == [Path(stored.path).name], "what the others wrote is gone"
    assert len(publisher.lists.content(stored).codes) == stored.codes == 10 + results.index(stored)


def test_a_list_is_withdrawn_at_the_bureaus_time(publisher: Publisher, tmp_path: Path) -> None:
    stored = publisher.publish(draft(), code_table(tmp_path, 5))
    withdrawn = publisher.lists.withdraw(NAME, "1", "an error")
    assert (withdrawn.state, withdrawn.withdrawn_reason) == (ListState.WITHDRAWN, "an error")
    assert withdrawn.changed_at > stored.published_at
    assert publisher.lists.content(withdrawn).codes.tolist() == publisher.lists.content(stored).codes.tolist()


@pytest.mark.parametrize("damage", ["missing", "shorter"])
def test_a_list_whose_file_is_damaged_is_not_served(publisher: Publisher, tmp_path: Path, damage: str) -> None:
    stored = publisher.publish(draft(), code_table(tmp_path, 5))
    path = publisher.store.path(stored)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    assert refused(publisher.lists.content, stored) is Code.STORAGE_UNAVAILABLE
