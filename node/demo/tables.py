"""Reads and writes CSV files whose cells stay text."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from node.codes import Code
from node.errors import Refusal
from node.scorecards.texts import normal

MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "nan", "null"})
"""Cells that mean «no value», compared in lower case."""

_ENCODINGS = ("utf-8", "gb18030")


def read_table(path: Path) -> dict[str, pa.Array]:
    """Return column name -> text cells in normal form (null = missing), in the file's order.

    UTF-8 (with or without BOM) or GB 18030; quoted cells may hold commas and line ends.

    :raises Refusal: ``NOT_FOUND``; ``INVALID_INPUT`` naming the file and row, without the row's content.
    """
    if not path.is_file():
        raise Refusal(Code.NOT_FOUND, f"there is no file {path.name} in {path.parent}")
    table = _parsed(path)
    names = [normal(name) or f"column_{place}" for place, name in enumerate(table.column_names, start=1)]
    if len(set(map(str.lower, names))) != len(names):
        raise _invalid(path, "two columns have the same name")
    return {name: normal_column(column) for name, column in zip(names, table.columns, strict=True)}


def write_table(path: Path, columns: Mapping[str, pa.Array]) -> None:
    """Write text columns as CSV in UTF-8; a null becomes an empty cell."""
    table = pa.table({name: pa.array(column, type=pa.string()) for name, column in columns.items()})
    # What is empty is written empty, not quoted: an empty cell is missing either way.
    options = pyarrow.csv.WriteOptions(quoting_style="needed")
    pyarrow.csv.write_csv(table, str(path), options)


def normal_column(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a text column with every distinct cell in normal form and the missing words made null."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    texts = [_normal_cell(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(texts, type=pa.string()).take(encoded.indices)


def _normal_cell(text: str | None) -> str | None:
    cell = normal(text or "")
    return None if cell.lower() in MISSING_WORDS else cell


def _parsed(path: Path) -> pa.Table:
    content = path.read_bytes()
    if not content.strip():
        raise _invalid(path, "is empty")
    try:
        content.decode("utf-8")
        encoding = _ENCODINGS[0]
    except UnicodeDecodeError:
        encoding = _ENCODINGS[1]
    return _read(path, content, encoding)


def _read(path: Path, content: bytes, encoding: str) -> pa.Table:
    ragged: list[int | None] = []

    def note(row: Any) -> str:
        ragged.append(row.number)
        return "error"

    try:
        return pyarrow.csv.read_csv(
            io.BytesIO(content),
            read_options=pyarrow.csv.ReadOptions(use_threads=False, encoding=encoding, block_size=1 << 22),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(_header(path, content, encoding), pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError, KeyError):
        where = f"row {ragged[0]} has another number of cells than the header" if ragged else "is not a CSV file"
        raise _invalid(path, where) from None


def _header(path: Path, content: bytes, encoding: str) -> list[str]:
    """Column names, read first: every column must be declared text, or a cell like 007 would lose its zeros."""
    first = pyarrow.csv.open_csv(
        io.BytesIO(content[: 1 << 20]),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, encoding=encoding, autogenerate_column_names=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _: "skip"),
    )
    names = list(first.schema.names)
    if len(set(names)) != len(names):
        raise _invalid(path, "two columns have the same name")
    return names


def _invalid(path: Path, detail: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, f"{path.name}: {detail}")
