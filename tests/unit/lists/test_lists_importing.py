"""From a table to a list: what is taken, what is rejected and why, and what becomes a label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from node.codes import Code
from node.data.files import CsvSource
from node.data.importer import REPORTED_REJECTS
from node.data.rejects import Reject, RejectReason
from node.errors import Refusal
from node.lists import importing
from node.lists.importing import LABEL_STEP, read_list
from node.lists.listfile import ListContent
from node.policy.screening_list import MAXIMUM_LABEL_BYTES, decode_label, encode_label
from node.policy.uscc import valid_code
from tests.support.screening_lists import finish, read, table

FIRST, SECOND, THIRD = sorted(valid_code(number) for number in range(3))


def codes(content: ListContent) -> list[str]:
    return [code.decode() for code in content.codes.tolist()]


def labels(content: ListContent, *names: str) -> list[list[str]]:
    return [list(decode_label(row.tobytes(), names).values()) for row in content.labels]


# Rows are told by their line in the file: the header is line 1.
def bad_code(row: int) -> Reject:
    return Reject(row, "uscc", RejectReason.BAD_CODE)


def conflict(row: int) -> Reject:
    return Reject(row, "uscc", RejectReason.CONFLICTING_DUPLICATE)


def test_codes_are_normalised_sorted_and_counted_once(tmp_path: Path) -> None:
    wide = "".join(chr(ord(character) + 0xFEE0) for character in SECOND)  # full-width forms
    source = table(tmp_path, [(THIRD,), (f" {FIRST.lower()} ",), (wide,), (FIRST,), (THIRD,)])
    content, rejects, last = read(source)
    assert codes(content) == [FIRST, SECOND, THIRD]
    assert (content.codes.dtype, content.labels.shape, content.label_bytes) == (np.dtype("S18"), (3, 0), 0)
    assert rejects == []
    assert (last.rows, last.accepted, last.rejected) == (5, 3, 0)


def test_rows_without_a_valid_code_are_rejected_by_line_and_the_rest_is_the_list(tmp_path: Path) -> None:
    wrong_check = FIRST[:-1] + ("0" if FIRST[-1] != "0" else "1")
    source = table(
        tmp_path, [(FIRST, "a"), ("", "b"), (wrong_check, "c"), (SECOND, "d", "e"), (THIRD, "f")], "uscc,why"
    )
    content, rejects, last = read(source)
    assert codes(content) == [FIRST, THIRD]
    assert rejects == [bad_code(3), bad_code(4), Reject(5, "", RejectReason.WRONG_COLUMN_COUNT)]
    assert (last.rows, last.accepted, last.rejected) == (5, 2, 3)
    assert FIRST[:-1] not in repr(rejects), "no value stands in a reject"


def test_labels_are_the_chosen_columns_in_their_order(tmp_path: Path) -> None:
    rows = [(" 警示 ", SECOND, "x", "3"), ("", FIRST, "y", '"say ""no"""')]
    content, rejects, _ = read(table(tmp_path, rows, "reason,uscc,ignored,band"), "band", "reason")
    assert rejects == []
    assert codes(content) == [FIRST, SECOND]
    assert labels(content, "band", "reason") == [['say "no"', ""], ["3", "警示"]]
    assert content.labels[1].tobytes().rstrip(b"\x00") == '["3","警示"]'.encode()


def test_all_labels_have_one_length_that_hides_theirs(tmp_path: Path) -> None:
    rows = [(FIRST, "a"), (SECOND, "b" * LABEL_STEP), (THIRD, "")]
    content, _, _ = read(table(tmp_path, rows, "uscc,why"), "why")
    assert content.label_bytes == 2 * LABEL_STEP, "16 characters and four of the array, rounded up"
    shorter, _, _ = read(table(tmp_path, [(FIRST, "b" * (LABEL_STEP - 4))], "uscc,why"), "why")
    assert shorter.label_bytes == LABEL_STEP


def test_one_code_with_two_labels_is_rejected_in_all_of_its_rows(tmp_path: Path) -> None:
    rows = [(FIRST, "a"), (SECOND, "b"), (FIRST, "c"), (SECOND, " b "), (FIRST, "a"), (THIRD, "d")]
    content, rejects, last = read(table(tmp_path, rows, "uscc,why"), "why")
    assert codes(content) == [SECOND, THIRD]
    assert labels(content, "why") == [["b"], ["d"]]
    assert rejects == [conflict(2), conflict(4), conflict(6)]
    assert (last.rows, last.accepted, last.rejected) == (6, 2, 3)
    plain, none, _ = read(table(tmp_path, rows, "uscc,why"))
    assert (codes(plain), none) == ([FIRST, SECOND, THIRD], []), "without labels nothing differs"


def test_a_label_as_long_as_allowed_is_taken_and_a_longer_one_rejected(tmp_path: Path) -> None:
    room = MAXIMUM_LABEL_BYTES - len(encode_label([""]))
    rows = [
        (FIRST, "x" * room),
        (SECOND, "x" * (room + 1)),
        ("no code", "x" * (room + 1)),
        (THIRD, "证" * (room // 3 + 1)),
    ]
    content, rejects, last = read(table(tmp_path, rows, "uscc,why"), "why")
    assert codes(content) == [FIRST]
    assert content.label_bytes == MAXIMUM_LABEL_BYTES
    too_long = [Reject(row, "", RejectReason.LABEL_TOO_LONG) for row in (3, 5)]
    assert rejects == [too_long[0], bad_code(4), too_long[1]]
    assert last.rejected == 3


@pytest.mark.parametrize(
    ("header", "chosen", "found"),
    [
        ("uscc,other", "", [FIRST]),
        ("统一社会信用代码,other", "", [FIRST]),
        ("\ufeff ｕｓｃｃ ,other", "", [FIRST]),
        ("other,ID", "ID", [SECOND]),
        ("uscc,ID", "ID", [SECOND]),
    ],
)
def test_the_column_of_codes_is_found_or_named(tmp_path: Path, header: str, chosen: str, found: list[str]) -> None:
    content, _, _ = read(table(tmp_path, [(FIRST, SECOND)], header), code_column=chosen)
    assert codes(content) == found


@pytest.mark.parametrize(
    ("header", "code_column", "labels", "fault"),
    [
        ("id,why", "", (), "not exactly one column is named uscc"),
        ("uscc,统一社会信用代码", "", (), "not exactly one column is named uscc"),
        ("uscc,why", "id", (), "not exactly one column is named id"),
        ("uscc,why", "", ("reason",), "not exactly one column is named reason"),
    ],
)
def test_columns_that_are_not_there_or_there_twice_are_refused(
    tmp_path: Path, header: str, code_column: str, labels: tuple[str, ...], fault: str
) -> None:
    with pytest.raises(Refusal, match=fault) as caught:
        read(table(tmp_path, [(FIRST, "a")], header), *labels, code_column=code_column)
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize("rows", [[], [("x",), ("y",)]])
def test_a_table_without_a_good_row_is_refused_after_its_rejects(tmp_path: Path, rows: list[tuple[str]]) -> None:
    told: list[Reject] = []
    with pytest.raises(Refusal, match=f"none of {len(rows)} rows") as caught:
        told.extend(reject for step in read_list(table(tmp_path, rows)) for reject in step.rejects)
    assert caught.value.code is Code.INVALID_INPUT
    assert told == [bad_code(row) for row in range(2, len(rows) + 2)]


def test_rows_of_one_code_in_other_batches_are_settled_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.data.csvstream.BATCH_ROWS", 2)
    rows = [(FIRST, "a"), (SECOND, "b"), (SECOND, "b"), (FIRST, "c"), (THIRD, "d" * 40)]
    content, told = finish(read_list(table(tmp_path, rows, "uscc,why"), "", ["why"]))
    assert [step.rows for step in told] == [2, 4, 5, 5], "progress after every batch, and at the end"
    assert (codes(content), labels(content, "why")) == ([SECOND, THIRD], [["b"], ["d" * 40]])


def test_very_many_rejects_come_in_parts(tmp_path: Path) -> None:
    count = REPORTED_REJECTS + 5
    _, told = finish(read_list(table(tmp_path, [*[("x",)] * count, (FIRST,)])))
    assert max(len(step.rejects) for step in told) == REPORTED_REJECTS
    assert sum(len(step.rejects) for step in told) == count


def test_a_list_larger_than_tags_can_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAXIMUM_TAGS", 2)
    assert codes(read(table(tmp_path, [(FIRST,), (SECOND,)]))[0]) == [FIRST, SECOND]
    with pytest.raises(Refusal) as caught:
        read(table(tmp_path, [(FIRST,), (SECOND,), (THIRD,)]))
    assert caught.value.code is Code.BOUND_EXCEEDED


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        read(CsvSource(tmp_path / "none.csv"))
    assert caught.value.code is Code.INVALID_INPUT
