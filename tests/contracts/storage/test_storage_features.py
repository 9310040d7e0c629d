"""The life of feature sets on both databases: superseded by name, kept for running jobs, dropped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from node.codes import Code
from node.data.files import CsvSource
from node.data.importer import import_table
from node.errors import Refusal
from node.policy.uscc import valid_code
from node.storage.database import Database
from node.storage.features import FeatureSetState, FeatureStore, StoredFeatureSet
from node.storage.schema import bureau_jobs, bureau_models
from tests.support.tables import AS_OF, NOW, csv_text, good_row, small_catalogue

TICKS = count(NOW)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> FeatureStore:
    return FeatureStore(database, tmp_path / "data")


def load(
    store: FeatureStore, tmp_path: Path, numbers: range, *, name: str = "vat", as_of: str = AS_OF, version: int = 1
) -> StoredFeatureSet:
    path = tmp_path / f"{next(TICKS)}.csv"
    path.write_text(csv_text([good_row(number) for number in numbers]))
    catalogue = small_catalogue(version)
    clock = lambda: next(TICKS)  # noqa: E731
    return import_table(CsvSource(path), catalogue, store, name=name, as_of=as_of, clock=clock).feature_set


def states(store: FeatureStore) -> dict[str, FeatureSetState]:
    return {each.feature_set: each.state for each in store.list()}


def use_by_job(database: Database, feature_set: str, state: str) -> None:
    model = {
        "model_id": b"m" * 32, "bank": "bank-a", "name": "m", "version": "1", "model_class": "risk_rating",
        "header": b"", "path": "", "state": "registered", "expires_at": 0, "registered_at": 0,
        "parts_digest": b"p" * 32,
    }  # fmt: skip
    job = {
        "job_id": b"j" * 16, "bank": "bank-a", "idempotency_key": "k", "content_digest": b"c" * 32,
        "model_id": b"m" * 32, "purpose": "loan_origination", "agreement_id": "a", "feature_set": feature_set,
        "enterprises": 1, "state": state, "opened_at": 0,
    }  # fmt: skip
    with database.write() as conn:
        conn.execute(insert(bureau_models), [model])
        conn.execute(insert(bureau_jobs), [job])


def test_a_newer_import_of_a_name_supersedes_the_older(store: FeatureStore, tmp_path: Path) -> None:
    first = load(store, tmp_path, range(10))
    other = load(store, tmp_path, range(5, 15), name="violations")
    second = load(store, tmp_path, range(3))
    assert states(store) == {
        first.feature_set: FeatureSetState.SUPERSEDED,
        other.feature_set: FeatureSetState.ACTIVE,
        second.feature_set: FeatureSetState.ACTIVE,
    }
    assert store.get(second.feature_set) == second
    assert store.get("nothing") is None


def test_a_superseded_set_is_still_read_by_running_jobs(store: FeatureStore, tmp_path: Path) -> None:
    first = load(store, tmp_path, range(10))
    opened = store.open(first.feature_set)
    load(store, tmp_path, range(3))
    again = FeatureStore(store._database, tmp_path / "data").open(first.feature_set)
    for each in (opened, again):
        assert len(each) == 10
        assert each.columns(["sales"], each.rows([valid_code(9)]))["sales"].tolist() == [925]


def test_the_standing_set_is_the_union_of_the_active_sets(store: FeatureStore, tmp_path: Path) -> None:
    assert store.codes().tolist() == []
    empty = store.standing_version()
    load(store, tmp_path, range(10))
    load(store, tmp_path, range(5, 15), name="violations")
    before = store.standing_version()
    assert list(store.standing_codes()) == sorted(valid_code(number) for number in range(15))
    newest = load(store, tmp_path, range(3))
    assert list(store.standing_codes()) == sorted(valid_code(n) for n in (*range(3), *range(5, 15)))
    after = store.standing_version()
    assert len({empty, before, after}) == 3
    store.drop(newest.feature_set, NOW)
    assert len(store.codes()) == 10
    assert store.standing_version() not in {before, after}


def test_new_jobs_use_the_latest_as_of_date_of_their_catalogue(store: FeatureStore, tmp_path: Path) -> None:
    assert store.latest("base", 1) is None
    newest = load(store, tmp_path, range(3), name="a", as_of="2026-06-30")
    load(store, tmp_path, range(3), name="b", as_of="2026-03-31")
    other = load(store, tmp_path, range(3), name="c", as_of="2026-09-01", version=2)
    assert store.latest("base", 1) == newest
    assert store.latest("base", 2) == other
    assert store.latest("other", 1) is None


def test_dropping_removes_the_file_and_keeps_the_row(store: FeatureStore, tmp_path: Path) -> None:
    stored = load(store, tmp_path, range(3))
    store.open(stored.feature_set)
    dropped = store.drop(stored.feature_set, NOW)
    assert (dropped.state, dropped.changed_at) == (FeatureSetState.DROPPED, NOW)
    assert not store.path(stored).exists()
    assert store.drop(stored.feature_set, NOW + 1) == dropped
    with pytest.raises(Refusal) as refused:
        store.open(stored.feature_set)
    assert refused.value.code is Code.WRONG_STATE


@pytest.mark.parametrize("state", ["computing", "releasing", "queued"])
def test_a_set_that_an_open_job_uses_is_not_dropped(
    store: FeatureStore, database: Database, tmp_path: Path, state: str
) -> None:
    stored = load(store, tmp_path, range(3))
    use_by_job(database, stored.feature_set, state)
    with pytest.raises(Refusal) as refused:
        store.drop(stored.feature_set, NOW)
    assert refused.value.code is Code.WRONG_STATE
    assert len(store.open(stored.feature_set)) == 3
    with database.write() as conn:
        conn.execute(update(bureau_jobs).values(state="done"))
    assert store.drop(stored.feature_set, NOW).state is FeatureSetState.DROPPED


def test_a_job_that_opens_while_the_set_is_dropped_gets_it_or_is_refused(
    store: FeatureStore, database: Database, tmp_path: Path
) -> None:
    stored = load(store, tmp_path, range(3))
    with ThreadPoolExecutor(1) as pool:
        with database.write() as conn:
            store.pin(conn, stored.feature_set)
            dropping = pool.submit(store.drop, stored.feature_set, NOW)
            assert len(store.open(stored.feature_set)) == 3
        dropping.result(timeout=30)
    with database.write() as conn, pytest.raises(Refusal) as refused:
        store.pin(conn, stored.feature_set)
    assert refused.value.code is Code.WRONG_STATE


def test_sets_that_do_not_exist_are_not_found(store: FeatureStore, database: Database) -> None:
    with pytest.raises(Refusal) as opening:
        store.open("nothing")
    with pytest.raises(Refusal) as dropping:
        store.drop("nothing", NOW)
    with database.write() as conn, pytest.raises(Refusal) as pinning:
        store.pin(conn, "nothing")
    assert {each.value.code for each in (opening, dropping, pinning)} == {Code.NOT_FOUND}


def test_many_threads_import_the_same_name_and_one_stays_active(store: FeatureStore, tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: load(store, tmp_path, range(number, number + 3)), range(6)))
    assert sorted(states(store).values()) == ["active", *["superseded"] * 5]


def test_cleaning_removes_only_what_a_crash_left(store: FeatureStore, tmp_path: Path) -> None:
    stored = load(store, tmp_path, range(3))
    folder = tmp_path / "data" / "features"
    (folder / ".import-abc").mkdir()
    (folder / ".import-abc" / "codes").write_bytes(b"x")
    (folder / "2026-06-30-000000000000.arrow").write_bytes(b"x")
    store.clean()
    assert [path.name for path in folder.iterdir()] == [Path(stored.path).name]
    assert len(store.open(stored.feature_set)) == 3
