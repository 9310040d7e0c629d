"""Models: columns, ranges, exact score bounds, and secrets that stay secret."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.scoring import reference
from protocols.scoring.model import (
    MISSING,
    BinnedField,
    GroupedField,
    LinearField,
    PublicField,
    PublicModel,
    SecretModel,
)
from tests.support.scoring_models import MODEL, PUBLIC, WEIGHTS, features


def int64(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def columns(field: PublicField, *values: int) -> list[list[int]]:
    made: list[list[int]] = PublicModel((field,)).columns({field.field: int64(*values)}).T.tolist()
    return made


def test_bins_are_closed_below_and_open_above() -> None:
    field = BinnedField("sales", (-5, 0, 40))
    chosen = [row.index(1) for row in columns(field, -6, -5, -1, 0, 39, 40, 2**62, MISSING)]
    assert chosen == [0, 1, 1, 2, 2, 3, 3, 4]


def test_a_field_without_edges_tells_only_whether_it_is_there() -> None:
    assert columns(BinnedField("sales", ()), 7, MISSING) == [[1, 0], [0, 1]]


def test_codes_fall_into_their_group_or_into_other() -> None:
    field = GroupedField("level", 5, ((0, 1), (4,)))
    assert [row.index(1) for row in columns(field, 0, 1, 2, 3, 4, MISSING)] == [0, 0, 2, 2, 1, 3]


def test_a_linear_field_is_quantised_downwards() -> None:
    field = LinearField("growth", -10, 11, 4)
    assert field.maxima == (5, 1)
    assert columns(field, -10, -7, -6, 11, MISSING) == [[0, 0], [0, 0], [1, 0], [5, 0], [0, 1]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (GroupedField("level", 5, ((0,),)), 5),
        (GroupedField("level", 5, ((0,),)), -1),
        (LinearField("level", -10, 10, 1), 11),
        (LinearField("level", -10, 10, 1), -11),
        (LinearField("level", -10, 10, 1), MISSING + 1),
    ],
)
def test_a_value_outside_its_range_is_refused_by_the_field_s_name(field: PublicField, value: int) -> None:
    with pytest.raises(ParameterError, match="field level") as caught:
        columns(field, 0, value)
    assert str(value) not in str(caught.value)


def test_features_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ParameterError, match="growth"):
        PUBLIC.columns({name: values for name, values in features(3).items() if name != "growth"})
    with pytest.raises(ParameterError, match="number of rows"):
        PUBLIC.columns(features(3) | {"growth": int64(1)})
    with pytest.raises(ParameterError, match="int64"):
        PUBLIC.columns(features(3) | {"growth": np.zeros(3, dtype=np.float64)})


@pytest.mark.parametrize(
    "build",
    [
        lambda: BinnedField("", (1,)),
        lambda: BinnedField("x" * 129, (1,)),
        lambda: BinnedField("x", (1, 1)),
        lambda: BinnedField("x", (2, 1)),
        lambda: BinnedField("x", (MISSING,)),
        lambda: GroupedField("x", 0, ()),
        lambda: GroupedField("x", 3, ((),)),
        lambda: GroupedField("x", 3, ((0, 1), (1,))),
        lambda: GroupedField("x", 3, ((3,),)),
        lambda: LinearField("x", 0, 65536, 1),
        lambda: LinearField("x", 1, 0, 1),
        lambda: LinearField("x", 0, 1, 0),
        lambda: PublicModel(()),
        lambda: PublicModel((BinnedField("x", ()), GroupedField("x", 1, ()))),
        lambda: PublicModel(tuple(BinnedField(f"x{i}", ()) for i in range(513))),
    ],
)
def test_an_invalid_model_cannot_be_built(build: object) -> None:
    assert callable(build)
    with pytest.raises(ParameterError):
        build()


def test_the_oracle_is_the_weighted_sum_of_columns() -> None:
    rows = features(200)
    table = PUBLIC.columns(rows)
    expected = [MODEL.score(tuple(map(int, table[:, row]))) for row in range(200)]
    assert reference.scores(MODEL, rows).tolist() == expected


def test_score_bounds_are_exact() -> None:
    model = SecretModel(
        PublicModel((BinnedField("a", (0, 5)), LinearField("b", 0, 9, 3), GroupedField("c", 2, ((1,),)))),
        (4, -3, 9, 2, -7, 100, 6, 5, -5),
    )
    every = list(itertools.product((-1, 0, 5, MISSING), (*range(10), MISSING), (0, 1, MISSING)))
    table = {name: int64(*(row[place] for row in every)) for place, name in enumerate("abc")}
    scores = reference.scores(model, table)
    assert (model.score_low, model.score_high) == (scores.min(), scores.max())


def test_the_score_bound_is_strict() -> None:
    field = PublicModel((BinnedField("a", ()), BinnedField("b", ())))
    assert SecretModel(field, (2**31 - 2, 0, 1, 0)).score_high == 2**31 - 1
    for weights in ((2**31 - 1, 0, 1, 0), (1 - 2**31, 0, -1, 0), (2**31, 0, 0, 0)):
        with pytest.raises(ParameterError, match="2\\^31"):
            SecretModel(field, weights)


def test_one_weight_for_each_column() -> None:
    with pytest.raises(ParameterError, match="one weight"):
        SecretModel(PUBLIC, WEIGHTS[:-1])


def test_a_secret_model_shows_no_weight_and_is_not_pickled() -> None:
    assert "1000" not in repr(MODEL)
    assert "redacted" in f"{MODEL}"
    with pytest.raises(TypeError):
        pickle.dumps(MODEL)


def test_the_secret_encoding_tells_models_apart() -> None:
    other = SecretModel(PUBLIC, (*WEIGHTS[:-1], 0))
    assert other.export_secret() != MODEL.export_secret()
