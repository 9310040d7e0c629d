"""Scoring: a list as a job, or one enterprise at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from node.client import results, wire
from node.client.calls import Caller
from node.codes import Purpose
from protos import control_pb2 as pb

FRAME_ROWS = 1000


class Scores:
    """Calls that score."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def submit(
        self,
        model: str,
        applicants: Iterable[results.Applicant],
        *,
        bank_fields: Sequence[str] = (),
        purpose: str = Purpose.LOAN_ORIGINATION,
        engine: str = "",
        idempotency_key: str = "",
        label: str = "",
    ) -> results.Job:
        """Submit a list as a job and return it once the node has journalled it.

        Args:
            model: name, ``name@version`` or id of a registered model.
            applicants: read as the stream goes, a thousand in a frame; never held as a whole.
            bank_fields: names of the applicants' values, in their order.
            purpose: a purpose that agreement and consents cover.
            engine: empty means the model's.
            idempotency_key: the same key with the same list is the same job; empty lets the node make one.
            label: for people, at most 200 characters.
        """
        header = pb.ScoreHeader(
            model=model,
            engine=engine,
            purpose=purpose,
            idempotency_key=idempotency_key,
            bank_fields=bank_fields,
            label=label,
        )
        return wire.job(self._caller.upload("SubmitScore", _frames(header, applicants)))

    def one(
        self,
        model: str,
        uscc: str,
        *,
        bank_values: Mapping[str, str] | None = None,
        purpose: str = Purpose.LOAN_ORIGINATION,
        consent: str = "",
        idempotency_key: str = "",
    ) -> results.ScoreRow:
        """Score one enterprise and wait for the answer.

        Args:
            model: name, ``name@version`` or id of a registered model.
            uscc: the enterprise.
            bank_values: the bank's own values by field.
            purpose: a purpose that agreement and consent cover.
            consent: compact JWS, where it was not registered before.
            idempotency_key: the same key asks for the same answer again; empty lets the node make one.
        """
        request = pb.ScoreOneRequest(
            model=model,
            purpose=purpose,
            uscc=uscc,
            bank_values=bank_values,
            consent=consent,
            idempotency_key=idempotency_key,
        )
        return wire.score_row(self._caller.unary("ScoreOne", request))


def _frames(header: pb.ScoreHeader, applicants: Iterable[results.Applicant]) -> Iterator[pb.ScoreFrame]:
    yield pb.ScoreFrame(header=header)
    source = iter(applicants)
    while rows := list(islice(source, FRAME_ROWS)):
        yield wire.score_inputs(rows)
    yield wire.score_inputs((), last=True)  # a server cannot tell a cancelled stream from a closed one without this
