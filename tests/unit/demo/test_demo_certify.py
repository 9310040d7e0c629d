"""What the demo's bank does with a report: which fields gave away too much, and the next version of the scorecard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from node.certification.result import FieldFigures, ReviewResult, ThresholdFacts, ViewFigures
from node.demo.certify import nearer, too_telling
from node.scorecards.format import Scorecard, parse_scorecard
from tests.support.sources import ROOT

CARD = (ROOT / "docs/examples/trial/scorecard.json").read_text(encoding="utf-8")
THRESHOLDS = ThresholdFacts(sensitive_gain=0.3, ordinary_gain=0.55, disclosed_share=0.4, distinct_scores=2048)


def figures(field: str, gain: float = 0.1, share: float = 0.1, sensitivity: str = "ordinary") -> FieldFigures:
    return FieldFigures(
        field=field, sensitivity=sensitivity, largest_prior=0.5, gain=gain, standard_error=0.0, disclosed_share=share,
        worst_bin="", worst_posterior=1.0, uncertain_share=0.0, bins=(),
    )  # fmt: skip


def found(*views: tuple[FieldFigures, ...], scores: int = 100) -> ReviewResult:
    """Return a review as far as the demo looks into it."""
    shown = [
        ViewFigures(
            view="independent", bureau="b", feature_set="f", method="exact", samples=0, distinct_scores=scores,
            score_bits_milli=7000, known=(), fields=fields,
        )
        for fields in views
    ]  # fmt: skip
    return ReviewResult.model_construct(thresholds=THRESHOLDS, views=tuple(shown), reviewed_at=datetime.now(UTC))


def points_of(card: Scorecard) -> dict[str, Any]:
    body = json.loads(card.to_json())
    return {
        field["field"]: [field.get("points"), [each["points"] for each in field.get("groups") or ()], field["missing"]]
        for field in body["fields"]
    }


@pytest.mark.parametrize(
    ("field", "telling"),
    [
        (figures("a"), False),
        (figures("a", gain=0.55, share=0.4), False),
        (figures("a", gain=0.56), True),
        (figures("a", gain=0.31), False),
        (figures("a", gain=0.31, sensitivity="sensitive"), True),
        (figures("a", share=0.41), True),
        (figures("a", gain=0.9, share=1.0, sensitivity="disclosable"), False),
    ],
)
def test_a_field_is_too_telling_over_its_threshold_in_any_view(field: FieldFigures, telling: bool) -> None:
    result = found((figures("a"), figures("b")), (field, figures("b")))
    assert too_telling(result) == (frozenset({"a"}) if telling else frozenset())


def test_too_many_scores_are_every_fields_fault() -> None:
    assert too_telling(found((figures("a"), figures("b")), scores=2049)) == {"a", "b"}


def test_only_the_bureaus_named_fields_are_drawn_in() -> None:
    card = parse_scorecard(CARD)
    after = nearer(card, frozenset({"credit_level", "years_as_customer"}), "2")
    assert (after.name, after.version) == (card.name, "2")
    before, changed = points_of(card), points_of(after)
    assert changed["credit_level"] == [None, [45, 11, -30], -15]
    assert {name for name in before if before[name] != changed[name]} == {"credit_level"}
    assert json.loads(after.to_json())["fields"][0]["other"] == -90


def test_bins_are_drawn_in_until_nothing_is_left() -> None:
    card = parse_scorecard(CARD)
    for version in range(2, 30):
        card = nearer(card, frozenset({"vat_sales_growth"}), str(version))
    points, _, missing = points_of(card)["vat_sales_growth"]
    assert max(map(abs, [*points, missing])) <= 2
