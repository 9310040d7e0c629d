"""The lines of a submitted list, and what they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.codes import Code
from node.errors import Refusal
from node.policy.textmatrix import lengths, mask, one_text

MAXIMUM_ROW_BYTES = 64
"""Of a list's rows on average."""
MAXIMUM_LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class CheckedList:
    """A list as it is screened: ``codes`` of dtype S18 in the order in which each first stands in the list.

    Of loans they are the entries, two a loan (:func:`node.jobs.screening_loans.check_loans`).
    """

    codes: NDArray[np.bytes_]
    rows: int
    bad_codes: int
    duplicates: int

    @property
    def items(self) -> int:
        """How many codes or loans are screened."""
        return self.rows - self.bad_codes - self.duplicates


def whole_lines(parts: Iterable[bytes], rows: int) -> Iterator[bytes]:
    """Give the text of ``parts``, which follow each other and may end anywhere, in parts that end where a line ends.

    Raises:
        Refusal: ``INVALID_INPUT``: it has more bytes than ``rows`` lines can have, or one line that is too long.
    """
    size, rest = 0, b""
    for part in parts:
        size += len(part)
        if size > MAXIMUM_ROW_BYTES * rows:
            raise Refusal(Code.INVALID_INPUT, f"a list has at most {rows:,} rows")
        whole, mark, rest = (rest + part).rpartition(b"\n")
        if len(rest) > MAXIMUM_LINE_BYTES:
            raise Refusal(Code.INVALID_INPUT, "a line of the list is too long")
        yield whole + mark
    yield rest


def text_lines(lines: bytes) -> pa.Array:
    """Return the lines of a text that are not empty; raises ``INVALID_INPUT`` where it is not UTF-8."""
    try:
        texts = pc.split_pattern(one_text(lines), "\n").flatten()
    except pa.ArrowInvalid:
        raise Refusal(Code.INVALID_INPUT, "the list is not UTF-8") from None
    return without_empty(texts)


def without_empty(texts: pa.Array) -> pa.Array:
    """Return the texts that have a character."""
    return texts.filter(mask(lengths(texts) > 0))
