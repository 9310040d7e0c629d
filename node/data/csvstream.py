"""Reads CSV as batches of texts with Arrow's parser; a row with too few or too many columns costs only itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from node.data.sources import BATCH_ROWS, MAXIMUM_COLUMNS, TextBatch, unreadable

BLOCK_BYTES = 16 << 20  # also the longest row that can be read
HEADER_ROW = 1


class CsvTable:
    """A CSV text in ``encoding``. Rows are numbered as a spreadsheet does: the header is row 1, a quoted line break
    does not count, an empty line does (and is passed over).
    """

    def __init__(self, file: IO[bytes] | str, *, encoding: str, delimiter: str) -> None:
        self._ragged: deque[int] = deque()
        self._reader = _open(file, encoding, delimiter, self._skip)
        self._first = self._read()
        if self._first is None or not self._first.num_rows:
            raise unreadable("file", "it is empty")
        self.header = [str(column[0].as_py() or "") for column in self._first.columns]

    def batches(self) -> Iterator[TextBatch]:
        """Yield the rows behind the header."""
        assert self._first is not None
        number = HEADER_ROW + 1
        for batch in _cut(chain([self._first.slice(1)], iter(self._read, None))):
            numbers, ragged = self._number(number, batch.num_rows)
            number += batch.num_rows + len(ragged)
            filled = _not_blank(batch)
            columns = batch.columns if filled.all() else batch.filter(pa.array(filled)).columns
            yield TextBatch(numbers[filled], columns, ragged)
        if self._ragged:
            yield TextBatch(
                np.empty(0, np.int64), [pa.array([], pa.large_string())] * len(self.header), tuple(self._ragged)
            )

    def _read(self) -> pa.RecordBatch | None:
        try:
            return self._reader.read_next_batch()
        except StopIteration:
            return None
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise _explained(error) from None

    def _skip(self, row: Any) -> str:
        self._ragged.append(row.number)
        return "skip"

    def _number(self, first: int, count: int) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Number ``count`` good rows from ``first`` on, leaving out the ragged ones between them (the parser may have
        reported later ones already).
        """
        numbers = np.arange(first, first + count, dtype=np.int64)
        taken: list[int] = []
        while self._ragged and self._ragged[0] < first + count + len(taken):
            ragged = self._ragged.popleft()
            numbers[ragged - first - len(taken) :] += 1
            taken.append(ragged)
        return numbers, tuple(taken)


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A block of short rows holds very many: give at most :data:`BATCH_ROWS` at once."""
    for batch in batches:
        for start in range(0, max(1, batch.num_rows), BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _open(file: IO[bytes] | str, encoding: str, delimiter: str, skip: Any) -> arrow_csv.CSVStreamingReader:
    columns = {f"f{place}": pa.large_string() for place in range(MAXIMUM_COLUMNS)}
    try:
        return arrow_csv.open_csv(
            file,
            # One thread: only then are rows numbered, and the order of what is skipped is defined.
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                autogenerate_column_names=True,  # so that the header arrives as a row and may hold anything
                encoding=encoding,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=skip,
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=columns, strings_can_be_null=False),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _explained(error) from None
    except (OSError, ValueError):
        raise unreadable("file", "it cannot be opened") from None


def _explained(error: Exception) -> Exception:
    """Arrow's own sentences may quote the row at fault, so they are recognised and said again."""
    text = str(error)
    if "Empty CSV" in text:
        return unreadable("file", "it is empty")
    if "straddling" in text or "Block" in text:
        limit = BLOCK_BYTES >> 20
        return unreadable("file", f"a row is longer than {limit} MiB, or a quotation mark is never closed")
    if "UTF8" in text or isinstance(error, UnicodeDecodeError):
        return unreadable("file", "it is not valid in its encoding")
    return unreadable("file", "its rows or quotation marks are malformed")


def _not_blank(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Return which rows hold anything at all."""
    filled = np.zeros(batch.num_rows, dtype=np.bool_)
    for column in batch.columns:
        filled |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
        if filled.all():
            break
    return filled
