"""Loans and their five risk classes as people write them (商业银行金融资产风险分类办法, in force since 2023-07-01)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from protocols.psi.classes.entries import MAXIMUM_ID_CHARACTERS, LoanClass, Loans, class_code

LOAN_LIST_KIND = "loan-classes"
"""Kind of the lists that loan classes are compared with; such a list can be asked about nothing else."""
ID_NAMES = ("loan_id", "贷款编号", "借据号")
CLASS_NAMES = ("loan_class", "风险分类", "五级分类")
CHINESE = {
    LoanClass.NORMAL: "正常",
    LoanClass.SPECIAL_MENTION: "关注",
    LoanClass.SUBSTANDARD: "次级",
    LoanClass.DOUBTFUL: "可疑",
    LoanClass.LOSS: "损失",
}
_LOAN = np.dtype(f"S{MAXIMUM_ID_CHARACTERS}")
_SPELLINGS = [(class_code(level), level) for level in LoanClass] + [
    (name + ending, level) for level, name in CHINESE.items() for ending in ("", "类")
]


def read_ids(column: pa.Array) -> tuple[NDArray[np.bytes_], NDArray[np.bool_]]:
    """Return the normalised loan ids of a column (S17) and which of them are valid; the others are empty.

    Normalised as codes are: NFKC, without white space around, upper case. Valid: 1..17 characters of 0-9 A-Z -.
    """
    typed = pc.utf8_upper(_plain(column))
    valid = pc.match_substring_regex(typed, f"^[0-9A-Z-]{{1,{MAXIMUM_ID_CHARACTERS}}}$").to_numpy(zero_copy_only=False)
    ids = np.zeros(len(column), _LOAN)
    if valid.any():
        ids[valid] = np.array(typed.filter(pa.array(valid)).to_pylist(), dtype=_LOAN)
    return ids, valid


def read_classes(column: pa.Array) -> NDArray[np.uint8]:
    """Return the classes of a column, 1..5, and 0 for what is none: fixed codes or Chinese names."""
    typed = pc.replace_substring_regex(pc.utf8_lower(_plain(column)), r"[ _]", "-")
    places = pc.index_in(typed, value_set=pa.array([name for name, _ in _SPELLINGS], typed.type))
    levels = pa.array([int(level) for _, level in _SPELLINGS], pa.uint8())
    found: NDArray[np.uint8] = pc.fill_null(levels.take(places), 0).to_numpy(zero_copy_only=False)
    return found


def conflicting(ids: NDArray[np.bytes_], classes: NDArray[np.uint8]) -> bool:
    """Return whether an id stands there with two classes."""
    order = np.lexsort((classes, ids))
    ids, classes = ids[order], classes[order]
    return bool(((ids[1:] == ids[:-1]) & (classes[1:] != classes[:-1])).any())


def distinct(ids: NDArray[np.bytes_], classes: NDArray[np.uint8]) -> Loans:
    """Return loans of which none conflict, each once, in the order in which each first stands there."""
    _, first = np.unique(ids, return_index=True)
    places = np.sort(first)
    return Loans(ids[places], classes[places])


def _plain(column: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(pc.utf8_normalize(pc.fill_null(column.cast(pa.large_string()), ""), form="NFKC"))
