"""The field catalogue: what a bureau offers, in which unit and steps, and in which way (clause 2.1 of the notice).

Values become ticks here and nowhere else: value / step of a number, the index of a code. The arithmetic is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from node.codes import Code
from node.errors import Refusal
from node.policy import documents
from node.policy.documents import SignedDocument
from node.policy.grid import MAXIMUM_EDGES, EdgeGrid, GridRange, build_grid
from node.policy.shapes import DecimalText, DocumentId, FieldId, Name, PartyId, PolicyModel, require_distinct
from node.policy.values import CodeScale, NumericScale, Scale, ValueRejected
from protocols.primitives.signing import SigningKey, VerifyKey

CATALOGUE_KIND = "catalogue"
MAXIMUM_FIELDS = 2048
MAXIMUM_CODES = 4096


class FieldType(StrEnum):
    """What a field's values are."""

    DECIMAL = "decimal"
    INTEGER = "integer"
    CODE = "code"


class Sensitivity(StrEnum):
    """How closely a field is guarded; a disclosable one is public by law (threats.md)."""

    ORDINARY = "ordinary"
    SENSITIVE = "sensitive"
    DISCLOSABLE = "disclosable"


class Provision(StrEnum):
    """The way in which a field is provided; models may use ``score_only`` fields."""

    SCORE_ONLY = "score_only"
    AGGREGATE_ONLY = "aggregate_only"
    FLAG_ONLY = "flag_only"


def _check_code(code: str) -> str:
    if code != code.strip():
        raise ValueError("a code has white space around it")
    return code


CodeText = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_check_code)]
Grid = Annotated[tuple[DecimalText, ...], Field(max_length=MAXIMUM_EDGES)] | GridRange


class CatalogueField(PolicyModel):
    """One field. A number has ``low``, ``high`` and ``step``; a code field has ``codes`` and nothing of the rest."""

    id: FieldId
    name_zh: Name
    name_en: Name
    type: FieldType
    unit: Annotated[str, StringConstraints(max_length=32)] = ""
    low: DecimalText | None = Field(default=None, description="smallest value")
    high: DecimalText | None = Field(default=None, description="largest value")
    step: DecimalText | None = Field(default=None, description="every value is a multiple of it")
    codes: Annotated[tuple[CodeText, ...], Field(max_length=MAXIMUM_CODES), AfterValidator(require_distinct)] = ()
    grid: Grid | None = Field(default=None, description="the bin edges that a model may use; none without it")
    sensitivity: Sensitivity
    provision: Provision
    block: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")] = Field(
        default="other", description="block of the base list, for example vat_returns"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _ = self.scale, self.edge_grid  # either raises ValueError with the member's name
        return self

    @cached_property
    def scale(self) -> Scale:
        """How this field's texts become ticks."""
        return self._code_scale() if self.type is FieldType.CODE else self._numeric_scale()

    @cached_property
    def edge_grid(self) -> EdgeGrid:
        """The allowed bin edges in ticks; empty for a field of codes or without a grid."""
        if self.grid is None or not isinstance(self.scale, NumericScale):
            return EdgeGrid(frozenset())
        return build_grid(self.scale, self.grid)

    def to_tick(self, value: str | Decimal) -> int:
        """Return the tick of a number or the index of a code; MISSING for a blank text.

        Raises:
            Refusal: ``INVALID_INPUT`` names the field and what is wrong, never the value.
        """
        try:
            return self.scale.to_tick(value)
        except ValueRejected as rejected:
            raise self._refused(rejected) from None

    def from_tick(self, tick: int) -> str:
        """Return the number or code of a tick or index; the empty text for MISSING. Refused where there is none."""
        try:
            return self.scale.from_tick(tick)
        except ValueRejected as rejected:
            raise self._refused(rejected) from None

    def edge_to_tick(self, edge: str | Decimal) -> int:
        """Return a bin edge in ticks; refused where the grid does not allow it."""
        if not self.edge_grid.allows(tick := self.to_tick(edge)):
            raise Refusal(Code.INVALID_INPUT, f"field {self.id}: an edge is not on the catalogue's grid")
        return tick

    def _refused(self, rejected: ValueRejected) -> Refusal:
        return Refusal(Code.INVALID_INPUT, f"field {self.id}: the value {rejected}")

    def _code_scale(self) -> CodeScale:
        members = {"low": self.low, "high": self.high, "step": self.step, "grid": self.grid}
        for name, value in members.items():
            if value is not None:
                raise ValueError(f"{name}: a code field has none")
        return CodeScale(self.codes)

    def _numeric_scale(self) -> NumericScale:
        if self.codes:
            raise ValueError("codes: a numeric field has none")
        for name, value in (("low", self.low), ("high", self.high), ("step", self.step)):
            if value is None:
                raise ValueError(f"{name}: a numeric field needs it")
        assert self.low is not None
        assert self.high is not None
        assert self.step is not None
        integral = self.type is FieldType.INTEGER
        return NumericScale.build(self.low, self.high, self.step, integral=integral)


class Catalogue(PolicyModel):
    """One version of a bureau's catalogue."""

    catalogue_id: DocumentId
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    bureau: PartyId
    fields: Annotated[tuple[CatalogueField, ...], Field(min_length=1, max_length=MAXIMUM_FIELDS)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        seen: set[str] = set()
        for place, field in enumerate(self.fields):
            if field.id in seen:
                raise ValueError(f"fields[{place}].id: stands twice")
            seen.add(field.id)
        return self

    @cached_property
    def by_id(self) -> Mapping[str, CatalogueField]:
        """The fields by their id, in the catalogue's order."""
        return MappingProxyType({field.id: field for field in self.fields})

    def field(self, field_id: str) -> CatalogueField:
        """Return a field; refused with ``FIELD_NOT_ALLOWED`` where this version has none of that id."""
        try:
            return self.by_id[field_id]
        except KeyError:
            name = f"{self.catalogue_id} version {self.version}"
            raise Refusal(Code.FIELD_NOT_ALLOWED, f"field {field_id[:64]!r} is not in catalogue {name}") from None

    def sign(self, key: SigningKey) -> SignedDocument:
        """Return this catalogue signed by its bureau."""
        return documents.sign(CATALOGUE_KIND, self.to_body(), key, self.bureau)


def parse_draft(data: bytes) -> Catalogue:
    """Return the catalogue of a file, signed or not; signatures are not looked at. For checking and for signing."""
    return Catalogue.from_body(documents.decode_or_draft(data, CATALOGUE_KIND).body)


def verify(document: SignedDocument, bureau_key: VerifyKey) -> Catalogue:
    """Return the catalogue of a document that its bureau signed.

    Raises:
        Refusal: ``INVALID_INPUT`` for its form, ``PEER_UNTRUSTED`` for its signature.
    """
    catalogue = Catalogue.from_body(document.body)
    documents.verify(document, {catalogue.bureau: bureau_key}, {catalogue.bureau})
    return catalogue


def parse(data: bytes, bureau_key: VerifyKey) -> Catalogue:
    """Return the catalogue that ``data`` holds, verified; see :func:`verify`."""
    return verify(documents.decode(data, CATALOGUE_KIND), bureau_key)
