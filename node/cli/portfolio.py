"""The codes of a portfolio: one column of a CSV or Parquet file, as text with a code in each line.

Read by columns, so that ten million codes take seconds. Codes are not checked here: the bank's node does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node.cli.applicants import CODE_COLUMNS, CsvList
from node.codes import Code
from node.errors import Refusal


def portfolio_codes(path: Path, column: str = "") -> Iterator[bytes]:
    """Yield parts of the codes' text.

    Args:
        path: a ``.parquet`` file, else CSV as :mod:`node.cli.applicants` reads it.
        column: its column of codes; empty: ``uscc`` or ``统一社会信用代码``, else the first.

    Raises:
        Refusal: ``INVALID_INPUT``: the file cannot be read, or has no such column.
    """
    parquet = path.suffix.lower() in {".parquet", ".pq"}
    for cells in _parquet(path, column) if parquet else _csv(path, column):
        yield _lines(cells)


def _lines(cells: list[str | None]) -> bytes:
    """Return a line for each cell. One with a line feed inside is no code and stays one row; so does an empty one."""
    texts = [cell or "" for cell in cells]
    joined = "\n".join(texts)
    if joined.count("\n") >= len(texts):
        joined = "\n".join(text.replace("\n", " ") for text in texts)
    return f"{joined}\n".encode("utf-8", "replace")


def _csv(path: Path, column: str) -> Iterator[list[str | None]]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    head = CsvList(path)  # finds out encoding, delimiter and header, and refuses what is no text
    text, names = head.text, list(head.names)
    chosen = _chosen(names, column, path)
    with _readable(path):
        batches = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(
                encoding=_codec(text.encoding), column_names=names, skip_rows=0 if head.headless else 1
            ),
            arrow_csv.ParseOptions(delimiter=text.delimiter),
            arrow_csv.ConvertOptions(
                include_columns=[chosen], column_types={chosen: pa.string()}, strings_can_be_null=False
            ),
        )
        for batch in batches:
            yield batch.column(0).to_pylist()


def _parquet(path: Path, column: str) -> Iterator[list[str | None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _readable(path):
        file = pq.ParquetFile(path)
        chosen = _chosen(file.schema_arrow.names, column, path)
        for batch in file.iter_batches(columns=[chosen]):
            yield batch.column(0).cast(pa.string()).to_pylist()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {str(error).splitlines()[0][:200]}") from None


def _codec(encoding: str) -> str:
    """Arrow skips the mark of UTF-8 by itself, and is fast where nothing has to be converted."""
    return "utf8" if encoding in {"utf-8", "utf-8-sig"} else encoding


def _chosen(names: list[str], column: str, path: Path) -> str:
    if column and column not in names:
        raise Refusal(Code.INVALID_INPUT, f"{path} has no column «{column}»")
    return column or next((name for name in names if name.lower() in CODE_COLUMNS), names[0])
