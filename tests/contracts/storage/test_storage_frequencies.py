"""Frequencies in both databases: the first document of a set stays, and no race passes the day's number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from node.codes import Code
from node.errors import Refusal
from node.storage.database import Database
from node.storage.frequencies import FrequenciesStore, StoredFrequencies

DAY_MS = 86_400_000
NOW = 20_000 * DAY_MS


def counted(content: bytes, feature_set: str = "set-1") -> StoredFrequencies:
    return StoredFrequencies(feature_set, content, content.ljust(32, b"."), NOW)


def test_the_first_document_of_a_set_stays(database: Database) -> None:
    store = FrequenciesStore(database)
    assert store.get("set-1") is None
    assert store.save(counted(b"first")) == counted(b"first")
    assert store.save(counted(b"second")) == counted(b"first")
    assert store.save(counted(b"second", "set-2")) == counted(b"second", "set-2")
    assert store.get("set-1") == counted(b"first")


def test_calls_at_once_never_pass_the_days_number(database: Database) -> None:
    store = FrequenciesStore(database)

    def attempt(_: int) -> bool:
        try:
            store.charge("auditor-1", NOW, 5)
        except Refusal as refusal:
            return refusal.code is not Code.QUOTA_EXCEEDED  # another refusal would count as given
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(20))) == 5
    store.charge("auditor-2", NOW, 5)
    store.charge("auditor-1", NOW + DAY_MS, 5)


def test_no_quota_is_no_frequencies(database: Database) -> None:
    with pytest.raises(Refusal, match="0 frequencies a day"):
        FrequenciesStore(database).charge("auditor-1", NOW, 0)
