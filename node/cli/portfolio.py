"""The codes or loans of a portfolio: columns of a CSV or Parquet file, as text with one of them in each line.

Read by columns and part by part, so that ten million codes take seconds. Codes are not checked here: the bank's node
does it, while the next part is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from node.cli.applicants import CODE_COLUMNS, CsvList
from node.codes import Code
from node.errors import Refusal
from node.policy.loan_classes import CLASS_NAMES, ID_NAMES

Choose = Callable[[list[str]], list[str]]
"""Names the columns that are wanted among all of a file's."""


def portfolio_codes(path: Path, column: str = "") -> Iterator[bytes]:
    """Yield parts of the codes' text.

    Args:
        path: a ``.parquet`` file, else CSV as :mod:`node.cli.applicants` reads it.
        column: its column of codes; empty: ``uscc`` or ``统一社会信用代码``, else the first.

    Raises:
        Refusal: ``INVALID_INPUT``: the file cannot be read, or has no such column.
    """
    for (codes,) in _columns(path, lambda names: [_chosen(names, column, path)]):
        yield _lines([code or "" for code in codes])


def portfolio_loans(path: Path, id_column: str = "", class_column: str = "") -> Iterator[bytes]:
    """Yield parts of the text of loans: id, tab and class in each line.

    Args:
        path: a file as for :func:`portfolio_codes`.
        id_column: its column of loan ids; empty: ``loan_id`` or its Chinese name.
        class_column: its column of classes; empty: ``loan_class`` or its Chinese name.

    Raises:
        Refusal: ``INVALID_INPUT``: the file cannot be read, or has no such columns.
    """

    def choose(names: list[str]) -> list[str]:
        return [_named(names, id_column, ID_NAMES, path), _named(names, class_column, CLASS_NAMES, path)]

    for columns in _columns(path, choose):
        ids, classes = ([(cell or "").replace("\t", " ") for cell in cells] for cells in columns)
        yield _lines(["\t".join(loan) for loan in zip(ids, classes, strict=True)])


def _lines(texts: list[str]) -> bytes:
    """Return a line for each text. One with a line feed inside is no code, and stays one row."""
    joined = "\n".join(texts)
    if joined.count("\n") >= len(texts):
        joined = "\n".join(text.replace("\n", " ") for text in texts)
    return f"{joined}\n".encode("utf-8", "replace") if texts else b""


def _columns(path: Path, choose: Choose) -> Iterator[list[list[str | None]]]:
    """Yield the wanted columns' cells, some thousand rows at a time."""
    return _parquet(path, choose) if path.suffix.lower() in {".parquet", ".pq"} else _csv(path, choose)


def _csv(path: Path, choose: Choose) -> Iterator[list[list[str | None]]]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    head = CsvList(path)  # finds out encoding, delimiter and header, and refuses what is no text
    text, names = head.text, list(head.names)
    chosen = choose(names)
    with _readable(path):
        batches = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(
                encoding=_codec(text.encoding), column_names=names, skip_rows=0 if head.headless else 1
            ),
            arrow_csv.ParseOptions(delimiter=text.delimiter),
            arrow_csv.ConvertOptions(
                include_columns=chosen, column_types=dict.fromkeys(chosen, pa.string()), strings_can_be_null=False
            ),
        )
        for batch in batches:
            yield [batch.column(name).to_pylist() for name in chosen]


def _parquet(path: Path, choose: Choose) -> Iterator[list[list[str | None]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _readable(path):
        file = pq.ParquetFile(path)
        chosen = choose(file.schema_arrow.names)
        for batch in file.iter_batches(columns=chosen):
            yield [batch.column(name).cast(pa.string()).to_pylist() for name in chosen]


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


def _named(names: list[str], column: str, usual: Sequence[str], path: Path) -> str:
    found = [name for name in names if name == column or (not column and name.strip().lower() in usual)]
    if len(found) != 1:
        raise Refusal(Code.INVALID_INPUT, f"{path} has not exactly one column «{column or ' or '.join(usual)}»")
    return found[0]
