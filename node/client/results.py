"""What the control API answers, as frozen dataclasses. Times are aware UTC datetimes, ``None`` where unset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from node.codes import JobState, RowStatus
from node.jobs.states import FINAL


@dataclass(frozen=True)
class Status:
    """The node itself; ``listen`` is empty at a bank, which never listens for peers.

    Bytes are what went to and came from bureaus since the start, envelopes included; at a bank.
    """

    party_id: str
    role: str
    version: str
    listen: str
    started_at: datetime | None
    warnings: tuple[str, ...]
    running_jobs: int
    bytes_sent: int
    bytes_received: int


@dataclass(frozen=True)
class Party:
    """A party whose card was trusted here; ``state`` is ``trusted`` or ``suspended``."""

    party_id: str
    role: str
    name_zh: str
    name_en: str
    endpoint: str
    state: str
    signing_key_fingerprint: str
    certificate_fingerprints: tuple[str, ...]


@dataclass(frozen=True)
class CatalogueSummary:
    """A signed field catalogue that stands at this node."""

    catalogue_id: str
    version: int
    bureau: str
    fields: int
    digest: str


@dataclass(frozen=True)
class AgreementSummary:
    """An agreement that both sides signed; ``state`` is ``active``, ``future`` or ``expired``."""

    agreement_id: str
    bank: str
    bureau: str
    state: str
    valid_from: datetime | None
    valid_until: datetime | None
    purposes: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Admission:
    """What auditors signed of a model; ``state``: valid, overdue, expired, revoked, or untrusted where an auditor that
    signed is not trusted here now. ``score_bits``: what its scores tell of an enterprise at most. Of an admission that
    was revoked before it came here, only its id and the revocation are known.
    """

    admission_id: str
    auditors: tuple[str, ...]
    bank: str
    bureaus: tuple[str, ...]
    model_id: str
    model: str
    state: str
    reviewed_at: datetime | None
    review_by: datetime | None
    expires_at: datetime | None
    distinct_scores: int
    score_bits: float
    combinations: int
    supersedes: str
    revoked_at: datetime | None
    revoked_by: str
    reason: str
    digest: str


@dataclass(frozen=True)
class LedgerEntry:
    """One model that a bank used on an enterprise; ``used_at`` is its last use, to within a day."""

    uscc: str
    bank: str
    model_id: str
    model: str
    bits: float
    debited_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True)
class LedgerAlert:
    """An enterprise on which several banks together used many models."""

    uscc: str
    banks: int
    models: int
    latest_at: datetime | None


@dataclass(frozen=True)
class ConsentVerdict:
    """What became of one consent: ``registered``, ``not_held`` or ``refused`` with a reason (docs/error-codes.md)."""

    consent_id: str
    uscc: str
    state: str
    reason: str


@dataclass(frozen=True)
class ConsentSummary:
    """A registered consent with its uses; ``state``: valid, not_yet_valid, expired, revoked or exhausted."""

    consent_id: str
    uscc: str
    bank: str
    bureau: str
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    model_classes: tuple[str, ...]
    not_before: datetime | None
    expires: datetime | None
    maximum_uses: int
    uses: int
    state: str
    notice_sha256: str
    revoked_at: datetime | None


@dataclass(frozen=True)
class FeatureSet:
    """An imported set of tax data; ``state`` is ``active``, ``superseded`` or ``dropped``."""

    feature_set: str
    name: str
    as_of: str
    catalogue_id: str
    catalogue_version: int
    rows: int
    fields: int
    digest: str
    imported_at: datetime | None
    state: str


@dataclass(frozen=True)
class DataReject:
    """A row that was not imported: its number (in CSV the header is row 1), the field and the reason, no value."""

    row: int
    field: str
    reason: str


@dataclass(frozen=True)
class DataProgress:
    """How far an import is; ``feature_set`` stands in the last message only.

    ``repeated_rows`` are equal to an accepted one and count neither as accepted nor as rejected.
    """

    rows: int
    accepted: int
    rejected: int
    repeated_rows: int
    rejects: tuple[DataReject, ...]
    feature_set: FeatureSet | None


@dataclass(frozen=True)
class ScreeningListSummary:
    """One version of a bureau's list; ``padded_count`` is what banks learn of its size, ``codes`` what it has."""

    name: str
    version: str
    kind: str
    state: str
    codes: int
    padded_count: int
    labels: tuple[str, ...]
    digest: str
    published_at: datetime | None
    screenings: int
    withdrawn_reason: str


@dataclass(frozen=True)
class ListProgress:
    """How far a publication is; ``published`` stands in the last message only."""

    rows: int
    accepted: int
    rejected: int
    rejects: tuple[DataReject, ...]
    published: ScreeningListSummary | None


@dataclass(frozen=True)
class FrequenciesProgress:
    """How far counting is, in parts; ``document`` is the signed file, in the last step only."""

    done: int
    total: int
    document: bytes = b""


@dataclass(frozen=True)
class Model:
    """A compiled and encrypted model version; ``state``: built, registered, retired or superseded.

    ``noise_distance_log2`` is the base-2 logarithm of the statistical distance of one response (circuit privacy).
    """

    model_id: str
    name: str
    version: str
    model_class: str
    engine: str
    profile: str
    bureau: str
    columns: int
    score_low: int
    score_high: int
    noise_distance_log2: float
    expires_at: datetime | None
    state: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class BuildProgress:
    """How many columns are encrypted; ``model`` stands in the last message only."""

    columns_done: int
    columns: int
    model: Model | None


@dataclass(frozen=True, slots=True)
class Applicant:
    """One enterprise of a list: its code and the bank's own values, in the order of the list's ``bank_fields``."""

    uscc: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One line of a result: the three numbers stand only where ``status`` is ``scored``.

    ``score`` is the sum of the bank part (base score included) and the tax part, in points.
    """

    uscc: str
    status: str
    reason: str
    score: int | None
    bank_part: int | None
    tax_part: int | None
    feature_set: str
    as_of: str
    job_id: str = ""

    @property
    def scored(self) -> bool:
        """Whether the enterprise got a score."""
        return self.status == RowStatus.SCORED


@dataclass(frozen=True)
class Job:
    """A scoring job; ``refused`` counts enterprises by reason, bytes are payload between the two nodes."""

    job_id: str
    state: JobState
    model: str
    engine: str
    purpose: str
    idempotency_key: str
    rows: int
    finished: int
    scored: int
    refused: Mapping[str, int]
    not_held: int
    aligned: int
    feature_set: str
    as_of: str
    created_at: datetime | None
    updated_at: datetime | None
    error_code: str
    error_detail: str
    label: str
    bytes_sent: int
    bytes_received: int

    @property
    def final(self) -> bool:
        """Whether the job will not change any more."""
        return self.state in FINAL
