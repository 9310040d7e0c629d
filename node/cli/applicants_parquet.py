"""Lists of applicants in Parquet, read a batch at a time. Numbers are sent exactly as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from node.cli.applicants import BATCH_ROWS, ApplicantList, Layout
from node.client.results import Applicant
from node.codes import Code
from node.errors import Refusal


class ParquetList(ApplicantList):
    """A list in Parquet, of flat columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError):
            raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read as Parquet") from None
        schema = self._file.schema_arrow
        for entry in schema:
            if pa.types.is_nested(entry.type):
                raise Refusal(Code.INVALID_INPUT, f"{path}: the column «{entry.name}» is nested")
        self._layout = Layout.from_header(schema.names, path)
        self.fields = self._layout.fields
        self.rows = self._file.metadata.num_rows

    def __iter__(self) -> Iterator[Applicant]:
        """Yield applicants in the file's order."""
        try:
            for batch in self._file.iter_batches(batch_size=BATCH_ROWS):
                columns = [[_text(value) for value in column.to_pylist()] for column in batch.columns]
                yield from map(self._layout.applicant, zip(*columns, strict=True))
        except (pa.ArrowException, OSError, ValueError):
            raise Refusal(Code.INVALID_INPUT, f"{self._path}: its rows cannot be read") from None


def _text(value: Any) -> str:
    """Return a cell as CSV would hold it: no exponent, nothing for what is missing."""
    if value is None or value != value:  # a float that is not a number differs from itself
        return ""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if abs(value) != float("inf") else str(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
