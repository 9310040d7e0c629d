"""What an auditor signs of a model: the admission that a bureau evaluates it under, and its revocation.

An admission names one model exactly (its id, key, and every ciphertext in order), for one bank and the bureaus that it
lists, what the model gives away and under which thresholds that was accepted, and which models may be used together on
one enterprise. Two auditors sign the same body where the agreement asks for two. Figures are decimals in quotes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from node.codes import Code, Engine, ModelClass, Purpose
from node.errors import Refusal
from node.policy import documents
from node.policy.catalogue import MAXIMUM_FIELDS, CodeText, Sensitivity
from node.policy.documents import SignedDocument
from node.policy.shapes import DocumentId, FieldId, Hex32, Name, PartyId, PolicyModel, require_distinct
from protocols.primitives.signing import SigningKey, VerifyKey

ADMISSION_KIND = "admission"
REVOCATION_KIND = "admission-revocation"
MAXIMUM_COLUMNS = 4096
MAXIMUM_COMBINATIONS = 64
EXACT = "exact"
"""The distance of an engine whose responses hide everything but the score: Paillier's."""

Share = Annotated[str, StringConstraints(pattern=r"^(?:0\.[0-9]{4}|1\.0000)$")]
"""A gain, share or probability between 0 and 1: four decimals, in quotes."""
DistanceText = Annotated[str, StringConstraints(pattern=rf"^(?:-[0-9]{{1,4}}\.[0-9]{{2}}|{EXACT})$")]
ModelText = Annotated[str, StringConstraints(pattern=r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?$")]
Number = Annotated[int, Field(ge=0, le=2**53 - 1)]
FreeText = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class AdmittedBins(PolicyModel):
    """A numeric field cut at ``edges``."""

    kind: Literal["bins"]
    field: FieldId
    edges: Annotated[tuple[ModelText, ...], Field(max_length=MAXIMUM_COLUMNS)]


class AdmittedGroups(PolicyModel):
    """A code field in groups of codes."""

    kind: Literal["groups"]
    field: FieldId
    groups: Annotated[tuple[tuple[CodeText, ...], ...], Field(max_length=MAXIMUM_COLUMNS)]


class AdmittedLinear(PolicyModel):
    """A numeric field quantised to ``floor((value - low) / quantum)``."""

    kind: Literal["linear"]
    field: FieldId
    low: ModelText
    high: ModelText
    quantum: ModelText


AdmittedField = Annotated[AdmittedBins | AdmittedGroups | AdmittedLinear, Field(discriminator="kind")]


class AdmittedCatalogue(PolicyModel):
    """The catalogue that the fields belong to."""

    id: DocumentId
    version: Annotated[int, Field(ge=1, le=1_000_000)]


class CertifiedNoise(PolicyModel):
    """The circuit privacy of the model's own ciphertexts, from their real errors (protocols/scoring/README.md)."""

    distance_log2: DistanceText = Field(description="log2 of the statistical distance of one response, or exact")
    total_bound: Number = Field(description="B: what one coefficient of the noise can reach before the switch down")


class FieldLeakage(PolicyModel):
    """What the score gives away of one field (docs/certification.md)."""

    field: FieldId
    sensitivity: Sensitivity
    gain: Share = Field(description="average gain of the best guess, fields independent")
    gain_correlated: Share = Field(description="the same under the bureau's rank correlation")
    gain_given_bank_fields: Share = Field(description="the same given the fields that the bank holds itself")
    disclosed_share: Share = Field(description="largest share of a bin's members who are given away")


class CertifiedLeakage(PolicyModel):
    """What one model gives away."""

    fields: Annotated[tuple[FieldLeakage, ...], Field(min_length=1, max_length=MAXIMUM_FIELDS)]
    distinct_scores: Annotated[int, Field(ge=1, le=2**53 - 1)]
    score_bits_milli: Number = Field(description="log2 of the distinct scores, in thousandths of a bit, rounded up")


class AppliedThresholds(PolicyModel):
    """What was refused above: the agreement's, the strictest of the bureaus'."""

    sensitive_gain: Share
    ordinary_gain: Share
    disclosed_share: Share
    distinct_scores: Annotated[int, Field(ge=1, le=2**53 - 1)]


class Combination(PolicyModel):
    """Models that may be used together on one enterprise; this admission's model is one of them."""

    model_ids: Annotated[tuple[Hex32, ...], Field(min_length=2, max_length=16), AfterValidator(require_distinct)]
    fields: Annotated[tuple[FieldLeakage, ...], Field(min_length=1, max_length=MAXIMUM_FIELDS)]
    distinct_scores: Annotated[int, Field(ge=1, le=2**53 - 1)] = Field(description="distinct tuples of scores")
    score_bits_milli: Number


def _check_seconds(moment: datetime) -> datetime:
    if moment.microsecond:
        raise ValueError("has a fraction of a second")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_check_seconds)]


class Admission(PolicyModel):
    """One model that a bureau may evaluate for one bank."""

    admission_id: DocumentId
    auditor: PartyId = Field(description="who reviewed and signed first")
    reviewers: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8), AfterValidator(require_distinct)]
    bank: PartyId
    bureaus: Annotated[tuple[PartyId, ...], Field(min_length=1, max_length=16), AfterValidator(require_distinct)]
    model_id: Hex32 = Field(description="digest of the description that the bank registers")
    name: Name
    version: Name
    model_class: ModelClass
    engine: Engine
    profile: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
    engine_library_sha256: Hex32 = Field(description="the installed engine library, as its package lists it")
    public_key_digest: Hex32
    ciphertext_digests: Annotated[
        tuple[Hex32, ...],
        Field(min_length=1, max_length=MAXIMUM_COLUMNS, description="one for each column, in order"),
        AfterValidator(require_distinct),
    ]
    encrypted_digest: Hex32 = Field(description="digest of key and ciphertexts together")
    catalogue: AdmittedCatalogue
    fields: Annotated[tuple[AdmittedField, ...], Field(min_length=1, max_length=MAXIMUM_FIELDS)]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1), AfterValidator(require_distinct)]
    noise: CertifiedNoise
    leakage: CertifiedLeakage
    thresholds: AppliedThresholds
    frequencies_digests: Annotated[
        tuple[Hex32, ...],
        Field(min_length=1, max_length=64, description="the signed frequencies that the figures rest on"),
    ]
    combinations: Annotated[tuple[Combination, ...], Field(max_length=MAXIMUM_COMBINATIONS)] = ()
    supersedes: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{64})?$")] = Field(
        default="", description="model id of the predecessor, or empty"
    )
    reviewed_at: Moment
    review_by: Moment = Field(description="from then on no new job starts until it was reviewed again (clause 2.2)")
    expires_at: Moment

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bank in self.bureaus or self.auditor in (self.bank, *self.bureaus):
            raise ValueError("auditor: bank, bureaus and auditor are not different parties")
        if not self.reviewed_at < self.review_by <= self.expires_at:
            raise ValueError("review_by: reviewed_at, review_by and expires_at are not in this order")
        if any(self.model_id not in combination.model_ids for combination in self.combinations):
            raise ValueError("combinations: one of them does not name this model")
        if self.supersedes == self.model_id:
            raise ValueError("supersedes: the model cannot supersede itself")
        return self

    @property
    def review_by_ms(self) -> int:
        """End of the review's term in Unix milliseconds; overdue from this moment on."""
        return round(self.review_by.timestamp() * 1000)

    @property
    def expires_at_ms(self) -> int:
        """End of the admission in Unix milliseconds; not valid at this moment."""
        return round(self.expires_at.timestamp() * 1000)

    def is_expired(self, now_ms: int) -> bool:
        """Whether nothing may be evaluated under it any more."""
        return now_ms >= self.expires_at_ms

    def is_overdue(self, now_ms: int) -> bool:
        """Whether no NEW job may start under it; running ones end."""
        return now_ms >= self.review_by_ms

    def allows_together(self, model_ids: Set[str]) -> Combination | None:
        """Return the smallest combination that covers ``model_ids`` (this one among them), None where none does."""
        found = [combination for combination in self.combinations if model_ids <= set(combination.model_ids)]
        return min(found, key=lambda combination: len(combination.model_ids), default=None)


class Revocation(PolicyModel):
    """An auditor takes its admission back: jobs under it stop at their next chunk."""

    admission_id: DocumentId
    auditor: PartyId
    reason: FreeText
    revoked_at: Moment


def sign(admission: Admission, key: SigningKey) -> SignedDocument:
    """Return the admission signed by its first auditor."""
    return documents.sign(ADMISSION_KIND, admission.to_body(), key, admission.auditor)


def countersign(document: SignedDocument, key: SigningKey, auditor: str) -> SignedDocument:
    """Return the admission with a second auditor's signature over the same body.

    Raises:
        Refusal: ``WRONG_STATE``: this auditor signed it already.
    """
    return documents.add_signature(document, key, auditor)


def read(data: bytes) -> tuple[Admission, SignedDocument]:
    """Return the admission of a file; signatures are not looked at.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form.
    """
    document = documents.decode(data, ADMISSION_KIND)
    return Admission.from_body(document.body), document


def verify(document: SignedDocument, keys: Mapping[str, VerifyKey], auditors: Set[str], signatures: int) -> Admission:
    """Return the admission of a document that the auditors of an agreement signed.

    Args:
        document: of kind ``admission``.
        keys: of every trusted auditor.
        auditors: whom the agreement names; a signature of anybody else is refused, not passed over.
        signatures: how many DIFFERENT auditors must have signed.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for a signature that fails, is missing or is of no
            auditor of the agreement.
    """
    admission = Admission.from_body(document.body)
    _require_auditors(document, auditors, admission.auditor)
    documents.verify(document, keys, {admission.auditor})
    if len(document.signers) < signatures:
        raise Refusal(
            Code.PEER_UNTRUSTED,
            f"admission: {len(document.signers)} of {signatures} auditors have signed",
            remedy="Have another auditor of the agreement review the dossier and countersign the admission.",
        )
    return admission


def sign_revocation(revocation: Revocation, key: SigningKey) -> SignedDocument:
    """Return the revocation signed by its auditor."""
    return documents.sign(REVOCATION_KIND, revocation.to_body(), key, revocation.auditor)


def read_revocation(data: bytes) -> tuple[Revocation, SignedDocument]:
    """Return the revocation of a file; its signature is not looked at. Raises ``INVALID_INPUT`` for its form."""
    document = documents.decode(data, REVOCATION_KIND)
    return Revocation.from_body(document.body), document


def verify_revocation(document: SignedDocument, keys: Mapping[str, VerifyKey], auditors: Set[str]) -> Revocation:
    """Return the revocation of a document that one of ``auditors`` (who signed the admission) signed.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for its signature or for another party's.
    """
    revocation = Revocation.from_body(document.body)
    _require_auditors(document, auditors, revocation.auditor)
    documents.verify(document, keys, {revocation.auditor})
    return revocation


def field_bodies(fields: Sequence[AdmittedField]) -> list[dict[str, Any]]:
    """Return the fields as the model's description writes them (``ModelDescription.to_json``)."""
    return [field.to_body() for field in fields]


def _require_auditors(document: SignedDocument, auditors: Set[str], first: str) -> None:
    if first not in document.signers:
        raise Refusal(Code.PEER_UNTRUSTED, f"{document.kind}: not signed by {first}, whose it says it is")
    if strangers := sorted(document.signers - auditors):
        raise Refusal(
            Code.PEER_UNTRUSTED,
            f"{document.kind}: signed by {', '.join(strangers)}, which is no auditor that it may come from",
            remedy="Use an auditor that the agreement names.",
        )
