"""The bank's copies of a bureau's list: tags and sealed labels, segment by segment, each downloaded once, resumable."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.alignment.epoch import EpochInfo
from node.alignment.memory import append_items, fetch_tags
from node.alignment.tag_files import TagFileError, open_tags
from node.codes import Code, Side
from node.errors import Refusal
from node.jobs.screening_calls import ListEpoch
from node.storage.durable import rename
from protocols.psi.segments import Segment, SegmentedTags

Download = Callable[[int, int], Iterator[bytes]]
"""(number of a segment, index of the first item wanted) -> frames of whole items."""


class ListTags:
    """Files of lists, one folder a list, one file a segment: each is downloaded once and serves every later job."""

    def __init__(self, data_directory: Path) -> None:
        self._root = data_directory / "lists"
        self._lock = threading.Lock()

    def tags(
        self, bureau: str, name: str, epoch: ListEpoch, download: Download, in_use: Collection[bytes] = ()
    ) -> SegmentedTags:
        """Return an epoch's tags, memory-mapped; only segments that are not on disk are downloaded.

        Files of any other epoch of the list go once these are there, but for epochs that are ``in_use``.

        Raises:
            Refusal: ``MALFORMED`` when they are not what the epoch announced; what ``download`` raises.
        """
        with self._lock:
            maps = [self._tags(bureau, name, epoch, one, download) for one in epoch.segments]
            self._forget_others(self._folder(bureau, name), {epoch.epoch_id, *in_use})
        return SegmentedTags([one.kind for one in epoch.segments], maps)

    def labels(self, bureau: str, name: str, epoch: ListEpoch, download: Download) -> list[NDArray[np.uint8]]:
        """Return every segment's sealed labels in the order of its tags, one a row, memory-mapped; see :meth:`tags`.

        All of them are downloaded, whichever are opened: the bureau must not see where a match stands.
        """
        with self._lock:
            return [self._labels(bureau, name, epoch, one, download) for one in epoch.segments]

    def _tags(
        self, bureau: str, name: str, epoch: ListEpoch, segment: Segment, download: Download
    ) -> NDArray[np.bytes_]:
        path = self._path(bureau, name, epoch, segment, "tags")
        try:
            open_tags(path, segment.count, segment.tags_digest)
        except TagFileError:
            info = EpochInfo(epoch.epoch_id, segment.count, segment.tags_digest)
            fetch_tags(path, info, lambda _epoch, first: download(segment.number, first))
        return np.memmap(path, dtype="S12", mode="r")

    def _labels(
        self, bureau: str, name: str, epoch: ListEpoch, segment: Segment, download: Download
    ) -> NDArray[np.uint8]:
        if not segment.label_bytes:
            return np.empty((segment.count, 0), dtype=np.uint8)
        path = self._path(bureau, name, epoch, segment, "labels")
        if not path.exists():
            partial = path.with_suffix(".labels-part")
            append_items(partial, segment.count, segment.label_bytes, lambda first: download(segment.number, first))
            with partial.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").digest()
            if found != segment.labels_digest:
                partial.unlink()
                raise Refusal(
                    Code.MALFORMED, "the sealed labels are not those that the epoch announced", side=Side.BUREAU
                )
            rename(partial, path)
        return np.memmap(path, dtype=np.uint8, mode="r", shape=(segment.count, segment.label_bytes))

    def _folder(self, bureau: str, name: str) -> Path:
        # Both names were checked: a card's party id, and a name that the bureau signed a list under.
        folder = self._root / bureau / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _path(self, bureau: str, name: str, epoch: ListEpoch, segment: Segment, ending: str) -> Path:
        return self._folder(bureau, name) / f"{epoch.epoch_id.hex()}-{segment.number:03d}.{ending}"

    def _forget_others(self, folder: Path, kept: Collection[bytes]) -> None:
        names = {epoch_id.hex() for epoch_id in kept}
        for path in folder.iterdir():
            if path.name.partition("-")[0] not in names:
                path.unlink()
