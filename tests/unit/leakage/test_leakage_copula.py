"""Correlated fields: against a closed form, against independence, and against a simulated population."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.leakage.copula import measure_correlated
from protocols.leakage.correlation import RankCorrelation, latent_factor, normal_quantile, normals
from protocols.leakage.measure import Leakage, Method, measure
from protocols.leakage.population import FieldPoints, Sensitivity, field_points
from protocols.randomness import SeededRandomness
from protocols.scoring.model import MISSING, BinnedField, PublicModel, SecretModel
from tests.support.leakage import field, tick_cells

SEED = bytes(range(32))


def even(fields: list[FieldPoints], rho: float) -> RankCorrelation:
    names = tuple(found.field for found in fields)
    return RankCorrelation(names, tuple(tuple(1.0 if a == b else rho for b in names) for a in names))


def correlated(fields: list[FieldPoints], rho: float, samples: int = 2**18) -> Leakage:
    return measure_correlated(fields, even(fields, rho), SeededRandomness(SEED), samples)


def pearson(rho: float) -> float:
    return 2 * math.sin(math.pi * rho / 6)


@pytest.mark.parametrize("rho", [-0.9, -0.4, 0.0, 0.3, 0.8])
def test_two_halves_have_sheppard_s_probability(rho: float) -> None:
    """P(both high) = 1/4 + arcsin(r) / 2 pi for a Gaussian pair (Sheppard 1899); the score tells how many are high."""
    fields = [field("x", (0, 1), (0.5, 0.5)), field("y", (0, 1), (0.5, 0.5))]
    leakage = correlated(fields, rho)
    both = 0.25 + math.asin(pearson(rho)) / (2 * math.pi)
    assert leakage.method is Method.MONTE_CARLO
    assert leakage.distribution.probabilities == pytest.approx(np.array([both, 1 - 2 * both, both]), abs=0.004)
    for found in leakage.fields:  # certain at 0 and 2, a coin at 1
        assert found.gain == pytest.approx(2 * both + (1 - 2 * both) / 2 - 0.5, abs=0.004)
        assert found.disclosed_share == pytest.approx(2 * both, abs=0.006)
        assert 0 < found.standard_error < 0.002


def cards(seed: int, count: int) -> list[FieldPoints]:
    rng = np.random.default_rng(seed)
    shares = [rng.dirichlet(np.full(5, 3.0)) for _ in range(count)]
    return [
        field(f"f{place}", sorted(rng.integers(-40, 60, 5).tolist()), (share / share.sum()).tolist())
        for place, share in enumerate(shares)
    ]


def test_without_correlation_it_brackets_the_exact_figures() -> None:
    fields = cards(11, 6)
    exact, sampled = measure(fields), correlated(fields, 0.0)
    assert sampled.distinct_scores == exact.distinct_scores
    assert sampled.samples == 2**18
    for right, found in zip(exact.fields, sampled.fields, strict=True):
        slack = 3 * found.standard_error
        assert found.gain_low - slack <= right.gain <= found.gain + slack
        assert found.gain - found.gain_low < 0.02
        assert found.disclosed_share == pytest.approx(right.disclosed_share, abs=0.02)


def test_correlation_gives_more_away() -> None:
    fields = cards(12, 10)
    alone, together = measure(fields), correlated(fields, 0.5)
    worst = max(range(10), key=lambda place: together.fields[place].gain_low)
    assert together.fields[worst].gain_low > alone.fields[worst].gain + 0.05


def test_the_same_seed_gives_the_same_figures() -> None:
    fields = cards(13, 3)
    assert correlated(fields, 0.4, 4096).fields == correlated(fields, 0.4, 4096).fields
    other = measure_correlated(fields, even(fields, 0.4), SeededRandomness(bytes(32)), 4096)
    assert other.fields != correlated(fields, 0.4, 4096).fields


def test_against_a_simulated_population() -> None:
    """Enterprises with dependent values: counted cells and ranks go in, the population's own figures come out."""
    rng, rows, ticks = np.random.default_rng(21), 400_000, 40
    shape = rng.normal(size=(6, 2))
    latent = rng.normal(size=(rows, 2)) @ shape.T + 1.2 * rng.normal(size=(rows, 6))
    values = np.stack([np.argsort(np.argsort(row)) * ticks // rows for row in latent.T]).astype(np.int64)
    values[2] = np.where(values[2] < 3, MISSING, values[2])
    edges = ((10, 25), (5, 20, 30), (12, 30), (8, 16, 24, 32), (20,), (13, 27))
    public = PublicModel(tuple(BinnedField(f"f{place}", cut) for place, cut in enumerate(edges)))
    model = SecretModel(public, tuple(int(weight) for weight in rng.integers(0, 40, public.column_count)))
    names = [found.field for found in public.fields]
    counts = [np.bincount(row[row != MISSING], minlength=ticks).tolist() for row in values]
    cells = {n: tick_cells(n, c, missing=rows - sum(c)) for n, c in zip(names, counts, strict=True)}
    fields = field_points(model, cells, dict.fromkeys(names, Sensitivity.SENSITIVE))
    ranks = np.stack([np.argsort(np.argsort(row)) for row in values])
    spearman = np.atleast_2d(np.corrcoef(ranks)).round(2)
    matrix = tuple(tuple(float(entry) for entry in row) for row in spearman)
    leakage = measure_correlated(fields, RankCorrelation(tuple(names), matrix), SeededRandomness(SEED))
    columns = public.columns(dict(zip(names, values, strict=True)))
    scores = np.array(model.weights) @ columns.astype(np.int64)
    start, gaps = 0, []
    for found, public_field in zip(leakage.fields, public.fields, strict=True):
        bins = columns[start : start + public_field.column_count].argmax(axis=0)
        start += public_field.column_count
        gaps.append(found.gain - true_gain(bins, scores))
    assert np.abs(gaps).max() < 0.015
    independent = [found.gain for found in measure(fields).fields]
    assert max(found.gain - alone for found, alone in zip(leakage.fields, independent, strict=True)) > 0.03


def true_gain(bins: NDArray[np.intp], scores: NDArray[np.int64]) -> float:
    _, places = np.unique(scores, return_inverse=True)
    table = np.zeros((int(bins.max()) + 1, int(places.max()) + 1))
    np.add.at(table, (bins, places.reshape(-1)), 1 / scores.size)
    return float(table.max(axis=0).sum() - table.sum(axis=1).max())


def test_missing_values_and_bins_follow_the_order_of_ranks() -> None:
    """With the order turned round the same matrix makes high values go with low ones."""
    plain = field("x", (0, 1), (0.5, 0.5))
    turned = FieldPoints("y", Sensitivity.ORDINARY, ("a", "b"), (0, 1), (0.5, 0.5), order=(1, 0))
    law = measure_correlated([plain, turned], even([plain, turned], 0.9), SeededRandomness(SEED), 2**14).distribution
    assert law.probabilities[law.scores == 1][0] > 0.8


def test_bins_of_no_enterprise_are_never_drawn() -> None:
    fields = [field("x", (100, 0, 100, 1, 100), (0, 0.5, 0, 0.5, 0)), field("y", (0, 2), (0.5, 0.5))]
    assert correlated(fields, 0.3, 4096).distribution.scores.tolist() == [0, 1, 2, 3]


def test_an_impossible_matrix_is_brought_to_the_nearest_possible() -> None:
    broken = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    assert np.linalg.eigvalsh(2 * np.sin(np.pi * broken / 6)).min() < -0.1
    factor = latent_factor(broken)
    found = factor @ factor.T
    assert np.diag(found) == pytest.approx(np.ones(3))
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert np.sign(found).tolist() == np.sign(broken).tolist()


def test_normal_numbers_are_normal() -> None:
    drawn = normals(SeededRandomness(SEED), 3, 200_001)
    assert drawn.shape == (3, 200_001)
    assert np.abs(drawn.mean(axis=1)).max() < 0.01
    assert np.abs(np.cov(drawn) - np.eye(3)).max() < 0.015
    assert [float((drawn < cut).mean()) for cut in (-2, -1, 0.5)] == pytest.approx(
        [0.02275, 0.15866, 0.69146], abs=0.002
    )


@pytest.mark.parametrize(("share", "expected"), [(0.5, 0), (0.975, 1.959963984540054), (1e-12, -7.034483825301131)])
def test_quantiles_of_the_normal_law(share: float, expected: float) -> None:
    """Values from published tables of the normal law."""
    assert normal_quantile(share) == pytest.approx(expected, abs=1e-9)
    assert normal_quantile(0) == -math.inf
    assert normal_quantile(1) == math.inf


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (((1.0, 0.5),), "square"),
        (((1.0, 0.5), (0.5, math.nan)), "outside"),
        (((1.0, 1.2), (1.2, 1.0)), "outside"),
        (((1.0, 0.5), (0.4, 1.0)), "symmetric"),
        (((1.0, 0.5), (0.5, 0.9)), "itself"),
    ],
)
def test_a_matrix_that_is_none_is_refused(rows: tuple[tuple[float, ...], ...], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        RankCorrelation(("x", "y"), rows)


def test_a_field_that_the_matrix_does_not_name_and_too_few_samples_are_refused() -> None:
    fields = [field("x", (0, 1), (0.5, 0.5)), field("y", (0, 1), (0.5, 0.5))]
    with pytest.raises(ParameterError, match="field y: the rank correlations do not name it"):
        measure_correlated(fields, even(fields[:1], 0), SeededRandomness(SEED))
    with pytest.raises(ParameterError, match=r"1,024 samples"):
        correlated(fields, 0, 1000)
    with pytest.raises(ParameterError, match="twice"):
        RankCorrelation(("x", "x"), ((1.0, 1.0), (1.0, 1.0)))
