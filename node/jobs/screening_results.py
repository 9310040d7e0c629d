"""The result of a screening as CSV, UTF-8: a header, then the codes that matched in the order of the bank's list."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from node.jobs.screening_calls import ListEpoch
from node.jobs.screening_task import Task
from protocols.psi.segments import SegmentedTags

CODE_HEADER = "uscc"


def codes_csv(codes: NDArray[np.bytes_]) -> bytes:
    """Return the codes, a line each."""
    return f"{CODE_HEADER}\n".encode() + b"".join(code + b"\n" for code in codes.tolist())


def count_csv(codes: int, matched: int) -> bytes:
    """Return how many codes were asked about and how many matched."""
    return f"codes,matched\n{codes},{matched}\n".encode("ascii")


def labels_csv(task: Task, epoch: ListEpoch, tags: SegmentedTags, hits: Mapping[bytes, bytes]) -> bytes:
    """Return the codes that matched with their labels; ``hits`` gives the output of every code that matched."""
    from node.jobs.screening_labels import open_labels

    opened = open_labels(task, epoch, tags, hits)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CODE_HEADER, *task.labels])
    writer.writerows([code.decode("ascii"), *opened[code]] for code in task.codes.tolist() if code in opened)
    return text.getvalue().encode("utf-8")
