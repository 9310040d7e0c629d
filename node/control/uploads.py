"""A table that comes through the control API: a file in parts, kept on disk meanwhile, or a query of the node's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from node.codes import Code
from node.data.files import CsvSource, ParquetSource
from node.data.postgresql import PostgresqlSource
from node.data.sources import Source
from node.errors import Refusal
from node.storage.features import disk_errors

MAXIMUM_UPLOAD_BYTES = 64 << 30


class TableHeader(Protocol):
    """What a header says of where its table comes from."""

    format: str
    encoding: str
    postgresql_url: str
    postgresql_query: str


class TableFrame(Protocol):
    """A frame with a part of a file."""

    content: bytes
    last: bool

    def WhichOneof(self, oneof_group: str, /) -> str | None:  # noqa: N802 - the generated messages' name
        """Return which part the frame has."""
        ...


def open_source(header: TableHeader, frames: Iterator[TableFrame], folder: Path) -> Source:
    """Return the table that a header announces; a file's parts are written into ``folder`` first.

    Raises:
        Refusal: ``INVALID_INPUT`` for another format or a file that is too large, ``MALFORMED`` for one that was cut
            off, ``STORAGE_UNAVAILABLE``.
    """
    if header.format == "postgresql":
        return PostgresqlSource(header.postgresql_url, header.postgresql_query)
    if header.format not in ("csv", "parquet"):
        raise Refusal(Code.INVALID_INPUT, "format: csv, parquet or postgresql")
    path = _spool(frames, folder)
    return CsvSource(path, header.encoding or None) if header.format == "csv" else ParquetSource(path)


def _spool(frames: Iterator[TableFrame], folder: Path) -> Path:
    received, last = 0, False
    with disk_errors(), tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        for frame in frames:
            if frame.WhichOneof("part") != "content":
                raise Refusal(Code.MALFORMED, "an import's header comes once, before its content")
            received += len(frame.content)
            if received > MAXIMUM_UPLOAD_BYTES:
                raise Refusal(Code.INVALID_INPUT, f"the file is larger than {MAXIMUM_UPLOAD_BYTES >> 30} GiB")
            file.write(frame.content)
            last = frame.last
    if not last:
        raise Refusal(Code.MALFORMED, "the file ended without its last part: it was cut off")
    return Path(file.name)
