"""The record of one screening, signed by bank and bureau: what was asked, for what, and the digest of what was said.

Both sides hold the same document. It names no code, no exact size and no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from node.codes import Purpose, ScreeningMode, ScreeningProtocol
from node.policy import documents
from node.policy.documents import SignedDocument
from node.policy.screening_list import Version
from node.policy.shapes import DocumentId, Hex32, PartyId, PolicyModel
from protocols.primitives.signing import VerifyKey
from protocols.primitives.vole.parameters import SecurityProfile

RECORD_KIND = "screening-record"

Hex16 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class ScreeningRecord(PolicyModel):
    """What both sides sign when a screening is done."""

    job_id: Hex16
    session_id: Hex16
    bank: PartyId
    bureau: PartyId
    agreement_id: DocumentId
    list_name: DocumentId
    list_version: Version
    list_digest: Annotated[Hex32, Field(description="of the list's document")]
    mode: ScreeningMode
    protocol: ScreeningProtocol
    security: Annotated[
        SecurityProfile | None, Field(description="what the run withstands; of protocol vole alone")
    ] = None
    purpose: Purpose
    padded_codes: Annotated[int, Field(ge=1, le=2**30)]
    size_class: Annotated[int, Field(ge=0, le=30)]
    list_items: Annotated[int, Field(ge=1, le=2**27)]
    buckets: Annotated[int, Field(ge=0, le=4096)] = 0
    attempts: Annotated[int, Field(ge=0, le=2**20, description="tables that were filled anew with a fresh seed")] = 0
    commitment: Hex32
    transcript_digest: Hex32
    opened_at: AwareDatetime

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.size_class != size_class(self.padded_codes):
            raise ValueError("size_class: is not that of padded_codes")
        if self.security is not None and self.protocol is not ScreeningProtocol.VOLE:
            raise ValueError("security: belongs to protocol vole")
        return self


def size_class(padded_codes: int) -> int:
    """Return the smallest k with ``padded_codes`` <= 2^k; the number is at least 1."""
    return (padded_codes - 1).bit_length()


def verify(document: SignedDocument, keys: Mapping[str, VerifyKey], required: frozenset[str]) -> ScreeningRecord:
    """Return the record of a document that every party of ``required`` signed.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for a signature that fails or is missing.
    """
    record = ScreeningRecord.from_body(document.body)
    documents.verify(document, keys, required)
    return record
