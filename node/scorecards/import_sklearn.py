"""scikit-learn's logistic regression: coefficients as JSON, to a linear model, or with given bins to a scorecard.

The regression is of BAD (:func:`export_sklearn` turns it round where class 1 is good); points are ``-B * beta * x``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from node.scorecards.fitted import FittedBins, FittedCard, FittedField, FittedGroups, FittedLinear
from node.scorecards.import_settings import ScalingSettings, parsed
from node.scorecards.import_tables import invalid
from node.scorecards.numbers import DecimalText, plain
from node.scorecards.scaling import Scaling
from node.scorecards.texts import NormalText

WHAT = "scikit-learn export"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WoeBins(_Part):
    """How a numeric feature was cut before the fit; ``woe`` is what the regression saw, one more than ``edges``."""

    edges: tuple[DecimalText, ...]
    woe: tuple[float, ...]
    missing: float = 0.0


class WoeGroups(_Part):
    """How a code feature was grouped before the fit; one ``woe`` per group."""

    groups: tuple[tuple[NormalText, ...], ...]
    woe: tuple[float, ...]
    other: float = 0.0
    missing: float = 0.0


class _Feature(_Part):
    name: Annotated[str, Field(min_length=1)]
    coefficient: float
    mean: float | None = None
    bins: WoeBins | None = None
    groups: WoeGroups | None = None


class _Export(_Part):
    library: Literal["sklearn"]
    event: Literal["bad"]
    intercept: float
    features: Annotated[tuple[_Feature, ...], Field(min_length=1)]


def export_sklearn(
    model: Any, feature_names: Sequence[str], *, bad: object = 1, woe: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return a fitted ``LogisticRegression``, or a pipeline of ``StandardScaler`` and one, as a JSON object.

    :param feature_names: one per coefficient.
    :param bad: the class label that means default.
    :param woe: feature -> ``{"bins": {...}}`` or ``{"groups": {...}}``, see :class:`WoeBins` and :class:`WoeGroups`,
        where the model was fitted on weights of evidence.
    :raises ValueError: no binary logistic regression, or names that do not fit it.
    """
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    regression, scaler = steps[-1], steps[0] if len(steps) == 2 else None
    if len(steps) > 2 or len(regression.classes_) != 2 or len(regression.coef_[0]) != len(feature_names):
        raise ValueError("expected a binary logistic regression, at most behind a StandardScaler, and its names")
    sign = 1.0 if regression.classes_[1] == bad else -1.0
    means, scales = (scaler.mean_, scaler.scale_) if scaler is not None else (None, [1.0] * len(feature_names))
    weights = [sign * float(c) / float(s) for c, s in zip(regression.coef_[0], scales, strict=True)]
    shift = sum(w * float(m) for w, m in zip(weights, means, strict=True)) if means is not None else 0.0
    features = [
        {"name": name, "coefficient": weight, "mean": None if means is None else float(means[place])}
        | dict((woe or {}).get(name, {}))
        for place, (name, weight) in enumerate(zip(feature_names, weights, strict=True))
    ]
    intercept = sign * float(regression.intercept_[0]) - shift
    return {"library": "sklearn", "event": "bad", "intercept": intercept, "features": features}


def from_export(content: bytes | str, scaling: ScalingSettings) -> FittedCard:
    """Read the JSON of :func:`export_sklearn`; ``INVALID_INPUT`` names the path or feature of what is wrong."""
    export = parsed(_Export, content, WHAT)
    scale = scaling.scaling()
    fields = tuple(_field(feature, scale) for feature in export.features)
    if len({isinstance(one, FittedLinear) for one in fields if not isinstance(one, FittedGroups)}) > 1:
        raise invalid(WHAT, "some numeric features have bins and some have not: give bins to all of them or to none")
    return FittedCard(fields, scaling.base_score + scale.exact_intercept(export.intercept))


def _field(feature: _Feature, scale: Scaling) -> FittedField:
    def points(woe: float) -> float:
        return scale.exact_points(feature.coefficient, woe)

    if feature.bins is not None:
        own = feature.bins
        if len(own.woe) != len(own.edges) + 1:
            raise invalid(WHAT, f"feature {feature.name!r}: woe must be one more than edges")
        edges = tuple(Decimal(edge) for edge in own.edges)
        return FittedBins(feature.name, edges, tuple(map(points, own.woe)), points(own.missing))
    if feature.groups is not None:
        kind = feature.groups
        if len(kind.woe) != len(kind.groups):
            raise invalid(WHAT, f"feature {feature.name!r}: woe must be one per group")
        return FittedGroups(
            feature.name, kind.groups, tuple(map(points, kind.woe)), points(kind.other), points(kind.missing)
        )
    mean = None if feature.mean is None else Decimal(plain(round(Decimal(repr(feature.mean)), 9)))
    return FittedLinear(feature.name, points(1.0), mean)
