"""What a review found: the facts that an admission names, every check in words, and the figures behind them.

No points, no weights and no seeds: what is kept here outlives the dossier.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from node.codes import Engine, ModelClass, Purpose
from node.policy.admission import AdmittedField


class Outcome(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


class Subject(StrEnum):
    """What was checked, in the order of a review."""

    LIBRARY = "library"
    AGREEMENT = "agreement"
    DESCRIPTION = "description"
    PUBLIC_KEY = "public_key"
    CIPHERTEXTS = "ciphertexts"
    RANDOMNESS = "randomness"
    DIGEST = "digest"
    NOISE = "noise"
    FREQUENCIES = "frequencies"
    LEAKAGE = "leakage"
    COMBINATION = "combination"


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Check(_Kept):
    """One check. ``value`` and ``threshold`` are texts for people, empty where there is no figure."""

    subject: Subject
    outcome: Outcome
    text: str
    value: str = ""
    threshold: str = ""
    advice: str = ""


class BinFigures(_Kept):
    """What the score gives away about the members of one bin."""

    label: str
    prior: float
    disclosed_share: float
    worst_posterior: float


class FieldFigures(_Kept):
    """What the score gives away about one field, in one view."""

    field: str
    sensitivity: str
    largest_prior: float
    gain: float
    standard_error: float
    disclosed_share: float
    worst_bin: str
    worst_posterior: float
    uncertain_share: float
    bins: tuple[BinFigures, ...]


class ViewFigures(_Kept):
    """The leakage of the model, or of several together, over one bureau's frequencies, in one view."""

    view: str
    bureau: str
    feature_set: str
    method: str
    samples: int
    distinct_scores: int
    score_bits_milli: int
    known: tuple[str, ...]
    fields: tuple[FieldFigures, ...]


class Histogram(_Kept):
    """The score distribution in bars: ``shares[i]`` is that of scores from ``low + i width`` to the next bar."""

    low: int
    width: int
    shares: tuple[float, ...]


class NoiseFigures(_Kept):
    """The noise of the real ciphertexts."""

    distance_log2: float | None
    """None: no distance at all (Paillier)."""
    worst_case_log2: float | None
    total_bound: int
    largest_coefficient: int
    norms: tuple[int, ...]


class CombinationFigures(_Kept):
    """Models together on one enterprise."""

    model_ids: tuple[str, ...]
    models: tuple[str, ...]
    rank: int
    unknowns: int
    views: tuple[ViewFigures, ...]


class AgreementFacts(_Kept):
    """What of an agreement an admission depends on."""

    agreement_id: str
    bureau: str
    auditors: tuple[str, ...]
    reviewers: int
    term_days: int
    max_bits_per_enterprise: int
    max_models_per_enterprise: int
    valid_until: datetime


class ThresholdFacts(_Kept):
    """The strictest thresholds of the agreements."""

    sensitive_gain: float
    ordinary_gain: float
    disclosed_share: float
    distinct_scores: int


class ModelFacts(_Kept):
    """What an admission names of a model."""

    bank: str
    bureaus: tuple[str, ...]
    model_id: str
    name: str
    version: str
    model_class: ModelClass
    purposes: tuple[Purpose, ...]
    engine: Engine
    profile: str
    engine_library_sha256: str
    public_key_digest: str
    ciphertext_digests: tuple[str, ...]
    encrypted_digest: str
    catalogue_id: str
    catalogue_version: int
    fields: tuple[AdmittedField, ...]
    predecessor: str
    expires_at: datetime

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


class ReviewResult(_Kept):
    """Everything that a review found."""

    dossier: str
    """Digest of the dossier, 64 hexadecimal digits."""
    auditor: str
    reviewed_at: datetime
    facts: ModelFacts
    agreements: tuple[AgreementFacts, ...]
    thresholds: ThresholdFacts
    checks: tuple[Check, ...]
    noise: NoiseFigures
    histogram: Histogram | None
    views: tuple[ViewFigures, ...]
    combinations: tuple[CombinationFigures, ...] = ()
    frequencies_digests: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.outcome is not Outcome.FAILED for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.outcome is Outcome.FAILED)

    @property
    def names(self) -> tuple[str, ...]:
        """What this review may be called by: dossier, model id, ``name@version``."""
        return (self.dossier, self.facts.model_id, self.facts.label)

    def to_json(self) -> bytes:
        """Return it as JSON."""
        return self.model_dump_json(indent=2).encode()

    @classmethod
    def from_json(cls, data: bytes) -> ReviewResult:
        """Read what :meth:`to_json` wrote, from the auditor's own directory."""
        return cls.model_validate_json(data)
