"""Needless edges thin the figures of single bins out; runs of neighbours see through them."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.leakage.measure import measure
from protocols.leakage.population import FieldPoints
from protocols.leakage.runs import MOST_STEPS
from protocols.leakage.thresholds import Thresholds, judge
from tests.support.leakage import field


def blurred(cuts: int, step: int = 1) -> list[FieldPoints]:
    """A field that tells its lower from its upper half for certain, each half cut into ``cuts`` bins of near points."""
    half = np.arange(cuts) * step
    fields = [field("hidden", [*half.tolist(), *(half + 8 * cuts * step).tolist()], [1 / (2 * cuts)] * (2 * cuts))]
    spread = list(range(0, cuts * step, step))
    return [*fields, *(field(f"blur{place}", spread, [1 / cuts] * cuts) for place in range(6))]


@pytest.mark.parametrize("cuts", [4, 5, 8])
def test_a_fact_that_needless_edges_hide_is_found(cuts: int) -> None:
    leakage = measure(blurred(cuts))
    found = leakage.fields[0]
    assert found.gain < 0.3  # by single bins the model passes
    assert found.disclosed_share < 0.01
    assert found.run_gain == pytest.approx(0.5)
    assert found.run_share == pytest.approx(1)
    findings = {(f.field, f.figure) for f in judge(leakage, Thresholds())}
    assert findings >= {("hidden", "run_gain"), ("hidden", "run_share")}


def test_without_needless_edges_the_bins_show_it_themselves() -> None:
    found = measure(blurred(1)).fields[0]
    assert found.gain == found.run_gain == pytest.approx(0.5)
    assert found.disclosed_share == found.run_share == pytest.approx(1)


def test_halves_that_are_far_apart_in_points_are_found_by_value() -> None:
    """Value order a1 a2 b1 b2, points 0 100 50 150, another field that masks by 100: a or b stays certain."""
    fields = [field("hidden", (0, 100, 50, 150), [0.25] * 4), field("mask", (0, 100), (0.5, 0.5))]
    found = measure(fields).fields[0]
    assert found.disclosed_share == pytest.approx(0.5)
    assert found.run_share == pytest.approx(1)
    assert found.run_share_of in {"b0, b1", "b2, b3"}


def test_a_union_that_is_no_run_by_value_is_found_by_points() -> None:
    fields = [field("hidden", (0, 50, 1, 51), [0.25] * 4), field("mask", (0, 1, 2, 3), [0.25] * 4)]
    found = measure(fields).fields[0]
    assert found.run_share == pytest.approx(1)
    assert found.run_share_of in {"b0, b2", "b1, b3"}


def test_more_bins_than_steps_are_gathered() -> None:
    cuts = 3 * MOST_STEPS
    found = measure(blurred(cuts, step=3)[:3]).fields[0]
    assert len(found.bins) == 2 * cuts
    assert found.disclosed_share < 0.01
    assert found.run_share == pytest.approx(1, abs=0.02)


def test_the_common_side_gives_nobody_away() -> None:
    found = measure([field("x", (0, 1, 2), (0.6, 0.2, 0.2)), field("y", (0, 4), (0.5, 0.5))]).fields[0]
    assert found.bins[0].disclosed_share == 1
    assert found.worst_bin in {"b1", "b2"}
    lonely = measure([field("x", (0, 1), (0.6, 0.4)), field("y", (0, 1), (0.99, 0.01))]).fields[0]
    assert lonely.bins[0].disclosed_share == pytest.approx(0.99)
    assert lonely.disclosed_share == lonely.run_share == pytest.approx(0.99 + 0.01 if 0.396 >= 0.95 * 0.402 else 0.01)
