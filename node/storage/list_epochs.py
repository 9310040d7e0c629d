"""The tables of a bureau's list epochs: keys, and the segments that were published under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select, update

from node.storage.bureau_screenings import OPEN
from node.storage.database import Database
from node.storage.schema import bureau_screenings, screening_epochs, screening_lists, screening_segments
from protocols.psi.segments import Segment, SegmentKind

_epochs, _segments = screening_epochs.c, screening_segments.c


@dataclass(frozen=True)
class StoredSegment:
    """A segment, the version of the list that it was published with, and its file relative to the data folder."""

    segment: Segment
    version: str
    path: str


@dataclass(frozen=True)
class StoredEpoch:
    """One key of one bank and list; times in Unix milliseconds. ``segments`` stand in their order."""

    epoch_id: bytes
    bank: str
    name: str
    sealed_key: bytes
    public_key: bytes
    created_at: int
    retired_at: int | None
    segments: tuple[StoredSegment, ...]

    def up_to(self, version: str) -> tuple[Segment, ...]:
        """Return the segments of a version: all up to the last that was published with it; none where it has none."""
        last = max((one.segment.number for one in self.segments if one.version == version), default=-1)
        return tuple(one.segment for one in self.segments[: last + 1])

    @property
    def version(self) -> str:
        """The newest version of the list that the epoch serves."""
        return self.segments[-1].version


class ListEpochTable:
    """All reading and writing of epochs and their segments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, bank: str, epoch_id: bytes) -> StoredEpoch | None:
        """Return a bank's epoch; another bank's is none."""
        found = self._read(select(screening_epochs).where(_epochs.bank == bank, _epochs.epoch_id == epoch_id))
        return found[0] if found else None

    def of_list(self, bank: str, name: str) -> list[StoredEpoch]:
        """Return a bank's epochs of a list, the newest first."""
        mine = (_epochs.bank == bank, _epochs.name == name)
        return self._read(select(screening_epochs).where(*mine).order_by(_epochs.created_at.desc(), _epochs.epoch_id))

    def published_at(self, name: str, version: str) -> int:
        """Return when a version of a list was published."""
        table = screening_lists.c
        query = select(table.published_at).where(table.name == name, table.version == version)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def add(self, new: StoredEpoch, retired: Sequence[bytes]) -> None:
        """Record an epoch with its segments and retire others at the same moment, in one transaction."""
        values = {name: value for name, value in vars(new).items() if name != "segments"}
        with self._database.write() as connection:
            connection.execute(insert(screening_epochs), values)
            connection.execute(insert(screening_segments), _rows(new.epoch_id, new.segments))
            chosen = (_epochs.epoch_id.in_(retired), _epochs.retired_at.is_(None))
            connection.execute(update(screening_epochs).where(*chosen).values(retired_at=new.created_at))

    def extend(self, epoch_id: bytes, segments: Sequence[StoredSegment]) -> None:
        """Record further segments of an epoch, all or none."""
        with self._database.write() as connection:
            connection.execute(insert(screening_segments), _rows(epoch_id, segments))

    def remove(self, epoch_id: bytes) -> None:
        """Forget an epoch, its key and its segments."""
        with self._database.write() as connection:
            connection.execute(delete(screening_segments).where(_segments.epoch_id == epoch_id))
            connection.execute(delete(screening_epochs).where(_epochs.epoch_id == epoch_id))

    def over(self, *, settled_before: int, retired_before: int) -> list[StoredEpoch]:
        """Return epochs that were retired by the first time and serve no open screening, or by the second one."""
        table = bureau_screenings.c
        used = select(table.session_id).where(table.epoch_id == _epochs.epoch_id, table.state == OPEN).exists()
        due = (_epochs.retired_at <= retired_before) | ((_epochs.retired_at <= settled_before) & ~used)
        return self._read(select(screening_epochs).where(due))

    def paths(self) -> set[str]:
        """Return the paths of all segments."""
        with self._database.read() as connection:
            return set(connection.scalars(select(_segments.path)))

    def _read(self, query: Select[Any]) -> list[StoredEpoch]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            chosen = _segments.epoch_id.in_([row.epoch_id for row in rows])
            pieces = connection.execute(select(screening_segments).where(chosen).order_by(_segments.number)).all()
        return [_epoch(row, [piece for piece in pieces if piece.epoch_id == row.epoch_id]) for row in rows]


def _rows(epoch_id: bytes, segments: Sequence[StoredSegment]) -> list[dict[str, object]]:
    return [
        {
            "epoch_id": epoch_id,
            "number": one.segment.number,
            "version": one.version,
            "kind": one.segment.kind.value,
            "tag_count": one.segment.count,
            "tags_digest": one.segment.tags_digest,
            "label_bytes": one.segment.label_bytes,
            "labels_digest": one.segment.labels_digest or None,
            "path": one.path,
        }
        for one in segments
    ]


def _epoch(row: Row[Any], pieces: Sequence[Row[Any]]) -> StoredEpoch:
    values = dict(row._mapping)
    for name in ("epoch_id", "sealed_key", "public_key"):
        values[name] = bytes(values[name])
    return StoredEpoch(**values, segments=tuple(map(_segment, pieces)))


def _segment(row: Row[Any]) -> StoredSegment:
    digests = bytes(row.tags_digest), row.label_bytes, bytes(row.labels_digest or b"")
    return StoredSegment(Segment(row.number, SegmentKind(row.kind), row.tag_count, *digests), row.version, row.path)
