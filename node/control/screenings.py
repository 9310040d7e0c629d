"""What the control API does for screenings at a bank: take lists, tell how far they are, give results and records."""

from __future__ import annotations

import time
from collections.abc import Iterator

from node.codes import Code, JobState, ScreeningMode, ScreeningProtocol
from node.control.requests import listed, parse_job_id, parse_state
from node.errors import Refusal
from node.jobs.screening_files import TABLE, ScreeningFiles
from node.jobs.screening_intake import ScreeningIntake, is_open
from node.jobs.screening_journal import ScreeningJournal
from node.jobs.screening_opened import OpenedSets
from node.jobs.screening_records import ScreeningRequest, StoredScreening
from node.jobs.screening_runner import ScreeningRunner
from node.rpc.control_server import ControlFunction, OperatorContext
from protocols.primitives.vole.parameters import SecurityProfile
from protos import control_pb2 as pb

FOLLOW_SECONDS = 0.05


class ScreeningControl:
    """Everything that a bank's staff and systems ask of their node about screenings."""

    def __init__(
        self,
        journal: ScreeningJournal,
        files: ScreeningFiles,
        intake: ScreeningIntake,
        runner: ScreeningRunner,
        opened_sets: OpenedSets,
    ) -> None:
        self._journal = journal
        self._files = files
        self._intake = intake
        self._runner = runner
        self._opened_sets = opened_sets

    def functions(self) -> dict[str, ControlFunction]:
        """Return the functions by method name."""
        return {
            "SubmitScreening": self.submit,
            "ListScreenings": self.list,
            "GetScreening": self.get,
            "FollowScreening": self.follow,
            "ResumeScreening": self.resume,
            "CancelScreening": self.cancel,
            "FetchScreening": self.fetch,
            "FetchScreeningTable": self.fetch_table,
            "GetScreeningRecord": self.record,
            "OpenScreeningSet": self.open_set,
        }

    def submit(self, _context: OperatorContext, frames: Iterator[pb.ScreeningFrame]) -> pb.Screening:
        """Take a list: a header, then codes; returns once the screening is journalled."""
        first = next(frames, None)
        if first is None or first.WhichOneof("part") != "header":
            raise Refusal(Code.MALFORMED, "a list begins with its header")
        job = self._intake.take(_request(first.header), _codes(frames))
        if is_open(job):
            self._runner.submit(job.job_id)
        return message(job)

    def list(self, _context: OperatorContext, request: pb.ListScreeningsRequest) -> pb.Screenings:
        """List the latest screenings."""
        found = self._journal.latest(listed(request.limit), parse_state(request.state))
        return pb.Screenings(screenings=map(message, found))

    def get(self, _context: OperatorContext, request: pb.JobKey) -> pb.Screening:
        """Return a screening."""
        return message(self._journal.get(parse_job_id(request)))

    def follow(self, context: OperatorContext, request: pb.JobKey) -> Iterator[pb.Screening]:
        """Tell of a screening whenever it changed, until it is final or the caller's deadline is near."""
        job_id, last = parse_job_id(request), None
        while context.deadline_seconds_left > FOLLOW_SECONDS:
            now = self._journal.get(job_id)
            if now != last:
                yield message(now)
                last = now
            if not is_open(now):
                return
            time.sleep(FOLLOW_SECONDS)

    def resume(self, _context: OperatorContext, request: pb.JobKey) -> pb.Screening:
        """Go on with a failed screening."""
        return message(self._runner.resume(parse_job_id(request)))

    def cancel(self, _context: OperatorContext, request: pb.JobKey) -> pb.Screening:
        """End a screening for good."""
        return message(self._runner.cancel(parse_job_id(request)))

    def fetch(self, _context: OperatorContext, request: pb.JobKey) -> Iterator[pb.ScreeningPart]:
        """Give the result of a screening that is done, as CSV."""
        yield from _parts(self._files.result(self._done(request).job_id))

    def fetch_table(self, _context: OperatorContext, request: pb.JobKey) -> Iterator[pb.ScreeningPart]:
        """Give the confusion table of a comparison of classes that is done, as CSV."""
        job = self._done(request)
        if job.mode is not ScreeningMode.CLASSES:
            raise Refusal(Code.NOT_FOUND, "only a comparison of classes has a confusion table")
        yield from _parts(iter((self._files.kept(job.job_id, TABLE),)))

    def record(self, _context: OperatorContext, request: pb.JobKey) -> pb.Document:
        """Give the record that both parties signed."""
        return pb.Document(json=self._done(request).record)

    def open_set(self, _context: OperatorContext, request: pb.JobKey) -> Iterator[pb.ScreeningPart]:
        """Give the set and the seed of a screening that is done, for an auditor to rebuild its transcript."""
        yield from _parts(self._opened_sets.write(self._done(request)))

    def _done(self, request: pb.JobKey) -> StoredScreening:
        job = self._journal.get(parse_job_id(request))
        if job.state is not JobState.DONE:
            raise Refusal(Code.WRONG_STATE, f"the screening is {job.state}: there is a result when it is done")
        return job


def message(job: StoredScreening) -> pb.Screening:
    """Return a screening as it is told: no code, no seed."""
    return pb.Screening(
        job_id=job.job_id.hex(),
        state=job.state,
        bureau=job.bureau,
        list=job.list_name,
        version=job.list_version,
        purpose=job.purpose,
        mode=job.mode,
        protocol=job.protocol or "",
        idempotency_key=job.idempotency_key,
        label=job.label,
        rows=job.rows,
        codes=job.codes,
        bad_codes=job.bad_codes,
        duplicates=job.duplicates,
        padded_codes=job.padded_codes,
        list_tags=job.list_items,
        done=job.done,
        matched=job.matched,
        retries=job.retries,
        bytes_sent=job.bytes_sent,
        bytes_received=job.bytes_received,
        estimated_oprf_ms=job.estimated_oprf_ms,
        estimated_vole_ms=job.estimated_vole_ms,
        line_round_trip_us=job.line_round_trip_us,
        line_bytes_a_second=job.line_bytes_a_second,
        commitment=job.commitment.hex(),
        transcript_digest=job.transcript_digest.hex(),
        created_at=job.created_at // 1000,
        updated_at=job.updated_at // 1000,
        error_code=job.error_code,
        error_detail=job.error_detail,
        security=job.security or "",
    )


def _request(header: pb.ScreeningHeader) -> ScreeningRequest:
    mode = header.mode or ScreeningMode.CODES
    if mode not in list(ScreeningMode):
        raise Refusal(Code.INVALID_INPUT, "mode: not one of " + ", ".join(ScreeningMode))
    if header.protocol and header.protocol not in list(ScreeningProtocol):
        raise Refusal(Code.INVALID_INPUT, "protocol: not one of " + ", ".join(ScreeningProtocol))
    if header.security and header.security not in list(SecurityProfile):
        raise Refusal(Code.INVALID_INPUT, "security: not one of " + ", ".join(SecurityProfile))
    return ScreeningRequest(
        header.bureau,
        header.list,
        header.version,
        header.purpose,
        ScreeningMode(mode),
        ScreeningProtocol(header.protocol) if header.protocol else None,
        header.idempotency_key,
        header.label,
        SecurityProfile(header.security) if header.security else None,
    )


def _codes(frames: Iterator[pb.ScreeningFrame]) -> Iterator[bytes]:
    last = False
    for frame in frames:
        if frame.WhichOneof("part") != "codes":
            raise Refusal(Code.MALFORMED, "after the header come codes")
        yield frame.codes.codes
        last = frame.codes.last
    if not last:
        raise Refusal(Code.MALFORMED, "the list ended without its last frame: it was cut off")


def _parts(content: Iterator[bytes]) -> Iterator[pb.ScreeningPart]:
    for part in content:
        yield pb.ScreeningPart(content=part)
    yield pb.ScreeningPart(last=True)
