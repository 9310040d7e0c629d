"""The lines of a submitted list, and what they become."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.codes import Code
from node.errors import Refusal


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


def text_lines(lines: bytes) -> pa.Array:
    """Return the lines of a text; raises ``INVALID_INPUT`` where it is not UTF-8."""
    try:
        whole = pa.scalar(lines, pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        raise Refusal(Code.INVALID_INPUT, "the list is not UTF-8") from None
    return pc.split_pattern(pa.array([whole]), "\n").flatten()
