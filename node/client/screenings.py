"""Screening a portfolio against a bureau's list: submitting, following, results, records (at a bank)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from node.client import wire
from node.client.calls import Caller
from node.codes import Code, JobState, ScreeningMode
from node.errors import Refusal
from node.jobs.states import FINAL
from protos import control_pb2 as pb

RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Screening:
    """A screening as it stands. ``codes`` (or loans) are valid and distinct; ``padded_codes`` is what the bureau learns
    of them, ``list_tags`` what the bank learns of the bureau's list; bytes are payload between the two nodes.
    The last four are what the choice of a protocol rested on, 0 where a mode runs on one alone.
    """

    job_id: str
    state: JobState
    bureau: str
    list: str
    version: str
    purpose: str
    mode: str
    protocol: str
    idempotency_key: str
    label: str
    rows: int
    codes: int
    bad_codes: int
    duplicates: int
    padded_codes: int
    list_tags: int
    done: int
    matched: int
    retries: int
    bytes_sent: int
    bytes_received: int
    commitment: str
    transcript_digest: str
    created_at: datetime | None
    updated_at: datetime | None
    error_code: str
    error_detail: str
    security: str
    estimated_oprf_ms: int
    estimated_vole_ms: int
    line_round_trip_us: int
    line_bytes_a_second: int

    @property
    def final(self) -> bool:
        """Whether the screening will not change any more."""
        return self.state in FINAL


class Screenings:
    """Calls on screenings."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def submit(
        self,
        bureau: str,
        list_name: str,
        codes: Iterable[bytes],
        *,
        purpose: str,
        version: str = "",
        mode: str = ScreeningMode.CODES,
        protocol: str = "",
        idempotency_key: str = "",
        label: str = "",
        security: str = "",
    ) -> Screening:
        """Submit a list and return its screening once the node has journalled it.

        Args:
            bureau: party id of the bureau that published the list.
            list_name: the list's name.
            codes: parts of a text, UTF-8, a code in each line, as the bank's own list has them; for mode ``classes``
                loan id, tab and class.
            purpose: a purpose that the agreement's screening section covers.
            version: of the list; empty means the newest.
            mode: ``codes``, ``labels``, ``count`` or ``classes``.
            protocol: ``vole`` or ``oprf``; empty lets the node choose by sizes and link.
            idempotency_key: the same key with the same list is the same screening; empty lets the node make one.
            label: for people, at most 200 characters.
            security: of protocol vole: ``semi_honest`` or ``malicious``; empty: what the agreement demands.
        """
        header = pb.ScreeningHeader(
            bureau=bureau,
            list=list_name,
            version=version,
            purpose=purpose,
            mode=mode,
            protocol=protocol,
            idempotency_key=idempotency_key,
            label=label,
            security=security,
        )
        return _screening(self._caller.upload("SubmitScreening", _frames(header, codes)))

    def list(self, *, state: str = "", limit: int = 50) -> tuple[Screening, ...]:
        """Return the newest ``limit`` screenings, or those in one state."""
        request = pb.ListScreeningsRequest(limit=limit, state=state)
        return tuple(map(_screening, self._caller.unary("ListScreenings", request).screenings))

    def get(self, job_id: str) -> Screening:
        """Return one screening as it stands."""
        return _screening(self._caller.unary("GetScreening", pb.JobKey(job_id=job_id)))

    def resume(self, job_id: str) -> Screening:
        """Continue a failed screening where its files end."""
        return _screening(self._caller.unary("ResumeScreening", pb.JobKey(job_id=job_id)))

    def cancel(self, job_id: str) -> Screening:
        """Stop a screening; what it took of the quota stays taken."""
        return _screening(self._caller.unary("CancelScreening", pb.JobKey(job_id=job_id)))

    def follow(self, job_id: str, *, patience: float = 60.0) -> Iterator[Screening]:
        """Yield the screening whenever it moves, until it is final; a node that restarts is waited for.

        ``patience``: seconds from the last answer on.
        """
        heard = time.monotonic()
        while True:
            try:
                request = pb.JobKey(job_id=job_id)
                for found in self._caller.download("FollowScreening", request, self._caller.deadlines.follow):
                    heard = time.monotonic()
                    screening = _screening(found)
                    yield screening
                    if screening.final:
                        return
            except Refusal as refusal:
                waiting = {Code.NODE_NOT_RUNNING, Code.DRAINING, Code.DEADLINE_EXCEEDED}
                if refusal.code not in waiting or time.monotonic() > heard + patience:
                    raise
                self._caller.reconnect_if_running()
            time.sleep(RETRY_SECONDS)

    def result(self, job_id: str) -> Iterator[bytes]:
        """Yield the result of a screening that is done: parts of a CSV file."""
        yield from self._file("FetchScreening", job_id)

    def table(self, job_id: str) -> Iterator[bytes]:
        """Yield the confusion table of a comparison of classes that is done: parts of a CSV file."""
        yield from self._file("FetchScreeningTable", job_id)

    def record(self, job_id: str) -> bytes:
        """Return the record that both parties signed, as JSON."""
        content: bytes = self._caller.unary("GetScreeningRecord", pb.JobKey(job_id=job_id)).json
        return content

    def opened_set(self, job_id: str) -> Iterator[bytes]:
        """Yield parts of the file with the set and the seed, for an auditor; CONFIDENTIAL."""
        yield from self._file("OpenScreeningSet", job_id)

    def _file(self, method: str, job_id: str) -> Iterator[bytes]:
        last = False
        for part in self._caller.download(method, pb.JobKey(job_id=job_id)):
            last = part.last
            if part.content:
                yield part.content
        if not last:
            raise Refusal(Code.MALFORMED, "the file ended without its last part: it was cut off")


def _frames(header: pb.ScreeningHeader, codes: Iterable[bytes]) -> Iterator[pb.ScreeningFrame]:
    yield pb.ScreeningFrame(header=header)
    for part in codes:
        yield pb.ScreeningFrame(codes=pb.ScreeningCodes(codes=part))
    yield pb.ScreeningFrame(codes=pb.ScreeningCodes(last=True))


def _screening(message: pb.Screening) -> Screening:
    moments = {"created_at": wire.moment(message.created_at), "updated_at": wire.moment(message.updated_at)}
    plain = {
        field.name: getattr(message, field.name)
        for field in pb.Screening.DESCRIPTOR.fields
        if field.name not in moments
    }
    return Screening(**{**plain, **moments, "state": JobState(message.state)})
