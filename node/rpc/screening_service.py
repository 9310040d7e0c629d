"""banktax.screening.v1.Screening at a bureau: messages to values, to the domain, and back. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from node.jobs.bureau_exchange import BureauExchange
from node.jobs.bureau_screening import BureauScreeningCalls
from node.jobs.bureau_screening_close import BureauScreeningClose
from node.jobs.gate import Caller
from node.jobs.screening_calls import ExchangePlace
from node.rpc import methods, screening_wire
from node.rpc.bureau_services import caller_of
from node.rpc.dispatch import Service, service
from node.rpc.exchange import CallContext
from protocols.psi.tags import TAG_BYTES
from protos import screening_pb2 as pb

MAXIMUM_MESSAGE_BYTES = 1 << 30
"""Of one message of an exchange: the table of the largest run has less."""
Answer = Callable[[Caller, ExchangePlace, Iterable[bytes]], Iterator[bytes]]


class ScreeningRpc:
    """The calls of a screening."""

    def __init__(self, calls: BureauScreeningCalls, exchange: BureauExchange, closing: BureauScreeningClose) -> None:
        self._calls = calls
        self._exchange = exchange
        self._closing = closing

    def get_list(self, context: CallContext, request: pb.ListRequest) -> pb.ListDescription:
        """Describe a list."""
        stored, terms = self._calls.describe(caller_of(context), *screening_wire.list_key(request))
        return pb.ListDescription(document=stored.document, terms=screening_wire.terms_message(terms))

    def open(self, context: CallContext, request: pb.OpenScreeningRequest) -> pb.OpenScreeningResponse:
        """Open a screening."""
        opened = self._calls.open(caller_of(context), screening_wire.opening(request))
        return screening_wire.opened_message(opened)

    def tags(self, context: CallContext, request: pb.SegmentRequest) -> Iterator[pb.SegmentFrame]:
        """Give a segment's tags in frames."""
        frames = self._calls.tags(caller_of(context), request.session_id, request.segment, request.first)
        return _frames(frames, request.first, TAG_BYTES)

    def labels(self, context: CallContext, request: pb.SegmentRequest) -> Iterator[pb.SegmentFrame]:
        """Give a segment's sealed labels in frames."""
        caller = caller_of(context)
        width, frames = self._calls.labels(caller, request.session_id, request.segment, request.first)
        return _frames(frames, request.first, width)

    def evaluate(self, context: CallContext, request: pb.EvaluateListRequest) -> pb.EvaluateListResponse:
        """Evaluate a batch."""
        evaluated, proof = self._calls.evaluate(caller_of(context), request.session_id, request.first, request.blinded)
        return pb.EvaluateListResponse(evaluated=evaluated, proof=proof)

    def vole(self, context: CallContext, frames: Iterator[pb.ExchangeFrame]) -> Iterator[pb.ExchangeFrame]:
        """Run one attempt at a bucket."""
        return _converse(self._exchange.vole, caller_of(context), frames)

    def count(self, context: CallContext, frames: Iterator[pb.ExchangeFrame]) -> Iterator[pb.ExchangeFrame]:
        """Run one attempt at a count."""
        return _converse(self._exchange.count, caller_of(context), frames)

    def table(self, context: CallContext, frames: Iterator[pb.ExchangeFrame]) -> Iterator[pb.ExchangeFrame]:
        """Run one attempt at a confusion table."""
        return _converse(self._exchange.table, caller_of(context), frames)

    def close(self, context: CallContext, request: pb.CloseScreeningRequest) -> pb.CloseScreeningResponse:
        """Close a screening."""
        caller = caller_of(context)
        record = self._closing.close(caller, request.session_id, request.record, cancelled=request.cancelled)
        return pb.CloseScreeningResponse(record=record)

    def service(self) -> Service:
        """Return the service for the server."""
        return service(
            (methods.GET_LIST, self.get_list),
            (methods.OPEN_SCREENING, self.open),
            (methods.DOWNLOAD_LIST_TAGS, self.tags),
            (methods.DOWNLOAD_LABELS, self.labels),
            (methods.EVALUATE_LIST, self.evaluate),
            (methods.EXCHANGE_VOLE, self.vole),
            (methods.EXCHANGE_COUNT, self.count),
            (methods.EXCHANGE_TABLE, self.table),
            (methods.CLOSE_SCREENING, self.close),
        )


def _frames(parts: Iterable[bytes], first: int, width: int) -> Iterator[pb.SegmentFrame]:
    for part in parts:
        yield pb.SegmentFrame(first=first, items=part)
        first += len(part) // width


def _converse(answer: Answer, caller: Caller, frames: Iterator[pb.ExchangeFrame]) -> Iterator[pb.ExchangeFrame]:
    place = screening_wire.exchange_place(next(frames, None))
    for message in answer(caller, place, screening_wire.whole_messages(frames, MAXIMUM_MESSAGE_BYTES)):
        yield from screening_wire.message_frames(message)
