"""A bureau's tax data: import, listing, dropping, frequencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from node.client import results, wire
from node.client.calls import Caller
from node.codes import Code
from node.errors import Refusal
from protos import control_pb2 as pb

PART_BYTES = 1024 * 1024


@dataclass(frozen=True)
class DataImport:
    """What to import. ``as_of`` is an ISO date; catalogue version 0 means the newest.

    ``format`` is ``csv`` or ``parquet``, with the file's content beside it, or ``postgresql``: then the node itself
    reads the table or SELECT named by ``postgresql_query`` from ``postgresql_url``, which is never stored or logged.
    ``encoding`` of a CSV file is found out where it is empty. Columns that the catalogue does not name, and fields
    without a column, are refused unless ``ignore_extra`` and ``allow_missing_fields`` say otherwise.
    """

    name: str
    as_of: str
    catalogue_id: str
    catalogue_version: int = 0
    format: str = "csv"
    encoding: str = ""
    ignore_extra: bool = False
    allow_missing_fields: bool = False
    postgresql_url: str = field(default="", repr=False)
    postgresql_query: str = ""


class Data:
    """Calls on feature sets."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def load(self, what: DataImport, parts: Iterable[bytes] = ()) -> Iterator[results.DataProgress]:
        """Import and yield progress; rows that break a rule come back as rejects, the rest is imported atomically.

        Args:
            what: header of the import.
            parts: the file's bytes in order (:func:`file_parts`); nothing for PostgreSQL.
        """
        yield from map(wire.data_progress, self._caller.exchange("ImportData", _frames(what, parts)))

    def list(self) -> tuple[results.FeatureSet, ...]:
        """Return every feature set, dropped ones too."""
        answer = self._caller.unary("ListData", pb.ListDataRequest())
        return tuple(map(wire.feature_set, answer.feature_sets))

    def drop(self, feature_set: str) -> results.FeatureSet:
        """Drop a feature set; refused with ``WRONG_STATE`` while a job uses it."""
        return wire.feature_set(self._caller.unary("DropData", pb.FeatureSetKey(feature_set=feature_set)))

    def frequencies(self, auditor: str, feature_set: str = "") -> Iterator[results.FrequenciesProgress]:
        """Count a feature set on the catalogue's grid, unless that was done before; yield progress and the document.

        Args:
            auditor: party id of the auditor that they are for; its agreement's quota is charged.
            feature_set: id of a feature set; empty means the newest active one.
        """
        request = pb.FrequenciesRequest(auditor=auditor, feature_set=feature_set)
        content, last = bytearray(), False
        for frame in self._caller.download("IssueFrequencies", request):
            content += frame.content
            last = frame.last
            if not frame.content:
                yield results.FrequenciesProgress(frame.done, frame.total)
        if not last:
            raise Refusal(Code.MALFORMED, "the document ended without its last part: it was cut off")
        yield results.FrequenciesProgress(1, 1, bytes(content))


def file_parts(source: BinaryIO) -> Iterator[bytes]:
    """Yield a file's content in parts of one mebibyte."""
    while part := source.read(PART_BYTES):
        yield part


def _frames(what: DataImport, parts: Iterable[bytes]) -> Iterator[pb.DataFrame]:
    header = pb.DataHeader(
        name=what.name,
        as_of=what.as_of,
        catalogue_id=what.catalogue_id,
        catalogue_version=what.catalogue_version,
        format=what.format,
        encoding=what.encoding,
        ignore_extra=what.ignore_extra,
        allow_missing_fields=what.allow_missing_fields,
        postgresql_url=what.postgresql_url,
        postgresql_query=what.postgresql_query,
    )
    yield pb.DataFrame(header=header)
    for part in parts:
        yield pb.DataFrame(content=part)
    yield pb.DataFrame(content=b"", last=True)  # a server cannot tell a cancelled stream from a closed one without this
