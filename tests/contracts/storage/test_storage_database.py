"""What every part of the node relies on, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from node.codes import Code
from node.errors import Refusal
from node.storage.database import (
    Database,
    SelectIn,
    insert_ignore,
    insert_rows,
    lock_name,
    open_database,
    update_rows,
    upsert,
)
from node.storage.schema import (
    alignment_known,
    alignment_usage,
    bank_chunks,
    bureau_jobs,
    consent_uses,
    consents,
    metadata,
    parties,
)

SECRET = "correct-horse-battery"


def party(number: int, state: str = "trusted") -> dict[str, object]:
    return {
        "party_id": f"party-{number}",
        "role": "bank",
        "card": b"card",
        "state": state,
        "trusted_at": number,
        "changed_at": number,
    }


def count(database: Database) -> int:
    with database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(parties)).scalar_one())


def test_migrations_end_at_the_schema(database: Database) -> None:
    with database.write() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_upgrading_again_changes_nothing(database: Database) -> None:
    with database.write() as conn:
        conn.execute(insert(parties), [party(1)])
    database.upgrade()
    assert count(database) == 1


def test_two_upgrades_at_once_both_succeed(database_url: str) -> None:
    opened = [open_database(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: each.upgrade(), opened))
    assert count(opened[0]) == 0
    for each in opened:
        each.dispose()


def test_a_database_of_a_newer_release_is_refused(database: Database) -> None:
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refusal) as refused:
        database.upgrade()
    assert refused.value.code is Code.STORAGE_UNAVAILABLE


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def write_and_fail() -> None:
        with database.write() as conn:
            conn.execute(insert(parties), [party(1)])
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert count(database) == 0


def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises(Refusal), database.read() as conn:
        conn.execute(insert(parties), [party(1)])
    assert count(database) == 0
    with database.write() as conn:
        conn.execute(insert(parties), [party(1)])
    assert count(database) == 1


def test_a_reader_is_not_blocked_by_a_writer(database: Database) -> None:
    with database.write() as conn:
        conn.execute(insert(parties), [party(1)])
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(count, database).result(timeout=10) == 0
    assert count(database) == 1


def test_writes_of_many_threads_are_all_kept(database: Database) -> None:
    with database.write() as conn:
        conn.execute(insert(alignment_usage), [{"bank": "b", "day": "2026-01-01", "evaluations": 0}])

    def add(_: int) -> None:
        with database.write() as conn:
            conn.execute(update(alignment_usage).values(evaluations=alignment_usage.c.evaluations + 1))

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(add, range(200)))
    with database.read() as conn:
        assert conn.execute(select(alignment_usage.c.evaluations)).scalar_one() == 200


def test_insert_ignore_keeps_the_first_and_counts(database: Database) -> None:
    with database.write() as conn:
        assert insert_ignore(conn, parties, [party(1), party(2)]) == 2
        assert insert_ignore(conn, parties, [party(2, "suspended"), party(3)]) == 1
        assert insert_ignore(conn, parties, []) == 0
        states = {row.party_id: row.state for row in conn.execute(select(parties))}
    assert states == {"party-1": "trusted", "party-2": "trusted", "party-3": "trusted"}


def test_upsert_replaces_only_what_it_names(database: Database) -> None:
    with database.write() as conn:
        upsert(conn, parties, [party(1)], ["state"])
        upsert(conn, parties, [party(1, "suspended") | {"trusted_at": 99}, party(2)], ["state"])
        rows = conn.execute(select(parties).order_by(parties.c.party_id))
        assert [(row.state, row.trusted_at) for row in rows] == [("suspended", 1), ("trusted", 2)]


def test_insert_rows_refuses_a_key_that_is_there(database: Database) -> None:
    with database.write() as conn:
        insert_rows(conn, parties, [party(1)])
    with pytest.raises(IntegrityError), database.write() as conn:
        insert_rows(conn, parties, [party(2), party(1)])
    assert count(database) == 1


def test_update_rows_changes_the_named_rows(database: Database) -> None:
    with database.write() as conn:
        insert_rows(conn, parties, [party(number) for number in range(5)])
        changes = [{"state": f"s{number}", "party_id": f"party-{number}"} for number in (1, 3, 9)]
        assert update_rows(conn, parties, changes, ["party_id"]) == 2
        assert update_rows(conn, parties, [], ["party_id"]) == 0
        rows = conn.execute(select(parties).order_by(parties.c.party_id))
        assert [row.state for row in rows] == ["trusted", "s1", "trusted", "s3", "trusted"]


def test_bulk_forms_keep_every_type(database: Database) -> None:
    row = {
        "consent_id": bytes(range(240, 256)),
        "uscc": "91350100M000100Y43",
        "bank": "银行",
        "bureau": "bureau",
        "jws": "a'b\"c\\d",
        "digest": bytes(32),
        "purposes": ["loan_origination", "贷后"],
        "fields": [],
        "model_classes": {"a": None},
        "not_before": -(2**62),
        "expires": 2**62,
        "maximum_uses": 3,
        "notice_sha256": "0" * 64,
        "registered_at": 1,
    }
    with database.write() as conn:
        insert_rows(conn, consents, [row, row | {"consent_id": b"2" * 16}])
        found = conn.execute(select(consents).where(consents.c.consent_id == row["consent_id"])).one()
    assert dict(found._mapping) == row


def test_bulk_forms_keep_nulls_and_booleans(database: Database) -> None:
    rows = [{"consent_id": bytes([n]) * 16, "job_id": b"j" * 16, "chunk": n, "used_at": n} for n in range(2)]
    with database.write() as conn:
        insert_rows(conn, consent_uses, rows)
        insert_rows(conn, bank_chunks, [chunk_row(1, None, None), chunk_row(2, b"d" * 32, 7)])
        update_rows(conn, bank_chunks, [chunk_row(2, None, None)], ["job_id", "chunk"])
        assert [row.finished_at for row in conn.execute(select(bank_chunks))] == [None, None]


def chunk_row(chunk: int, digest: bytes | None, finished: int | None) -> dict[str, object]:
    return {
        "job_id": b"j" * 16,
        "chunk": chunk,
        "canary_seed": b"s" * 32,
        "state": "planned",
        "response_digest": digest,
        "finished_at": finished,
    }


def test_select_in_takes_more_values_than_a_statement_may_have(database: Database) -> None:
    with database.write() as conn:
        conn.execute(insert(parties), [party(number) for number in range(3000)])
    wanted = [f"party-{number}" for number in range(0, 80_000, 2)]
    with database.read() as conn:
        found = {party_id for party_id, *_ in SelectIn(select(parties), parties.c.party_id)(conn, wanted)}
    assert found == {f"party-{number}" for number in range(0, 3000, 2)}


def test_select_in_keeps_types_and_the_order_of_other_parameters(database: Database) -> None:
    rows = [
        {
            "bureau": f"b{number % 2}",
            "uscc": f"{number:018d}",
            "epoch_id": bytes([number % 2]) * 16,
            "held": number < 50,
        }
        for number in range(100)
    ]
    table = alignment_known
    with database.write() as conn:
        insert_rows(conn, table, rows)
    one = func.count().filter(table.c.bureau == bindparam("wanted_bureau"))
    query = select(table.c.uscc, table.c.epoch_id, table.c.held, one).group_by(*table.primary_key.columns)
    limited = query.where(table.c.held == True).having(func.min(table.c.bureau) == "b1")  # noqa: E712 - SQL
    for wanted in ([row["uscc"] for row in rows], [row["uscc"] for row in rows[:20]]):
        with database.read() as conn:
            found = [tuple(row) for row in SelectIn(limited, table.c.uscc)(conn, wanted, wanted_bureau="b1")]
        expected = [(row["uscc"], row["epoch_id"], True, 1) for row in rows[1 : min(50, len(wanted)) : 2]]
        assert sorted(found) == expected
        assert all(held is True for _, _, held, _ in found)


def test_a_named_lock_admits_one(database: Database) -> None:
    inside, most, guard = 0, 0, threading.Lock()

    def enter(_: int) -> None:
        nonlocal inside, most
        with database.write() as conn:
            lock_name(conn, "epoch/bank")
            with guard:
                inside += 1
                most = max(most, inside)
            conn.execute(select(func.count()).select_from(parties))
            with guard:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(40)))
    assert most == 1


def test_foreign_keys_are_enforced(database: Database) -> None:
    row: dict[str, object] = {column.name: b"" if "digest" in column.name else "x" for column in bureau_jobs.columns}
    row |= {"job_id": b"j" * 16, "model_id": b"m" * 32, "enterprises": 1, "opened_at": 1, "closed_at": None}
    with pytest.raises(IntegrityError), database.write() as conn:
        conn.execute(insert(bureau_jobs), [row])


def test_errors_hold_no_values(database: Database) -> None:
    row = {
        "party_id": "party-1",
        "role": None,
        "card": SECRET.encode(),
        "state": "trusted",
        "trusted_at": 1,
        "changed_at": 1,
    }
    with pytest.raises(IntegrityError) as failed, database.write() as conn:
        conn.execute(insert(parties), [row])
    assert SECRET not in str(failed.value)
    assert "party-1" not in str(failed.value)
    assert failed.value.__suppress_context__


def test_a_database_that_is_gone_is_a_refusal_without_its_address() -> None:
    url = f"postgresql://someone:{SECRET}@127.0.0.1:9/nothing"
    with pytest.raises(Refusal) as refused, open_database(url).read():
        pass
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert SECRET not in str(refused.value)
    assert "someone" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_connection_cut_by_the_server_is_a_refusal_and_the_next_call_works(postgresql_url: str) -> None:
    opened = open_database(postgresql_url)
    opened.upgrade()

    def write_and_be_cut() -> None:
        with opened.write() as conn:
            conn.execute(insert(parties), [party(1)])
            own = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with opened.write() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
            conn.execute(delete(parties))

    with pytest.raises(Refusal) as refused:
        write_and_be_cut()
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert count(opened) == 0
    opened.dispose()


def test_a_file_that_is_no_database_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "node.db").write_bytes(b"this is not a database, it only looks like a file" * 100)
    with pytest.raises(Refusal) as refused, open_database(f"sqlite:///{tmp_path}/node.db").read() as conn:
        conn.execute(select(parties))
    assert refused.value.code is Code.STORAGE_UNAVAILABLE


def test_a_folder_that_is_missing_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        open_database(f"sqlite:///{tmp_path}/missing/node.db")
    assert refused.value.code is Code.STORAGE_UNAVAILABLE


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", f"mysql://u:{SECRET}@h/d", f"what:{SECRET}", ""])
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        open_database(url)
    assert refused.value.code is Code.CONFIG_INVALID
    assert SECRET not in str(refused.value)


def test_a_nested_write_is_named_at_once(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path}/node.db")
    with pytest.raises(RuntimeError, match="pass its connection on"), opened.write(), opened.write():
        pass
    with opened.write() as conn:
        conn.execute(text("SELECT 1"))
    opened.dispose()


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path}/node.db")
    opened.upgrade()
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("node.db*")} == {0o600}
    opened.dispose()
