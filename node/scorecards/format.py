"""The scorecard file: a JSON document with exact numbers only. Specification: docs/scorecards.md.

``score = base_score + intercept_points + bank points + tax points``; a higher score means a better enterprise. The
scaling it was fitted to is ``score = base_score + B * ln(odds / base_odds)`` with ``B = pdo / ln 2`` and odds good:bad.
Every number is an integer or a decimal string; a JSON float is refused, because it is not the number that was written.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from node.codes import Code, ModelClass, Purpose
from node.errors import Refusal
from node.scorecards.numbers import DecimalText, PositiveDecimalText, decimal_of, is_ascending, quotient_floor
from node.scorecards.texts import Name, NormalText, Version

MAXIMUM_FILE_BYTES = 4 << 20
MAXIMUM_COLUMNS = 1024
MAXIMUM_STEPS = 65535
POINTS_LIMIT = (1 << 31) - 1

Points = Annotated[
    int,
    Field(ge=-POINTS_LIMIT, le=POINTS_LIMIT, description="integer points; more points = better enterprise"),
]
Source = Annotated[
    Literal["bureau", "bank"],
    Field(description="«bureau»: encrypted, a catalogue field; «bank»: in the clear, a column of the applicants' list"),
]


class _Document(BaseModel):
    """What every part of the file has in common: immutable, no unknown keys, no silent conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CatalogueReference(_Document):
    """The catalogue version that the bureau fields refer to."""

    id: NormalText
    version: Annotated[int, Field(ge=1)]


class BinnedPoints(_Document):
    """Points per interval of a numeric field: ``k`` edges make ``k + 1`` bins ``[.., e1) [e1, e2) .. [ek, ..)``."""

    type: Literal["bins"]
    field: NormalText
    source: Source
    edges: Annotated[tuple[DecimalText, ...], Field(max_length=MAXIMUM_COLUMNS, description="ascending")]
    points: Annotated[tuple[Points, ...], Field(min_length=1, description="one more than edges")]
    missing: Annotated[Points, Field(description="points when the value is missing")]

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if len(self.points) != len(self.edges) + 1:
            raise ValueError(f"points must be one more than edges: {len(self.edges)} edges, {len(self.points)} points")
        if not is_ascending(self.edges):
            raise ValueError("edges must ascend strictly")
        return self

    @property
    def column_count(self) -> int:
        """How many columns the field compiles to."""
        return len(self.points) + 1

    @property
    def extremes(self) -> tuple[int, int]:
        """Smallest and largest points that a value of this field can bring."""
        every = (*self.points, self.missing)
        return min(every), max(every)


class CodeGroup(_Document):
    """Codes that share their points."""

    codes: Annotated[tuple[NormalText, ...], Field(min_length=1)]
    points: Points


class GroupedPoints(_Document):
    """Points per group of codes; a code that stands in no group brings ``other``."""

    type: Literal["groups"]
    field: NormalText
    source: Source
    groups: Annotated[tuple[CodeGroup, ...], Field(min_length=1, max_length=MAXIMUM_COLUMNS)]
    other: Annotated[Points, Field(description="points of a code that stands in no group")]
    missing: Annotated[Points, Field(description="points when the value is missing")]

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        codes = [code for group in self.groups for code in group.codes]
        if len(set(codes)) != len(codes):
            raise ValueError("a code stands in two places of groups")
        return self

    @property
    def column_count(self) -> int:
        """How many columns the field compiles to."""
        return len(self.groups) + 2

    @property
    def extremes(self) -> tuple[int, int]:
        """Smallest and largest points that a value of this field can bring."""
        every = (*(group.points for group in self.groups), self.other, self.missing)
        return min(every), max(every)


class LinearWeight(_Document):
    """``weight * floor((value - low) / quantum)`` for ``low <= value <= high``; ``missing`` when there is no value."""

    type: Literal["linear"]
    field: NormalText
    source: Source
    low: DecimalText
    high: DecimalText
    quantum: PositiveDecimalText
    weight: Annotated[Points, Field(description="points per quantum")]
    missing: Annotated[Points, Field(description="points when the value is missing")]

    @model_validator(mode="after")
    def _range(self) -> Self:
        if decimal_of(self.low) > decimal_of(self.high):
            raise ValueError("low is above high")
        if self.steps > MAXIMUM_STEPS:
            raise ValueError(f"more than {MAXIMUM_STEPS} quanta between low and high: use a larger quantum")
        return self

    @property
    def steps(self) -> int:
        """Largest quantised value: ``floor((high - low) / quantum)``."""
        return quotient_floor(decimal_of(self.high), decimal_of(self.low), decimal_of(self.quantum))

    @property
    def column_count(self) -> int:
        """How many columns the field compiles to."""
        return 2

    @property
    def extremes(self) -> tuple[int, int]:
        """Smallest and largest points that a value of this field can bring."""
        every = (0, self.weight * self.steps, self.missing)
        return min(every), max(every)


ScorecardField = Annotated[BinnedPoints | GroupedPoints | LinearWeight, Field(discriminator="type")]
_KINDS = {"scorecard": ("bins", "groups"), "linear": ("linear", "groups")}


class Scorecard(_Document):
    """One version of one model: what it is for, which fields it reads, how many points each value brings."""

    format: Literal["banktax-scorecard-1"]
    name: Name
    version: Version
    supersedes: Annotated[Version | None, Field(description="version that this one replaces")] = None
    model_class: ModelClass
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1)]
    expires: Annotated[date, Field(description="last day (UTC) on which the model may be used")]
    catalogue: CatalogueReference
    kind: Annotated[
        Literal["scorecard", "linear"],
        Field(description="«scorecard»: fields of type bins and groups; «linear»: linear and groups"),
    ]
    sign: Annotated[
        Literal["higher_is_better"],
        Field(description="the one sign convention: score = base_score + pdo / ln 2 * ln(odds good:bad / base_odds)"),
    ]
    base_score: Annotated[Points, Field(description="score at which the odds good:bad are base_odds")]
    base_odds: Annotated[PositiveDecimalText, Field(description="odds good:bad at base_score")]
    pdo: Annotated[PositiveDecimalText, Field(description="points that double the odds")]
    intercept_points: Annotated[Points, Field(description="points that every enterprise gets")] = 0
    fields: Annotated[tuple[ScorecardField, ...], Field(min_length=1, max_length=MAXIMUM_COLUMNS)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.purposes)) != len(self.purposes):
            raise ValueError("purposes: one stands twice")
        if self.supersedes == self.version:
            raise ValueError("supersedes: a version cannot replace itself")
        seen: set[tuple[str, str]] = set()
        for place, field in enumerate(self.fields):
            if (field.source, field.field) in seen:
                raise ValueError(f"fields[{place}]: the field stands twice")
            if field.type not in _KINDS[self.kind]:
                raise ValueError(f"fields[{place}]: type {field.type} does not belong to kind {self.kind}")
            seen.add((field.source, field.field))
        return self

    @property
    def bureau_fields(self) -> tuple[BinnedPoints | GroupedPoints | LinearWeight, ...]:
        """Fields that the bureau holds, in the file's order."""
        return tuple(field for field in self.fields if field.source == "bureau")

    @property
    def bank_fields(self) -> tuple[BinnedPoints | GroupedPoints | LinearWeight, ...]:
        """Fields that the bank holds, in the file's order."""
        return tuple(field for field in self.fields if field.source == "bank")

    @property
    def expires_at(self) -> int:
        """Unix seconds of the first moment at which the model may no longer be used."""
        after = datetime.combine(self.expires + timedelta(days=1), time(), UTC)
        return int(after.timestamp())

    def to_json(self) -> str:
        """Return the file's text: the keys in the order of the specification, two spaces, a newline at the end."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"


def parse_scorecard(content: bytes | str) -> Scorecard:
    """Read a scorecard file.

    :raises Refusal: ``INVALID_INPUT``; the message names the path of what is wrong and no value.
    """
    if len(content) > MAXIMUM_FILE_BYTES:
        raise _refused(f"larger than {MAXIMUM_FILE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        json.loads(text, object_pairs_hook=_no_repetition, parse_float=_no_float, parse_constant=_no_float)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise _refused("not a JSON document in UTF-8") from None
    try:
        return Scorecard.model_validate_json(text)
    except ValidationError as fault:
        raise _refused(_first_error(fault)) from None


def _refused(detail: str) -> Refusal:
    return Refusal(
        Code.INVALID_INPUT,
        f"scorecard: {detail}",
        remedy="Correct the scorecard file; docs/scorecards.md has the format.",
    )


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise _refused(f"the key {repeated[:64]!r} stands twice in one object")
    return dict(pairs)


def _no_float(_: str) -> NoReturn:
    raise _refused('a number is written as a float; write an integer, or a decimal in quotes such as "0.5"')


def _first_error(fault: ValidationError) -> str:
    errors = fault.errors(include_url=False, include_input=False, include_context=False)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_path(errors[0]['loc'])}{errors[0]['msg'].removeprefix('Value error, ')}{more}"


def _path(location: tuple[int | str, ...]) -> str:
    parts: list[str] = []
    for place, part in enumerate(location):
        if isinstance(part, int):
            parts[-1] += f"[{part}]"
        elif not (place == 2 and location[0] == "fields"):  # the tag of the union is no part of the file
            parts.append(part)
    return ".".join(parts) + ": " if parts else ""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the file; docs/schemas/scorecard-1.schema.json is this, and a test compares them."""
    schema = Scorecard.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:banktax:schema:scorecard-1",
        **schema,
    }
