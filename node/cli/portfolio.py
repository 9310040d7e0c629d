"""The codes or loans of a portfolio: columns of a CSV or Parquet file, as text with one of them in each line.

Read by columns, so that ten million codes take seconds. Codes are not checked here: the bank's node does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from node.cli.applicants import CODE_COLUMNS, CsvList
from node.codes import Code
from node.errors import Refusal
from node.policy.loan_classes import CLASS_NAMES, ID_NAMES

PART_BYTES = 1 << 20


def portfolio_codes(path: Path, column: str = "") -> Iterator[bytes]:
    """Yield parts of the codes' text.

    Args:
        path: a ``.parquet`` file, else CSV as :mod:`node.cli.applicants` reads it.
        column: its column of codes; empty: ``uscc`` or ``统一社会信用代码``, else the first.

    Raises:
        Refusal: ``INVALID_INPUT``: the file cannot be read, or has no such column.
    """
    (codes,) = _columns(path, lambda names: [_chosen(names, column, path)])
    yield from _parts(codes.to_pylist())


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

    ids, classes = _columns(path, choose)
    yield from _parts("\t".join(each) for each in zip(_untabbed(ids), _untabbed(classes), strict=True))


def _parts(lines: Iterable[str]) -> Iterator[bytes]:
    text = memoryview(("\n".join(lines) + "\n").encode("utf-8", "replace"))
    for at in range(0, len(text), PART_BYTES):
        yield bytes(text[at : at + PART_BYTES])


def _untabbed(column: Any) -> list[str]:
    return [text.replace("\t", " ") for text in column.to_pylist()]


def _columns(path: Path, choose: Callable[[list[str]], list[str]]) -> list[Any]:
    """Return columns as texts without line feeds; ``choose`` names them among all names."""
    parquet = path.suffix.lower() in {".parquet", ".pq"}
    table, chosen = _parquet(path, choose) if parquet else _csv(path, choose)
    return [_one_line(table.column(name)) for name in chosen]


def _csv(path: Path, choose: Callable[[list[str]], list[str]]) -> tuple[Any, list[str]]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    head = CsvList(path)  # finds out encoding, delimiter and header, and refuses what is no text
    text, names = head.text, list(head.names)
    chosen = choose(names)
    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(
                encoding=_codec(text.encoding), column_names=names, skip_rows=0 if head.headless else 1
            ),
            arrow_csv.ParseOptions(delimiter=text.delimiter),
            arrow_csv.ConvertOptions(
                include_columns=chosen, column_types=dict.fromkeys(chosen, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {str(error).splitlines()[0][:200]}") from None
    return table, chosen


def _codec(encoding: str) -> str:
    """Arrow skips the mark of UTF-8 by itself, and is fast where nothing has to be converted."""
    return "utf8" if encoding in {"utf-8", "utf-8-sig"} else encoding


def _parquet(path: Path, choose: Callable[[list[str]], list[str]]) -> tuple[Any, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        chosen = choose(file.schema_arrow.names)
        table = file.read(chosen)
        return pa.table([table.column(name).cast(pa.string()) for name in chosen], chosen), chosen
    except (pa.ArrowInvalid, OSError) as error:
        raise Refusal(Code.INVALID_INPUT, f"{path} cannot be read: {str(error).splitlines()[0][:200]}") from None


def _chosen(names: list[str], column: str, path: Path) -> str:
    if column and column not in names:
        raise Refusal(Code.INVALID_INPUT, f"{path} has no column «{column}»")
    return column or next((name for name in names if name.lower() in CODE_COLUMNS), names[0])


def _named(names: list[str], column: str, usual: Sequence[str], path: Path) -> str:
    found = [name for name in names if name == column or (not column and name.strip().lower() in usual)]
    if len(found) != 1:
        raise Refusal(Code.INVALID_INPUT, f"{path} has not exactly one column «{column or ' or '.join(usual)}»")
    return found[0]


def _one_line(codes: Any) -> Any:
    """A cell with a line feed inside is no code, and stays one row."""
    import pyarrow.compute as pc

    return pc.replace_substring_regex(pc.fill_null(codes, ""), r"[\r\n]", " ")
