"""Compiles a scorecard to the model that the protocol computes with, and derives what its scores can be.

A field becomes columns in the order of the file: bins or groups, then «other» (groups only), then missing; a linear
field becomes its quantised value and missing. The weight of a column is the points of that bin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from node.codes import Code
from node.errors import Refusal
from node.scorecards.catalogue_view import CatalogueView
from node.scorecards.format import BinnedPoints, GroupedPoints, LinearWeight, Scorecard
from node.scorecards.public import DescribedField, describe, public_model
from protocols.errors import ParameterError
from protocols.scoring import bounds
from protocols.scoring.model import PublicModel, SecretModel

T = TypeVar("T")

SCORE_LIMIT = 1 << 31
"""Every score and every part of one is below this in absolute value (protocols/scoring/README.md)."""

_Field = BinnedPoints | GroupedPoints | LinearWeight


@dataclass(frozen=True)
class ScoreRange:
    """Smallest and largest value that a score, or a part of it, can take."""

    low: int
    high: int


@dataclass(frozen=True)
class CompiledScorecard:
    """A scorecard ready to be encrypted. ``secret_model`` holds the points and does not print them."""

    card: Scorecard
    secret_model: SecretModel
    described: tuple[DescribedField, ...]
    """What the bureau is told: fields, edges and groups in decimals and codes, no points."""
    tax_range: ScoreRange
    bank_range: ScoreRange
    """Base score and intercept points included."""
    total_range: ScoreRange

    def __repr__(self) -> str:
        return f"CompiledScorecard({self.card.name} {self.card.version}, <points redacted>)"

    @property
    def fields(self) -> tuple[str, ...]:
        """Catalogue fields that the model reads: what a consent must cover."""
        return tuple(field.field for field in self.described)


def compile_scorecard(
    card: Scorecard,
    catalogue: CatalogueView,
    check_bounds: Callable[[PublicModel], object] = bounds.require,
) -> CompiledScorecard:
    """Check a scorecard against a catalogue and compile its bureau fields.

    :param check_bounds: the profile's check of noise and statistical distance; raises ``ParameterError``.
    :raises Refusal: ``INVALID_INPUT``, ``FIELD_NOT_ALLOWED``, ``BOUND_EXCEEDED``; the message names the field or bound.
    """
    _check_catalogue(card, catalogue)
    described = tuple(describe(field) for field in card.bureau_fields)
    public = public_model(described, catalogue)
    tax = _checked_range("tax part", _sum_range(card.bureau_fields, 0))
    bank = _checked_range("bank part", _sum_range(card.bank_fields, card.base_score + card.intercept_points))
    total = _checked_range("total score", ScoreRange(tax.low + bank.low, tax.high + bank.high))
    weights = tuple(weight for field in card.bureau_fields for weight in _weights(field))
    secret = _bounded("score bound", lambda: SecretModel(public, weights))
    _bounded("noise bound", lambda: check_bounds(public))
    return CompiledScorecard(card, secret, described, tax, bank, total)


def _check_catalogue(card: Scorecard, catalogue: CatalogueView) -> None:
    if (card.catalogue.id, card.catalogue.version) != (catalogue.catalogue_id, catalogue.version):
        raise Refusal(
            Code.INVALID_INPUT,
            f"scorecard catalogue: written for {card.catalogue.id} version {card.catalogue.version}, "
            f"but compared with {catalogue.catalogue_id} version {catalogue.version}",
        )


def _sum_range(fields: Sequence[_Field], constant: int) -> ScoreRange:
    extremes = [field.extremes for field in fields]
    return ScoreRange(constant + sum(low for low, _ in extremes), constant + sum(high for _, high in extremes))


def _checked_range(part: str, found: ScoreRange) -> ScoreRange:
    if max(-found.low, found.high) >= SCORE_LIMIT:
        raise Refusal(Code.BOUND_EXCEEDED, f"score bound: the {part} can reach 2^31 in absolute value")
    return found


def _weights(field: _Field) -> tuple[int, ...]:
    match field:
        case BinnedPoints():
            return (*field.points, field.missing)
        case GroupedPoints():
            return (*(group.points for group in field.groups), field.other, field.missing)
        case LinearWeight():
            return (field.weight, field.missing)


def _bounded(bound: str, action: Callable[[], T]) -> T:
    try:
        return action()
    except ParameterError as fault:
        raise Refusal(Code.BOUND_EXCEEDED, f"{bound}: {fault}") from None
