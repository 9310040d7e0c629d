"""Tax data out of a real PostgreSQL: tables, queries, and what a query may not do."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from node.codes import Code
from node.data.importer import ImportOptions, ImportReport, import_table, iterate_import
from node.data.postgresql import PostgresqlSource
from node.data.rejects import Reject, RejectReason, read_rejects
from node.errors import Refusal
from node.policy.uscc import valid_code
from node.storage.features import FeatureStore
from protocols.scoring.model import MISSING
from tests.support.tables import AS_OF, clock, small_catalogue, store_in

pytestmark = pytest.mark.postgresql
ROWS = 2000
COLUMNS = "uscc, sales, months, level"


@pytest.fixture
def source_url(postgresql_url: str) -> str:
    url = postgresql_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE vat (uscc text, sales numeric, months int, level text); CREATE SCHEMA 税务;"
            'CREATE TABLE 税务.表 (uscc text, sales float8, months int, "信用级别" text); CREATE TABLE leaked (x text)'
        )
        with connection.cursor().copy("COPY vat FROM STDIN") as copy:
            for number in range(ROWS):
                copy.write_row((valid_code(number), f"{number}.25", number % 25, "ABMCD"[number % 5]))
        connection.execute("INSERT INTO 税务.表 VALUES (%s, 0.29, NULL, 'A')", [valid_code(1)])
    return postgresql_url


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return store_in(tmp_path)


def load(store: FeatureStore, url: str, query: str, seconds: int = 60) -> ImportReport:
    options = ImportOptions(allow_missing_fields=True)
    return import_table(
        PostgresqlSource(url, query, seconds),
        small_catalogue(),
        store,
        name="x",
        as_of=AS_OF,
        clock=clock,
        options=options,
    )


@pytest.mark.parametrize("query", ["vat", " public.vat ", f"SELECT {COLUMNS} FROM vat;", "TABLE vat -- all of it"])
def test_a_table_or_a_select(store: FeatureStore, source_url: str, query: str) -> None:
    report = load(store, source_url, query)
    assert report.accepted == ROWS
    opened = store.open(report.feature_set.feature_set)
    columns = opened.columns(opened.fields, opened.rows([valid_code(7), valid_code(ROWS - 1)]))
    assert {name: values.tolist() for name, values in columns.items()} == {
        "sales": [725, (ROWS - 1) * 100 + 25],
        "months": [7, 24],
        "level": [2, 4],
    }


def test_names_in_chinese_nulls_and_floats(store: FeatureStore, source_url: str) -> None:
    report = load(store, source_url, "税务.表")
    opened = store.open(report.feature_set.feature_set)
    values = [int(column[0]) for column in opened.columns(opened.fields, opened.rows([valid_code(1)])).values()]
    assert values == [29, MISSING, 0]


def test_bad_rows_are_rejected_by_number(store: FeatureStore, source_url: str) -> None:
    query = f"SELECT {COLUMNS} FROM vat WHERE months < 2 UNION ALL SELECT 'no code', 1, 99, E'A\\n,\"' "
    report = load(store, source_url, query)
    assert report.rejects_path is not None
    assert list(read_rejects(report.rejects_path)) == [
        Reject(report.rows + 1, "level", RejectReason.UNKNOWN_CODE),
        Reject(report.rows + 1, "months", RejectReason.OUT_OF_RANGE),
        Reject(report.rows + 1, "uscc", RejectReason.BAD_CODE),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "vat; DROP TABLE vat",
        "SELECT 1) TO PROGRAM 'true' --",
        f"SELECT {COLUMNS} FROM vat) TO STDOUT; DROP TABLE vat; --",
        "DELETE FROM vat",
        "WITH gone AS (DELETE FROM vat RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copied FROM vat",
        "COPY vat TO STDOUT",
        "SELECT pg_sleep(",
        "SELECT * FROM absent",
        "SELECT nextval('s')",
        "'; --",
        "SELECT 1/0 AS uscc, 1 AS sales",
    ],
)
def test_what_is_no_plain_select_is_refused_and_changes_nothing(
    store: FeatureStore, source_url: str, query: str
) -> None:
    with pytest.raises(Refusal) as refused:
        load(store, source_url, query)
    assert refused.value.code is Code.INVALID_INPUT
    assert store.list() == []
    with psycopg.connect(source_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM vat").fetchone() == (ROWS,)


def test_errors_name_the_fault_and_no_value(store: FeatureStore, source_url: str) -> None:
    with pytest.raises(Refusal, match="absent"):
        load(store, source_url, "SELECT * FROM absent")
    with pytest.raises(Refusal) as refused:
        load(store, source_url, "SELECT level::int AS uscc, 1 AS sales FROM vat")
    assert "A" not in str(refused.value.detail).replace("DataError", "").split()
    assert "22P02" in refused.value.detail


def test_a_query_that_takes_too_long_is_ended(store: FeatureStore, source_url: str) -> None:
    query = f"SELECT {COLUMNS} FROM vat, pg_sleep(30)"
    with pytest.raises(Refusal) as refused:
        load(store, source_url, query, seconds=1)
    assert refused.value.code is Code.DEADLINE_EXCEEDED


def test_a_database_that_is_not_there_is_a_refusal_without_its_password(store: FeatureStore, source_url: str) -> None:
    for url in ("postgresql://someone:hidden-word@127.0.0.1:9/x", "postgresql://someone:hidden-word@[broken"):
        with pytest.raises(Refusal) as refused:
            load(store, url, "vat")
        assert "hidden-word" not in str(refused.value)
        assert refused.value.code in {Code.STORAGE_UNAVAILABLE, Code.INVALID_INPUT}
    assert "hidden-word" not in repr(PostgresqlSource("postgresql://someone:hidden-word@h/x", "vat"))


def test_an_import_that_is_closed_midway_lets_the_connection_go(
    store: FeatureStore, source_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.data.csvstream.BLOCK_BYTES", 4096)
    endless = PostgresqlSource(source_url, f"SELECT {COLUMNS} FROM vat, generate_series(1, 10000)")
    steps = iterate_import(endless, small_catalogue(), store, name="x", as_of=AS_OF, clock=clock)
    next(steps)
    steps.close()
    assert store.list() == []
    with psycopg.connect(source_url.replace("+psycopg", "")) as connection:
        count = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'banktax-import'")
        assert count.fetchone() == (0,)
