"""Rows that were not imported, and why. Never with a value: the list may be handed on."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HEADER = ("row", "field", "reason")


class RejectReason(StrEnum):
    """Why a row, or a value in it, was not taken."""

    WRONG_COLUMN_COUNT = "wrong_column_count"
    BAD_CODE = "bad_code"
    CONFLICTING_DUPLICATE = "conflicting_duplicate"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    OFF_STEP = "off_step"
    UNKNOWN_CODE = "unknown_code"
    LABEL_TOO_LONG = "label_too_long"


@dataclass(frozen=True, order=True)
class Reject:
    """One fault: the row's number in the source, the field's id (``uscc`` for the code, empty for the whole row)."""

    row: int
    field: str
    reason: RejectReason


class RejectFile:
    """Writes faults as CSV into a new file that only the owner reads; counts them by field and reason."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[tuple[str, RejectReason]] = Counter()
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(",".join(HEADER) + "\n")

    def append(self, rejects: Iterable[Reject]) -> None:
        """Write faults behind those that are there."""
        faults = list(rejects)
        self.counts.update((reject.field, reject.reason) for reject in faults)
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                (reject.row, reject.field, reject.reason.value) for reject in faults
            )

    def most_frequent(self) -> str:
        """Return the commonest fault for a message, for example ``field vat_sales: out_of_range``."""
        (name, reason), _ = self.counts.most_common(1)[0]
        return f"field {name}: {reason.value}" if name else reason.value


def read_rejects(path: Path) -> Iterator[Reject]:
    """Yield the faults of a file that :class:`RejectFile` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Reject(int(row["row"]), row["field"], RejectReason(row["reason"]))
