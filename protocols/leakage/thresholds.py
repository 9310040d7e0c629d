"""What an agreement allows a model to tell, and what breaks it, in words (README §7)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from protocols.leakage.figures import FieldLeakage
from protocols.leakage.measure import Leakage, Method
from protocols.leakage.population import Sensitivity


@dataclass(frozen=True)
class Thresholds:
    """The largest figures that pass; gains and shares from 0 to 1. A figure AT its threshold passes."""

    sensitive_gain: float = 0.30
    ordinary_gain: float = 0.55
    disclosed_share: float = 0.40
    distinct_scores: int = 2048

    def gain(self, sensitivity: Sensitivity) -> float:
        """Return the largest gain of a field that is not disclosable."""
        return self.sensitive_gain if sensitivity is Sensitivity.SENSITIVE else self.ordinary_gain


class View(StrEnum):
    """Under which assumption figures were found."""

    INDEPENDENT = "independent"
    CORRELATED = "correlated"
    GIVEN_BANK_FIELDS = "given_bank_fields"
    COMBINATION = "combination"


_ASSUMING = {
    View.INDEPENDENT: "",
    View.CORRELATED: ", with the fields' rank correlation",
    View.GIVEN_BANK_FIELDS: ", given the bank's own fields",
    View.COMBINATION: ", from all models of the combination together",
}


@dataclass(frozen=True)
class Finding:
    """One figure that breaks its threshold. ``field`` is empty for the number of scores; ``of`` names bin or run."""

    field: str
    view: View
    figure: str
    value: float
    threshold: float
    advice: str
    of: str = ""

    @property
    def text(self) -> str:
        """One sentence for people: field, figure, value, threshold and what would help."""
        where = f"field {self.field}: " if self.field else ""
        whole = self.figure == "distinct_scores"
        value, threshold = (f"{figure:.0f}" if whole else f"{figure:.3f}" for figure in (self.value, self.threshold))
        of = f" of {self.of}" if self.of else ""
        words = f"{_WORDS[self.figure]}{of}{_ASSUMING[self.view]}"
        return f"{where}{words} is {value}, over the threshold {threshold}; {self.advice}"


_WORDS = {
    "gain": "the average gain",
    "run_gain": "the average gain about the run",
    "disclosed_share": "the share of members given away",
    "run_share": "the share of members given away in the run",
    "distinct_scores": "the number of distinct scores",
}


def judge(leakage: Leakage, thresholds: Thresholds, view: View = View.INDEPENDENT) -> tuple[Finding, ...]:
    """Return every figure that breaks its threshold; none: the model passes. Disclosable fields are exempt.

    The number of distinct scores is judged in :attr:`View.INDEPENDENT` alone: a combination is bounded in bits, by
    the extraction ledger. The worst posterior is 1 for every scorecard and is not judged.
    """
    found = list(_distinct_scores(leakage, thresholds)) if view is View.INDEPENDENT else []
    for field in leakage.fields:
        if field.sensitivity is not Sensitivity.DISCLOSABLE:
            found.extend(_field(field, leakage.method, thresholds, view))
    return tuple(found)


def _distinct_scores(leakage: Leakage, thresholds: Thresholds) -> Iterator[Finding]:
    value, most = leakage.distinct_scores, thresholds.distinct_scores
    if value > most:
        times = math.ceil(value / most)
        advice = f"coarser points (multiples of a number {times} times as large) or fewer fields would help"
        yield Finding("", View.INDEPENDENT, "distinct_scores", value, most, advice)


def _field(field: FieldLeakage, method: Method, thresholds: Thresholds, view: View) -> Iterator[Finding]:
    gain, share = thresholds.gain(field.sensitivity), thresholds.disclosed_share
    gains = (("gain", field.gain, ""), ("run_gain", field.run_gain, field.run_gain_of))
    shares = (
        ("disclosed_share", field.disclosed_share, field.worst_bin),
        ("run_share", field.run_share, field.run_share_of),
    )
    for figures, threshold in ((gains, gain), (shares, share)):
        broken = [entry for entry in figures if entry[1] > threshold]
        for figure, value, of in broken[:1]:  # a run is named only where single bins pass
            yield Finding(field.field, view, figure, value, threshold, _advice(method, view, figure), of)


def _advice(method: Method, view: View, figure: str) -> str:
    if view is View.COMBINATION:
        return "models that differ in more places, or a combination that leaves one of them out, would help"
    if method is Method.BOUND:
        return "the scores are too many to measure, this is the worst conceivable: coarser points would help"
    nearer = "points of this field that are coarser or nearer to one another, or more weight on other fields"
    if view is View.GIVEN_BANK_FIELDS:
        nearer += " that the bank does not hold"
    return f"{nearer}, would help" if figure.startswith("run") else f"{nearer}, or fewer bins, would help"


def impossible(thresholds: Thresholds, max_bits: int | None = None, max_models: int | None = None) -> str | None:
    """Return why no model can ever pass, naming the member of the agreement; None where some model can.

    The lowest and the highest score tell every field that the model reads, so its gain and its share are above 0. A
    model that tells anything has two distinct scores; with exactly two it reads one field, and then every member of the
    smaller side is given away, a share of 1.
    """
    for name in ("sensitive_gain", "ordinary_gain", "disclosed_share"):
        value = getattr(thresholds, name)
        if not (math.isfinite(value) and 0 <= value <= 1):
            return f"{name}: {value} lies outside 0 to 1"
        if value == 0:
            return f"{name}: at 0 no model that reads such a field passes; name no such field in the agreement instead"
    if thresholds.distinct_scores < 2:
        return "distinct_scores: a model has two distinct scores at least"
    if thresholds.distinct_scores < 3 and thresholds.disclosed_share < 1:
        return "distinct_scores: a model with two scores gives every member of a bin away, over disclosed_share"
    if max_models is not None and max_models < 1:
        return "max_models_per_enterprise: at 0 no model may be used on an enterprise"
    fewest = 2 if thresholds.disclosed_share >= 1 else 3
    if max_bits is not None and max_bits < math.log2(fewest):
        return f"max_bits_per_enterprise: a model's score has log2({fewest}) bits at least"
    return None
