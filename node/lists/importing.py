"""Reads a list from a table: codes normalised and distinct, labels of the chosen columns, rejects by row and reason."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from node.codes import Code
from node.data.importer import REPORTED_REJECTS, ImportProgress
from node.data.mapping import CODE_NAMES, clean_name
from node.data.rejects import Reject, RejectReason
from node.data.sources import Source, TextBatch
from node.data.validate import CODE_FIELD, read_codes
from node.errors import Refusal
from node.lists.listfile import ListContent
from node.policy.screening_list import MAXIMUM_LABEL_BYTES, encode_label
from protocols.psi.tags import MAXIMUM_TAGS

LABEL_STEP = 16
"""Labels are padded to a multiple of so many bytes: their length must not tell which reason stands in them."""


def read_list(
    source: Source, code_column: str = "", label_columns: Sequence[str] = ()
) -> Generator[ImportProgress, None, ListContent]:
    """Read a table as a generator: yields progress after every batch and returns the list.

    Args:
        source: the table.
        code_column: its column of codes; ``uscc`` or its Chinese name where none is named.
        label_columns: columns whose values become labels, in this order.

    Raises:
        Refusal: ``INVALID_INPUT`` for the source or its columns, or where no row is good.
    """
    with source.open() as table:
        names = [clean_name(name) for name in table.header]
        reader = TableReader(code_place(names, code_column), [place_of(names, name) for name in label_columns])
        for batch in table.batches():
            yield from reader.take(batch)
    return (yield from reader.finish())


def code_place(
    names: Sequence[str], wanted: str, usual: Sequence[str] = CODE_NAMES, option: str = "--code-column"
) -> int:
    """Return the place of the column ``wanted``, or of the only one with a ``usual`` name; ``option`` names it."""
    if wanted:
        return place_of(names, wanted)
    found = [place for place, name in enumerate(names) if name in usual]
    if len(found) != 1:
        raise Refusal(
            Code.INVALID_INPUT,
            f"not exactly one column is named {' or '.join(usual)}",
            remedy=f"Name the column with {option}.",
        )
    return found[0]


def place_of(names: Sequence[str], wanted: str) -> int:
    """Return the place of the only column of this name, or raise ``INVALID_INPUT``."""
    found = [place for place, name in enumerate(names) if name == clean_name(wanted)]
    if len(found) != 1:
        raise Refusal(Code.INVALID_INPUT, f"not exactly one column is named {wanted[:64]}")
    return found[0]


class TableReader:
    """One import while it runs."""

    def __init__(self, code: int, labels: Sequence[int]) -> None:
        self._code = code
        self._places = labels
        self._codes: list[NDArray[np.bytes_]] = []
        self._numbers: list[NDArray[np.int64]] = []
        self._labels: list[bytes] = []
        self.rows = self.accepted = self.rejected = 0

    def take(self, batch: TextBatch) -> Iterator[ImportProgress]:
        """Read one batch."""
        faults = [Reject(row, "", RejectReason.WRONG_COLUMN_COUNT) for row in batch.ragged]
        codes, valid = self._read_codes(batch.columns[self._code])
        faults += [Reject(row, CODE_FIELD, RejectReason.BAD_CODE) for row in batch.numbers[~valid].tolist()]
        labels = self._read_labels(batch)
        for row, label in enumerate(labels):
            fault = self._label_fault(label) if valid[row] else None
            if fault is not None:
                valid[row] = False
                faults.append(Reject(int(batch.numbers[row]), "", fault))
        self._codes.append(codes[valid])
        self._numbers.append(batch.numbers[valid])
        self._labels += [label for label, good in zip(labels, valid.tolist(), strict=False) if good]
        self.rows += len(batch.numbers) + len(batch.ragged)
        self.accepted += int(valid.sum())
        self.rejected += len(faults)
        yield from self._progress(sorted(faults))

    def _read_codes(self, column: pa.Array) -> tuple[NDArray[np.bytes_], NDArray[np.bool_]]:
        return read_codes(column)

    def _label_fault(self, label: bytes) -> RejectReason | None:
        return RejectReason.LABEL_TOO_LONG if len(label) > MAXIMUM_LABEL_BYTES else None

    def _read_labels(self, batch: TextBatch) -> list[bytes]:
        if not self._places:
            return []
        columns = [batch.columns[place].to_pylist() for place in self._places]
        return [encode_label([(value or "").strip() for value in row]) for row in zip(*columns, strict=True)]

    def finish(self) -> Generator[ImportProgress, None, ListContent]:
        """Settle rows of the same code: equal ones count once, others are rejected, all of them."""
        codes = np.concatenate(self._codes) if self._codes else np.empty(0, dtype="S18")
        numbers = np.concatenate(self._numbers) if self._numbers else np.empty(0, dtype=np.int64)
        labels = self._matrix()
        order = np.argsort(codes, kind="stable")
        codes, numbers, labels = codes[order], numbers[order], labels[order]
        first, conflicting = _settle(codes, labels)
        faults = [Reject(row, CODE_FIELD, RejectReason.CONFLICTING_DUPLICATE) for row in numbers[conflicting].tolist()]
        kept = first & ~conflicting
        self.accepted = int(kept.sum())
        self.rejected += len(faults)
        yield from self._progress(sorted(faults))
        if not self.accepted:
            raise Refusal(Code.INVALID_INPUT, f"none of {self.rows} rows can be taken into the list")
        if self.accepted > MAXIMUM_TAGS:
            raise Refusal(Code.BOUND_EXCEEDED, f"a list has at most {MAXIMUM_TAGS} codes")
        return ListContent(np.ascontiguousarray(codes[kept]), np.ascontiguousarray(labels[kept]))

    def _matrix(self) -> NDArray[np.uint8]:
        """Return the labels as rows of one length."""
        count = sum(len(part) for part in self._codes)
        if not self._places:
            return np.empty((count, 0), dtype=np.uint8)
        longest = max(map(len, self._labels), default=1)
        width = -(-longest // LABEL_STEP) * LABEL_STEP
        whole = np.array(self._labels, dtype=f"S{width}") if self._labels else np.empty(0, dtype=f"S{width}")
        return whole.view(np.uint8).reshape(count, width)

    def _progress(self, rejects: Sequence[Reject]) -> Iterator[ImportProgress]:
        for start in range(0, max(1, len(rejects)), REPORTED_REJECTS):
            part = tuple(rejects[start : start + REPORTED_REJECTS])
            yield ImportProgress(self.rows, self.accepted, self.rejected, part)


def _settle(codes: NDArray[np.bytes_], labels: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows of the sorted ``codes`` are the first of their code, and which stand in conflict."""
    if not len(codes):
        return np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_)
    first = np.concatenate([[True], codes[1:] != codes[:-1]])
    differs = np.concatenate([[False], ~first[1:] & (labels[1:] != labels[:-1]).any(axis=1)])
    group = np.cumsum(first) - 1
    bad = np.zeros(int(group[-1]) + 1, dtype=np.bool_)
    bad[group[differs]] = True
    return first, bad[group]
