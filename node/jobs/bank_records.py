"""What the bank's journal keeps, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from node.codes import JobState, Reason, RowStatus


@dataclass(frozen=True)
class NewJob:
    """What a job is asked to do. ``content_digest`` covers model, purpose and every row as it came."""

    job_id: bytes
    idempotency_key: str
    content_digest: bytes
    model_id: bytes
    bureau: str
    purpose: str
    label: str
    rows: int


@dataclass(frozen=True)
class PreparedRow:
    """One row of the list: its code as given, the bank's own points, and a reason where it is refused at once."""

    uscc: str
    bank_part: int | None
    reason: Reason | None


@dataclass(frozen=True)
class StoredJob:
    """A job as the journal has it."""

    job_id: bytes
    idempotency_key: str
    content_digest: bytes
    model_id: bytes
    bureau: str
    purpose: str
    label: str
    state: JobState
    rows: int
    aligned: int
    bytes_sent: int
    bytes_received: int
    feature_set: str
    as_of: str
    error_code: str
    error_detail: str
    created_at: int
    updated_at: int


@dataclass(frozen=True)
class Counts:
    """How far a job is, counted from its rows."""

    scored: int = 0
    not_held: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Rows with a verdict."""
        return self.scored + self.not_held + sum(self.refused.values())


@dataclass(frozen=True)
class PlannedRow:
    """One enterprise of a chunk, in the order in which it is sent."""

    position: int
    uscc: str
    consent_id: bytes
    bank_part: int


class ResultRow(NamedTuple):
    """One row of a job as it stands: ``status`` is empty until it is decided, the numbers where it has no score."""

    position: int
    uscc: str
    status: RowStatus | None
    reason: Reason | None
    score: int | None
    bank_part: int | None
    tax_part: int | None


@dataclass(frozen=True)
class Verdict:
    """What became of one row; scores only where it was scored."""

    position: int
    status: RowStatus
    reason: Reason | None = None
    tax_part: int | None = None
    score: int | None = None
