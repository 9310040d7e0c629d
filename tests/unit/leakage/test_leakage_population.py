"""From a bureau's counts to the shares of a model's bins: exact where it can be, guessed and said so where not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.leakage.cells import Cell, FieldCells
from protocols.leakage.partition import refine
from protocols.leakage.population import FieldPoints, Sensitivity, field_points
from protocols.scoring.model import (
    MISSING,
    BinnedField,
    GroupedField,
    LinearField,
    PublicField,
    PublicModel,
    SecretModel,
)
from tests.support.leakage import field, tick_cells

ORDINARY = Sensitivity.ORDINARY


def populated(public: PublicField, weights: tuple[int, ...], cells: FieldCells) -> FieldPoints:
    model = SecretModel(PublicModel((public,)), weights)
    return field_points(model, {public.field: cells}, {public.field: ORDINARY})[0]


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        ((0.5, -0.1, 0.6), "negative or no number"),
        ((0.5, math.nan, 0.5), "negative or no number"),
        ((math.inf, 0.0, 0.0), "negative or no number"),
        ((0.5, 0.3, 0.1), "do not sum to one"),
        ((0.5, 0.5, 2e-9), "do not sum to one"),
        ((0.5, 0.5), "differ in number"),
    ],
)
def test_frequencies_that_are_none_are_refused(prior: tuple[float, ...], words: str) -> None:
    with pytest.raises(ParameterError, match=f"field turnover: .*{words}"):
        FieldPoints("turnover", ORDINARY, ("a", "b", "c"), (1, 2, 3), prior)


def test_a_field_without_bins_a_broken_order_and_boundless_points_are_refused() -> None:
    with pytest.raises(ParameterError, match="no bin"):
        FieldPoints("x", ORDINARY, (), (), ())
    with pytest.raises(ParameterError, match="permutation"):
        FieldPoints("x", ORDINARY, ("a", "b"), (1, 2), (0.5, 0.5), order=(1, 1))
    with pytest.raises(ParameterError, match="2\\^62"):
        field("x", (0, 2**62), (0.5, 0.5))
    with pytest.raises(ParameterError, match="uncertain"):
        FieldPoints("x", ORDINARY, ("a", "b"), (1, 2), (0.5, 0.5), uncertain_share=1.5)


def test_points_are_not_shown() -> None:
    assert "7777" not in repr(field("x", (7777, 2), (0.5, 0.5)))


def test_bins_on_the_cells_edges_are_counted_exactly() -> None:
    found = populated(BinnedField("x", (20, 50)), (5, -3, 8, 1), tick_cells("x", [10, 20, 30, 15, 5], 10, missing=20))
    assert found.labels == ("below 20", "[20, 50)", "50 and above", "missing")
    assert found.points == (5, -3, 8, 1)
    assert found.prior == (0.3, 0.5, 0.0, 0.2)
    assert found.uncertain_share == 0
    assert found.order == (1, 2, 3, 0)


def test_a_cell_across_an_edge_is_split_by_width_and_said_to_be_guessed() -> None:
    found = populated(BinnedField("x", (3, 20)), (0, 1, 2, 3), tick_cells("x", [50, 30], 10, missing=20))
    assert found.prior == pytest.approx((0.15, 0.65, 0.0, 0.2), abs=1e-15)
    assert found.uncertain_share == 0.5


def test_missing_values_that_were_merged_with_a_range_are_guessed() -> None:
    cells = FieldCells("x", (Cell(40, 0, 10, missing=True), Cell(60, 10, 20)))
    found = populated(BinnedField("x", (10,)), (0, 1, 2), cells)
    assert found.prior == (0.4, 0.6, 0.0)
    assert found.uncertain_share == 0.4


def test_codes_are_counted_by_group() -> None:
    cells = FieldCells(
        "c", (Cell(40, codes=(0,)), Cell(30, codes=(1, 2)), Cell(20, codes=(3, 4)), Cell(10, missing=True))
    )
    found = populated(GroupedField("c", 5, ((0, 3), (1, 2))), (7, 8, 9, 10), cells)
    assert found.labels == ("group 0", "group 1", "other", "missing")
    assert found.points == (7, 8, 9, 10)
    assert found.prior == pytest.approx((0.5, 0.3, 0.1, 0.1))
    assert found.uncertain_share == 0.2
    assert found.order == (1, 2, 3, 0)


def test_the_order_of_groups_is_that_of_their_codes() -> None:
    cells = FieldCells("c", (Cell(1, codes=(0,)), Cell(1, codes=(1,)), Cell(1, codes=(2,))))
    assert populated(GroupedField("c", 3, ((2,), (0,))), (0, 0, 0, 0), cells).order == (3, 1, 2, 0)


def test_an_other_that_no_code_can_reach_is_left_out() -> None:
    cells = FieldCells("c", (Cell(1, codes=(0,)), Cell(1, codes=(1,))))
    assert populated(GroupedField("c", 2, ((0,), (1,))), (7, 8, 9, 10), cells).points == (7, 8, 10)


def test_a_linear_field_has_a_bin_for_each_quantised_value() -> None:
    found = populated(LinearField("x", -5, 24, 10), (3, 100), tick_cells("x", [10, 20], 15, missing=10))
    assert found.points == (0, 3, 6, 100)
    assert found.labels == ("below 5", "[5, 15)", "15 and above", "missing")
    assert found.prior == pytest.approx((10 / 3 / 40, 20 / 3 / 40, 20 / 40, 10 / 40))


def test_points_are_those_of_the_evaluation() -> None:
    """For random values: the points of the bin that a label names are the score of the columns."""
    rng = np.random.default_rng(7)
    fields: tuple[PublicField, ...] = (
        BinnedField("a", (-7, 0, 12)),
        GroupedField("b", 6, ((1, 4), (0,))),
        LinearField("c", -20, 20, 7),
    )
    for public in fields:
        low, high = (0, 6) if isinstance(public, GroupedField) else (-20, 21)
        values = np.concatenate([np.arange(low, high), [MISSING]])
        weights = tuple(int(weight) for weight in rng.integers(-99, 99, public.column_count))
        if isinstance(public, GroupedField):
            cells = FieldCells(public.field, tuple(Cell(1, codes=(code,)) for code in range(6)))
        else:
            cells = FieldCells(public.field, tuple(Cell(1, tick, tick + 1) for tick in range(low, high)))
        found = populated(public, weights, cells)
        columns = PublicModel((public,)).columns({public.field: values})
        scores = np.array(weights) @ columns.astype(np.int64)
        expected = {int(score): float((scores[:-1] == score).mean()) for score in set(scores[:-1].tolist())}
        by_points: dict[int, float] = {}
        for points, share in zip(found.points, found.prior, strict=True):
            by_points[points] = by_points.get(points, 0.0) + share
        assert {score: share for score, share in by_points.items() if share} == pytest.approx(expected)


def test_several_models_see_the_common_refinement() -> None:
    parts = refine([BinnedField("x", (10, 30)), LinearField("x", 0, 29, 10), BinnedField("x", (5,))])
    assert parts.labels == ("below 5", "[5, 10)", "[10, 20)", "[20, 30)", "30 and above", "missing")
    codes = refine([GroupedField("c", 4, ((0, 1),)), GroupedField("c", 4, ((1, 2),))])
    assert set(codes.labels[:-1]) == {f"{a} and {b}" for a in ("group 0", "other") for b in ("group 0", "other")}
    assert codes.labels[-1] == "missing"


def test_models_that_disagree_on_what_a_field_is_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"field x: .*numbers, others codes"):
        refine([BinnedField("x", ()), GroupedField("x", 2, ((0,),))])
    with pytest.raises(ParameterError, match=r"field x: .*differ in length"):
        refine([GroupedField("x", 3, ((0,),)), GroupedField("x", 2, ((0,),))])


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ((Cell(0, 0, 10), Cell(0, missing=True)), "count no enterprise"),
        ((Cell(1, 0, 10), Cell(1, codes=(1,))), "mixed"),
        ((Cell(1, 0, 10, missing=True), Cell(1, missing=True)), "twice"),
        ((Cell(1, 0, 10), Cell(1, 11, 20)), "gap"),
        ((Cell(1, 10, 20), Cell(1, 0, 10)), "gap"),
        ((Cell(1, codes=(1, 2)), Cell(1, codes=(2,))), "two cells"),
    ],
)
def test_cells_that_do_not_fit_together_are_refused(cells: tuple[Cell, ...], words: str) -> None:
    with pytest.raises(ParameterError, match=f"field x: .*{words}"):
        FieldCells("x", cells)


@pytest.mark.parametrize(
    "values",
    [
        {"count": -1, "missing": True},
        {"count": 1},
        {"count": 1, "low": 3},
        {"count": 1, "low": 3, "high": 3},
        {"count": 1, "low": 3, "high": 2**63},
        {"count": 1, "low": 3, "high": 4, "codes": (1,)},
        {"count": 1, "codes": (1, 1)},
        {"count": 1, "codes": (-1,)},
    ],
)
def test_a_cell_that_is_none_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(ParameterError):
        Cell(**values)  # type: ignore[arg-type]


def test_fields_without_fitting_frequencies_are_refused_by_name() -> None:
    numbers = SecretModel(PublicModel((BinnedField("x", (1,)),)), (0, 1, 2))
    codes = SecretModel(PublicModel((GroupedField("x", 2, ((0,),)),)), (0, 1, 2))
    counted, listed = tick_cells("x", [1]), FieldCells("x", (Cell(1, codes=(2,)),))
    with pytest.raises(ParameterError, match="field x: there are no frequencies"):
        field_points(numbers, {}, {"x": ORDINARY})
    with pytest.raises(ParameterError, match="field x: its sensitivity"):
        field_points(numbers, {"x": counted}, {})
    with pytest.raises(ParameterError, match=r"field x: .*numbers, the frequencies count codes"):
        field_points(numbers, {"x": listed}, {"x": ORDINARY})
    with pytest.raises(ParameterError, match=r"field x: .*codes, the frequencies count numbers"):
        field_points(codes, {"x": counted}, {"x": ORDINARY})
    with pytest.raises(ParameterError, match=r"field x: .*outside the code list"):
        field_points(codes, {"x": listed}, {"x": ORDINARY})
