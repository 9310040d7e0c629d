"""Results of a scoring job as CSV or Parquet, written frame by frame."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from node.cli.files import STANDARD, check_output, replacing
from node.client.results import ScoreRow
from node.codes import Code
from node.errors import Refusal

HEADER = ("uscc", "status", "reason", "score", "bank_part", "tax_part", "feature_set", "as_of")
Rows = Sequence[ScoreRow]


def check_score_file(path: Path) -> None:
    """Return if scores can be written to ``path``: a ``.csv`` or ``.parquet`` file, or ``-`` for standard output."""
    if path != STANDARD and path.suffix.lower() not in _WRITERS:
        endings = " or ".join(_WRITERS)
        raise Refusal(Code.INVALID_INPUT, f"{path}: the file's name must end in {endings}")
    check_output(path)


def write_scores(path: Path, frames: Iterable[Rows], written: Callable[[int], None] = lambda _: None) -> int:
    """Write a result and return its number of rows; an existing file is replaced when all is written.

    Args:
        path: where to, by its ending; ``-`` is CSV on standard output.
        frames: rows in their order.
        written: told the number of rows after every frame.
    """
    if path == STANDARD:
        return _write_csv(sys.stdout.buffer, frames, written)
    with replacing(path) as target:
        return _WRITERS[path.suffix.lower()](target, frames, written)


def _cells(row: ScoreRow) -> tuple[str | int | None, ...]:
    return (
        row.uscc,
        row.status,
        row.reason,
        row.score,
        row.bank_part,
        row.tax_part,
        row.feature_set,
        row.as_of,
    )


def _write_csv(target: BinaryIO, frames: Iterable[Rows], written: Callable[[int], None]) -> int:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=False)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    count = 0
    try:
        for frame in frames:
            writer.writerows(map(_cells, frame))
            count += len(frame)
            written(count)
        text.flush()
    finally:
        text.detach()
    return count


def _write_parquet(target: BinaryIO, frames: Iterable[Rows], written: Callable[[int], None]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.int64()
    kinds = (text, text, text, number, number, number, text, pa.date32())
    schema = pa.schema(list(zip(HEADER, kinds, strict=True)))
    count = 0
    with pq.ParquetWriter(target, schema) as writer:
        for frame in frames:
            writer.write_batch(_batch(frame, schema, pa))
            count += len(frame)
            written(count)
    return count


def _batch(frame: Rows, schema: Any, pa: Any) -> Any:
    columns = list(zip(*map(_cells, frame), strict=True)) or [()] * len(HEADER)
    dates = [date.fromisoformat(str(value)) if value else None for value in columns[-1]]
    arrays = [pa.array(column, kind) for column, kind in zip([*columns[:-1], dates], schema.types, strict=True)]
    return pa.record_batch(arrays, schema=schema)


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet}
