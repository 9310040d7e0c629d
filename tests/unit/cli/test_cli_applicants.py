"""Lists of applicants: encodings, layouts, what is refused, and that long lists are not held in memory."""

from __future__ import annotations

import tracemalloc
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from node.cli.applicants import open_list
from node.client.results import Applicant
from node.codes import Code
from node.errors import Refusal

CODE = "91350100M000100Y43"


def write(folder: Path, content: bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"], ids=["utf-8", "mark", "utf-16", "gb18030"]
)
def test_encodings_are_found_in_the_file(tmp_path: Path, encoding: str) -> None:
    found = open_list(write(tmp_path, f"统一社会信用代码,行业\r\n{CODE},制造业\r\n".encode(encoding)))
    assert found.fields == ("行业",)
    assert list(found) == [Applicant(CODE, ("制造业",))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_are_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    found = open_list(write(tmp_path, f"age{delimiter}USCC\n41{delimiter}{CODE}\n".encode()))
    assert found.fields == ("age",)
    assert list(found) == [Applicant(CODE, ("41",))]


def test_without_a_named_column_the_first_holds_the_code(tmp_path: Path) -> None:
    found = open_list(write(tmp_path, b"enterprise,age\nx,41\n"))
    assert (found.fields, list(found)) == (("age",), [Applicant("x", ("41",))])


def test_a_list_of_codes_alone_needs_no_header(tmp_path: Path) -> None:
    found = open_list(write(tmp_path, f"{CODE}\n\n91110000600037341L\n".encode()))
    assert [row.uscc for row in found] == [CODE, "91110000600037341L"]


def test_quotes_blank_lines_and_short_rows(tmp_path: Path) -> None:
    found = open_list(write(tmp_path, b'uscc,a,b\n\n"x","1,5"\n , ,\ny,"two\nlines",3\n'))
    assert list(found) == [Applicant("x", ("1,5", "")), Applicant("y", ("two\nlines", "3"))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"uscc,,b\n", "column 2 has no name"),
        (b"uscc,a,a\n", "two columns are named"),
        (b"uscc,a\nx,1\ny,2,3\n", "line 3 has more cells"),
        (b'uscc,a\nx,"' + b"1" * 200_000 + b'"\n', "is not CSV"),
        (b"uscc,a\nx,\xff\xff\xff\n", "is not text"),
    ],
)
def test_lists_that_cannot_be_read_are_refused_with_the_place(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(Refusal, match=message) as caught:
        list(open_list(write(tmp_path, content)))
    assert caught.value.code is Code.INVALID_INPUT


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(Refusal, match="cannot be read"):
            open_list(tmp_path / name)


def test_parquet_cells_are_sent_exactly(tmp_path: Path) -> None:
    table = pa.table(
        {
            "age": pa.array([41, None]),
            "uscc": pa.array([CODE, "y"]),
            "ratio": pa.array([1e-7, float("nan")]),
            "amount": pa.array([Decimal("10.50"), None]),
            "day": pa.array([date(2026, 6, 30), None]),
            "kind": pa.array(["A", "B"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "list.parquet")
    found = open_list(tmp_path / "list.parquet")
    assert (found.rows, found.fields) == (2, ("age", "ratio", "amount", "day", "kind"))
    assert list(found) == [
        Applicant(CODE, ("41", "0.0000001", "10.50", "2026-06-30", "A")),
        Applicant("y", ("", "", "", "", "B")),
    ]


def test_nested_and_broken_parquet_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"uscc": ["x"], "more": [[1, 2]]}), tmp_path / "nested.parquet")
    with pytest.raises(Refusal, match="«more» is nested"):
        open_list(tmp_path / "nested.parquet")
    with pytest.raises(Refusal, match="as Parquet"):
        open_list(write(tmp_path, b"PAR1 no", "broken.parquet"))


def test_a_long_list_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w") as file:
        file.write("uscc,a\n")
        for number in range(200_000):
            file.write(f"{number:018d},{number}\n")
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_list(path)) == 200_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000, "two hundred thousand rows take 40 MB as objects"
