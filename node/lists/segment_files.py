"""The files of a bureau's segments: written whole, checked, read in frames, memory-mapped, deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.alignment.tag_files import TagFileError, check_file, check_size, frames
from node.lists.deltas import Piece
from node.storage.durable import write_whole
from node.storage.list_epochs import StoredEpoch, StoredSegment
from protocols.psi.segments import Segment
from protocols.psi.tags import TAG_BYTES

FOLDER = Path("lists") / "epochs"


class SegmentFiles:
    """Files below ``DIR/data/lists/epochs``: one of tags a segment, one of sealed labels beside it."""

    def __init__(self, data_directory: Path) -> None:
        self._data_directory = data_directory
        self._checked: set[str] = set()  # paths whose digests were checked in this process

    def write(self, epoch_id: bytes, number: int, version: str, piece: Piece) -> StoredSegment:
        """Write a segment's files and return what is recorded of it; on disk when this returns."""
        path = FOLDER / f"{epoch_id.hex()}-{number:03d}.tags"
        whole = self._data_directory / path
        whole.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if piece.label_bytes:
            write_whole(labels_path(whole), piece.labels)
        write_whole(whole, piece.tags)
        digests = hashlib.sha256(piece.tags).digest(), hashlib.sha256(piece.labels).digest()
        self._checked.add(str(path))
        segment = Segment(
            number,
            piece.kind,
            len(piece.tags) // TAG_BYTES,
            digests[0],
            piece.label_bytes,
            digests[1] if piece.label_bytes else b"",
        )
        return StoredSegment(segment, version, str(path))

    def sound(self, stored: StoredSegment) -> bool:
        """Tell whether a segment's files are there; digests are computed once per process, sizes every time."""
        path, segment = self._data_directory / stored.path, stored.segment
        try:
            if stored.path in self._checked:
                check_size(path, segment.count)
                if segment.label_bytes:
                    check_size(labels_path(path), segment.count, segment.label_bytes)
            else:
                check_file(path, segment.count, segment.tags_digest)
                if segment.label_bytes:
                    check_file(labels_path(path), segment.count, segment.labels_digest, segment.label_bytes)
        except TagFileError:
            return False
        self._checked.add(stored.path)
        return True

    def tags(self, stored: StoredSegment) -> NDArray[np.bytes_]:
        """Return a segment's tags, dtype S12, memory-mapped."""
        return np.memmap(self._data_directory / stored.path, dtype=f"S{TAG_BYTES}", mode="r")

    def tag_frames(self, stored: StoredSegment, first: int) -> Iterator[bytes]:
        """Give a segment's tags from an index on; raises :class:`TagFileError`."""
        return frames(self._data_directory / stored.path, first, TAG_BYTES)

    def label_frames(self, stored: StoredSegment, first: int) -> Iterator[bytes]:
        """Give a segment's sealed labels from an index on; raises :class:`TagFileError`."""
        return frames(labels_path(self._data_directory / stored.path), first, stored.segment.label_bytes)

    def remove(self, epoch: StoredEpoch) -> None:
        """Delete the files of an epoch that is no longer recorded."""
        for each in epoch.segments:
            self._checked.discard(each.path)
            (self._data_directory / each.path).unlink(missing_ok=True)
            labels_path(self._data_directory / each.path).unlink(missing_ok=True)

    def remove_others(self, recorded: Sequence[str] | set[str]) -> int:
        """Delete files that no segment names, left by a stop in mid-build. Returns how many."""
        named = {self._data_directory / path for path in recorded}
        kept = named | {labels_path(path) for path in named}
        folder = self._data_directory / FOLDER
        orphans = [path for path in folder.glob("*") if path not in kept] if folder.is_dir() else []
        for path in orphans:
            path.unlink()
        return len(orphans)


def labels_path(path: Path) -> Path:
    """Return where the sealed labels of a file of tags stand."""
    return path.with_suffix(".labels")
