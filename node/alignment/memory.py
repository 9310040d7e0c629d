"""The bank's side: what it learned in the bureau's current epoch, and that epoch's tags."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import bindparam, delete, select

from node.alignment.epoch import EpochInfo
from node.alignment.tag_files import TagFileError, open_tags
from node.codes import Code, Side
from node.errors import Refusal
from node.storage.database import Database, SelectIn, upsert
from node.storage.durable import rename
from node.storage.schema import alignment_known
from protocols.psi.tags import TAG_BYTES, TagSet

Download = Callable[[bytes, int], Iterator[bytes]]
"""(epoch id, index of the first tag wanted) -> frames of whole tags."""

_KNOWN = SelectIn(
    select(alignment_known.c.uscc, alignment_known.c.held).where(
        alignment_known.c.bureau == bindparam("bureau"), alignment_known.c.epoch_id == bindparam("epoch")
    ),
    alignment_known.c.uscc,
)
_PARTY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class AlignmentMemory:
    """Alignment results and tag files of a bank, per bureau. Shared by all threads of the node.

    Results of an earlier epoch never count: the bureau's set has changed since.
    """

    def __init__(self, database: Database, data_dir: Path) -> None:
        self._database = database
        self._folder = data_dir / "alignment"
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._open: dict[str, tuple[bytes, TagSet]] = {}

    def known(self, bureau: str, epoch_id: bytes, codes: Sequence[str]) -> dict[str, bool]:
        """Return what is known of ``codes`` in this epoch: held or not; the others are left out."""
        with self._database.read() as conn:
            return dict(_KNOWN(conn, codes, bureau=bureau, epoch=epoch_id))

    def remember(self, bureau: str, epoch_id: bytes, results: Mapping[str, bool]) -> None:
        """Store what was learned in this epoch, in one transaction; replaces what earlier epochs said."""
        rows = [  # in one order, so that two alignments of the same enterprises never wait for each other
            {"bureau": bureau, "uscc": code, "epoch_id": epoch_id, "held": held}
            for code, held in sorted(results.items())
        ]
        with self._database.write() as conn:
            upsert(conn, alignment_known, rows, ["epoch_id", "held"])

    def tag_set(self, bureau: str, epoch: EpochInfo, download: Download) -> TagSet:
        """Return the epoch's tags: from memory, from disk, or downloaded, going on where a broken download ended.

        Raises:
            Refusal: ``MALFORMED`` when what the bureau sent is not what its epoch announced; what ``download`` raises.
        """
        with self._lock(bureau):
            epoch_id, tags = self._open.get(bureau, (b"", None))
            if tags is None or epoch_id != epoch.epoch_id:
                tags = self._tags_on_disk(bureau, epoch, download)
                self._open[bureau] = (epoch.epoch_id, tags)
            return tags

    def _lock(self, bureau: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(bureau, threading.Lock())

    def _tags_on_disk(self, bureau: str, epoch: EpochInfo, download: Download) -> TagSet:
        folder = self._folder_of(bureau)
        path = folder / f"{epoch.epoch_id.hex()}.tags"
        try:
            return open_tags(path, epoch.tag_count, epoch.tags_digest)
        except TagFileError:
            fetch_tags(path, epoch, download)
        tags = open_tags(path, epoch.tag_count, epoch.tags_digest)
        self._forget_other_epochs(bureau, epoch.epoch_id, folder)
        return tags

    def _folder_of(self, bureau: str) -> Path:
        if not _PARTY.fullmatch(bureau):  # it becomes a folder's name
            raise Refusal(Code.INVALID_INPUT, "a party id has letters, digits, dots and hyphens only")
        folder = self._folder / bureau
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _forget_other_epochs(self, bureau: str, epoch_id: bytes, folder: Path) -> None:
        """Drop files and results of epochs that are over: they can never count again."""
        for path in folder.iterdir():
            if path.stem != epoch_id.hex():
                path.unlink()
        table = alignment_known
        with self._database.write() as conn:
            conn.execute(delete(table).where(table.c.bureau == bureau, table.c.epoch_id != epoch_id))


def fetch_tags(path: Path, epoch: EpochInfo, download: Download) -> None:
    """Download an epoch's tags, check them, make them durable and give the file its name.

    Raises:
        Refusal: ``MALFORMED`` when they are not what the epoch announced, ``PEER_UNREACHABLE`` when they end early.
    """
    partial = path.with_suffix(".part")
    append_items(partial, epoch.tag_count, TAG_BYTES, lambda first: download(epoch.epoch_id, first))
    try:
        open_tags(partial, epoch.tag_count, epoch.tags_digest)
    except TagFileError as fault:
        partial.unlink()  # not worth going on from
        raise _false(str(fault)) from None
    rename(partial, path)


def append_items(partial: Path, count: int, item_bytes: int, download: Callable[[int], Iterator[bytes]]) -> None:
    """Append what is missing of ``count`` items; what arrived before a failure stays, for the next attempt.

    ``download`` gives frames of whole items from an index on.
    """
    with partial.open("ab") as file:
        have = min(file.tell() // item_bytes, count)
        file.truncate(have * item_bytes)
        missing = (count - have) * item_bytes
        for frame in download(have) if missing else ():
            if not frame or len(frame) % item_bytes or len(frame) > missing:
                raise _false("a frame is empty, not of whole items, or past the announced count")
            file.write(frame)
            missing -= len(frame)
        file.flush()
        os.fsync(file.fileno())
    if missing:
        raise Refusal(Code.PEER_UNREACHABLE, "the download of the bureau's tags ended early; it goes on from there")


def _false(detail: str) -> Refusal:
    return Refusal(
        Code.MALFORMED,
        f"the bureau's tags are not what its epoch announced: {detail}",
        side=Side.BUREAU,
        remedy="Try again; if it stays, report it to the bureau.",
    )
