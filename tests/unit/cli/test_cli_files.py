"""Output files: whole or not at all, private, in both formats."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from node.cli.files import read_document, replacing, write_document
from node.cli.score_files import HEADER, check_score_file, write_scores
from node.client.results import ScoreRow
from node.codes import Code
from node.errors import Refusal

ROWS = (
    ScoreRow("a", "scored", "", 612, 500, 112, "f1", "2026-06-30"),
    ScoreRow("b", "refused", "NO_CONSENT", None, None, None, "", ""),
)


def test_csv_holds_numbers_as_they_are_and_nothing_for_none(tmp_path: Path) -> None:
    told: list[int] = []
    assert write_scores(tmp_path / "s.csv", [ROWS[:1], ROWS[1:]], told.append) == 2
    lines = (tmp_path / "s.csv").read_text("utf-8").splitlines()
    assert lines[0] == "uscc,status,reason,score,bank_part,tax_part,feature_set,as_of"
    assert lines[1:] == ["a,scored,,612,500,112,f1,2026-06-30", "b,refused,NO_CONSENT,,,,,"]
    assert told == [1, 2]


def test_parquet_has_types_and_nulls(tmp_path: Path) -> None:
    write_scores(tmp_path / "s.parquet", [ROWS, ()])
    table = pq.read_table(tmp_path / "s.parquet")
    assert tuple(table.column_names) == HEADER
    assert table["score"].to_pylist() == [612, None]
    assert table["as_of"].to_pylist() == [date(2026, 6, 30), None]
    assert str(table.schema.field("tax_part").type) == "int64"


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_an_error_half_way_leaves_what_was_there_and_no_rest(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("old")

    def frames() -> Iterator[tuple[ScoreRow, ...]]:
        yield ROWS
        raise Refusal(Code.NODE_NOT_RUNNING, "gone")

    with pytest.raises(Refusal, match="gone"):
        write_scores(tmp_path / name, frames())
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    write_document(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    (tmp_path / "new").chmod(0o640)
    write_document(tmp_path / "new", b"y")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_not_there_is_refused_before_the_work(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "s.csv", tmp_path / "s.xlsx"):
        with pytest.raises(Refusal) as caught:
            check_score_file(path)
        assert caught.value.code is Code.INVALID_INPUT
    check_score_file(tmp_path / "S.CSV")
    check_score_file(Path("-"))


def test_a_document_has_a_bound(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(bytes(4 * 1024 * 1024 + 1))
    with pytest.raises(Refusal, match="longer than 4 MiB"):
        read_document(tmp_path / "long")


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "file") as target:
            target.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []
