"""The codes that both sides speak: purposes, model classes, job states, row verdicts, reasons for a refusal.

A code is never reused for another meaning. ``docs/error-codes.md`` is drawn from this module and a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a party is."""

    BUREAU = "bureau"
    BANK = "bank"
    AUDITOR = "auditor"


class Purpose(StrEnum):
    """What a bank may ask for (用途)."""

    LOAN_ORIGINATION = "loan_origination"
    LOAN_MONITORING = "loan_monitoring"
    PORTFOLIO_SCREENING = "portfolio_screening"
    SIZE_CLASSIFICATION = "size_classification"
    CLASS_CONSISTENCY = "class_consistency"


class ModelClass(StrEnum):
    """What a model decides (clause 2.2 of the notice)."""

    RISK_RATING = "risk_rating"
    CREDIT_APPROVAL = "credit_approval"
    ANTI_FRAUD = "anti_fraud"
    EARLY_WARNING = "early_warning"


class Engine(StrEnum):
    """The homomorphic scheme that a job runs on."""

    BFV = "bfv"
    PAILLIER = "paillier"


class ScreeningMode(StrEnum):
    """What a bank learns of its list against a bureau's list."""

    CODES = "codes"
    LABELS = "labels"
    COUNT = "count"
    CLASSES = "classes"


class ScreeningProtocol(StrEnum):
    """The protocol that a screening runs on."""

    OPRF = "oprf"
    VOLE = "vole"
    CARDINALITY = "cardinality"


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    ALIGNING = "aligning"
    ADMITTING = "admitting"
    COMPUTING = "computing"
    RELEASING = "releasing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RowStatus(StrEnum):
    """What became of one enterprise in a job."""

    SCORED = "scored"
    REFUSED = "refused"
    NOT_HELD = "not_held"


class Side(StrEnum):
    """Whose mistake it is, and so who has to act."""

    CALLER = "caller"
    BANK = "bank"
    BUREAU = "bureau"
    ENTERPRISE = "enterprise"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Meaning:
    """One line of the error codes' page."""

    side: Side
    english: str
    chinese: str
    remedy: str
    remedy_chinese: str


class Reason(StrEnum):
    """Why one enterprise of a job got no score. ``number`` is its byte on the wire."""

    BAD_CODE = "BAD_CODE"
    DUPLICATE = "DUPLICATE"
    NO_CONSENT = "NO_CONSENT"
    NOT_HELD = "NOT_HELD"
    CONSENT_BAD_SIGNATURE = "CONSENT_BAD_SIGNATURE"
    CONSENT_UNTRUSTED = "CONSENT_UNTRUSTED"
    CONSENT_WRONG_PARTY = "CONSENT_WRONG_PARTY"
    CONSENT_NOT_YET_VALID = "CONSENT_NOT_YET_VALID"
    CONSENT_EXPIRED = "CONSENT_EXPIRED"
    CONSENT_REVOKED = "CONSENT_REVOKED"
    CONSENT_EXHAUSTED = "CONSENT_EXHAUSTED"
    CONSENT_OUT_OF_SCOPE = "CONSENT_OUT_OF_SCOPE"
    CONSENT_UNKNOWN = "CONSENT_UNKNOWN"
    CONSENT_CONFLICT = "CONSENT_CONFLICT"
    DATA_MISSING = "DATA_MISSING"
    LEDGER_LIMIT = "LEDGER_LIMIT"
    BANK_DATA_MISSING = "BANK_DATA_MISSING"
    CONSENT_MALFORMED = "CONSENT_MALFORMED"

    @property
    def number(self) -> int:
        """The byte that stands for this reason in a chunk's verdicts; zero is kept for «accepted»."""
        return REASON_NUMBERS[self]


# Fixed for ever: a number is never given to another reason.
REASON_NUMBERS: dict[Reason, int] = {reason: place for place, reason in enumerate(Reason, start=1)}


class Code(StrEnum):
    """Why a whole call was refused."""

    AGREEMENT_INACTIVE = "AGREEMENT_INACTIVE"
    FIELD_NOT_ALLOWED = "FIELD_NOT_ALLOWED"
    MODEL_UNKNOWN = "MODEL_UNKNOWN"
    MODEL_EXPIRED = "MODEL_EXPIRED"
    MODEL_NOT_ADMITTED = "MODEL_NOT_ADMITTED"
    PROFILE_UNKNOWN = "PROFILE_UNKNOWN"
    BOUND_EXCEEDED = "BOUND_EXCEEDED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
    MALFORMED = "MALFORMED"
    PEER_UNTRUSTED = "PEER_UNTRUSTED"
    DRAINING = "DRAINING"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    AUDIT_UNAVAILABLE = "AUDIT_UNAVAILABLE"
    NOT_FOUND = "NOT_FOUND"
    INVALID_INPUT = "INVALID_INPUT"
    WRONG_ROLE = "WRONG_ROLE"
    WRONG_STATE = "WRONG_STATE"
    RESULT_REJECTED = "RESULT_REJECTED"
    PEER_UNREACHABLE = "PEER_UNREACHABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    COMPUTE_FAILED = "COMPUTE_FAILED"
    KEY_UNAVAILABLE = "KEY_UNAVAILABLE"
    CONFIG_INVALID = "CONFIG_INVALID"
    NODE_NOT_RUNNING = "NODE_NOT_RUNNING"
    INTERNAL = "INTERNAL"
