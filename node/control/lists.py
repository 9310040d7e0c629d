"""What the control API does with a bureau's lists: publish, list, show, withdraw."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from node.codes import Code
from node.control.messages import data_progress
from node.control.uploads import open_source
from node.data.importer import ImportProgress
from node.errors import Refusal
from node.jobs.bureau_lists import BureauLists, ListDraft
from node.policy.documents import decode
from node.policy.screening_list import LIST_KIND, ScreeningList
from node.rpc.control_server import ControlFunction, OperatorContext
from node.storage.features import FeatureStore
from node.storage.screening_lists import ScreeningLists, StoredList
from protos import control_pb2 as pb

MAXIMUM_REASON = 500


class ListControl:
    """A bureau's lists, as its operators see them."""

    def __init__(self, lists: BureauLists, store: ScreeningLists, features: FeatureStore) -> None:
        self._lists = lists
        self._store = store
        self._features = features

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {
            "PublishList": self.publish,
            "ListLists": self.list,
            "GetList": self.get,
            "WithdrawList": self.withdraw,
        }

    def publish(
        self, _context: OperatorContext, frames: Iterator[pb.PublishListFrame]
    ) -> Iterator[pb.PublishListProgress]:
        """Take a header, then the file in parts; answers progress and at last the list."""
        first = next(frames, None)
        if first is None or first.WhichOneof("part") != "header":
            raise Refusal(Code.MALFORMED, "a list begins with its header")
        with self._features.scratch() as folder:
            source = open_source(first.header, frames, folder)
            with closing(self._lists.publish(_draft(first.header), source)) as steps:
                last, stored = yield from _steps(steps)
        last.list.CopyFrom(self._summary(stored))
        yield last

    def list(self, _context: OperatorContext, _request: pb.ListListsRequest) -> pb.ListSummaries:
        """Return all versions of all lists."""
        return pb.ListSummaries(lists=[self._summary(each) for each in self._store.list()])

    def get(self, _context: OperatorContext, request: pb.ListKey) -> pb.Document:
        """Return a list's signed document."""
        return pb.Document(json=self._store.get(request.name, request.version).document)

    def withdraw(self, _context: OperatorContext, request: pb.WithdrawListRequest) -> pb.ListSummary:
        """Withdraw one version."""
        if len(request.reason) > MAXIMUM_REASON or not request.reason.strip():
            raise Refusal(Code.INVALID_INPUT, f"reason: has 1 to {MAXIMUM_REASON} characters")
        return self._summary(self._lists.withdraw(request.name, request.version, request.reason))

    def _summary(self, stored: StoredList) -> pb.ListSummary:
        document = ScreeningList.from_body(decode(stored.document, LIST_KIND).body)
        return pb.ListSummary(
            name=stored.name,
            version=stored.version,
            kind=stored.kind,
            state=stored.state.value,
            codes=stored.codes,
            padded_count=stored.padded_count,
            labels=document.labels,
            digest=stored.digest.hex(),
            published_at=stored.published_at // 1000,
            screenings=self._store.screened(stored.name, stored.version),
            withdrawn_reason=stored.withdrawn_reason,
        )


def _draft(header: pb.PublishListHeader) -> ListDraft:
    return ListDraft(
        header.name,
        header.version,
        header.kind,
        header.reason,
        header.code_column,
        header.class_column,
        tuple(header.label_columns),
    )


def _steps(
    steps: Generator[ImportProgress, None, StoredList],
) -> Generator[pb.PublishListProgress, None, tuple[pb.PublishListProgress, StoredList]]:
    """Pass progress on as messages; the generator's value is the totals once more, and the list."""
    totals = pb.PublishListProgress()
    while True:
        try:
            step = next(steps)
        except StopIteration as finished:
            stored: StoredList = finished.value
            return totals, stored
        told = data_progress(step)
        totals = pb.PublishListProgress(rows=told.rows, accepted=told.accepted, rejected=told.rejected)
        yield pb.PublishListProgress(
            rows=told.rows, accepted=told.accepted, rejected=told.rejected, rejects=told.rejects
        )
