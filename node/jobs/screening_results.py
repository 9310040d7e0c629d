"""The result of a screening as CSV, UTF-8: a header, then the codes that matched in the order of the bank's list."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from node.jobs.screening_calls import ListEpoch
from node.jobs.screening_task import Task
from protocols.psi.classes.entries import LoanClass, class_code
from protocols.psi.segments import SegmentedTags

CODE_HEADER = "uscc"
LOAN_HEADER, CLASS_HEADER = "loan_id", "loan_class"
SUPPRESSED = "suppressed"


def codes_csv(codes: NDArray[np.bytes_]) -> bytes:
    """Return the codes, a line each."""
    width = codes.dtype.itemsize
    lines = np.full((len(codes), width + 1), ord("\n"), np.uint8)
    lines[:, :width] = np.ascontiguousarray(codes).view(np.uint8).reshape(len(codes), width)
    text = lines.tobytes().replace(b"\x00", b"")  # zeros fill up what is shorter
    return f"{CODE_HEADER}\n".encode() + text


def count_csv(codes: int, matched: int) -> bytes:
    """Return how many codes were asked about and how many matched."""
    return f"codes,matched\n{codes},{matched}\n".encode("ascii")


def mismatches_csv(pairs: NDArray[np.bytes_]) -> bytes:
    """Return loans in another class at the bureau, each with the bank's own class; ``pairs`` are their entries."""
    rows = (f"{entry[1:].decode('ascii')},{class_code(LoanClass(entry[0] - ord('0')))}\n" for entry in pairs.tolist())
    return (f"{LOAN_HEADER},{CLASS_HEADER}\n" + "".join(rows)).encode("ascii")


def table_csv(cells: Sequence[Sequence[int | None]]) -> bytes:
    """Return a confusion table: a row for each class of the bank, a column for each of the bureau."""
    names = [class_code(level) for level in LoanClass]
    lines = [",".join(("bank\\bureau", *names))]
    for name, row in zip(names, cells, strict=True):
        lines.append(",".join((name, *(SUPPRESSED if cell is None else str(cell) for cell in row))))
    return ("\n".join(lines) + "\n").encode("ascii")


def labels_csv(task: Task, epoch: ListEpoch, tags: SegmentedTags, hits: Mapping[bytes, bytes]) -> bytes:
    """Return the codes that matched with their labels; ``hits`` gives the output of every code that matched."""
    from node.jobs.screening_labels import open_labels

    opened = open_labels(task, epoch, tags, hits)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CODE_HEADER, *task.labels])
    writer.writerows([code.decode("ascii"), *opened[code]] for code in task.codes.tolist() if code in opened)
    return text.getvalue().encode("utf-8")
