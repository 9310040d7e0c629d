"""Laws of measured leakage that hold for every model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from protocols.leakage.distribution import levels, total, without_each
from protocols.leakage.measure import measure
from protocols.leakage.population import FieldPoints
from tests.support.leakage import field


@some.composite
def models(draw: some.DrawFn) -> list[FieldPoints]:
    found = []
    for place in range(draw(some.integers(1, 5))):
        points = draw(some.lists(some.integers(-30, 30), min_size=1, max_size=5))
        counts = draw(some.lists(some.integers(1, 50), min_size=len(points), max_size=len(points)))
        found.append(field(f"f{place}", points, [count / sum(counts) for count in counts]))
    return found


@settings(max_examples=60, deadline=None)
@given(models())
def test_figures_are_shares_and_gain_is_what_the_prior_leaves(fields: list[FieldPoints]) -> None:
    leakage = measure(fields)
    assert leakage.distribution.probabilities.sum() == pytest.approx(1)
    for found in leakage.fields:
        assert 0 <= found.gain <= 1 - found.largest_prior + 1e-12
        assert 0 <= found.run_gain <= 0.5 + 1e-12
        assert 0 <= found.disclosed_share <= 1
        assert found.disclosed_share <= found.run_share + 1e-12 or len({leak.points for leak in found.bins}) == 1


@settings(max_examples=60, deadline=None)
@given(models(), some.integers(-9, 9), some.integers(1, 9))
def test_shifting_and_scaling_points_changes_nothing(fields: list[FieldPoints], shift: int, scale: int) -> None:
    moved = [field(f.field, [scale * points + shift for points in f.points], f.prior) for f in fields]
    for one, other in zip(measure(fields).fields, measure(moved).fields, strict=True):
        assert (one.gain, one.run_gain) == pytest.approx((other.gain, other.run_gain), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(models(), some.data())
def test_a_field_that_blurs_never_tells_more(fields: list[FieldPoints], data: some.DataObject) -> None:
    """Another independent field beside them: the old gain bounds the new one (data processing)."""
    blur = field("blur", data.draw(some.lists(some.integers(-9, 9), min_size=3, max_size=3)), (0.5, 0.25, 0.25))
    for before, after in zip(measure(fields).fields, measure([*fields, blur]).fields, strict=False):
        assert after.gain <= before.gain + 1e-12
        assert after.run_gain <= before.run_gain + 1e-12


@settings(max_examples=60, deadline=None)
@given(models())
def test_the_law_without_a_field_and_the_field_make_the_whole(fields: list[FieldPoints]) -> None:
    laws = [levels(found) for found in fields]
    whole = total(laws)
    for law, rest in zip(laws, without_each(laws), strict=True):
        again = total([law, rest])
        assert np.array_equal(again.scores, whole.scores)
        assert again.probabilities == pytest.approx(whole.probabilities)
