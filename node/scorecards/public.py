"""The public side of a model in decimals and codes, and its way to ticks and indices through a catalogue.

The bank and the bureau call the same :func:`public_model`, so that both check fields, grid and types alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from node.codes import Code
from node.errors import Refusal
from node.scorecards.catalogue_view import CatalogueView, FieldView
from node.scorecards.format import MAXIMUM_COLUMNS, BinnedPoints, GroupedPoints, LinearWeight
from node.scorecards.numbers import decimal_of, exact_ticks, from_ticks, plain
from protocols.errors import ParameterError
from protocols.scoring.model import BinnedField, GroupedField, LinearField, PublicField, PublicModel


@dataclass(frozen=True)
class DescribedBins:
    """A numeric field cut at ``edges`` (decimals, ascending)."""

    field: str
    edges: tuple[str, ...]

    @property
    def column_count(self) -> int:
        """Bins and missing."""
        return len(self.edges) + 2


@dataclass(frozen=True)
class DescribedGroups:
    """A code field; a code in none of ``groups`` falls into «other»."""

    field: str
    groups: tuple[tuple[str, ...], ...]

    @property
    def column_count(self) -> int:
        """Groups, other and missing."""
        return len(self.groups) + 2


@dataclass(frozen=True)
class DescribedLinear:
    """A numeric field quantised to ``floor((value - low) / quantum)``; decimals."""

    field: str
    low: str
    high: str
    quantum: str

    @property
    def column_count(self) -> int:
        """The quantised value and missing."""
        return 2


DescribedField = DescribedBins | DescribedGroups | DescribedLinear


def describe(field: BinnedPoints | GroupedPoints | LinearWeight) -> DescribedField:
    """Return what the bureau may see of a field: everything but its points."""
    match field:
        case BinnedPoints():
            return DescribedBins(field.field, field.edges)
        case GroupedPoints():
            return DescribedGroups(field.field, tuple(group.codes for group in field.groups))
        case LinearWeight():
            return DescribedLinear(field.field, field.low, field.high, field.quantum)


def public_model(fields: Sequence[DescribedField], catalogue: CatalogueView) -> PublicModel:
    """Check every field against the catalogue and return the model in ticks and indices.

    :raises Refusal: ``FIELD_NOT_ALLOWED`` (unknown field, or one that is not provided for scoring), ``INVALID_INPUT``
        (wrong type, unknown code, edge off the grid, range not covered), ``BOUND_EXCEEDED`` (too many columns).
    """
    if not fields:
        raise _invalid("the model has no field of the bureau")
    known = {field.id: field for field in catalogue.fields}
    for field in fields:
        _check_allowed(field.field, known)
    columns = sum(field.column_count for field in fields)
    if columns > MAXIMUM_COLUMNS:
        raise Refusal(Code.BOUND_EXCEEDED, f"column bound: {columns} columns, at most {MAXIMUM_COLUMNS} are allowed")
    return _guarded(tuple(_public_field(field, known[field.field]) for field in fields))


def described(model: PublicModel, catalogue: CatalogueView) -> tuple[DescribedField, ...]:
    """Return a public model in decimals and codes again: the inverse of :func:`public_model`."""
    known = {field.id: field for field in catalogue.fields}
    return tuple(_described_field(field, known[field.field]) for field in model.fields)


def _check_allowed(name: str, known: dict[str, FieldView]) -> None:
    if name not in known:
        raise Refusal(Code.FIELD_NOT_ALLOWED, f"field {name!r} is not in the catalogue")
    if str(known[name].provision) != "score_only":
        raise Refusal(Code.FIELD_NOT_ALLOWED, f"field {name!r} is not provided for scoring (score_only)")


def _guarded(fields: tuple[PublicField, ...]) -> PublicModel:
    try:
        return PublicModel(fields)
    except ParameterError as fault:
        raise _invalid(str(fault)) from None


def _public_field(field: DescribedField, entry: FieldView) -> PublicField:
    try:
        match field:
            case DescribedBins():
                return _bins(field, entry)
            case DescribedGroups():
                return _groups(field, entry)
            case DescribedLinear():
                return _linear(field, entry)
    except ParameterError as fault:
        raise _invalid(f"field {field.field!r}: {fault}") from None


def _bins(field: DescribedBins, entry: FieldView) -> BinnedField:
    _need_type(entry, numeric=True)
    return BinnedField(field.field, tuple(_edges(field, entry)))


def _edges(field: DescribedBins, entry: FieldView) -> Iterator[int]:
    for place, edge in enumerate(field.edges):
        try:
            yield entry.edge_to_tick(plain(decimal_of(edge)))
        except (ValueError, Refusal):
            raise _invalid(f"field {field.field!r}: edges[{place}] is not on the catalogue's grid") from None


def _groups(field: DescribedGroups, entry: FieldView) -> GroupedField:
    _need_type(entry, numeric=False)
    index = {code: place for place, code in enumerate(entry.codes)}
    groups = []
    for place, group in enumerate(field.groups):
        if any(code not in index for code in group):
            raise _invalid(f"field {field.field!r}: groups[{place}] holds a code that the catalogue does not list")
        groups.append(tuple(sorted(index[code] for code in group)))
    return GroupedField(field.field, len(index), tuple(groups))


def _linear(field: DescribedLinear, entry: FieldView) -> LinearField:
    _need_type(entry, numeric=True)
    step = _declared(entry.step)
    low, high, quantum = (_ticks(field, name, step) for name in ("low", "high", "quantum"))
    if from_ticks(low, step) > _declared(entry.low) or from_ticks(high, step) < _declared(entry.high):
        raise _invalid(f"field {field.field!r}: low and high must cover the catalogue's range of the field")
    return LinearField(field.field, low, high, quantum)


def _ticks(field: DescribedLinear, name: str, step: Decimal) -> int:
    try:
        ticks = exact_ticks(decimal_of(getattr(field, name)), step)
    except ValueError:
        ticks = None
    if ticks is None:
        raise _invalid(f"field {field.field!r}: {name} is not a multiple of the catalogue's step")
    return ticks


def _declared(value: str | Decimal | None) -> Decimal:
    if value is None:
        raise _invalid("the catalogue gives a numeric field no range or step")
    return Decimal(value)


def _need_type(entry: FieldView, *, numeric: bool) -> None:
    if (str(entry.type) != "code") is not numeric:
        wanted = "bins or linear" if str(entry.type) != "code" else "groups"
        raise _invalid(f"field {entry.id!r}: the catalogue's type is {entry.type}, so the model needs {wanted}")


def _invalid(detail: str) -> Refusal:
    return Refusal(Code.INVALID_INPUT, detail)


def _described_field(field: PublicField, entry: FieldView) -> DescribedField:
    match field:
        case BinnedField():
            return DescribedBins(field.field, tuple(_decimal(entry, edge) for edge in field.edges))
        case GroupedField():
            return DescribedGroups(field.field, tuple(tuple(entry.codes[i] for i in group) for group in field.groups))
        case LinearField():
            return DescribedLinear(
                field.field, *(_decimal(entry, ticks) for ticks in (field.low, field.high, field.quantum))
            )


def _decimal(entry: FieldView, tick: int) -> str:
    return plain(from_ticks(tick, _declared(entry.step)))
