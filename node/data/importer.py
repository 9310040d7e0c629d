"""Imports a table as a feature set: all good rows at once, or nothing.

Every row is checked against the catalogue as it streams by; faults go to a list by row, field and reason. When the
source has ended the good rows are sorted, rows of the same code are settled, the file is forced to disk and one
transaction makes it the set that new jobs use.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from node.clock import Clock
from node.codes import Code
from node.data.mapping import ColumnMap, map_columns
from node.data.rejects import Reject, RejectFile, RejectReason
from node.data.sources import Source, Table
from node.data.validate import CODE_FIELD, Validator
from node.errors import Refusal
from node.policy.catalogue import Catalogue
from node.policy.strictjson import canonical
from node.storage.features import (
    FOLDER,
    FeatureSetState,
    FeatureStore,
    StoredFeatureSet,
    disk_errors,
    feature_set_id,
)
from node.storage.featurewriter import FeatureWriter, WrittenFile

MAXIMUM_NAME = 200
REPORTED_REJECTS = 4096
"""Faults per progress report, so that a report stays a small message."""


@dataclass(frozen=True)
class ImportOptions:
    """What the import forgives: columns that the catalogue does not name, and fields without a column."""

    ignore_extra: bool = False
    allow_missing_fields: bool = False


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is, in rows of the source; ``rejects`` are the faults found since the last report."""

    rows: int
    accepted: int
    rejected: int
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True)
class ImportReport:
    """What an import did. ``rows`` = ``accepted`` + ``rejected`` + ``repeated``.

    ``accepted`` rows stand in the feature set, ``repeated`` ones were identical to one of them, ``rejected`` ones are
    listed with their faults in ``rejects_path`` (none if there are none). ``extra`` columns were ignored, ``missing``
    fields have no value in any row.
    """

    feature_set: StoredFeatureSet
    rows: int
    accepted: int
    repeated: int
    rejected: int
    extra: tuple[str, ...]
    missing: tuple[str, ...]
    rejects_path: Path | None


def import_table(
    source: Source,
    catalogue: Catalogue,
    store: FeatureStore,
    *,
    name: str,
    as_of: str,
    clock: Clock,
    progress: Callable[[ImportProgress], None] | None = None,
    options: ImportOptions = ImportOptions(),
) -> ImportReport:
    """Import everything, calling ``progress`` after every batch; see :func:`iterate_import`."""
    steps = iterate_import(source, catalogue, store, name=name, as_of=as_of, clock=clock, options=options)
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            report: ImportReport = finished.value
            return report
        if progress is not None:
            progress(step)


def iterate_import(
    source: Source,
    catalogue: Catalogue,
    store: FeatureStore,
    *,
    name: str,
    as_of: str,
    clock: Clock,
    options: ImportOptions = ImportOptions(),
) -> Generator[ImportProgress, None, ImportReport]:
    """Import as a generator: yields progress after every batch and returns the report. Closing it imports nothing.

    Args:
        source: the table.
        catalogue: every value is checked against it.
        store: where the set is kept.
        name: of the data, 1 to 200 characters; the active set of the same name is superseded.
        as_of: the day that the data describe, an ISO date, not after tomorrow.
        clock: gives the time of the import.
        options: what is forgiven.

    Raises:
        Refusal: ``INVALID_INPUT`` for the source, its columns, name or date, or where no row is good;
            ``STORAGE_UNAVAILABLE`` for the disk or database. Nothing is changed then.
    """
    name, as_of = _check_name(name), _check_date(as_of, clock)
    with store.scratch() as folder, source.open() as table:
        run = _Run(table, catalogue, folder, options)
        yield from run.read()
        written, conflicts = run.finish(as_of)
        yield from conflicts
        stored = _describe(catalogue, written, name, as_of, clock())
        rejects = _publish(run, store, stored)
    return ImportReport(
        stored, run.rows, written.rows, written.repeated, run.rejected, run.columns.extra, run.columns.missing, rejects
    )


class _Run:
    """One import while it runs, in a scratch folder."""

    def __init__(self, table: Table, catalogue: Catalogue, folder: Path, options: ImportOptions) -> None:
        self.columns: ColumnMap = map_columns(
            table.header,
            catalogue,
            ignore_extra=options.ignore_extra,
            allow_missing_fields=options.allow_missing_fields,
        )
        self._table = table
        self._catalogue = catalogue
        self._validator = Validator(catalogue, self.columns)
        self.file = folder / "set.arrow"
        with disk_errors():
            self.rejects = RejectFile(folder / "rejects.csv")
            self._writer = FeatureWriter(folder, [field.id for field in catalogue.fields])
        self.rows = self.accepted = self.rejected = 0

    def read(self) -> Iterator[ImportProgress]:
        """Read, check and keep all rows."""
        with self._writer:
            for batch in self._table.batches():
                good, faults = self._validator.check(batch)
                with disk_errors():
                    self._writer.append(good.codes, good.numbers, good.columns)
                    self.rejects.append(faults)
                count = len(batch.numbers) + len(batch.ragged)
                self.rows += count
                self.accepted += len(good.codes)
                self.rejected += count - len(good.codes)
                yield from self._progress(faults)

    def finish(self, as_of: str) -> tuple[WrittenFile, Iterator[ImportProgress]]:
        """Settle duplicates and write the file."""
        with disk_errors():
            written = self._writer.finish(self.file, _manifest(self._catalogue, as_of))
        conflicts = [
            Reject(row, CODE_FIELD, RejectReason.CONFLICTING_DUPLICATE) for row in written.conflicting.tolist()
        ]
        with disk_errors():
            self.rejects.append(conflicts)
        self.accepted = written.rows
        self.rejected += len(conflicts)
        if not written.rows:
            why = f"; the most frequent fault is {self.rejects.most_frequent()}" if self.rejected else ""
            raise Refusal(Code.INVALID_INPUT, f"none of {self.rows} rows can be imported{why}")
        return written, self._progress(conflicts)

    def _progress(self, rejects: Sequence[Reject]) -> Iterator[ImportProgress]:
        """Report where the import is, in as many parts as the faults need."""
        for start in range(0, max(1, len(rejects)), REPORTED_REJECTS):
            part = tuple(rejects[start : start + REPORTED_REJECTS])
            yield ImportProgress(self.rows, self.accepted, self.rejected, part)


def _publish(run: _Run, store: FeatureStore, stored: StoredFeatureSet) -> Path | None:
    """Publish the set with its rejects, both or neither; return where the rejects are, if there are any."""
    rejects = _keep_rejects(run, store, stored)
    try:
        store.publish(run.file, stored)
    except BaseException:
        if rejects is not None:
            rejects.unlink(missing_ok=True)
        raise
    return rejects


def _keep_rejects(run: _Run, store: FeatureStore, stored: StoredFeatureSet) -> Path | None:
    if not run.rejected:
        return None
    path = store.rejects_path(stored)
    with disk_errors():
        run.rejects.path.rename(path)
    return path


def _manifest(catalogue: Catalogue, as_of: str) -> bytes:
    """What the digest covers besides the values."""
    return canonical(
        {
            "as_of": as_of,
            "catalogue_id": catalogue.catalogue_id,
            "catalogue_version": catalogue.version,
            "fields": [field.id for field in catalogue.fields],
        }
    )


def _describe(catalogue: Catalogue, written: WrittenFile, name: str, as_of: str, now: int) -> StoredFeatureSet:
    feature_set = feature_set_id(as_of, name, written.digest, now)
    return StoredFeatureSet(
        feature_set=feature_set,
        name=name,
        as_of=as_of,
        catalogue_id=catalogue.catalogue_id,
        catalogue_version=catalogue.version,
        rows=written.rows,
        fields=len(catalogue.fields),
        digest=written.digest,
        path=f"{FOLDER}/{feature_set}.arrow",
        state=FeatureSetState.ACTIVE,
        imported_at=now,
        changed_at=now,
    )


def _check_name(name: str) -> str:
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(cleaned) <= MAXIMUM_NAME or not cleaned.isprintable():
        raise Refusal(Code.INVALID_INPUT, f"a data set's name has 1 to {MAXIMUM_NAME} printable characters")
    return cleaned


def _check_date(as_of: str, clock: Clock) -> str:
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise Refusal(Code.INVALID_INPUT, "as_of is no ISO date such as 2026-06-30") from None
    # Tomorrow is allowed: the node's clock is in UTC, and Beijing is eight hours ahead of it.
    if day > datetime.fromtimestamp(clock() / 1000, UTC).date() + timedelta(days=1):
        raise Refusal(Code.INVALID_INPUT, "as_of lies in the future")
    return day.isoformat()
