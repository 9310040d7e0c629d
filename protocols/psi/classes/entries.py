"""Loans as entries of a set: one for the id, one for the id with its class. README clause 2."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError

MAXIMUM_ID_CHARACTERS = 17
ENTRY_BYTES = 1 + MAXIMUM_ID_CHARACTERS
ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
_ID = ord("0")
_ENTRY = np.dtype(f"S{ENTRY_BYTES}")
_LOAN = np.dtype(f"S{MAXIMUM_ID_CHARACTERS}")
_ALLOWED = np.zeros(256, np.bool_)
_ALLOWED[np.frombuffer(ALPHABET, np.uint8)] = True


class LoanClass(IntEnum):
    """The five levels of risk, as digits of an entry; the last three are non-performing."""

    NORMAL = 1
    SPECIAL_MENTION = 2
    SUBSTANDARD = 3
    DOUBTFUL = 4
    LOSS = 5


CLASSES = len(LoanClass)


@dataclass(frozen=True)
class Loans:
    """Distinct loans: ``ids`` of dtype S17 and, in the same order, ``classes`` 1..5 (uint8)."""

    ids: NDArray[np.bytes_]
    classes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ids)

    def entries(self) -> NDArray[np.bytes_]:
        """Return 2n entries (S18): all ids in the order of the loans, then all pairs in the same order."""
        count = len(self.ids)
        rows = np.zeros((2 * count, ENTRY_BYTES), np.uint8)
        rows[:count, 0] = _ID
        rows[count:, 0] = _ID + self.classes
        letters = np.ascontiguousarray(self.ids.astype(_LOAN)).view(np.uint8).reshape(count, MAXIMUM_ID_CHARACTERS)
        rows[:count, 1:] = rows[count:, 1:] = letters
        return rows.view(_ENTRY).ravel()


def loans_of(entries: NDArray[np.bytes_] | Sequence[bytes]) -> Loans:
    """Return the loans of a set of entries in any order, in ascending order of their ids.

    Raises:
        LocalProtocolError: there is none, an entry is of another form, or an id does not stand with exactly one pair.
    """
    if not isinstance(entries, np.ndarray):
        if any(len(entry) > ENTRY_BYTES for entry in entries):
            raise LocalProtocolError(f"an entry has at most {ENTRY_BYTES} bytes")
        entries = np.array(entries, dtype=_ENTRY)
    rows = np.ascontiguousarray(entries.astype(_ENTRY)).view(np.uint8).reshape(-1, ENTRY_BYTES)
    _check_form(rows)
    first = rows[:, 0]
    loans: NDArray[np.bytes_] = np.ascontiguousarray(rows[:, 1:]).view(_LOAN).ravel()
    named, paired = np.sort(loans[first == _ID]), loans[first != _ID]
    order = np.argsort(paired, kind="stable")
    repeated = bool((named[1:] == named[:-1]).any())
    if not len(named) or repeated or len(named) != len(paired) or bool((paired[order] != named).any()):
        raise LocalProtocolError("a loan does not stand with exactly one class")
    return Loans(named, (first[first != _ID] - _ID)[order])


def check_one_class(entries: Collection[bytes], earlier: Collection[bytes]) -> None:
    """Return if every loan of ``entries`` that was compared ``earlier`` against the same list has its earlier class.

    Raises:
        LocalProtocolError: one has another: two questions about one loan would tell the class that the bureau has.
    """
    known = frozenset(earlier)
    for entry in entries:
        if entry not in known and entry[0] != _ID and bytes([_ID]) + entry[1:] in known:
            raise LocalProtocolError("a loan was compared with another class against the same version of the list")


def describe(entry: bytes) -> str:
    """Return an entry for people: the id, or the id with its class as in ``L-1 normal``."""
    loan = entry[1:].decode("ascii")
    return loan if entry[0] == _ID else f"{loan} {class_code(LoanClass(entry[0] - _ID))}"


def class_code(level: LoanClass) -> str:
    """Return the fixed code of a class, for instance ``special-mention``."""
    return level.name.lower().replace("_", "-")


def _check_form(rows: NDArray[np.uint8]) -> None:
    present = rows != 0
    # Zeros stand behind an id alone, and NumPy's type S cannot tell them from nothing.
    gaps = (~present[:, :-1] & present[:, 1:]).any()
    known = (rows[:, 0] >= _ID) & (rows[:, 0] <= _ID + CLASSES)
    if gaps or not known.all() or not present[:, 1].all() or not (_ALLOWED[rows] | ~present).all():
        raise LocalProtocolError(
            f"an entry is a digit 0..{CLASSES} and 1..{MAXIMUM_ID_CHARACTERS} characters of 0-9 A-Z -"
        )
