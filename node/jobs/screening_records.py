"""What a bank's journal of screenings keeps, as values, and the states that a screening goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from node.codes import JobState, ScreeningMode, ScreeningProtocol
from protocols.primitives.vole.parameters import SecurityProfile

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.QUEUED: frozenset({JobState.ADMITTING, JobState.FAILED, JobState.CANCELLED}),
        # Admitting: the list is looked up, the protocol chosen, the session opened under the commitment.
        JobState.ADMITTING: frozenset({JobState.COMPUTING, JobState.FAILED, JobState.CANCELLED}),
        JobState.COMPUTING: frozenset({JobState.RELEASING, JobState.FAILED, JobState.CANCELLED}),
        # Releasing: the record is signed by both sides; only then is there a result.
        JobState.RELEASING: frozenset({JobState.DONE, JobState.FAILED}),
        # A failed screening goes on where its files end; with its result on disk it needs the record alone.
        JobState.FAILED: frozenset({JobState.ADMITTING, JobState.RELEASING, JobState.CANCELLED}),
        JobState.DONE: frozenset(),
        JobState.CANCELLED: frozenset(),
    }
)

WEIGHED = ("estimated_oprf_ms", "estimated_vole_ms", "line_round_trip_us", "line_bytes_a_second")
"""What a choice rested on; 0 where a mode runs on one protocol alone."""


@dataclass(frozen=True)
class ScreeningRequest:
    """What a list is screened for.

    An empty version: the newest; no protocol: the node chooses; no security: as agreed.
    """

    bureau: str
    list_name: str
    list_version: str
    purpose: str
    mode: ScreeningMode
    protocol: ScreeningProtocol | None
    idempotency_key: str
    label: str
    security: SecurityProfile | None = None


@dataclass(frozen=True)
class NewScreening:
    """A screening whose codes are on disk already. ``content_digest`` covers the request and every valid code."""

    job_id: bytes
    request: ScreeningRequest
    content_digest: bytes
    rows: int
    codes: int
    bad_codes: int
    duplicates: int
    sealed_seed: bytes


@dataclass(frozen=True)
class StoredScreening:
    """A screening as the journal has it; digests and ids are empty until they are known, so are :data:`WEIGHED`."""

    job_id: bytes
    idempotency_key: str
    content_digest: bytes
    bureau: str
    list_name: str
    list_version: str
    purpose: str
    mode: ScreeningMode
    protocol: ScreeningProtocol | None
    security: SecurityProfile | None
    """Of protocol vole; until the session is opened, what was asked for."""
    label: str
    state: JobState
    rows: int
    codes: int
    bad_codes: int
    duplicates: int
    sealed_seed: bytes
    opened: bytes
    padded_codes: int
    list_items: int
    done: int
    matched: int
    retries: int
    bytes_sent: int
    bytes_received: int
    estimated_oprf_ms: int
    estimated_vole_ms: int
    line_round_trip_us: int
    line_bytes_a_second: int
    commitment: bytes
    transcript_digest: bytes
    record: bytes
    error_code: str
    error_detail: str
    created_at: int
    updated_at: int


def entries_of(job: StoredScreening) -> int:
    """Return how many codes are asked about: two entries a loan where classes are compared."""
    return 2 * job.codes if job.mode is ScreeningMode.CLASSES else job.codes
