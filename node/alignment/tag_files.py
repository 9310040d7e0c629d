"""Tag files on disk: checked when opened, memory-mapped, read in frames; and files of sealed labels, item by item."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from protocols.errors import PeerProtocolError
from protocols.psi.tags import TAG_BYTES, TagSet

FRAME_TAGS = 65_536
FRAME_BYTES = FRAME_TAGS * TAG_BYTES  # 768 KiB


class TagFileError(Exception):
    """A tag file is missing, or is not the one whose count and digest were recorded."""


def check_file(path: Path, count: int, digest: bytes, item_bytes: int = TAG_BYTES) -> None:
    """Return if the file holds ``count`` items whose SHA-256 is ``digest``, else raise :class:`TagFileError`."""
    check_size(path, count, item_bytes)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").digest() != digest:
            raise TagFileError("a tag file has another digest than the one recorded")


def check_size(path: Path, count: int, item_bytes: int = TAG_BYTES) -> None:
    """Return if the file has the size of ``count`` items, else raise :class:`TagFileError`."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise TagFileError("a tag file is missing") from None
    if size != count * item_bytes:
        raise TagFileError("a tag file has another size than the one recorded")


def open_tags(path: Path, count: int, digest: bytes) -> TagSet:
    """Check the file and return its tags, memory-mapped; raises :class:`TagFileError`."""
    check_file(path, count, digest)
    try:
        return TagSet(np.memmap(path, dtype=f"S{TAG_BYTES}", mode="r"))
    except PeerProtocolError as fault:
        raise TagFileError(str(fault)) from None


def frames(path: Path, first: int, item_bytes: int = TAG_BYTES) -> Iterator[bytes]:
    """Give the items of the file from index ``first``, whole ones, at most ``FRAME_BYTES`` at a time.

    The file is open from the first frame to the last, so that dropping it meanwhile does not break a download.
    Raises :class:`TagFileError` when it was dropped before.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise TagFileError("a tag file is missing") from None
    with file:
        file.seek(first * item_bytes)
        while frame := file.read(FRAME_BYTES // item_bytes * item_bytes):
            yield frame
