"""The codes of a portfolio: one column of a CSV or Parquet file, as text with a code in each line.

Read by columns, so that ten million codes take seconds. Codes are not checked here: the bank's node does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from node.cli.applicants import CODE_COLUMNS, CsvList
from node.codes import Code
from node.errors import Refusal

PART_BYTES = 1 << 20


def portfolio_codes(path: Path, column: str = "") -> Iterator[bytes]:
    """Yield parts of the codes' text.

    Args:
        path: a ``.parquet`` file, else CSV as :mod:`node.cli.applicants` reads it.
        column: its column of codes; empty: ``uscc`` or ``统一社会信用代码``, else the first.

    Raises:
        Refusal: ``INVALID_INPUT``: the file cannot be read, or has no such column.
    """
    parquet = path.suffix.lower() in {".parquet", ".pq"}
    codes = _parquet(path, column) if parquet else _csv(path, column)
    text = memoryview(("\n".join(codes.to_pylist()) + "\n").encode("utf-8", "replace"))
    for at in range(0, len(text), PART_BYTES):
        yield bytes(text[at : at + PART_BYTES])


def _csv(path: Path, column: str) -> Any:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    head = CsvList(path)  # finds out encoding, delimiter and header, and refuses what is no text
    text, names = head.text, list(head.names)
    chosen = _chosen(names, column, path)
    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(
                encoding=_codec(text.encoding), column_names=names, skip_rows=0 if head.headless else 1
            ),
            arrow_csv.ParseOptions(delimiter=text.delimiter),
            arrow_csv.ConvertOptions(
                include_columns=[chosen], column_types={chosen: pa.string()}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {str(error).splitlines()[0][:200]}") from None
    return _one_line(table.column(chosen))


def _codec(encoding: str) -> str:
    """Arrow skips the mark of UTF-8 by itself, and is fast where nothing has to be converted."""
    return "utf8" if encoding in {"utf-8", "utf-8-sig"} else encoding


def _parquet(path: Path, column: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        chosen = _chosen(file.schema_arrow.names, column, path)
        return _one_line(file.read([chosen]).column(chosen).cast(pa.string()))
    except (pa.ArrowInvalid, OSError) as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {str(error).splitlines()[0][:200]}") from None


def _chosen(names: list[str], column: str, path: Path) -> str:
    if column and column not in names:
        raise Refusal(Code.INVALID_INPUT, f"{path} has no column «{column}»")
    return column or next((name for name in names if name.lower() in CODE_COLUMNS), names[0])


def _one_line(codes: Any) -> Any:
    """A cell with a line feed inside is no code, and stays one row."""
    import pyarrow.compute as pc

    return pc.replace_substring_regex(pc.fill_null(codes, ""), r"[\r\n]", " ")
