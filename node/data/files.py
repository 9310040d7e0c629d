"""Tax data out of files: CSV in the usual Chinese encodings, and Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from node.data.csvstream import CsvTable
from node.data.encodings import check_encoding, detect_delimiter, detect_encoding
from node.data.sources import BATCH_ROWS, TextBatch, texts, unreadable


@dataclass(frozen=True)
class CsvSource:
    """A CSV file. Encoding (UTF-8, UTF-16 with its mark, GB 18030) and delimiter are found out unless given."""

    path: Path
    encoding: str | None = None
    delimiter: str | None = None

    @contextmanager
    def open(self) -> Iterator[CsvTable]:
        """Open the file; see :class:`node.data.sources.Source`."""
        try:
            encoding = check_encoding(self.path, self.encoding) if self.encoding else detect_encoding(self.path)
            delimiter = self.delimiter or detect_delimiter(self.path, encoding)
            with self.path.open("rb") as file:
                yield CsvTable(file, encoding=encoding, delimiter=delimiter)
        except OSError as error:
            raise unreadable("file", error.strerror or "input/output error") from None


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file. Rows are numbered from 1."""

    path: Path

    @contextmanager
    def open(self) -> Iterator[ParquetTable]:
        """Open the file; see :class:`node.data.sources.Source`."""
        try:
            with parquet.ParquetFile(self.path, memory_map=True) as file:
                yield ParquetTable(file)
        except pa.ArrowException:
            raise unreadable("file", "it is no Parquet file, or damaged") from None
        except OSError as error:
            raise unreadable("file", error.strerror or "it is damaged") from None


class ParquetTable:
    """An opened Parquet file."""

    def __init__(self, file: parquet.ParquetFile) -> None:
        self._file = file
        self.header: Sequence[str] = list(file.schema_arrow.names)

    def batches(self) -> Iterator[TextBatch]:
        """Yield the rows, some tens of thousands at a time."""
        number = 1
        for batch in self._file.iter_batches(batch_size=BATCH_ROWS):
            numbers = np.arange(number, number + batch.num_rows, dtype=np.int64)
            number += batch.num_rows
            yield TextBatch(numbers, [texts(column) for column in batch.columns])
