"""A million short strings as one matrix of bytes, so that checks run over columns and not over Python strings.

Arrays are made of buffers here: ``pa.array`` and ``pa.scalar`` load pandas, where it is installed, to ask what they are
given, which takes a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK_ROWS = 1 << 16  # small enough for the processor's cache, large enough for numpy


def as_arrow(texts: Sequence[str | None] | pa.Array) -> pa.Array:
    """Return the texts as an Arrow array of large strings; None stays null.

    Raises:
        UnicodeEncodeError: a text holds a lone surrogate.
    """
    array = texts if isinstance(texts, pa.Array) else _array(texts)
    return array if array.type == pa.large_string() else array.cast(pa.large_string())


def _array(texts: Sequence[str | None]) -> pa.Array:
    if None in texts or not (joined := "".join(cast(Sequence[str], texts))).isascii():
        return pa.array(texts, pa.large_string())
    edges = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(map(len, cast(Sequence[str], texts)), np.int64, len(texts)), out=edges[1:])
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(edges), pa.py_buffer(joined.encode("ascii")))


def one_text(text: bytes) -> pa.Array:
    """Return an array of large strings that holds one text.

    Raises:
        ArrowInvalid: it is not UTF-8.
    """
    edges = np.array([0, len(text)], dtype=np.int64)
    array = pa.LargeStringArray.from_buffers(1, pa.py_buffer(edges), pa.py_buffer(text))
    array.validate(full=True)
    return array


def mask(flags: NDArray[np.bool_]) -> pa.Array:
    """Return flags as Arrow takes them for choosing rows."""
    packed = np.packbits(flags, bitorder="little")
    return pa.BooleanArray.from_buffers(pa.bool_(), len(flags), [None, pa.py_buffer(packed)])


def lengths(array: pa.Array) -> NDArray[np.int64]:
    """Return the lengths of large strings in bytes of UTF-8; of a null 0."""
    return np.diff(_buffers(array)[0])


def blocks(array: pa.Array, width: int) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield ``(first row, characters, lengths)`` for one block of rows after the other.

    ``characters`` has shape (width, rows of the block): row j holds byte j of every text, zero behind its end or beyond
    ``width``. ``lengths`` is in bytes of UTF-8; a null has length 0.
    """
    for start in range(0, len(array), BLOCK_ROWS):
        block = array.slice(start, BLOCK_ROWS)
        offsets, data = _buffers(block)
        lengths = np.diff(offsets)
        if (lengths == width).all():  # the usual case, and ten times as fast
            texts = data[offsets[0] : offsets[-1]].reshape(-1, width)
            yield start, np.ascontiguousarray(texts.T), lengths
            continue
        place = np.arange(width, dtype=np.int64)[:, None]
        inside = place < lengths
        at = np.where(inside, offsets[:-1] + place, 0)
        yield start, np.where(inside, data[at], np.uint8(0)), lengths


def _buffers(block: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    filled = block.fill_null("") if block.null_count else block
    _, offsets, data = filled.buffers()
    edges = np.frombuffer(offsets, dtype=np.int64)[filled.offset : filled.offset + len(filled) + 1]
    # One spare byte keeps index 0 valid where every text of the block is empty.
    characters = np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return edges, characters
