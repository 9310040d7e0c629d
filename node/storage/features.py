"""Feature sets: what the bureau scores from. A set is written once; a newer one of the same name supersedes it.

A running job keeps the set it began with: superseded sets stay readable until an operator drops them, and a set that
an open job uses is not dropped.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, bindparam, select, update

from node.codes import Code, JobState
from node.errors import Refusal
from node.storage.database import Database, insert_rows, lock_name
from node.storage.durable import rename
from node.storage.featurefile import CODE_DTYPE, OpenFeatureSet
from node.storage.featurefile import open_feature_file as open_feature_file
from node.storage.schema import bureau_jobs, feature_sets

FOLDER = "features"
SCRATCH_PREFIX = ".import-"
_OPEN_SETS = 8
_FINAL = (JobState.DONE.value, JobState.FAILED.value, JobState.CANCELLED.value)


class FeatureSetState(StrEnum):
    """``active`` sets serve new jobs and the alignment, ``superseded`` ones running jobs, ``dropped`` ones nobody."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"


@dataclass(frozen=True)
class StoredFeatureSet:
    """A feature set. ``as_of`` is an ISO date, ``digest`` 32 bytes over the content, times Unix milliseconds.

    ``path`` is relative to the node's data folder.
    """

    feature_set: str
    name: str
    as_of: str
    catalogue_id: str
    catalogue_version: int
    rows: int
    fields: int
    digest: bytes
    path: str
    state: FeatureSetState
    imported_at: int
    changed_at: int


def feature_set_id(as_of: str, name: str, digest: bytes, imported_at: int) -> str:
    """Return the id of a set: its as-of date and twelve hex digits that depend on name, content and time."""
    content = digest + imported_at.to_bytes(8, "big") + name.encode("utf-8")
    return f"{as_of}-{hashlib.sha256(content).hexdigest()[:12]}"


class FeatureStore:
    """The table of feature sets and their files below ``data_directory/features``."""

    def __init__(self, database: Database, data_directory: Path) -> None:
        self._database = database
        self._data_directory = data_directory
        self._opened: OrderedDict[str, OpenFeatureSet] = OrderedDict()
        self._guard = threading.Lock()

    # ---- looking

    def get(self, feature_set: str) -> StoredFeatureSet | None:
        """Return a set's row, dropped ones too."""
        found = self._select(select(feature_sets).where(feature_sets.c.feature_set == feature_set))
        return found[0] if found else None

    def latest(self, catalogue_id: str, catalogue_version: int) -> StoredFeatureSet | None:
        """Return the active set of a catalogue's version that a new job uses: the latest as-of date, then import."""
        found = self._select(_LATEST, {"catalogue": catalogue_id, "version": catalogue_version})
        return found[0] if found else None

    def open(self, feature_set: str) -> OpenFeatureSet:
        """Return the set, mapped into memory; the first time its digest is checked.

        Raises:
            Refusal: ``NOT_FOUND``; ``WRONG_STATE`` for a dropped set; ``STORAGE_UNAVAILABLE`` for a damaged file.
        """
        with self._guard:
            if (opened := self._opened.get(feature_set)) is not None:
                self._opened.move_to_end(feature_set)
                return opened
        stored = self._require(feature_set)
        fresh = open_feature_file(self.path(stored), digest=stored.digest)
        with self._guard:
            self._opened[feature_set] = fresh
            while len(self._opened) > _OPEN_SETS:
                self._opened.popitem(last=False)
        return fresh

    def path(self, stored: StoredFeatureSet) -> Path:
        """Return where a set's file stands; worker processes map it with :func:`open_feature_file`."""
        return self._data_directory / stored.path

    def rejects_path(self, stored: StoredFeatureSet) -> Path:
        """Return where the list of rejected rows of a set's import stands, if there were any."""
        return self.path(stored).with_suffix(".rejects.csv")

    # ---- the standing set, for the alignment

    def standing_version(self) -> str:
        """Return a text that changes whenever :meth:`codes` may have changed."""
        rows = self._select(_STANDING)
        return hashlib.sha256(b"".join(row.feature_set.encode() + row.digest for row in rows)).hexdigest()

    def codes(self) -> NDArray[np.bytes_]:
        """Return the codes of all active sets: sorted, distinct, dtype S18."""
        parts = [self.open(row.feature_set).codes for row in self._select(_active())]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=CODE_DTYPE)

    def standing_codes(self) -> Iterator[str]:
        """Yield the codes of :meth:`codes` as texts."""
        codes = self.codes()
        for start in range(0, len(codes), 1 << 16):
            yield from codes[start : start + (1 << 16)].astype(str).tolist()

    # ---- changing

    def pin(self, conn: Connection, feature_set: str) -> None:
        """Make sure that the set is there until the caller's transaction, which records a job on it, has ended.

        Raises:
            Refusal: ``NOT_FOUND``; ``WRONG_STATE`` for a dropped set.
        """
        _check_there(conn.execute(_PINNED, {"chosen": feature_set}).one_or_none())

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder beside the sets' files, removed at the end."""
        folder = self._data_directory / FOLDER
        with disk_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            own = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=folder))
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def publish(self, file: Path, stored: StoredFeatureSet) -> StoredFeatureSet:
        """Move a finished, synced file to its place and record it in one transaction; older ones are superseded.

        Raises:
            Refusal: ``WRONG_STATE`` where a set of this id stands there already: that one is left alone.
        """
        target = self.path(stored)
        _reserve(target)
        with disk_errors():
            rename(file, target)
        try:
            with self._database.write() as conn:
                lock_name(conn, "feature-sets")
                named = (feature_sets.c.name == stored.name, feature_sets.c.state == FeatureSetState.ACTIVE.value)
                conn.execute(update(feature_sets).where(*named).values(**_state("superseded", stored.imported_at)))
                insert_rows(conn, feature_sets, [vars(stored) | {"state": stored.state.value}])
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return stored

    def drop(self, feature_set: str, now: int) -> StoredFeatureSet:
        """Remove a set's file; its row stays as ``dropped``. A set that is dropped already stays as it is.

        Raises:
            Refusal: ``NOT_FOUND``; ``WRONG_STATE`` while a job that is not final uses it.
        """
        chosen = feature_sets.c.feature_set == feature_set
        with self._database.write() as conn:
            row = conn.execute(select(feature_sets).where(chosen).with_for_update()).one_or_none()
            if row is None:
                raise Refusal(Code.NOT_FOUND, "no feature set has this id")
            if row.state != FeatureSetState.DROPPED.value:
                _check_unused(conn, feature_set)
                conn.execute(update(feature_sets).where(chosen).values(**_state("dropped", now)))
            dropped = _stored(conn.execute(select(feature_sets).where(chosen)).one())
        with self._guard:
            self._opened.pop(feature_set, None)
        with disk_errors():
            for path in (self.path(dropped), self.rejects_path(dropped)):
                path.unlink(missing_ok=True)
        return dropped

    def clean(self) -> None:
        """Remove what a crash left behind: scratch folders, and files that no row names. Call it at start only."""
        folder = self._data_directory / FOLDER
        kept = {self.path(row).name for row in self.list() if row.state is not FeatureSetState.DROPPED}
        for each in sorted(folder.glob("*")) if folder.is_dir() else []:
            if each.name.startswith(SCRATCH_PREFIX):
                shutil.rmtree(each, ignore_errors=True)
            elif each.suffix == ".arrow" and each.name not in kept:
                each.unlink(missing_ok=True)

    def _require(self, feature_set: str) -> StoredFeatureSet:
        with self._database.read() as conn:
            return _check_there(
                conn.execute(select(feature_sets).where(feature_sets.c.feature_set == feature_set)).one_or_none()
            )

    def _select(self, statement: Select[Any], parameters: Mapping[str, Any] | None = None) -> list[StoredFeatureSet]:
        with self._database.read() as conn:
            return [_stored(row) for row in conn.execute(statement, parameters)]

    def list(self) -> list[StoredFeatureSet]:
        """Return all sets, dropped ones too, the newest import first."""
        newest = (feature_sets.c.imported_at.desc(), feature_sets.c.feature_set)
        return self._select(select(feature_sets).order_by(*newest))


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a failing data folder (full, read-only, gone) into a refusal that names no path."""
    try:
        yield
    except OSError as error:
        detail = f"the data folder cannot be written ({error.strerror or 'input/output error'})"
        raise Refusal(Code.STORAGE_UNAVAILABLE, detail) from None


def _reserve(target: Path) -> None:
    with disk_errors():
        try:
            target.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            raise Refusal(Code.WRONG_STATE, "the same data were imported at the same moment") from None


def _active() -> Select[Any]:
    return select(feature_sets).where(feature_sets.c.state == FeatureSetState.ACTIVE.value)


# Asked for every enterprise that a customer waits for, so made once.
_STANDING = _active().order_by(feature_sets.c.feature_set)
_LATEST = (
    _active()
    .where(
        feature_sets.c.catalogue_id == bindparam("catalogue"),
        feature_sets.c.catalogue_version == bindparam("version"),
    )
    .order_by(feature_sets.c.as_of.desc(), feature_sets.c.imported_at.desc(), feature_sets.c.feature_set)
    .limit(1)
)
_PINNED = select(feature_sets).where(feature_sets.c.feature_set == bindparam("chosen")).with_for_update(read=True)


def _state(state: str, now: int) -> dict[str, Any]:
    return {"state": state, "changed_at": now}


def _check_there(row: Row[Any] | None) -> StoredFeatureSet:
    if row is None:
        raise Refusal(Code.NOT_FOUND, "no feature set has this id")
    if row.state == FeatureSetState.DROPPED.value:
        raise Refusal(Code.WRONG_STATE, "the feature set was dropped", remedy="Use an active one: data list.")
    return _stored(row)


def _check_unused(conn: Connection, feature_set: str) -> None:
    using = select(bureau_jobs.c.job_id).where(
        bureau_jobs.c.feature_set == feature_set, bureau_jobs.c.state.not_in(_FINAL)
    )
    if conn.execute(using.limit(1)).first() is not None:
        raise Refusal(
            Code.WRONG_STATE,
            "an open job uses the feature set",
            remedy="Drop it when the job is done or cancelled; new jobs use the newest set already.",
        )


def _stored(row: Row[Any]) -> StoredFeatureSet:
    return StoredFeatureSet(
        row.feature_set,
        row.name,
        row.as_of,
        row.catalogue_id,
        row.catalogue_version,
        row.rows,
        row.fields,
        bytes(row.digest),
        row.path,
        FeatureSetState(row.state),
        row.imported_at,
        row.changed_at,
    )
