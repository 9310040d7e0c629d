"""The file of a feature set: one Arrow IPC record batch, rows sorted by code, mapped into memory and never changed.

Column ``uscc`` holds the codes (18 bytes each), then comes one int64 column per catalogue field, in the catalogue's
order: ticks of a number, places of a code in its list, ``MISSING`` where there is no value.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from node.codes import Code
from node.errors import Refusal

CODE_BYTES = 18
CODE_DTYPE = np.dtype(f"S{CODE_BYTES}")
CODE_COLUMN = "uscc"
FORMAT = b"banktax-features-1"
_MANIFEST = b"manifest"


class OpenFeatureSet:
    """A feature set that is mapped into memory. Immutable, so all threads may share it.

    ``fields`` are the field ids in the catalogue's order; ``codes`` has dtype S18 and is sorted.
    """

    def __init__(
        self, fields: tuple[str, ...], codes: NDArray[np.bytes_], columns: Mapping[str, NDArray[np.int64]]
    ) -> None:
        self.fields = fields
        self.codes = codes
        self._columns = columns

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        return f"OpenFeatureSet({len(self)} rows, {len(self.fields)} fields)"

    def rows(self, codes: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of every code, shape (len(codes),), -1 where the set does not hold it."""
        wanted = encode_codes(codes)
        if not len(self.codes):
            return np.full(len(wanted), -1, dtype=np.int64)
        places = np.searchsorted(self.codes, wanted)
        inside = np.minimum(places, len(self.codes) - 1)
        return np.where(self.codes[inside] == wanted, inside, -1).astype(np.int64)

    def columns(self, fields: Sequence[str], rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Return the values of ``fields`` at ``rows``: int64 of shape (len(rows),) each, in their order.

        Raises:
            Refusal: ``FIELD_NOT_ALLOWED`` for a field that the set has not.
            ValueError: a row is outside the set; -1 is not a row.
        """
        if len(rows) and not (int(rows.min()) >= 0 and int(rows.max()) < len(self)):
            raise ValueError("a row is outside the feature set")
        return {field: self._column(field)[rows] for field in fields}

    def digest(self, manifest: bytes) -> bytes:
        """Return the 32-byte digest of the content; see :func:`content_digest`."""
        return content_digest(manifest, self.codes, (self._columns[field] for field in self.fields))

    def _column(self, field: str) -> NDArray[np.int64]:
        try:
            return self._columns[field]
        except KeyError:
            detail = f"field {field[:64]!r} is not in the feature set"
            raise Refusal(Code.FIELD_NOT_ALLOWED, detail) from None


def encode_codes(codes: Sequence[str]) -> NDArray[np.bytes_]:
    """Return codes as S18; what cannot be a code becomes empty, which no set holds."""
    # Without this test numpy would cut a longer text down to eighteen bytes, and find the wrong enterprise.
    texts = [code if len(code) == CODE_BYTES and code.isascii() else "" for code in codes]
    return np.array(texts, dtype=CODE_DTYPE)


def content_digest(manifest: bytes, codes: NDArray[np.bytes_], columns: Iterable[NDArray[np.int64]]) -> bytes:
    """SHA-256 over the manifest (with its length before it), all codes, and the columns as little-endian int64."""
    digest = hashlib.sha256(len(manifest).to_bytes(8, "big") + manifest)
    digest.update(np.ascontiguousarray(codes).data if len(codes) else b"")
    for column in columns:
        digest.update(np.ascontiguousarray(column, dtype="<i8").data if len(column) else b"")
    return digest.digest()


def write_feature_file(
    path: Path,
    manifest: bytes,
    codes: NDArray[np.bytes_],
    columns: Mapping[str, NDArray[np.int64]],
) -> None:
    """Write the file and force it to disk. ``codes`` are sorted and distinct; columns may be mapped files."""
    schema = pa.schema(
        [
            pa.field(CODE_COLUMN, pa.binary(CODE_BYTES), nullable=False),
            *(pa.field(f"field:{name}", pa.int64(), nullable=False) for name in columns),
        ],
        metadata={b"format": FORMAT, _MANIFEST: manifest},
    )
    rows = len(codes)
    arrays = [
        pa.Array.from_buffers(pa.binary(CODE_BYTES), rows, [None, _buffer(codes)]),
        *(pa.Array.from_buffers(pa.int64(), rows, [None, _buffer(each)]) for each in columns.values()),
    ]
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        with pa.ipc.new_file(file, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        file.flush()
        os.fsync(file.fileno())


def _buffer(values: NDArray[np.bytes_] | NDArray[np.int64]) -> pa.Buffer:
    return pa.py_buffer(np.ascontiguousarray(values).view(np.uint8)) if len(values) else pa.py_buffer(b"")


def open_feature_file(path: Path, *, digest: bytes | None = None) -> OpenFeatureSet:
    """Map the file of a feature set; with ``digest``, read it through once and compare.

    Raises:
        Refusal: ``STORAGE_UNAVAILABLE`` where it is missing, damaged or not such a file.
    """
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        metadata = reader.schema.metadata or {}
        if metadata.get(b"format") != FORMAT or reader.num_record_batches != 1:
            raise _damaged()
        opened = _from_batch(reader.get_batch(0))
    except (OSError, pa.ArrowException):
        raise _damaged() from None
    if digest is not None and opened.digest(metadata[_MANIFEST]) != digest:
        raise _damaged()
    return opened


def _from_batch(batch: pa.RecordBatch) -> OpenFeatureSet:
    fields = tuple(name.removeprefix("field:") for name in batch.schema.names[1:])
    expected = [pa.binary(CODE_BYTES), *([pa.int64()] * len(fields))]
    if batch.schema.types != expected or any(column.null_count for column in batch.columns):
        raise _damaged()
    codes = np.frombuffer(batch.column(0).buffers()[1], dtype=CODE_DTYPE, count=batch.num_rows)
    columns = {
        field: np.frombuffer(batch.column(place).buffers()[1], dtype="<i8", count=batch.num_rows)
        for place, field in enumerate(fields, start=1)
    }
    return OpenFeatureSet(fields, codes, columns)


def _damaged() -> Refusal:
    return Refusal(
        Code.STORAGE_UNAVAILABLE,
        "the file of a feature set is missing or damaged",
        remedy="Restore the data folder from a backup, or import the data again.",
    )
