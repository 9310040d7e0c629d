"""What a bank's node makes of a comparison of classes, and which bureaus' answers it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_classes import _check
from node.jobs.screening_loans import check_loans, loan_evidence
from node.jobs.screening_results import mismatches_csv, table_csv
from protocols.psi.classes.entries import loans_of
from protocols.psi.classes.suppression import Table
from tests.support.loans import confusion, loans, some

BANK, BUREAU = some(60), some(60, start=20, step=2)


def _parts() -> tuple[Table, np.ndarray, np.ndarray, np.ndarray]:
    own = np.array(list(BANK.values()))
    held = np.array([loan in BUREAU for loan in BANK])
    same = np.array([BUREAU.get(loan) == level for loan, level in BANK.items()])
    return confusion(BANK, BUREAU), own, held, same


def test_a_table_of_the_same_list_is_taken() -> None:
    _check(*_parts())


@pytest.mark.parametrize(
    ("more", "less"),
    [((0, 1), (0, 0)), ((0, 1), (1, 0)), ((2, 2), (2, 3)), ((4, 0), None)],
    ids=str,
)
def test_a_table_that_contradicts_the_matches_is_the_bureaus_mistake(
    more: tuple[int, int], less: tuple[int, int] | None
) -> None:
    table, own, held, same = _parts()
    table[more] += 1
    if less is not None:
        table[less] -= 1
    with pytest.raises(Refusal) as caught:
        _check(table, own, held, same)
    assert (caught.value.code, caught.value.side) == (Code.MALFORMED, Side.BUREAU)


def test_loans_keep_their_order_and_count_once() -> None:
    checked = check_loans(["z-9\t损失\nA1\tnormal\n\nＡ１\t正常类\nA1\nB\tnone\nB_2\tloss\n".encode()])
    assert checked.codes.tolist() == [b"0Z-9", b"0A1", b"5Z-9", b"1A1"]
    assert (checked.rows, checked.bad_codes, checked.duplicates, checked.items) == (6, 3, 1, 2)


@pytest.mark.parametrize("lines", [b"A\tnormal\nB\tloss\na \tloss\n", b"A\tnormal\nA\tspecial mention", b"\xff\tloss"])
def test_lists_that_are_refused(lines: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        check_loans([lines])
    assert caught.value.code is Code.INVALID_INPUT


def test_evidence_may_give_a_loan_several_classes() -> None:
    shown = loan_evidence(["A\t正常\nA\t关注\nB\t?\n".encode()])
    assert shown == {b"0A", b"1A", b"2A"}


def test_results_as_csv() -> None:
    entries = loans({"A": 1, "B": 5}).entries()
    assert mismatches_csv(entries[2:]) == b"loan_id,loan_class\nA,normal\nB,loss\n"
    assert loans_of(entries).ids.tolist() == [b"A", b"B"]
    lines = table_csv([[1, None, 0, 12, None]] + [[0] * 5] * 4).decode().splitlines()
    assert lines[:2] == [
        "bank\\bureau,normal,special-mention,substandard,doubtful,loss",
        "normal,1,suppressed,0,12,suppressed",
    ]
    assert [line.split(",")[0] for line in lines[2:]] == ["special-mention", "substandard", "doubtful", "loss"]
