"""Laws of scorecards: the ways to a score agree for whatever card and rows; the file keeps what it says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from node.policy.catalogue import Catalogue
from node.scorecards.bank_side import bank_parts
from node.scorecards.compile import compile_scorecard
from node.scorecards.format import parse_scorecard
from node.scorecards.metrics import auc, ks
from node.scorecards.public import described, public_model
from node.scorecards.reference import ReferenceOracle
from protocols.scoring.model import MISSING
from protocols.scoring.reference import scores as protocol_scores

LOW, HIGH, STEP = -300, 300, Decimal("0.01")
CODES = ("A", "B", "M", "C", "D")
points = st.integers(-10_000, 10_000)


def decimal_text(ticks: int) -> str:
    """A number of hundredths as text."""
    return format(ticks * STEP, "f")


def numbers(low: int = LOW, high: int = HIGH) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(decimal_text)


cells = st.one_of(st.just(""), numbers())
code_cells = st.sampled_from(("", *CODES))


@st.composite
def binned(draw: st.DrawFn, field: str, source: str) -> dict[str, Any]:
    edges = sorted(draw(st.sets(st.integers(LOW, HIGH), max_size=6)))
    count = len(edges) + 1
    return {
        "type": "bins", "field": field, "source": source, "edges": [decimal_text(edge) for edge in edges],
        "points": draw(st.lists(points, min_size=count, max_size=count)), "missing": draw(points),
    }  # fmt: skip


@st.composite
def grouped(draw: st.DrawFn, field: str, source: str) -> dict[str, Any]:
    order = draw(st.permutations(CODES))
    cuts = sorted(draw(st.sets(st.integers(1, len(CODES)), min_size=1, max_size=3)))
    groups = [order[low:high] for low, high in zip([0, *cuts], cuts, strict=False)]
    return {
        "type": "groups", "field": field, "source": source,
        "groups": [{"codes": list(group), "points": draw(points)} for group in groups],
        "other": draw(points), "missing": draw(points),
    }  # fmt: skip


@st.composite
def linear(draw: st.DrawFn, field: str, source: str) -> dict[str, Any]:
    return {
        "type": "linear", "field": field, "source": source,
        "low": decimal_text(LOW), "high": decimal_text(HIGH), "quantum": decimal_text(draw(st.integers(1, 700))),
        "weight": draw(points), "missing": draw(points),
    }  # fmt: skip


@st.composite
def cards(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["scorecard", "linear"]))
    numeric = binned if kind == "scorecard" else linear
    return {
        "format": "banktax-scorecard-1", "name": "p", "version": "1", "model_class": "risk_rating",
        "purposes": ["loan_origination"], "expires": "2099-12-31", "catalogue": {"id": "c", "version": 1},
        "kind": kind, "sign": "higher_is_better", "base_score": draw(points), "base_odds": "20", "pdo": "20",
        "intercept_points": draw(points),
        "fields": [
            draw(numeric("n", "bureau")), draw(grouped("g", "bureau")),
            draw(numeric("n", "bank")), draw(grouped("g", "bank")),
        ],
    }  # fmt: skip


def catalogue() -> Catalogue:
    common = {"name_zh": "x", "name_en": "x", "sensitivity": "ordinary", "provision": "score_only"}
    span = {"low": decimal_text(LOW), "high": decimal_text(HIGH), "step": "0.01"}
    grid = {"from": decimal_text(LOW), "to": decimal_text(HIGH), "by": "0.01"}
    return Catalogue.from_body(
        {"catalogue_id": "c", "version": 1, "bureau": "b", "fields": [
            {"id": "n", "type": "decimal", **span, "grid": grid, **common},
            {"id": "g", "type": "code", "codes": list(CODES), **common},
        ]}
    )  # fmt: skip


CATALOGUE = catalogue()
rows = st.lists(st.tuples(cells, code_cells, cells, code_cells), min_size=1, max_size=12)


def ticks(values: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([MISSING if value == "" else int(Decimal(value) / STEP) for value in values], dtype=np.int64)


def indices(values: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([MISSING if value == "" else CODES.index(value) for value in values], dtype=np.int64)


@settings(max_examples=150, deadline=None)
@given(cards(), rows)
def test_columns_and_weights_give_the_oracles_score_and_stay_in_the_derived_range(
    card: dict[str, Any], found: list[tuple[str, str, str, str]]
) -> None:
    compiled = compile_scorecard(parse_scorecard(json.dumps(card)), CATALOGUE)
    tax_number, tax_code, own_number, own_code = (list(column) for column in zip(*found, strict=True))
    tax = protocol_scores(compiled.secret_model, {"n": ticks(tax_number), "g": indices(tax_code)})
    bank, reasons = bank_parts(compiled.card, {"n": own_number, "g": own_code}, len(found))
    oracle = ReferenceOracle(card)
    assert set(reasons) == {None}
    for place, (number, code, bank_number, bank_code) in enumerate(found):
        expected = oracle.score({"n": bank_number, "g": bank_code}, {"n": number, "g": code})
        assert (expected.bank_part, expected.tax_part) == (bank[place], tax[place])
        assert compiled.tax_range.low <= expected.tax_part <= compiled.tax_range.high
        assert compiled.bank_range.low <= expected.bank_part <= compiled.bank_range.high
        assert compiled.total_range.low <= expected.score <= compiled.total_range.high


@settings(max_examples=60, deadline=None)
@given(cards())
def test_the_file_and_the_public_side_survive_a_round_trip(card: dict[str, Any]) -> None:
    parsed = parse_scorecard(json.dumps(card))
    compiled = compile_scorecard(parsed, CATALOGUE)
    assert parse_scorecard(parsed.to_json()) == parsed
    assert public_model(compiled.described, CATALOGUE) == compiled.secret_model.public
    again = described(compiled.secret_model.public, CATALOGUE)
    assert public_model(again, CATALOGUE) == compiled.secret_model.public


labelled = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({bad for _, bad in pairs}) == 2
)


@given(labelled)
def test_auc_and_ks_by_counting_pairs(pairs: list[tuple[int, bool]]) -> None:
    good = [score for score, bad in pairs if not bad]
    worse = [score for score, bad in pairs if bad]
    wins = sum((g > b) + (g == b) / 2 for g in good for b in worse)
    scores, bad = [score for score, _ in pairs], [bad for _, bad in pairs]
    assert abs(auc(scores, bad) - wins / (len(good) * len(worse))) < 1e-12
    assert abs(auc([-score for score in scores], bad) - (1 - auc(scores, bad))) < 1e-12
    gaps = [abs(sum(g <= c for g in good) / len(good) - sum(b <= c for b in worse) / len(worse)) for c in range(-5, 6)]
    assert abs(ks(scores, bad) - max(gaps)) < 1e-12
