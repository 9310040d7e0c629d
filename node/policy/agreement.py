"""The agreement between one bank and one bureau: signed by both, it says what may be asked, from where and how often.

Default deny: what no agreement in force covers is refused (:mod:`node.policy.authorise`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from node.codes import ModelClass, Purpose, ScreeningMode
from node.policy import documents
from node.policy.catalogue import MAXIMUM_FIELDS
from node.policy.documents import SignedDocument
from node.policy.shapes import SHARE_PATTERN, DocumentId, FieldId, PartyId, PolicyModel, require_distinct
from protocols.primitives.signing import VerifyKey
from protocols.primitives.vole.parameters import SecurityProfile

AGREEMENT_KIND = "agreement"
MAXIMUM_NETWORKS = 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ChannelKind(StrEnum):
    """The lines that clause 1.2 of the notice allows."""

    DEDICATED_LINE = "dedicated_line"
    PLATFORM = "platform"
    SUPERVISED_LINE = "supervised_line"


def _check_network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("is not a network such as 10.2.0.0/16, without host bits") from None
    return text


NetworkText = Annotated[str, StringConstraints(max_length=49), AfterValidator(_check_network)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Limits(PolicyModel):
    """What a bank may ask for at most; days are calendar days in UTC."""

    max_rows_per_job: Count = Field(default=1_000_000, description="enterprises in one batch job")
    max_jobs_per_day: Count = Field(default=10_000, description="batch jobs a day")
    max_online_per_day: Count = Field(default=1_000_000, description="single scores a day")
    alignment_per_day: Count = Field(default=5_000_000, description="codes that alignment evaluates a day")
    max_models: Count = Field(default=200, description="models registered and in force at the same time")


Share = Annotated[
    str,
    StringConstraints(pattern=SHARE_PATTERN),
    Field(description="from 0 to 1 in quotes, at most four digits behind the point"),
]


class Certification(PolicyModel):
    """What a model may give away before an auditor admits it, and all models together about one enterprise.

    Source of the defaults: docs/certification.md. Fields that the catalogue calls disclosable are exempt from the
    three thresholds of a field.
    """

    reviewers: Annotated[int, Field(ge=1, le=2, description="auditors that have to sign one admission")] = 1
    sensitive_gain: Share = Field(default="0.30", description="gain of a sensitive field at most")
    ordinary_gain: Share = Field(default="0.55", description="gain of an ordinary field at most")
    disclosed_share: Share = Field(default="0.40", description="members of one bin who are given away at most")
    distinct_scores: Annotated[int, Field(ge=0, le=2**31 - 1, description="different scores of one model at most")] = (
        2048
    )
    max_models_per_enterprise: Annotated[
        int, Field(ge=0, le=1_000, description="different models on one enterprise within the term")
    ] = 3
    max_bits_per_enterprise: Annotated[
        int, Field(ge=0, le=1_000_000, description="bits about one enterprise within the term")
    ] = 24
    term_days: Annotated[int, Field(ge=1, le=3_660, description="the rolling term of the extraction ledger")] = 365
    frequencies_per_day: Annotated[
        int, Field(ge=0, le=1_000_000, description="frequencies that one auditor may ask for a day")
    ] = 10


class Screening(PolicyModel):
    """What a bank may learn of its own lists against the bureau's lists. Codes are counted as padded.

    Matched codes are the least that the protocol for large lists can give; labels and counts are agreed by name.
    """

    modes: Annotated[
        tuple[ScreeningMode, ...],
        Field(min_length=1, description="what the bank may learn"),
        AfterValidator(require_distinct),
    ] = (ScreeningMode.CODES,)
    purposes: Annotated[
        tuple[Purpose, ...], Field(min_length=1, description="what it is for"), AfterValidator(require_distinct)
    ] = (Purpose.PORTFOLIO_SCREENING,)
    vole_security: SecurityProfile = Field(
        default=SecurityProfile.SEMI_HONEST, description="what protocol vole withstands at least"
    )
    max_codes_per_job: Count = Field(default=200_000, description="codes of one job, padded")
    max_codes_per_term: Count = Field(default=2_000_000, description="codes of all jobs of the agreement, padded")
    minimum_count: Annotated[int, Field(ge=20, le=1_000_000)] = Field(
        default=1_000, description="codes of a list that is only counted at least, and that tell two such lists apart"
    )
    minimum_cell: Annotated[int, Field(ge=3, le=1_000_000)] = Field(
        default=10,
        description="loans in a cell of a confusion table that is shown, and that tell two such portfolios apart",
    )
    key_across_versions: bool = Field(
        default=False,
        description="a list's key stays for its later versions: the bank downloads changes alone, and whatever it ever "
        "asked under the key it can look up in them without a quota",
    )


class Agreement(PolicyModel):
    """What both parties signed. Valid from ``valid_from`` on and before ``valid_until``."""

    agreement_id: DocumentId
    bank: PartyId
    bureau: PartyId
    channel_kind: ChannelKind
    peer_networks: Annotated[
        tuple[NetworkText, ...],
        Field(min_length=1, max_length=MAXIMUM_NETWORKS, description="networks that the bank calls from"),
        AfterValidator(require_distinct),
    ]
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1), AfterValidator(require_distinct)]
    model_classes: Annotated[tuple[ModelClass, ...], Field(min_length=1), AfterValidator(require_distinct)]
    catalogue_id: DocumentId
    catalogue_version: Annotated[int, Field(ge=1, le=1_000_000)]
    fields: Annotated[
        tuple[FieldId, ...], Field(min_length=1, max_length=MAXIMUM_FIELDS), AfterValidator(require_distinct)
    ]
    limits: Limits = Limits()
    certification: Certification = Certification()
    screening: Screening | None = Field(default=None, description="no list may be screened without it")
    auditors: Annotated[tuple[PartyId, ...], Field(max_length=16), AfterValidator(require_distinct)] = ()
    valid_from: AwareDatetime
    valid_until: AwareDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bank == self.bureau:
            raise ValueError("bureau: is the bank itself")
        if self.certification.reviewers > max(1, len(self.auditors)):
            raise ValueError("certification.reviewers: is more than the auditors that are named")
        if self.valid_until <= self.valid_from:
            raise ValueError("valid_until: is not after valid_from")
        return self

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The networks that the bank calls from."""
        return tuple(ipaddress.ip_network(text) for text in self.peer_networks)

    @property
    def parties(self) -> frozenset[str]:
        """Bank and bureau: both have to sign."""
        return frozenset((self.bank, self.bureau))

    @property
    def valid_from_ms(self) -> int:
        """Start of the term in Unix milliseconds."""
        return round(self.valid_from.timestamp() * 1000)

    @property
    def valid_until_ms(self) -> int:
        """End of the term in Unix milliseconds; the agreement is no longer in force at this moment."""
        return round(self.valid_until.timestamp() * 1000)

    def state(self, now_ms: int) -> str:
        """Return ``future``, ``active`` or ``expired``."""
        if now_ms < self.valid_from_ms:
            return "future"
        return "active" if now_ms < self.valid_until_ms else "expired"


def parse_draft(data: bytes) -> tuple[Agreement, SignedDocument]:
    """Return the agreement of a file that nobody, one party or both have signed; signatures are not looked at."""
    document = documents.decode_or_draft(data, AGREEMENT_KIND)
    return Agreement.from_body(document.body), document


def verify(
    document: SignedDocument, keys: Mapping[str, VerifyKey], required: frozenset[str] | None = None
) -> Agreement:
    """Return the agreement of a document; ``required`` is who must have signed, both parties unless given.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for a signature that fails or is missing.
    """
    agreement = Agreement.from_body(document.body)
    documents.verify(document, keys, agreement.parties if required is None else required)
    return agreement


def parse(data: bytes, keys: Mapping[str, VerifyKey]) -> Agreement:
    """Return the agreement that ``data`` holds, verified with both parties' signatures; see :func:`verify`."""
    return verify(documents.decode(data, AGREEMENT_KIND), keys)
