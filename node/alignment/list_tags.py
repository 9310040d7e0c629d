"""The bank's copies of a bureau's list: tags, and sealed labels beside them; downloaded once an epoch, resumable."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
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

Download = Callable[[int], Iterator[bytes]]
"""Index of the first item wanted -> frames of whole items."""


class ListTags:
    """Files of lists, one folder a list; those of an epoch that is over go when the next one is there."""

    def __init__(self, data_directory: Path) -> None:
        self._root = data_directory / "lists"
        self._lock = threading.Lock()

    def tags(self, bureau: str, name: str, epoch: ListEpoch, download: Download) -> NDArray[np.bytes_]:
        """Return an epoch's tags, dtype S12, ascending, memory-mapped.

        Raises:
            Refusal: ``MALFORMED`` when they are not what the epoch announced; what ``download`` raises.
        """
        info = EpochInfo(epoch.epoch_id, epoch.tag_count, epoch.tags_digest)
        with self._lock:
            path = self._path(bureau, name, epoch, "tags")
            try:
                open_tags(path, epoch.tag_count, epoch.tags_digest)
            except TagFileError:
                fetch_tags(path, info, lambda _epoch, first: download(first))
                self._forget_others(path)
        return np.memmap(path, dtype="S12", mode="r")

    def labels(self, bureau: str, name: str, epoch: ListEpoch, download: Download) -> NDArray[np.uint8]:
        """Return an epoch's sealed labels in the order of the tags, one a row, memory-mapped; see :meth:`tags`."""
        with self._lock:
            path = self._path(bureau, name, epoch, "labels")
            if not path.exists():
                partial = path.with_suffix(".labels-part")
                append_items(partial, epoch.tag_count, epoch.label_bytes, download)
                with partial.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").digest()
                if found != epoch.labels_digest:
                    partial.unlink()
                    raise Refusal(
                        Code.MALFORMED, "the sealed labels are not those that the epoch announced", side=Side.BUREAU
                    )
                rename(partial, path)
        return np.memmap(path, dtype=np.uint8, mode="r", shape=(epoch.tag_count, epoch.label_bytes))

    def _path(self, bureau: str, name: str, epoch: ListEpoch, ending: str) -> Path:
        # Both names were checked: a card's party id, and a name that the bureau signed a list under.
        folder = self._root / bureau / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f"{epoch.epoch_id.hex()}.{ending}"

    def _forget_others(self, kept: Path) -> None:
        for path in kept.parent.iterdir():
            if path.stem != kept.stem:
                path.unlink()
