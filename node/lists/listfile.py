"""A list on disk: all codes, 18 bytes each, ascending and distinct, then all labels, of one length and zero-padded.

The row in the database knows how many there are and how long a label is; the file is nothing but the two blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.codes import Code
from node.errors import Refusal
from node.policy.screening_list import content_digest
from node.storage.durable import write_new

CODE_BYTES = 18
_CODE = np.dtype(f"S{CODE_BYTES}")
_PART_BYTES = 1 << 20


@dataclass(frozen=True)
class ListContent:
    """Distinct codes in ascending order (S18) and, in the same order, their encoded labels (n x width, uint8)."""

    codes: NDArray[np.bytes_]
    labels: NDArray[np.uint8]

    @property
    def label_bytes(self) -> int:
        """The length of every label, 0 for a list without labels."""
        return int(self.labels.shape[1])

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.codes) * CODE_BYTES + self.labels.size

    def parts(self) -> Iterator[bytes]:
        """Give the file's bytes in order, about a mebibyte at a time."""
        for block, width in ((self.codes, CODE_BYTES), (self.labels, self.label_bytes)):
            rows = max(1, _PART_BYTES // max(1, width))
            for start in range(0, len(block), rows):
                yield block[start : start + rows].tobytes()

    def digest(self, salt: bytes, names: tuple[str, ...]) -> bytes:
        """Return the commitment that the list's document carries."""
        return content_digest(salt, names, self.parts(), self.size)


def write_list(path: Path, content: ListContent) -> None:
    """Write a new list file and force it to disk."""
    write_new(path, content.parts())


def open_list(path: Path, count: int, label_bytes: int) -> ListContent:
    """Return the list of ``count`` codes, memory-mapped.

    Raises:
        Refusal: ``STORAGE_UNAVAILABLE``, the file is missing or of another size.
    """
    try:
        size = path.stat().st_size
    except OSError:
        raise Refusal(Code.STORAGE_UNAVAILABLE, "a list's file is missing") from None
    if size != count * (CODE_BYTES + label_bytes):
        raise Refusal(Code.STORAGE_UNAVAILABLE, "a list's file has another size than the one recorded")
    whole = np.memmap(path, dtype=np.uint8, mode="r")
    codes = whole[: count * CODE_BYTES].view(_CODE)
    return ListContent(codes, whole[count * CODE_BYTES :].reshape(count, label_bytes))
