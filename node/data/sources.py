"""What every source of tax data gives: a header, then batches of texts. Values become numbers later, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from node.codes import Code
from node.errors import Refusal

MAXIMUM_COLUMNS = 4096
BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class TextBatch:
    """Some rows: their numbers in the source (int64), one Arrow array of large strings per column, null for nothing.

    ``ragged`` holds the numbers of rows before or between these that have another number of columns than the header.
    """

    numbers: NDArray[np.int64]
    columns: Sequence[pa.Array]
    ragged: tuple[int, ...] = ()


class Table(Protocol):
    """An opened source."""

    @property
    def header(self) -> Sequence[str]:
        """The columns' names as they stand in the source."""
        ...

    def batches(self) -> Iterator[TextBatch]:
        """Yield the rows in order, once."""
        ...


class Source(Protocol):
    """Where tax data comes from. ``open`` raises :class:`Refusal` where it cannot be read; so may the batches."""

    def open(self) -> AbstractContextManager[Table]:
        """Open the source."""
        ...


def unreadable(kind: str, why: str) -> Refusal:
    """Return the refusal of a source that cannot be read; ``why`` holds no value of it."""
    return Refusal(Code.INVALID_INPUT, f"the {kind} cannot be read: {why}")


def texts(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as large strings: numbers in their shortest exact form, truth values as 1 and 0.

    Raises:
        Refusal: ``INVALID_INPUT`` for a column of lists, structures or bytes.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type) or pa.types.is_nested(column.type):
        raise unreadable("table", f"a column of type {column.type} holds no single values")
    try:
        return column.cast(pa.large_string())
    except pa.ArrowException:
        raise unreadable("table", f"a column of type {column.type} has no text form") from None
