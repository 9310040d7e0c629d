"""The figures of one model against every combination counted in fractions, and what cannot be measured."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.leakage.cells import Cell, FieldCells
from protocols.leakage.distribution import collect, score_count
from protocols.leakage.measure import Leakage, Method, measure
from protocols.leakage.population import FieldPoints, Sensitivity, field_points
from protocols.scoring.model import MISSING, BinnedField, GroupedField, LinearField, PublicModel, SecretModel
from tests.support.leakage import Counted, counted, field, tick_cells

Card = tuple[list[list[int]], list[list[Fraction]]]


def draw(seed: int, fields: int, bins: int, spread: int = 12) -> Card:
    rng = np.random.default_rng(seed)
    points = [rng.integers(-spread, spread, rng.integers(1, bins + 1)).tolist() for _ in range(fields)]
    counts = [rng.integers(0, 9, len(row)) for row in points]
    shares = [[Fraction(int(count), int(row.sum())) for count in row] if row.sum() else None for row in counts]
    return points, [share or [Fraction(1, len(row))] * len(row) for share, row in zip(shares, points, strict=True)]


def as_fields(card: Card) -> list[FieldPoints]:
    return [field(f"f{place}", *row) for place, row in enumerate(zip(*card, strict=True))]


def agree(leakage: Leakage, oracle: Counted, points: list[list[int]], places: list[int]) -> None:
    assert [found.field for found in leakage.fields] == [f"f{place}" for place in places]
    for found, place in zip(leakage.fields, places, strict=True):
        bins = range(len(points[place]))
        assert found.gain == pytest.approx(float(oracle.gain(place, [[b] for b in bins])), abs=1e-12)
        assert found.gain_low == found.gain
        assert found.standard_error == 0
        shares = [oracle.share(place, [b]) for b in bins]
        assert [leak.disclosed_share for leak in found.bins] == pytest.approx([float(s) for s in shares], abs=1e-12)
        judged = [s if oracle.prior(place, [b]) <= Fraction(1, 2) else Fraction(0) for b, s in enumerate(shares)]
        assert found.disclosed_share == pytest.approx(float(max(judged)), abs=1e-12)
        posteriors = [some / every for b in bins for every, some in oracle.posteriors(place, [b]).values() if every]
        assert found.worst_posterior == pytest.approx(float(max(posteriors)), abs=1e-12)
        by_points = [[b for b in bins if points[place][b] == level] for level in sorted(set(points[place]))]
        runs = [oracle.runs(place, order) for order in ([[b] for b in bins], by_points)]
        assert found.run_gain == pytest.approx(float(max(gain for gain, _ in runs)), abs=1e-12)
        assert found.run_share == pytest.approx(float(max(share for _, share in runs)), abs=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_every_figure_is_the_definition_s(seed: int) -> None:
    card = draw(seed, 1 + seed % 4, 6)
    leakage, oracle = measure(as_fields(card)), counted(*card)
    assert leakage.method is Method.EXACT
    assert leakage.samples == 0
    agree(leakage, oracle, card[0], list(range(len(card[0]))))
    law = oracle.posteriors(0, range(99))
    assert leakage.distinct_scores == len(law)
    expected = sorted((score[0][0], float(every)) for score, (every, _) in law.items())  # type: ignore[index]
    assert leakage.distribution.scores.tolist() == [score for score, _ in expected]
    assert leakage.distribution.probabilities == pytest.approx(np.array([share for _, share in expected]), abs=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_given_the_bank_s_own_fields(seed: int) -> None:
    """Counted with the known bins beside the score: the bank sees both."""
    card = draw(100 + seed, 4, 4)
    known = [1, 3] if seed % 2 else [0]
    others = [place for place in range(4) if place not in known]
    leakage = measure(as_fields(card), known=[f"f{place}" for place in known])
    agree(leakage, counted(*card, known=known), card[0], others)
    assert leakage.distinct_scores == measure(as_fields(card)).distinct_scores


def test_the_last_unknown_field_is_told() -> None:
    card = ([[0, 1, 2], [0, 1, 2], [0, 1, 2]], [[Fraction(1, 3)] * 3] * 3)
    found = measure(as_fields(card), known=["f0", "f2"]).fields[0]
    assert found.gain == pytest.approx(2 / 3)
    assert found.disclosed_share == 1
    assert measure(as_fields(card), known=["f0", "f1", "f2"]).fields == ()


def test_a_model_on_real_columns_against_a_whole_population() -> None:
    """Bins, groups and a linear field, each value counted: what the evaluation itself gives, row by row."""
    public = PublicModel((BinnedField("a", (3, 7)), GroupedField("b", 3, ((2,),)), LinearField("c", 0, 5, 2)))
    model = SecretModel(public, (0, 4, 9, 2, 5, 0, 1, 3, 1))
    rng = np.random.default_rng(3)
    counts = {name: rng.integers(1, 9, values + 1).tolist() for name, values in (("a", 10), ("b", 3), ("c", 6))}
    cells = {name: tick_cells(name, row[:-1], missing=row[-1]) for name, row in counts.items()}
    codes = tuple(Cell(count, codes=(code,)) for code, count in enumerate(counts["b"][:-1]))
    cells["b"] = FieldCells("b", (*codes, Cell(counts["b"][-1], missing=True)))
    leakage = measure(field_points(model, cells, dict.fromkeys(cells, Sensitivity.SENSITIVE)))
    columns, share = population(public, counts)
    scores = np.array(model.weights) @ columns.astype(np.int64)
    assert leakage.distribution.scores.tolist() == sorted(set(scores.tolist()))
    bins = [columns[0:4].argmax(axis=0), columns[4:7].argmax(axis=0), columns[7] + 100 * columns[8]]
    for found, of_field in zip(leakage.fields, bins, strict=True):
        law = zip(of_field.tolist(), share.tolist(), scores.tolist(), strict=True)
        oracle = Counted(tuple(((bin_,), Fraction(mass), score) for bin_, mass, score in law))
        assert found.gain == pytest.approx(float(oracle.gain(0, [[b] for b in set(of_field.tolist())])), abs=1e-12)


def population(public: PublicModel, counts: dict[str, list[int]]) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Return the columns of every combination of values, and its share; the last count is of missing values."""
    grids = np.meshgrid(*[np.arange(len(row)) for row in counts.values()], indexing="ij")
    shares = [np.array(row)[grid] / sum(row) for row, grid in zip(counts.values(), grids, strict=True)]
    values = {
        name: np.where(grid == len(row) - 1, MISSING, grid).reshape(-1).astype(np.int64)
        for (name, row), grid in zip(counts.items(), grids, strict=True)
    }
    return public.columns(values), np.prod(np.stack(shares), axis=0).reshape(-1)


def test_bins_of_no_enterprise_still_count_as_scores() -> None:
    leakage = measure([field("x", (0, 1, 5), (1, 0, 0)), field("y", (0, 10), (0.5, 0.5))])
    assert leakage.distinct_scores == 6
    assert leakage.fields[0].gain == 0
    assert leakage.fields[0].disclosed_share == 0


def test_a_constant_model_says_nothing() -> None:
    leakage = measure([field("x", (3, 3), (0.4, 0.6)), field("y", (1,), (1,))])
    assert leakage.distinct_scores == 1
    assert leakage.score_bits == leakage.score_bits_milli == 0
    assert [found.gain for found in leakage.fields] == pytest.approx([0, 0], abs=1e-15)
    assert [found.run_share for found in leakage.fields] == [0, 0]


def test_bits_are_rounded_up() -> None:
    assert measure([field("x", (0, 1, 5), (0.2, 0.3, 0.5))]).score_bits_milli == 1585
    assert measure([field("x", (0, 1), (0.5, 0.5))]).score_bits_milli == 1000


def test_far_tails_and_large_models_stay_exact() -> None:
    """Forty equal fields are a binomial law, down to 2^-400 or so where a subtraction would leave nothing."""
    fields = [field(f"f{place}", (0, 1), (1 - 2**-10, 2**-10)) for place in range(40)]
    law = measure(fields).distribution
    expected = [comb(40, k) * 2.0 ** (-10 * k) * (1 - 2**-10) ** (40 - k) for k in range(41)]
    assert law.probabilities == pytest.approx(np.array(expected), rel=1e-12, abs=0)


def test_packed_points_are_measured_to_the_last_bin() -> None:
    fields = [field(f"f{place}", (0, 3**place, 2 * 3**place), (0.5, 0.3, 0.2)) for place in range(6)]
    leakage = measure(fields)
    assert leakage.distinct_scores == 3**6
    for found in leakage.fields:
        assert found.gain == pytest.approx(0.5)
        assert found.disclosed_share == 1


def test_scores_too_many_to_follow_are_bounded_by_the_worst() -> None:
    fields = [field(f"f{place}", (0, 2**place), (0.7, 0.3)) for place in range(30)]
    leakage = measure(fields, known=["f3"])
    assert leakage.method is Method.BOUND
    assert leakage.distinct_scores == 2**30
    assert len(leakage.fields) == 29
    assert all(found.gain == pytest.approx(0.3) and found.disclosed_share == 1 for found in leakage.fields)
    wide = [field("x", range(0, 2**18, 2), [2.0**-17] * 2**17), field("y", range(2**17), [2.0**-17] * 2**17)]
    assert measure(wide).method is Method.BOUND


def test_counting_too_many_scores_takes_the_smaller_bound() -> None:
    assert score_count([np.array([0, 2**place]) for place in range(40)]) == 2**40
    assert score_count([np.array([0, 7 * 10**6 * k + 7]) for k in range(1, 40)]) <= 2**39
    assert score_count([np.arange(0, 10**6, 10)] * 9) == 9 * (10**5 - 1) + 1


@pytest.mark.parametrize("scale", [1, 10**9])
def test_equal_scores_are_added_dense_or_far_apart(scale: int) -> None:
    rng = np.random.default_rng(5)
    scores, masses = rng.integers(-50, 50, 3000) * scale, rng.random(3000)
    law = collect(scores, masses)
    assert law.scores.tolist() == sorted(set(scores.tolist()))
    assert law.probabilities == pytest.approx(np.array([masses[scores == score].sum() for score in law.scores]))
    assert law.lookup(law.scores) == pytest.approx(law.probabilities)
    assert law.lookup(np.array([-51 * scale, 51 * scale])).tolist() == [0, 0]
    assert law.positions(law.scores).tolist() == list(range(law.size))


def test_what_is_no_model_is_refused() -> None:
    one = field("x", (0, 1), (0.5, 0.5))
    with pytest.raises(ParameterError, match="at least one field"):
        measure([])
    with pytest.raises(ParameterError, match="field x: it stands twice"):
        measure([one, one])
    with pytest.raises(ParameterError, match="field y: the model does not read it"):
        measure([one], known=["y"])
    with pytest.raises(ParameterError, match="2\\^62"):
        measure([field("x", (0, 2**61), (0.5, 0.5)), field("y", (0, -(2**61)), (0.5, 0.5))])


def test_progress_is_told_for_each_field() -> None:
    told: list[tuple[int, int]] = []
    measure(as_fields(draw(1, 4, 3)), progress=lambda done, all_: told.append((done, all_)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
