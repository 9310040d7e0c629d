"""Frequencies: how the enterprises of one feature set spread over the catalogue's grid, signed by the bureau.

An auditor measures with them what a model's score gives away. There is one partition for each feature set, counted
once, so that no two answers differ and nothing can be subtracted from anything. Every cell holds as many enterprises as
:data:`MINIMUM_CELL` says or more; what was smaller is merged with its neighbour, empty cells too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from node.codes import Code
from node.errors import Refusal
from node.policy import documents
from node.policy.catalogue import MAXIMUM_CODES, MAXIMUM_FIELDS, Catalogue, CatalogueField, CodeText
from node.policy.documents import SignedDocument
from node.policy.shapes import DecimalText, DocumentId, FieldId, PartyId, PolicyModel, require_distinct
from node.policy.values import MISSING, CodeScale, NumericScale
from protocols.primitives.signing import SigningKey, VerifyKey

FREQUENCIES_KIND = "frequencies"
MINIMUM_CELL = 20
MAXIMUM_CELLS = 512
"""Cells of one field at most, so that a document stays small; each then holds about 1/512 of the enterprises."""
RANGES_WITHOUT_GRID = 64
"""Ranges of one width for a number that the catalogue gives no grid; only linear models use such a field."""
MAXIMUM_BYTES = 64 << 20
_COEFFICIENT = r"-?(?:0\.[0-9]{2}|1\.00)"
_ROW = re.compile(rf"{_COEFFICIENT}(?: {_COEFFICIENT})*")


class Cell(PolicyModel):
    """One part of a field's values and how many enterprises have one of them.

    ``low`` is inclusive, ``high`` exclusive, both edges of the catalogue's grid; an absent one means that the cell is
    open there. A cell of a field of codes has ``codes``. ``missing`` says that enterprises without a value are in it.
    """

    missing: bool = False
    low: DecimalText | None = None
    high: DecimalText | None = None
    codes: Annotated[tuple[CodeText, ...], Field(max_length=MAXIMUM_CODES)] = ()
    count: Annotated[int, Field(ge=0, le=2**53 - 1)]

    @property
    def is_range(self) -> bool:
        """Whether an edge is named."""
        return self.low is not None or self.high is not None

    @property
    def only_missing(self) -> bool:
        """Whether nothing else is named; the only cell of a field without codes then stands for every value."""
        return self.missing and not self.is_range and not self.codes


class FieldFrequencies(PolicyModel):
    """The cells of one field: first the one of missing values, unless that was merged, then ascending."""

    field: FieldId
    cells: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=MAXIMUM_CELLS + 1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        missing = [place for place, cell in enumerate(self.cells) if cell.missing]
        if missing != [0]:
            raise ValueError("cells: missing values are counted once, in the first cell")
        return self

    @property
    def rows(self) -> int:
        """Enterprises in all cells."""
        return sum(cell.count for cell in self.cells)


def _check_row(row: str) -> str:
    if not _ROW.fullmatch(row):
        raise ValueError('is not a row of correlations such as "-0.12 1.00"')
    return row


class RankCorrelation(PolicyModel):
    """Spearman's rank correlation of every two fields over the published cells, two decimals.

    Row i holds i + 1 numbers: with every field before it, and 1.00 with itself. Enterprises in one cell share one rank
    (its middle), missing values rank lowest, codes rank in the catalogue's order.
    """

    fields: Annotated[tuple[FieldId, ...], Field(max_length=MAXIMUM_FIELDS), AfterValidator(require_distinct)]
    rows: Annotated[tuple[Annotated[str, AfterValidator(_check_row)], ...], Field(max_length=MAXIMUM_FIELDS)]

    @model_validator(mode="after")
    def _triangular(self) -> Self:
        if len(self.rows) != len(self.fields):
            raise ValueError("rows: not one for each field")
        for place, row in enumerate(self.rows):
            numbers = row.split(" ")
            if len(numbers) != place + 1 or numbers[-1] != "1.00":
                raise ValueError(f"rows[{place}]: needs {place + 1} numbers, the last one 1.00")
        return self

    @classmethod
    def of(cls, fields: tuple[str, ...], matrix: NDArray[np.float64]) -> Self:
        """Return the correlation of ``fields`` from a symmetric matrix, shape (fields, fields)."""
        rows = tuple(
            " ".join([*(_coefficient(value) for value in matrix[place, :place].tolist()), "1.00"])
            for place in range(len(fields))
        )
        return cls(fields=fields, rows=rows)

    def matrix(self) -> NDArray[np.float64]:
        """Return the symmetric matrix, shape (fields, fields), in the order of ``fields``."""
        full = np.eye(len(self.fields))
        for place, row in enumerate(self.rows):
            values = np.array(row.split(" "), dtype=np.float64)
            full[place, : place + 1] = values
            full[: place + 1, place] = values
        return full


def _coefficient(value: float) -> str:
    text = f"{min(1.0, max(-1.0, value)):.2f}"
    return "0.00" if text == "-0.00" else text


def _check_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date such as 2026-06-30") from None
    return text


class Frequencies(PolicyModel):
    """What a bureau says about one feature set as a whole. Nothing in it is about a single enterprise."""

    bureau: PartyId
    feature_set: DocumentId
    as_of: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_check_date)]
    catalogue_id: DocumentId
    catalogue_version: Annotated[int, Field(ge=1, le=1_000_000)]
    rows: Annotated[int, Field(ge=1, le=2**53 - 1, description="enterprises in the feature set")]
    minimum_cell: Annotated[int, Field(ge=1, le=1_000_000, description="enterprises in every cell at least")]
    counted_at: AwareDatetime
    fields: Annotated[tuple[FieldFrequencies, ...], Field(min_length=1, max_length=MAXIMUM_FIELDS)]
    rank_correlation: RankCorrelation

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for place, field in enumerate(self.fields):
            self._check_counts(f"fields[{place}].cells", field)
        names = tuple(field.field for field in self.fields)
        if self.rank_correlation.fields != names:
            raise ValueError("rank_correlation.fields: not the fields that are counted, in their order")
        return self

    def _check_counts(self, path: str, field: FieldFrequencies) -> None:
        if field.rows != self.rows:
            raise ValueError(f"{path}: the frequencies of {field.field} sum to {field.rows} of {self.rows} enterprises")
        for place, cell in enumerate(field.cells):
            nobody = cell.only_missing and cell.count == 0  # says nothing about any enterprise
            if cell.count < self.minimum_cell and not nobody:
                raise ValueError(f"{path}[{place}].count: below minimum_cell")

    @cached_property
    def by_field(self) -> Mapping[str, FieldFrequencies]:
        """The counted fields by their id."""
        return MappingProxyType({field.field: field for field in self.fields})


def counting_edges(field: CatalogueField) -> tuple[int, ...]:
    """Return the edges in ticks, ascending, between which the values of a number are counted; none for codes."""
    if not isinstance(field.scale, NumericScale):
        return ()
    low, high = field.scale.tick_low, field.scale.tick_high
    edges = field.edge_grid.ascending() or range(low, high + 1, -(-(high - low + 1) // RANGES_WITHOUT_GRID))
    return tuple(edge for edge in edges if low < edge <= high)  # one at an end of the range divides nothing


def sign(frequencies: Frequencies, key: SigningKey) -> SignedDocument:
    """Return the frequencies signed by their bureau."""
    return documents.sign(FREQUENCIES_KIND, frequencies.to_body(), key, frequencies.bureau)


def read(data: bytes) -> tuple[Frequencies, SignedDocument]:
    """Return the frequencies of a file and their document; signatures are not looked at.

    Raises:
        Refusal: ``INVALID_INPUT`` for their form, counts that do not sum to the enterprises among it.
    """
    document = documents.decode(data, FREQUENCIES_KIND, maximum_bytes=MAXIMUM_BYTES)
    return Frequencies.from_body(document.body), document


def verify(document: SignedDocument, bureau_key: VerifyKey) -> Frequencies:
    """Return the frequencies of a document that their bureau signed.

    Raises:
        Refusal: ``INVALID_INPUT`` for their form, ``PEER_UNTRUSTED`` for the signature.
    """
    frequencies = Frequencies.from_body(document.body)
    documents.verify(document, {frequencies.bureau: bureau_key}, {frequencies.bureau})
    return frequencies


def parse(data: bytes, bureau_key: VerifyKey) -> Frequencies:
    """Return the frequencies that ``data`` holds, verified; see :func:`verify`."""
    return verify(documents.decode(data, FREQUENCIES_KIND, maximum_bytes=MAXIMUM_BYTES), bureau_key)


def check_against(frequencies: Frequencies, catalogue: Catalogue) -> None:
    """Return if every field is counted exactly over its values in ``catalogue``, on edges of the catalogue's grid.

    Raises:
        Refusal: ``INVALID_INPUT`` names the field and what is wrong.
    """
    if (frequencies.catalogue_id, frequencies.catalogue_version) != (catalogue.catalogue_id, catalogue.version):
        raise _refused("the frequencies belong to another catalogue or version")
    if frequencies.bureau != catalogue.bureau:
        raise _refused("the frequencies come from another bureau than the catalogue")
    for counted in frequencies.fields:
        field = catalogue.by_id.get(counted.field)
        if field is None:
            raise _refused(f"field {counted.field}: is not in the catalogue")
        _check_field(counted, field)


def _check_field(counted: FieldFrequencies, field: CatalogueField) -> None:
    valued = [cell for cell in counted.cells if not cell.only_missing]
    if isinstance(field.scale, CodeScale):
        codes = tuple(code for cell in counted.cells for code in cell.codes)
        if codes != field.codes or any(cell.is_range for cell in valued):
            raise _refused(f"field {field.id}: its cells are not the catalogue's codes, each once and in order")
    elif any(cell.codes for cell in valued):
        raise _refused(f"field {field.id}: has cells of codes and is a number")
    elif valued:
        _check_ranges(valued, field)
    elif len(counted.cells) > 1:
        raise _refused(f"field {field.id}: values are counted in no cell")


def _check_ranges(ranges: Sequence[Cell], field: CatalogueField) -> None:
    """Every value in exactly one cell: open at both ends, each range beginning where the one before it ends."""
    if ranges[0].low is not None or ranges[-1].high is not None:
        raise _refused(f"field {field.id}: its first or last cell is not open, so values are left out")
    allowed, last = frozenset(counting_edges(field)), MISSING
    for before, after in itertools.pairwise(ranges):
        if before.high is None or before.high != after.low:
            raise _refused(f"field {field.id}: a cell does not begin where the one before it ends")
        edge = field.to_tick(before.high)
        if edge not in allowed:
            raise _refused(f"field {field.id}: an edge is not on the catalogue's grid")
        if edge <= last:
            raise _refused(f"field {field.id}: its cells do not ascend")
        last = edge


def _refused(detail: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, f"frequencies: {detail}")
