"""What a consent says: its terms, its claims on the wire, and the questions asked of it again and again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from node.codes import ModelClass, Purpose, Reason
from node.policy import uscc
from node.policy.shapes import FieldId, Hex32, PartyId, PolicyModel, require_distinct
from protocols.transcript import digest

CONSENT_ID_BYTES = 16
CLOCK_TOLERANCE_MS = 60_000
MAXIMUM_CONSENT_FIELDS = 512
MAXIMUM_USES = 2**31 - 1
_LATEST_SECOND = 253_402_300_799  # the last second of the year 9999


class ConsentFault(Exception):  # noqa: N818 - a verdict: what is wrong with one consent
    """A consent cannot be accepted. ``reason`` goes on the wire; the detail carries no value of the consent."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def _check_uscc(code: str) -> str:
    if not uscc.is_valid(code):
        raise ValueError("is not a unified social credit code")
    return code


Uscc = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{18}$"), AfterValidator(_check_uscc)]
Seconds = Annotated[int, Field(ge=0, le=_LATEST_SECOND)]


class ConsentClaims(PolicyModel):
    """The payload of a consent, an object of RFC 7519 claims and our own; a claim that is not listed is refused.

    An unknown claim might narrow what the enterprise meant to allow, so it is not ignored.
    """

    iss: Uscc = Field(description="unified social credit code of the enterprise that consents")
    aud: Annotated[tuple[PartyId, ...], Field(min_length=1, max_length=1)] = Field(description="the bureau, alone")
    bank: PartyId = Field(description="the bank that may ask")
    bureau: PartyId = Field(description="the bureau that may answer")
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1), AfterValidator(require_distinct)]
    fields: Annotated[
        tuple[FieldId, ...], Field(min_length=1, max_length=MAXIMUM_CONSENT_FIELDS), AfterValidator(require_distinct)
    ]
    model_classes: Annotated[tuple[ModelClass, ...], Field(min_length=1), AfterValidator(require_distinct)]
    nbf: Seconds = Field(description="valid from, Unix seconds")
    exp: Seconds = Field(description="valid before, Unix seconds")
    iat: Seconds = Field(description="signed at, Unix seconds")
    jti: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = Field(description="16 random bytes")
    max_uses: Annotated[int, Field(ge=1, le=MAXIMUM_USES)]
    notice_sha256: Hex32 = Field(description="SHA-256 of the notice text that was shown, UTF-8")

    @model_validator(mode="after")
    def _has_a_term(self) -> Self:
        if self.exp <= self.nbf:
            raise ValueError("exp: is not after nbf")
        return self


@dataclass(frozen=True)
class ConsentDraft:
    """What an enterprise is about to sign. Times are Unix milliseconds and are written in whole seconds."""

    consent_id: bytes
    uscc: str
    bank: str
    bureau: str
    purposes: tuple[Purpose, ...]
    fields: tuple[str, ...]
    model_classes: tuple[ModelClass, ...]
    not_before_ms: int
    expires_ms: int
    maximum_uses: int
    notice_sha256: str

    def claims(self, issued_at_ms: int) -> ConsentClaims:
        """Return the claims; raises pydantic's ``ValidationError`` where one breaks its bound."""
        return ConsentClaims(
            iss=self.uscc,
            aud=(self.bureau,),
            bank=self.bank,
            bureau=self.bureau,
            purposes=tuple(Purpose(purpose) for purpose in self.purposes),
            fields=tuple(self.fields),
            model_classes=tuple(ModelClass(model_class) for model_class in self.model_classes),
            nbf=self.not_before_ms // 1000,
            exp=self.expires_ms // 1000,
            iat=issued_at_ms // 1000,
            jti=self.consent_id.hex(),
            max_uses=self.maximum_uses,
            notice_sha256=self.notice_sha256,
        )


@dataclass(frozen=True, repr=False)
class ConsentTerms:
    """A verified consent. Times are Unix milliseconds; ``digest`` is over the claims, 32 bytes.

    The digest does not depend on the signature's bytes: the same consent signed or encoded twice is one consent, and
    another consent under the same id is a conflict.
    """

    consent_id: bytes
    uscc: str
    bank: str
    bureau: str
    purposes: tuple[Purpose, ...]
    fields: tuple[str, ...]
    model_classes: tuple[ModelClass, ...]
    not_before_ms: int
    expires_ms: int
    maximum_uses: int
    notice_sha256: str
    jws: str
    digest: bytes

    @classmethod
    def of(cls, claims: ConsentClaims, jws: str) -> ConsentTerms:
        """Return the terms of verified claims."""
        return cls(
            consent_id=bytes.fromhex(claims.jti),
            uscc=claims.iss,
            bank=claims.bank,
            bureau=claims.bureau,
            purposes=claims.purposes,
            fields=claims.fields,
            model_classes=claims.model_classes,
            not_before_ms=claims.nbf * 1000,
            expires_ms=claims.exp * 1000,
            maximum_uses=claims.max_uses,
            notice_sha256=claims.notice_sha256,
            jws=jws,
            digest=_claims_digest(claims),
        )

    def __repr__(self) -> str:
        return f"ConsentTerms({self.consent_id.hex()})"  # no code, no signature: a repr may reach a log


class Scope(Protocol):
    """What a consent allows, verified just now or read from storage."""

    @property
    def purposes(self) -> Sequence[str]:
        """Codes of the purposes."""

    @property
    def fields(self) -> Sequence[str]:
        """Ids of the fields."""

    @property
    def model_classes(self) -> Sequence[str]:
        """Codes of the model classes."""


class Term(Protocol):
    """When a consent is valid, verified just now or read from storage."""

    @property
    def not_before_ms(self) -> int:
        """When the term begins, Unix milliseconds."""

    @property
    def expires_ms(self) -> int:
        """When the term ends, Unix milliseconds."""


def covers(scope: Scope, purpose: Purpose | str, fields: Iterable[str], model_class: ModelClass | str) -> bool:
    """Return whether the consent allows this purpose, every one of ``fields`` and this model class."""
    return (
        purpose in scope.purposes
        and model_class in scope.model_classes
        and frozenset(fields) <= frozenset(scope.fields)
    )


def term_fault(term: Term, now_ms: int) -> Reason | None:
    """Return why the consent is not in its term at ``now_ms``, or None; clocks may differ by 60 seconds."""
    if now_ms < term.not_before_ms - CLOCK_TOLERANCE_MS:
        return Reason.CONSENT_NOT_YET_VALID
    if now_ms >= term.expires_ms + CLOCK_TOLERANCE_MS:
        return Reason.CONSENT_EXPIRED
    return None


def _claims_digest(claims: ConsentClaims) -> bytes:
    names = (claims.purposes, claims.fields, claims.model_classes)
    numbers = (claims.nbf, claims.exp, claims.iat, claims.max_uses)
    parts = [claims.jti, claims.iss, claims.bank, claims.bureau, claims.notice_sha256]
    parts += [",".join(sorted(some)) for some in names]  # no identifier holds a comma or a line feed
    parts += [str(number) for number in numbers]
    return digest("consent", "\n".join(parts).encode("ascii"))
