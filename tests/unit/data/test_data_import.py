"""From a file to a feature set: what is taken, what is rejected and why, and that it is all or nothing."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from node.codes import Code
from node.data.files import CsvSource, ParquetSource
from node.data.importer import ImportOptions, ImportProgress, ImportReport, import_table, iterate_import
from node.data.rejects import Reject, RejectReason, read_rejects
from node.errors import Refusal
from node.policy.uscc import valid_code
from node.storage.features import FeatureSetState, FeatureStore
from protocols.scoring.model import MISSING
from tests.support.tables import AS_OF, NOW, clock, csv_text, good_row, small_catalogue, store_in

STRICT = ImportOptions()
LENIENT = ImportOptions(ignore_extra=True, allow_missing_fields=True)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return store_in(tmp_path)


def load(
    store: FeatureStore,
    content: str | bytes,
    tmp_path: Path,
    *,
    options: ImportOptions = STRICT,
    encoding: str | None = None,
    name: str = "vat",
) -> ImportReport:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    source = CsvSource(path, encoding=encoding)
    return import_table(source, small_catalogue(), store, name=name, as_of=AS_OF, clock=clock, options=options)


def values(store: FeatureStore, report: ImportReport, code: str) -> list[int]:
    opened = store.open(report.feature_set.feature_set)
    rows = opened.rows([code])
    assert rows[0] >= 0
    return [int(column[0]) for column in opened.columns(opened.fields, rows).values()]


def rejects(report: ImportReport) -> list[Reject]:
    return [] if report.rejects_path is None else list(read_rejects(report.rejects_path))


def test_good_rows_become_exact_ticks(store: FeatureStore, tmp_path: Path) -> None:
    report = load(store, csv_text([good_row(number) for number in range(100)]), tmp_path)
    assert (report.rows, report.accepted, report.repeated, report.rejected) == (100, 100, 0, 0)
    assert report.rejects_path is None
    assert (tmp_path / report.feature_set.path).stat().st_mode & 0o777 == 0o600
    for number in range(100):
        assert values(store, report, valid_code(number)) == [number * 100 + 25, number % 25, number % 5]
    opened = store.open(report.feature_set.feature_set)
    assert opened.rows([valid_code(101), "91", "", good_row(3)[0] + "0"]).tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize("blank", ["", "  ", "NA", "N/A", "null", "NULL", "-", "—", "无", " NaN ", "　", "－"])
def test_markers_of_nothing_are_missing(store: FeatureStore, tmp_path: Path, blank: str) -> None:
    report = load(store, csv_text([(valid_code(1), blank, blank, blank)]), tmp_path)
    assert values(store, report, valid_code(1)) == [MISSING, MISSING, MISSING]


def test_a_marker_that_is_a_code_of_the_field_is_a_value(store: FeatureStore, tmp_path: Path) -> None:
    catalogue = small_catalogue()
    body = catalogue.to_body()
    body["fields"][2]["codes"] = ["无", "NA", "B"]
    (tmp_path / "t.csv").write_text(csv_text([(valid_code(1), "1", "1", "NA"), (valid_code(2), "1", "1", "无")]))
    report = import_table(
        CsvSource(tmp_path / "t.csv"), catalogue.from_body(body), store, name="x", as_of=AS_OF, clock=clock
    )
    assert values(store, report, valid_code(1))[2] == 1
    assert values(store, report, valid_code(2))[2] == 0


def test_full_width_white_space_and_case_are_normalised(store: FeatureStore, tmp_path: Path) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in valid_code(1))
    report = load(
        store,
        csv_text([(f" {wide}　", "１２．５０", " 7", "Ａ"), (valid_code(2).lower(), "+1.5e1", "08", "M ")]),
        tmp_path,
    )
    assert values(store, report, valid_code(1)) == [1250, 7, 0]
    assert values(store, report, valid_code(2)) == [1500, 8, 2]


@pytest.mark.parametrize(
    ("encoding", "given"),
    [("utf-8", None), ("utf-8-sig", None), ("gb18030", None), ("utf-16", None), ("gbk", "GBK"), ("big5", "big5")],
)
def test_encodings_and_chinese_headers(store: FeatureStore, tmp_path: Path, encoding: str, given: str | None) -> None:
    name = "信用級別" if encoding == "big5" else "信用级别"
    header = f"统一社会信用代码,销售额,零申报月数,{name}" if encoding != "big5" else f"uscc,sales,months,level,{name}"
    row = (*good_row(4), "數") if encoding == "big5" else good_row(4)
    content = csv_text([row], header).encode(encoding)
    report = load(store, content, tmp_path, encoding=given, options=LENIENT)
    assert values(store, report, valid_code(4)) == [425, 4, 4]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_found(store: FeatureStore, tmp_path: Path, delimiter: str) -> None:
    report = load(store, csv_text([good_row(4)]).replace(",", delimiter), tmp_path)
    assert values(store, report, valid_code(4)) == [425, 4, 4]


def test_quotes_line_breaks_and_windows_line_ends(store: FeatureStore, tmp_path: Path) -> None:
    row = good_row(1)
    text = (
        f'uscc,"sales",months,level,note\r\n{row[0]},"1.00",2,"A","a ""b"", c\r\nd"\r\n{good_row(2)[0]},2.00,3,B,\r\n'
    )
    report = load(store, text, tmp_path, options=LENIENT)
    assert (report.accepted, report.extra) == (2, ("note",))
    assert values(store, report, row[0]) == [100, 2, 0]


def test_every_fault_is_named_by_row_field_and_reason_and_never_by_value(store: FeatureStore, tmp_path: Path) -> None:
    rows = [
        good_row(1),
        ("91350100M000100Y4Z", "1", "1", "A"),
        (valid_code(3), "1", "25", "A"),
        (valid_code(4), "0.001", "1.5", "A"),
        (valid_code(5), "SECRETVALUE", "1", "SECRETVALUE"),
        (valid_code(6), "1,234", "1", "A"),
        (valid_code(7), "1", "1"),
        good_row(8),
        ("", "1", "1", "A"),
    ]
    report = load(store, csv_text(rows), tmp_path)
    assert rejects(report) == [
        Reject(3, "uscc", RejectReason.BAD_CODE),
        Reject(4, "months", RejectReason.OUT_OF_RANGE),
        Reject(5, "months", RejectReason.OFF_STEP),
        Reject(5, "sales", RejectReason.OFF_STEP),
        Reject(6, "level", RejectReason.UNKNOWN_CODE),
        Reject(6, "sales", RejectReason.NOT_A_NUMBER),
        Reject(7, "", RejectReason.WRONG_COLUMN_COUNT),
        Reject(8, "", RejectReason.WRONG_COLUMN_COUNT),
        Reject(10, "uscc", RejectReason.BAD_CODE),
    ]
    assert (report.rows, report.accepted, report.rejected) == (9, 2, 7)
    assert report.rejects_path is not None
    content = report.rejects_path.read_text()
    assert "SECRETVALUE" not in content
    assert "91350100" not in content
    assert report.rejects_path.stat().st_mode & 0o777 == 0o600


def test_ragged_rows_keep_the_others_numbers_right(store: FeatureStore, tmp_path: Path) -> None:
    bad_code = ("x", "1", "1", "A")
    rows: list[tuple[str, ...]] = [("a",), ("b", "c"), bad_code, good_row(1), ("d",), bad_code, ("e",)]
    report = load(store, csv_text(rows), tmp_path)
    assert [each.row for each in rejects(report)] == [2, 3, 4, 6, 7, 8]
    assert [each.row for each in rejects(report) if each.reason is RejectReason.BAD_CODE] == [4, 7]


def test_ragged_rows_keep_their_numbers_across_blocks(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.data.csvstream.BLOCK_BYTES", 4096)
    rows: list[tuple[str, ...]] = [good_row(number) for number in range(2000)]
    expected = {}
    for place in (0, 1, 90, 91, 500, 777, 1999):
        rows[place] = ("only", "three", "columns") if place % 2 else ("not-a-code", "1", "1", "A")
        expected[place + 2] = RejectReason.WRONG_COLUMN_COUNT if place % 2 else RejectReason.BAD_CODE
    report = load(store, csv_text(rows), tmp_path)
    assert {each.row: each.reason for each in rejects(report)} == expected
    assert report.accepted == 1993


def test_blank_lines_are_passed_over_but_counted_in_row_numbers(store: FeatureStore, tmp_path: Path) -> None:
    text = csv_text([good_row(1)]) + "\n\n" + "bad,1,1,A\n\n"
    report = load(store, text, tmp_path)
    assert (report.rows, report.accepted) == (2, 1)
    assert rejects(report) == [Reject(5, "uscc", RejectReason.BAD_CODE)]


def test_identical_duplicates_keep_one_and_conflicting_ones_none(store: FeatureStore, tmp_path: Path) -> None:
    rows = [good_row(number) for number in (5, 1, 5, 2, 3, 1, 5)]
    rows += [(valid_code(2), "7", "7", "B"), good_row(2), (valid_code(3), "", "3", "C")]
    report = load(store, csv_text(rows), tmp_path)
    assert (report.rows, report.accepted, report.repeated, report.rejected) == (10, 2, 3, 5)
    assert rejects(report) == [Reject(row, "uscc", RejectReason.CONFLICTING_DUPLICATE) for row in (5, 6, 9, 10, 11)]
    opened = store.open(report.feature_set.feature_set)
    assert opened.rows([valid_code(2), valid_code(3)]).tolist() == [-1, -1]
    assert values(store, report, valid_code(5)) == [525, 5, 0]


def test_duplicates_that_differ_only_in_spelling_are_identical(store: FeatureStore, tmp_path: Path) -> None:
    rows = [(valid_code(1), "1.50", "1", "A"), (valid_code(1).lower(), "１.5", " 1", "Ａ")]
    report = load(store, csv_text(rows), tmp_path)
    assert (report.accepted, report.repeated) == (1, 1)


def test_the_digest_depends_on_the_content_and_not_on_the_order(store: FeatureStore, tmp_path: Path) -> None:
    rows = [good_row(number) for number in range(50)]
    first = load(store, csv_text(rows), tmp_path, name="a").feature_set
    again = load(store, csv_text(rows[::-1]), tmp_path, name="b").feature_set
    other = load(store, csv_text([*rows[:-1], (rows[-1][0], "1", "1", "A")]), tmp_path, name="c").feature_set
    assert first.digest == again.digest != other.digest


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("code,sales,months,level", ImportOptions(), "uscc"),
        ("uscc,sales,months,level,sales", ImportOptions(), "more than one column"),
        ("uscc,sales,销售额,level", LENIENT, "more than one column"),
        ("uscc,sales,months,level,colour", ImportOptions(), "colour"),
        ("uscc,sales,months", ImportOptions(ignore_extra=True), "level"),
        ("uscc,colour", LENIENT, "no column is a field"),
    ],
)
def test_headers_that_do_not_fit_are_refused(
    store: FeatureStore, tmp_path: Path, header: str, options: ImportOptions, message: str
) -> None:
    row = [valid_code(1), *["1"] * header.count(",")]
    with pytest.raises(Refusal, match=message) as refused:
        load(store, csv_text([row], header), tmp_path, options=options)
    assert refused.value.code is Code.INVALID_INPUT
    assert store.list() == []


def test_missing_fields_and_extra_columns_where_they_are_allowed(store: FeatureStore, tmp_path: Path) -> None:
    report = load(store, csv_text([(valid_code(1), "x", "7")], "uscc,colour,months"), tmp_path, options=LENIENT)
    assert (report.extra, report.missing) == (("colour",), ("sales", "level"))
    assert values(store, report, valid_code(1)) == [MISSING, 7, MISSING]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"uscc,sales,months,level\n",
        b"uscc,sales,months,level\nx,y,z,w\n",
        b"\xff\xfe\xff",
        b"uscc,sales\xff\xff,months\n\x80\x81",
        b'uscc,sales,months,level\n"' + b"x" * 100,
        bytes(range(256)) * 100,
    ],
)
def test_files_without_a_usable_row_are_refused_and_change_nothing(
    store: FeatureStore, tmp_path: Path, content: bytes
) -> None:
    before = load(store, csv_text([good_row(1)]), tmp_path)
    with pytest.raises(Refusal) as refused:
        load(store, content, tmp_path)
    assert refused.value.code is Code.INVALID_INPUT
    assert [each.state for each in store.list()] == [FeatureSetState.ACTIVE]
    assert {path.name for path in (tmp_path / "features").iterdir()} == {Path(before.feature_set.path).name}


def test_a_row_longer_than_a_block_is_refused(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.data.csvstream.BLOCK_BYTES", 1024)
    text = csv_text([good_row(1), (valid_code(2), "1" * 5000, "1", "A")])
    with pytest.raises(Refusal, match="row is longer"):
        load(store, text, tmp_path)
    assert store.list() == []


@pytest.mark.parametrize("as_of", ["", "2026-13-01", "yesterday", "2027-01-01", "30.06.2026"])
def test_dates_are_checked(store: FeatureStore, tmp_path: Path, as_of: str) -> None:
    (tmp_path / "t.csv").write_text(csv_text([good_row(1)]))
    with pytest.raises(Refusal, match="as_of"):
        import_table(CsvSource(tmp_path / "t.csv"), small_catalogue(), store, name="x", as_of=as_of, clock=clock)


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201])
def test_names_are_checked(store: FeatureStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal, match="name"):
        load(store, csv_text([good_row(1)]), tmp_path, name=name)


def test_progress_counts_up_and_carries_every_reject(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.data.csvstream.BLOCK_BYTES", 4096)
    rows = [good_row(number) for number in range(500)] + [("x", "1", "1", "A"), (valid_code(3), "9", "9", "A")]
    (tmp_path / "t.csv").write_text(csv_text(rows))
    steps: list[ImportProgress] = []
    report = import_table(
        CsvSource(tmp_path / "t.csv"),
        small_catalogue(),
        store,
        name="x",
        as_of=AS_OF,
        clock=clock,
        progress=steps.append,
    )
    assert len(steps) > 3
    assert [step.rows for step in steps] == sorted(step.rows for step in steps)
    assert [each for step in steps for each in step.rejects] == rejects(report)
    assert (steps[-1].accepted, steps[-1].rejected) == (report.accepted, report.rejected) == (499, 3)


def test_a_table_of_faults_is_reported_in_small_parts(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.data.importer.REPORTED_REJECTS", 100)
    monkeypatch.setattr("node.data.csvstream.BATCH_ROWS", 300)
    monkeypatch.setattr("node.data.validate.MAXIMUM_FAULTS", 2)
    rows = [("x", "x", "x", "x") for _ in range(1000)] + [good_row(1)]
    (tmp_path / "t.csv").write_text(csv_text(rows))
    steps: list[ImportProgress] = []
    report = import_table(
        CsvSource(tmp_path / "t.csv"),
        small_catalogue(),
        store,
        name="x",
        as_of=AS_OF,
        clock=clock,
        progress=steps.append,
    )
    assert max(len(step.rejects) for step in steps) == 100
    assert [each for step in steps for each in step.rejects] == rejects(report)
    assert [(each.row, each.field) for each in rejects(report)][:4] == [
        (2, "sales"),
        (2, "uscc"),
        (3, "sales"),
        (3, "uscc"),
    ]
    assert len(rejects(report)) == 2000
    assert (report.accepted, report.rejected) == (1, 1000)


def test_an_import_that_is_closed_midway_leaves_nothing(store: FeatureStore, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(csv_text([good_row(1)]))
    steps = iterate_import(CsvSource(tmp_path / "t.csv"), small_catalogue(), store, name="x", as_of=AS_OF, clock=clock)
    next(steps)
    steps.close()
    assert store.list() == []
    assert list((tmp_path / "features").iterdir()) == []


def test_a_disk_that_fails_is_a_refusal_that_leaves_nothing(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refusal, match="No space left") as refused:
        load(store, csv_text([good_row(1)]), tmp_path)
    assert refused.value.code is Code.STORAGE_UNAVAILABLE
    assert store.list() == []
    assert list((tmp_path / "features").iterdir()) == []


def test_a_missing_file_is_a_refusal(store: FeatureStore, tmp_path: Path) -> None:
    for source in (CsvSource(tmp_path / "none.csv"), ParquetSource(tmp_path / "none.parquet")):
        with pytest.raises(Refusal) as refused:
            import_table(source, small_catalogue(), store, name="x", as_of=AS_OF, clock=clock)
        assert refused.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize("kind", ["text", "numbers", "floats", "dictionary"])
def test_parquet_columns_of_every_kind(store: FeatureStore, tmp_path: Path, kind: str) -> None:
    kinds = {
        "text": [pa.array(["1.25", None]), pa.array(["7", ""]), pa.array(["B", None])],
        "numbers": [
            pa.array([Decimal("1.25"), None], pa.decimal128(10, 4)),
            pa.array([7, None], pa.int16()),
            pa.array(["B", None], pa.large_string()),
        ],
        "floats": [pa.array([1.25, None]), pa.array([7.0, float("nan")]), pa.array(["B", None])],
        "dictionary": [
            pa.array(["1.25", None]).dictionary_encode(),
            pa.array([7, None]).dictionary_encode(),
            pa.array(["B", None]).dictionary_encode(),
        ],
    }
    table = pa.table(
        [pa.array([valid_code(1), valid_code(2)]), *kinds[kind]], names=["uscc", "sales", "months", "level"]
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    report = import_table(
        ParquetSource(tmp_path / "t.parquet"), small_catalogue(), store, name="x", as_of=AS_OF, clock=clock
    )
    assert values(store, report, valid_code(1)) == [125, 7, 1]
    assert values(store, report, valid_code(2)) == [MISSING, MISSING, MISSING]


def test_floats_are_read_by_their_shortest_decimal(store: FeatureStore, tmp_path: Path) -> None:
    amounts = np.arange(0, 1000) / 100
    table = pa.table(
        {"uscc": [valid_code(n) for n in range(1000)], "sales": amounts, "months": [1] * 1000, "level": ["A"] * 1000}
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    report = import_table(
        ParquetSource(tmp_path / "t.parquet"), small_catalogue(), store, name="x", as_of=AS_OF, clock=clock
    )
    assert report.accepted == 1000
    assert values(store, report, valid_code(29))[0] == 29


def test_parquet_that_holds_no_single_values_or_is_damaged_is_refused(store: FeatureStore, tmp_path: Path) -> None:
    table = pa.table({"uscc": [valid_code(1)], "sales": [[1, 2]], "months": [1], "level": ["A"]})
    parquet.write_table(table, tmp_path / "nested.parquet")
    content = (tmp_path / "nested.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    (tmp_path / "noise.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    for name in ("nested", "cut", "noise"):
        source = ParquetSource(tmp_path / f"{name}.parquet")
        with pytest.raises(Refusal) as refused:
            import_table(source, small_catalogue(), store, name="x", as_of=AS_OF, clock=clock)
        assert refused.value.code is Code.INVALID_INPUT


def test_the_same_import_at_the_same_moment_leaves_the_first_alone(store: FeatureStore, tmp_path: Path) -> None:
    first = load(store, csv_text([good_row(1)]), tmp_path)
    with pytest.raises(Refusal) as refused:
        load(store, csv_text([good_row(1)]), tmp_path)
    assert refused.value.code is Code.WRONG_STATE
    assert values(store_in(tmp_path), first, valid_code(1)) == [125, 1, 1]


def test_the_time_of_the_import_is_the_clocks(store: FeatureStore, tmp_path: Path) -> None:
    assert load(store, csv_text([good_row(1)]), tmp_path).feature_set.imported_at == NOW
