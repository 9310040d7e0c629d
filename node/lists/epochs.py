"""One VOPRF key, one file of tags and one of sealed labels per bank and version of a list.

A version never changes, so its epoch lasts as long as the version does: a new version has a new key, and an OPRF output
that a bank kept tests nothing of it. When a file is lost or damaged the next call makes a fresh epoch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, insert, select

from node.alignment.epoch import Sealer
from node.alignment.tag_files import TagFileError, check_file, check_size, frames
from node.alignment.turns import Turns
from node.clock import Clock
from node.codes import Code
from node.errors import Refusal
from node.jobs.screening_calls import EPOCH_ID_BYTES, ListEpoch
from node.lists.evaluating import SEGMENT, SLICE_CODES, evaluate_slice, publish, sealed_length
from node.lists.listfile import ListContent
from node.storage.database import Database
from node.storage.durable import write_whole
from node.storage.schema import screening_epochs
from node.storage.screening_lists import StoredList
from protocols.psi.oprf import SEED_BYTES, Mode, OprfKey, derive_key_pair
from protocols.psi.tags import TAG_BYTES
from protocols.randomness import Randomness
from protocols.transcript import bind

_FOLDER = Path("lists") / "epochs"
SliceJob = tuple[bytes, bytes, bytes, int]
SliceFunction = Callable[[bytes, bytes, bytes, int], tuple[bytes, bytes]]
Runner = Callable[[SliceFunction, Sequence[SliceJob]], Iterable[tuple[bytes, bytes]]]
"""Runs a top-level function once per job, in this process or in workers, and gives the results in any order."""


def run_here(function: SliceFunction, jobs: Sequence[SliceJob]) -> Iterator[tuple[bytes, bytes]]:
    """Run every job in this thread, one after the other."""
    return (function(*job) for job in jobs)


class ListEpochs:
    """The epochs of all banks and lists. Shared by all threads of the node."""

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        sealer: Sealer,
        clock: Clock,
        randomness: Randomness,
        *,
        runner: Runner = run_here,
        wait_seconds: float = 900.0,
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._sealer = sealer
        self._clock = clock
        self._randomness = randomness
        self._runner = runner
        self._building = Turns(wait_seconds, "the list is still being prepared for this bank")
        self._checked: set[bytes] = set()  # epochs whose files' digests were checked in this process

    def epoch_for(self, bank: str, stored: StoredList, load: Callable[[], ListContent]) -> ListEpoch:
        """Return the bank's epoch for a version of a list; builds it if need be (about 60 µs a code and core).

        Raises:
            Refusal: ``DEADLINE_EXCEEDED`` when another call's build of it does not end in time.
        """
        with self._building.turn(f"{bank}/{stored.name}/{stored.version}"):
            row = self._row(bank, stored)
            if row is not None and self._sound(row):
                return _info(row)
            return self._build(bank, stored, load())

    def info(self, bank: str, epoch_id: bytes) -> ListEpoch:
        """Return a bank's epoch as it was announced; raises ``NOT_FOUND``."""
        return _info(self._required(bank, epoch_id))

    def key(self, bank: str, epoch_id: bytes) -> bytes:
        """Return the SECRET key of a bank's epoch; raises ``NOT_FOUND``."""
        return self._sealer.open(self._required(bank, epoch_id).sealed_key, _label(bank, epoch_id))

    def read_tags(self, bank: str, epoch_id: bytes, first: int) -> Iterator[bytes]:
        """Give an epoch's tags from index ``first``, in frames of whole ones.

        Raises:
            Refusal: ``NOT_FOUND`` for an epoch that is gone; ``INVALID_INPUT`` for an index past the end.
        """
        row = self._required(bank, epoch_id)
        return self._frames(row, self._data_dir / row.path, first, TAG_BYTES)

    def read_labels(self, bank: str, epoch_id: bytes, first: int) -> Iterator[bytes]:
        """Give an epoch's sealed labels in the order of the tags; raises as :meth:`read_tags` and for none."""
        row = self._required(bank, epoch_id)
        if not row.label_bytes:
            raise Refusal(Code.NOT_FOUND, "the list has no labels")
        return self._frames(row, _labels_path(self._data_dir / row.path), first, row.label_bytes)

    def remove_orphans(self) -> int:
        """Delete files that no epoch names, left by a stop in mid-build; call it once at start. Returns how many."""
        with self._database.read() as connection:
            named = {self._data_dir / path for path in connection.scalars(select(screening_epochs.c.path))}
        kept = named | {_labels_path(path) for path in named}
        folder = self._data_dir / _FOLDER
        orphans = [path for path in folder.glob("*") if path not in kept] if folder.is_dir() else []
        for path in orphans:
            path.unlink()
        return len(orphans)

    def _frames(self, row: Row[Any], path: Path, first: int, item_bytes: int) -> Iterator[bytes]:
        if not 0 <= first <= row.tag_count:
            raise Refusal(Code.INVALID_INPUT, "the first item asked for is past the end")
        return _current_frames(path, first, item_bytes)

    def _row(self, bank: str, stored: StoredList) -> Row[Any] | None:
        table = screening_epochs
        mine = (table.c.bank == bank, table.c.name == stored.name, table.c.version == stored.version)
        with self._database.read() as connection:
            return connection.execute(select(table).where(*mine)).one_or_none()

    def _required(self, bank: str, epoch_id: bytes) -> Row[Any]:
        mine = (screening_epochs.c.bank == bank, screening_epochs.c.epoch_id == epoch_id)
        with self._database.read() as connection:
            row = connection.execute(select(screening_epochs).where(*mine)).one_or_none()
        if row is None:
            raise _retired()
        return row

    def _sound(self, row: Row[Any]) -> bool:
        """Tell whether the epoch's files are there; digests are computed once per process, sizes every time."""
        path = self._data_dir / row.path
        try:
            if row.epoch_id in self._checked:
                check_size(path, row.tag_count)
                if row.label_bytes:
                    check_size(_labels_path(path), row.tag_count, row.label_bytes)
            else:
                check_file(path, row.tag_count, row.tags_digest)
                if row.label_bytes:
                    check_file(_labels_path(path), row.tag_count, row.labels_digest, row.label_bytes)
        except TagFileError:
            return False
        self._checked.add(row.epoch_id)
        return True

    def _build(self, bank: str, stored: StoredList, content: ListContent) -> ListEpoch:
        epoch_id = self._randomness.bytes(EPOCH_ID_BYTES)
        info = bind("screening/key", bank.encode(), stored.name.encode(), stored.version.encode(), epoch_id)
        key = derive_key_pair(self._randomness.bytes(SEED_BYTES), info, Mode.VOPRF)
        sealed_bytes = sealed_length(content.label_bytes)
        jobs = _jobs(key.export_secret(), content)
        slices = self._runner(evaluate_slice, jobs)
        tags, labels = publish(slices, len(content.codes), sealed_bytes, self._randomness)
        epoch = ListEpoch(
            epoch_id,
            key.public_key().encoded,
            len(tags) // TAG_BYTES,
            hashlib.sha256(tags).digest(),
            SEGMENT,
            sealed_bytes,
            hashlib.sha256(labels).digest() if labels else b"",
        )
        path = _FOLDER / f"{epoch_id.hex()}.tags"
        (self._data_dir / _FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        # The files first: a row without its files would be found damaged, a file without its row is only an orphan.
        if labels:
            write_whole(_labels_path(self._data_dir / path), labels)
        write_whole(self._data_dir / path, tags)
        self._replace(bank, stored, epoch, key, path)
        return epoch

    def _replace(self, bank: str, stored: StoredList, epoch: ListEpoch, key: OprfKey, path: Path) -> None:
        """Put an epoch in place of a damaged one of the same version in one transaction, then delete its files."""
        table = screening_epochs
        mine = (table.c.bank == bank, table.c.name == stored.name, table.c.version == stored.version)
        values = {
            "epoch_id": epoch.epoch_id,
            "bank": bank,
            "name": stored.name,
            "version": stored.version,
            "sealed_key": self._sealer.seal(key.export_secret(), _label(bank, epoch.epoch_id)),
            "public_key": epoch.public_key,
            "tag_count": epoch.tag_count,
            "tags_digest": epoch.tags_digest,
            "label_bytes": epoch.label_bytes,
            "labels_digest": epoch.labels_digest or None,
            "path": str(path),
            "created_at": self._clock(),
        }
        with self._database.write() as connection:
            old = connection.scalars(select(table.c.path).where(*mine)).all()
            connection.execute(delete(table).where(*mine))
            connection.execute(insert(table), values)
        self._checked.add(epoch.epoch_id)
        for each in old:
            (self._data_dir / each).unlink(missing_ok=True)
            _labels_path(self._data_dir / each).unlink(missing_ok=True)


def _jobs(secret: bytes, content: ListContent) -> list[SliceJob]:
    width = content.label_bytes
    return [
        (
            secret,
            content.codes[start : start + SLICE_CODES].tobytes(),
            content.labels[start : start + SLICE_CODES].tobytes(),
            width,
        )
        for start in range(0, len(content.codes), SLICE_CODES)
    ]


def _labels_path(path: Path) -> Path:
    return path.with_suffix(".labels")


def _current_frames(path: Path, first: int, item_bytes: int) -> Iterator[bytes]:
    try:
        yield from frames(path, first, item_bytes)
    except TagFileError:  # replaced between the look at the table and the first frame, or lost
        raise _retired() from None


def _retired() -> Refusal:
    return Refusal(
        Code.NOT_FOUND,
        "the epoch is not the current one of this bank and list",
        remedy="Open the screening anew.",
    )


def _info(row: Row[Any]) -> ListEpoch:
    return ListEpoch(
        bytes(row.epoch_id),
        bytes(row.public_key),
        row.tag_count,
        bytes(row.tags_digest),
        SEGMENT,
        row.label_bytes,
        bytes(row.labels_digest or b""),
    )


def _label(bank: str, epoch_id: bytes) -> str:
    return f"screening-key/{bank}/{epoch_id.hex()}"
