"""Fits the demo's scorecard on the training rows: WOE bins, a logistic regression of «bad», integer points.

Training is in the clear and stands outside the protocol: a bank trains on data that it may see. The points of a bin are
``-B * beta * WOE``, rounded (docs/scorecards.md), so a higher score is better.

Calendar years are not fitted on, on neither side: a year tells which part of the past a row was sampled from (a boom, a
crisis), and the next applicant's year is none of those. An age in years is a feature, a date is not.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.codes import Code, ModelClass, Purpose
from node.demo.binning import Bins, cut_codes, cut_numbers
from node.demo.dataset import Dataset, need
from node.demo.infer import Inferred, InferredField, InferredTable
from node.errors import Refusal
from node.scorecards.format import Scorecard, parse_scorecard
from node.scorecards.scaling import Scaling

MINIMUM_CLASS_ROWS = 10
MAXIMUM_FIT_ROWS = 200_000
MINIMUM_INFORMATION = 0.02
MAXIMUM_FEATURES = 64
REGULARISATION = 0.05
"""scikit-learn's C. Best in repeated five-fold cross-validation on training rows; the same for both cards."""
SCALING = Scaling(base_score=600, base_odds="20", pdo="20")


@dataclass(frozen=True)
class CardHeader:
    """What a scorecard says of itself besides its points."""

    name: str
    version: str
    catalogue_id: str
    catalogue_version: int
    expires: str
    """ISO date."""
    model_class: ModelClass = ModelClass.CREDIT_APPROVAL
    purpose: Purpose = Purpose.LOAN_ORIGINATION


@dataclass(frozen=True)
class Fitted:
    """The joint scorecard, the bank's own for comparison, and how much each feature says."""

    joint: Scorecard
    bank_only: Scorecard | None
    """None where the bank has no feature that says anything: its AUC is then one half."""
    information: Mapping[tuple[str, str], float]
    """(source, field) -> information value on the training rows."""
    training_rows: int


@dataclass(frozen=True)
class _Feature:
    source: str
    field: InferredField
    bins: Bins


def fit(data: Dataset, inferred: Inferred, header: CardHeader, seed: int = 1) -> Fitted:
    """Fit both scorecards on training rows that both sides hold and whose outcome is known.

    :raises Refusal: ``INVALID_INPUT`` with fewer than :data:`MINIMUM_CLASS_ROWS` good or bad training rows;
        ``CONFIG_INVALID`` where scikit-learn is missing.
    """
    rows = _training_rows(data, seed)
    bad = data.outcome[rows] == 1
    bank = _features("bank", inferred.bank, rows, bad)
    bureau = _features("bureau", inferred.bureau, data.position[rows], bad)
    information = {(one.source, one.field.id): one.bins.information_value for one in (*bank, *bureau)}
    chosen_bank = _informative(bank, MAXIMUM_FEATURES // 2)
    chosen_bureau = _informative(bureau, MAXIMUM_FEATURES - len(chosen_bank)) or _best(bureau)
    joint = _scorecard(header, [*chosen_bank, *chosen_bureau], bad)
    alone = _scorecard(_named(header, f"{header.name}-bank-only"), chosen_bank, bad) if chosen_bank else None
    return Fitted(joint, alone, information, len(rows))


def _training_rows(data: Dataset, seed: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(data.train & (data.outcome >= 0) & (data.position >= 0))
    defaults = int(np.count_nonzero(data.outcome[rows] == 1))
    for count, word in ((defaults, "defaulted"), (len(rows) - defaults, "did not default")):
        if count < MINIMUM_CLASS_ROWS:
            raise need(f"only {count} training rows that both sides hold {word}; fitting needs {MINIMUM_CLASS_ROWS}")
    if len(rows) > MAXIMUM_FIT_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MAXIMUM_FIT_ROWS, replace=False))
    return rows


def _features(source: str, table: InferredTable, rows: NDArray[np.int64], bad: NDArray[np.bool_]) -> list[_Feature]:
    return [_Feature(source, field, _bins(table, field, rows, bad)) for field in table.fields]


def _bins(table: InferredTable, field: InferredField, rows: NDArray[np.int64], bad: NDArray[np.bool_]) -> Bins:
    if field.type != "code":
        return cut_numbers(table.values[field.id][rows], np.array([float(edge) for edge in field.edges]), bad)
    cells = table.cells[field.id].take(pa.array(rows))
    indices = pc.index_in(cells, value_set=pa.array(field.codes)).fill_null(-1)
    return cut_codes(np.asarray(indices, dtype=np.int64), len(field.codes), bad)


def _informative(features: Sequence[_Feature], maximum: int) -> list[_Feature]:
    told = [
        feature
        for feature in features
        if feature.bins.information_value >= MINIMUM_INFORMATION and not feature.field.calendar
    ]
    ranked = sorted(told, key=lambda feature: -feature.bins.information_value)[:maximum]
    return [feature for feature in features if feature in ranked]


def _best(features: Sequence[_Feature]) -> list[_Feature]:
    """At least one field of the bureau, else there is nothing to compute under encryption."""
    return [max(features, key=lambda feature: feature.bins.information_value)]


def _named(header: CardHeader, name: str) -> CardHeader:
    return CardHeader(**{**header.__dict__, "name": name})


def _scorecard(header: CardHeader, features: Sequence[_Feature], bad: NDArray[np.bool_]) -> Scorecard:
    features, coefficients, intercept = _regressed(list(features), bad)
    card = {
        "format": "banktax-scorecard-1",
        "name": header.name,
        "version": header.version,
        "model_class": header.model_class,
        "purposes": [header.purpose],
        "expires": header.expires,
        "catalogue": {"id": header.catalogue_id, "version": header.catalogue_version},
        "kind": "scorecard",
        "sign": "higher_is_better",
        "base_score": SCALING.base_score,
        "base_odds": SCALING.base_odds,
        "pdo": SCALING.pdo,
        "intercept_points": SCALING.intercept_points(intercept),
        "fields": [_field(feature, beta) for feature, beta in zip(features, coefficients, strict=True)],
    }
    return parse_scorecard(json.dumps(card, ensure_ascii=False))


def _regressed(features: list[_Feature], bad: NDArray[np.bool_]) -> tuple[list[_Feature], NDArray[np.float64], float]:
    """Logistic regression of bad on WOE. A feature with a negative weight would turn its meaning round: it goes."""
    while True:
        matrix = np.column_stack([feature.bins.woe[feature.bins.numbers] for feature in features])
        model = _logistic_regression().fit(matrix, bad)
        weights = np.asarray(model.coef_[0], dtype=np.float64)
        turned = [
            place for place, weight in enumerate(weights) if weight < 0 and _replaceable(features, features[place])
        ]
        if not turned:
            return features, weights, float(model.intercept_[0])
        features.pop(min(turned, key=lambda place: weights[place]))


def _replaceable(features: Sequence[_Feature], feature: _Feature) -> bool:
    return sum(1 for other in features if other.source == feature.source) > 1


def _logistic_regression() -> Any:
    try:
        linear_model = importlib.import_module("sklearn.linear_model")
    except ImportError:
        raise Refusal(
            Code.CONFIG_INVALID,
            "fitting the demo's scorecard needs scikit-learn",
            remedy="Install the demo extra: pip install 'banktax-node[demo]'.",
        ) from None
    return linear_model.LogisticRegression(C=REGULARISATION, max_iter=1000)


def _field(feature: _Feature, beta: float) -> dict[str, Any]:
    points = [SCALING.points(beta, float(woe)) for woe in feature.bins.woe]
    entry: dict[str, Any] = {"field": feature.field.id, "source": feature.source}
    if feature.field.type != "code":
        edges = [feature.field.edges[place] for place in feature.bins.edges]
        return {"type": "bins", **entry, "edges": edges, "points": points[:-1], "missing": points[-1]}
    groups = [
        {"codes": [feature.field.codes[code] for code in group], "points": value}
        for group, value in zip(feature.bins.groups, points[:-2], strict=True)
    ]
    return {"type": "groups", **entry, "groups": groups, "other": points[-2], "missing": points[-1]}
