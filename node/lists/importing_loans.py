"""Reads a list of loan classes from a table: two entries a loan, its id and its id with the class."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from node.codes import Code
from node.data.importer import ImportProgress
from node.data.mapping import clean_name
from node.data.rejects import RejectReason
from node.data.sources import Source, TextBatch
from node.errors import Refusal
from node.lists.importing import TableReader, code_place
from node.lists.listfile import CODE_BYTES, ListContent
from node.policy.loan_classes import CLASS_NAMES, ID_NAMES, read_classes, read_ids
from protocols.psi.classes.entries import Loans
from protocols.psi.classes.messages import MAXIMUM_LIST
from protocols.psi.tags import padded_count


def read_loans(
    source: Source, id_column: str = "", class_column: str = ""
) -> Generator[ImportProgress, None, ListContent]:
    """Read a table as a generator: yields progress after every batch and returns the list's entries, ascending.

    Rows of one loan with different classes are rejected, all of them; a class that is none of the five too.

    Raises:
        Refusal: ``INVALID_INPUT`` for the source or its columns, or where no row is good; ``BOUND_EXCEEDED``.
    """
    with source.open() as table:
        names = [clean_name(name) for name in table.header]
        ids = code_place(names, id_column, ID_NAMES, "--id-column")
        reader = _LoanReader(ids, [code_place(names, class_column, CLASS_NAMES, "--class-column")])
        for batch in table.batches():
            yield from reader.take(batch)
    content = yield from reader.finish()
    loans = Loans(content.codes, content.labels[:, 0] - np.uint8(ord("0")))
    if padded_count(len(loans)) > MAXIMUM_LIST:
        raise Refusal(Code.BOUND_EXCEEDED, f"a list of loan classes has at most {MAXIMUM_LIST:,} loans, padded")
    entries: NDArray[np.bytes_] = np.sort(loans.entries())
    return ListContent(entries, np.empty((len(entries), 0), dtype=np.uint8))


class _LoanReader(TableReader):
    """Ids where other lists have codes, and the digit of the class where they have labels."""

    def _read_codes(self, column: pa.Array) -> tuple[NDArray[np.bytes_], NDArray[np.bool_]]:
        ids, valid = read_ids(column)
        return ids.astype(f"S{CODE_BYTES}"), valid

    def _read_labels(self, batch: TextBatch) -> list[bytes]:
        return [b"%d" % level for level in read_classes(batch.columns[self._places[0]]).tolist()]

    def _label_fault(self, label: bytes) -> RejectReason | None:
        return RejectReason.UNKNOWN_CODE if label == b"0" else None
