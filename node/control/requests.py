"""What control calls ask for, checked."""

from __future__ import annotations

from node.codes import Code, JobState
from node.errors import Refusal
from node.jobs.calls import JOB_ID_BYTES
from node.policy import uscc
from protos import control_pb2 as pb

USUALLY_LISTED = 50
MAXIMUM_LISTED = 1000


def listed(limit: int) -> int:
    """Return how many things are listed where ``limit`` is asked for; 0 = the usual number."""
    return min(limit or USUALLY_LISTED, MAXIMUM_LISTED)


def parse_state(text: str) -> JobState | None:
    """Return a job state, or None where none is asked for.

    Raises:
        Refusal: ``INVALID_INPUT``.
    """
    if text and text not in list(JobState):
        raise Refusal(Code.INVALID_INPUT, "state: not one of " + ", ".join(JobState))
    return JobState(text) if text else None


def parse_job_id(request: pb.JobKey) -> bytes:
    """Return a job's id from its hexadecimal digits."""
    return parse_hex(request.job_id, JOB_ID_BYTES, "job_id")


def parse_hex(text: str, length: int, name: str) -> bytes:
    """Return ``length`` bytes from hexadecimal digits.

    Raises:
        Refusal: ``INVALID_INPUT``.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != length:
        raise Refusal(Code.INVALID_INPUT, f"{name}: {2 * length} hexadecimal digits")
    return value


def parse_uscc(text: str) -> str:
    """Return the unified social credit code of a request, normalised.

    Raises:
        Refusal: ``INVALID_INPUT``: it is none.
    """
    try:
        return uscc.validate(text)
    except ValueError as fault:
        raise Refusal(Code.INVALID_INPUT, f"uscc: {fault}") from None
