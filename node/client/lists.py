"""A bureau's lists that banks screen against: publishing, listing, withdrawing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from node.client import results, wire
from node.client.calls import Caller
from protos import control_pb2 as pb


@dataclass(frozen=True)
class ListPublication:
    """What to publish. ``kind`` says what being on the list means; ``label_columns`` name the labels, in order.

    Kind ``loan-classes`` makes a list of loans: ``code_column`` has their ids, ``class_column`` their classes.

    ``format`` is ``csv`` or ``parquet``, with the file's content beside it, or ``postgresql``: then the node itself
    reads ``postgresql_query`` (a table's name or a SELECT) from ``postgresql_url``, which is never stored or logged.
    """

    name: str
    version: str
    kind: str
    reason: str = ""
    code_column: str = ""
    class_column: str = ""
    label_columns: tuple[str, ...] = ()
    format: str = "csv"
    encoding: str = ""
    postgresql_url: str = field(default="", repr=False)
    postgresql_query: str = ""


class Lists:
    """Calls on lists."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def publish(self, what: ListPublication, parts: Iterable[bytes] = ()) -> Iterator[results.ListProgress]:
        """Publish and yield progress; rows that break a rule come back as rejects, the rest is the list.

        Args:
            what: the list and where its codes come from.
            parts: the file's bytes in order (:func:`node.client.data.file_parts`); nothing for PostgreSQL.
        """
        yield from map(wire.list_progress, self._caller.exchange("PublishList", _frames(what, parts)))

    def list(self) -> tuple[results.ScreeningListSummary, ...]:
        """Return every version of every list, withdrawn ones too, the newest first."""
        answer = self._caller.unary("ListLists", pb.ListListsRequest())
        return tuple(map(wire.screening_list, answer.lists))

    def get(self, name: str, version: str = "") -> bytes:
        """Return a list's signed document; the newest published version where none is named."""
        return bytes(self._caller.unary("GetList", pb.ListKey(name=name, version=version)).json)

    def withdraw(self, name: str, version: str, reason: str) -> results.ScreeningListSummary:
        """Withdraw one version: it can no longer be screened against."""
        request = pb.WithdrawListRequest(name=name, version=version, reason=reason)
        return wire.screening_list(self._caller.unary("WithdrawList", request))


def _frames(what: ListPublication, parts: Iterable[bytes]) -> Iterator[pb.PublishListFrame]:
    header = pb.PublishListHeader(
        name=what.name,
        version=what.version,
        kind=what.kind,
        reason=what.reason,
        code_column=what.code_column,
        class_column=what.class_column,
        label_columns=what.label_columns,
        format=what.format,
        encoding=what.encoding,
        postgresql_url=what.postgresql_url,
        postgresql_query=what.postgresql_query,
    )
    yield pb.PublishListFrame(header=header)
    for part in parts:
        yield pb.PublishListFrame(content=part)
    yield pb.PublishListFrame(content=b"", last=True)
