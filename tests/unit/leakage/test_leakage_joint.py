"""Several models on one enterprise: against every combination counted, and by sampling where they are too many."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.leakage import distribution, joint
from protocols.leakage.cells import FieldCells
from protocols.leakage.joint import JointLeakage, measure_joint
from protocols.leakage.measure import Method, bound, measure
from protocols.leakage.population import Sensitivity, field_points
from protocols.leakage.rank import rank
from protocols.leakage.sampled import sampled_fields
from protocols.leakage.thresholds import Thresholds, View, judge
from protocols.randomness import SeededRandomness
from protocols.scoring.model import BinnedField, LinearField, PublicModel, SecretModel
from tests.support.leakage import counted, field, tick_cells

SEED = bytes(range(32))
NAMES = ("a", "b", "c", "d")
CELLS = {name: tick_cells(name, [3 + place, 5, 2, 7, 4], missing=2) for place, name in enumerate(NAMES)}
SENSITIVE = dict.fromkeys(NAMES, Sensitivity.SENSITIVE)


def model(edges: dict[str, tuple[int, ...]], seed: int) -> SecretModel:
    public = PublicModel(tuple(BinnedField(name, cuts) for name, cuts in edges.items()))
    weights = np.random.default_rng(seed).integers(-9, 9, public.column_count)
    return SecretModel(public, tuple(int(weight) for weight in weights))


def together(*models: SecretModel, known: tuple[str, ...] = ()) -> JointLeakage:
    return measure_joint(models, CELLS, SENSITIVE, SeededRandomness(SEED), known=known)


ONE = model({"a": (2,), "b": (1, 3), "c": (4,)}, 1)
TWO = model({"b": (2,), "d": (1, 2, 3), "a": (1, 2)}, 2)


def vectors(models: tuple[SecretModel, ...]) -> tuple[list[str], list[list[object]], list[list[Fraction]]]:
    """Every tick and «missing» as a bin of its own, with the points of each model: the finest refinement."""
    names = [name for name in NAMES if any(found.field == name for m in models for found in m.public.fields)]
    points: list[list[object]] = []
    for name in names:
        ticks = np.array([0, 1, 2, 3, 4, -(2**63)], dtype=np.int64)
        by_model = []
        for m in models:
            read = {found.field: np.zeros(ticks.size, dtype=np.int64) for found in m.public.fields} | {name: ticks}
            zero = {found.field: np.zeros(ticks.size, dtype=np.int64) for found in m.public.fields}
            weights = np.array(m.weights)
            full = weights @ m.public.columns({k: v for k, v in read.items() if k in zero}).astype(np.int64)
            by_model.append(full - weights @ m.public.columns(zero).astype(np.int64))
        points.append([tuple(int(row[place]) for row in by_model) for place in range(ticks.size)])
    priors = [[Fraction(cell.count, CELLS[name].total) for cell in CELLS[name].cells] for name in names]
    return names, points, priors


@pytest.mark.parametrize("known", [(), ("b",)])
def test_two_models_against_every_combination(known: tuple[str, ...]) -> None:
    found = together(ONE, TWO, known=known)
    names, points, priors = vectors((ONE, TWO))
    oracle = counted(points, priors, known=[names.index(name) for name in known])
    assert found.leakage.method is Method.EXACT
    if not known:
        assert found.leakage.distinct_scores == len(oracle.posteriors(0, [0]))
    parts = {"a": [[0], [1], [2, 3, 4], [5]], "b": [[0], [1], [2], [3, 4], [5]], "c": [[0, 1, 2, 3], [4], [5]]}
    parts["d"] = [[0], [1], [2], [3, 4], [5]]
    for field_ in found.leakage.fields:
        place = names.index(field_.field)
        assert field_.gain == pytest.approx(float(oracle.gain(place, parts[field_.field])), abs=1e-12)
        shares = [float(oracle.share(place, part)) for part in parts[field_.field]]
        assert [leak.disclosed_share for leak in field_.bins] == pytest.approx(shares, abs=1e-12)


def test_one_model_alone_is_measured_as_such() -> None:
    alone = measure(field_points(ONE, CELLS, SENSITIVE))
    found = together(ONE)
    assert found.leakage.distinct_scores == alone.distinct_scores
    assert [f.gain for f in found.leakage.fields] == pytest.approx([f.gain for f in alone.fields], abs=1e-12)
    assert (found.models, found.rank) == (1, 1)


def test_the_same_model_again_says_nothing_more() -> None:
    found, alone = together(ONE, ONE), together(ONE)
    assert found.leakage.distinct_scores == alone.leakage.distinct_scores
    assert [f.gain for f in found.leakage.fields] == pytest.approx([f.gain for f in alone.leakage.fields], abs=1e-12)
    assert found.rank == 1


def test_a_version_that_differs_in_one_bin_gives_that_bin_away() -> None:
    """The difference of two scores names the bin, whatever else the models read."""
    changed = SecretModel(ONE.public, (ONE.weights[0] + 7, *ONE.weights[1:]))
    found = together(ONE, changed)
    told = next(f for f in found.leakage.fields if f.field == "a")
    assert told.bins[0].disclosed_share == pytest.approx(1)
    assert found.rank == 2
    findings = judge(found.leakage, Thresholds(), View.COMBINATION)
    assert any(f.field == "a" and f.figure == "disclosed_share" and "all models" in f.text for f in findings)


def test_as_many_independent_models_as_unknowns_tell_everything() -> None:
    public = PublicModel((BinnedField("a", (2,)), BinnedField("b", ())))
    models = [SecretModel(public, tuple(int(i == j) for j in range(5))) for i in (0, 1, 3)]
    found = together(*models)
    assert found.rank == found.unknowns == 3
    assert "3 of 3 models are independent; 3 independent models" in found.warning
    assert all(f.disclosed_share == pytest.approx(1) for f in found.leakage.fields)


def test_models_on_different_fields_add_nothing_to_one_another() -> None:
    first, second = model({"a": (1, 3)}, 5), model({"b": (2,), "c": (1,)}, 6)
    found = together(first, second)
    alone = [f for m in (first, second) for f in together(m).leakage.fields]
    assert [f.gain for f in found.leakage.fields] == pytest.approx([f.gain for f in alone], abs=1e-12)


def wide(
    seed: int, fields: int = 10, most: int = 20
) -> tuple[list[SecretModel], dict[str, FieldCells], dict[str, Sensitivity]]:
    rng = np.random.default_rng(seed)
    names = [f"f{place}" for place in range(fields)]
    models = []
    for _ in range(2):
        cuts = [tuple(sorted(rng.choice(np.arange(1, 9), 3, replace=False).tolist())) for _ in names]
        public = PublicModel(tuple(BinnedField(name, cut) for name, cut in zip(names, cuts, strict=True)))
        models.append(SecretModel(public, tuple(int(w) for w in rng.integers(-most, most, public.column_count))))
    cells = {name: tick_cells(name, rng.integers(20, 99, 9).tolist(), missing=20) for name in names}
    return models, cells, dict.fromkeys(names, Sensitivity.SENSITIVE)


def test_sampled_scores_carry_exact_posteriors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same two models exactly and by sampling: within four standard errors in every field."""
    models, cells, sensitivity = wide(8, 7)
    exact = measure_joint(models, cells, sensitivity, SeededRandomness(SEED))
    assert exact.leakage.method is Method.EXACT
    monkeypatch.setattr(joint, "measure", lambda fields, known, progress: bound(fields, known))
    sampled = measure_joint(models, cells, sensitivity, SeededRandomness(SEED), samples=1000)
    assert sampled.leakage.method is Method.MONTE_CARLO
    assert sampled.leakage.samples == 1000
    assert sampled.leakage.distinct_scores >= exact.leakage.distinct_scores
    for right, found in zip(exact.leakage.fields, sampled.leakage.fields, strict=True):
        assert 0 < found.standard_error < 0.01
        assert abs(found.gain - right.gain) < 4 * found.standard_error
        assert found.disclosed_share == pytest.approx(right.disclosed_share, abs=0.05)
        assert found.run_gain == pytest.approx(right.run_gain, abs=0.03)


def test_each_sampled_posterior_is_the_exact_one() -> None:
    """A field whose bin every score tells: no spread at all, though nothing was followed."""
    fields = [field(f"f{place}", (0, 2**place), (0.7, 0.3)) for place in range(30)]
    figures, samples = sampled_fields(fields, SeededRandomness(SEED), 60)
    assert samples == 60
    for found in figures:
        assert found.gain == pytest.approx(0.3)
        assert found.disclosed_share == pytest.approx(1)
        assert found.standard_error < 1e-6


def test_many_combinations_are_sampled_with_a_stated_error() -> None:
    models, cells, sensitivity = wide(9, most=60)
    found = measure_joint(models, cells, sensitivity, SeededRandomness(SEED), samples=100)
    assert found.leakage.method is Method.MONTE_CARLO
    assert all(f.standard_error > 0 for f in found.leakage.fields)
    assert found.leakage.distinct_scores > distribution.SUPPORT_LIMIT
    again = measure_joint(models, cells, sensitivity, SeededRandomness(SEED), samples=100)
    assert again.leakage.fields == found.leakage.fields


def test_scores_that_no_number_holds_are_bounded() -> None:
    names = [f"f{place}" for place in range(8)]
    public = PublicModel(tuple(LinearField(name, 0, 63, 1) for name in names))
    rng = np.random.default_rng(2)
    models = [SecretModel(public, tuple(int(w) for w in rng.integers(0, 2**20, 16))) for _ in range(3)]
    cells = {name: tick_cells(name, [10] * 64) for name in names}
    found = measure_joint(models, cells, dict.fromkeys(names, Sensitivity.ORDINARY), SeededRandomness(SEED))
    assert found.leakage.method is Method.BOUND
    assert found.leakage.distinct_scores > 2**48
    assert all(f.disclosed_share == 1 for f in found.leakage.fields)
    assert judge(found.leakage, Thresholds(), View.COMBINATION)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0, 0]], 0),
        ([[1, 2], [2, 4]], 1),
        ([[1, 2], [2, 5]], 2),
        ([[2**40, 1], [2**40, 2]], 2),
        ([[1, 2, 3], [4, 5, 6], [7, 8, 9]], 2),
        ([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1]], 3),
    ],
)
def test_ranks_are_exact(rows: list[list[int]], expected: int) -> None:
    assert rank(rows) == expected


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ParameterError, match="at least one model"):
        together()
    with pytest.raises(ParameterError, match="field x: the model does not read it"):
        together(ONE, TWO, known=("x",))
    with pytest.raises(ParameterError, match="field a: there are no frequencies"):
        measure_joint([ONE], {}, SENSITIVE, SeededRandomness(SEED))
