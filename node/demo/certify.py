"""The demo's model on its way to an admission: built, reviewed, changed as the report advises, until an auditor signs.

A scorecard that was fitted for prediction alone may give too much away about one field. The bank then draws the points
of that field nearer to each other, which costs a little of its weight, and shows the next version.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from node.certification.report_html import report_html
from node.certification.result import FieldFigures, ReviewResult
from node.codes import Code, Side
from node.demo.trial import BUREAU, Trial
from node.errors import Refusal
from node.policy.agreement import Certification
from node.policy.catalogue import Sensitivity
from node.scorecards.format import Scorecard, parse_scorecard

MAXIMUM_REVIEWS = 6
NEARER = 0.75
"""What the points of a field that gives away too much are multiplied by."""
MAY_BE_GUESSED = Certification(
    sensitive_gain="1", ordinary_gain="1", disclosed_share="1", distinct_scores=2**31 - 1, max_bits_per_enterprise=64
)
"""Terms for data that no scorecard could meet the defaults with: every field may be guessed from the score."""

Progress = Callable[[str, int, int], None]
"""Told (what is being done, done, all)."""


@dataclass(frozen=True)
class Certified:
    """The version that was admitted, and what every review before it found; the last one passed."""

    card: Scorecard
    reviews: tuple[ReviewResult, ...]

    @property
    def passed(self) -> ReviewResult:
        """The review that was signed."""
        return self.reviews[-1]

    @property
    def worst_gain(self) -> float:
        """Largest gain of a field in any view of the admitted version."""
        return max(field.gain for view in self.passed.views for field in view.fields)

    @property
    def score_bits(self) -> float:
        """log2 of the admitted version's distinct scores."""
        return max(view.score_bits_milli for view in self.passed.views) / 1000


def certify(trial: Trial, card: Scorecard, out: Path, progress: Progress) -> Certified:
    """Have a scorecard admitted and the admission imported at the bank; leaves the report in ``out``.

    Args:
        trial: the nodes, with data at the bureau and an agreement.
        card: the scorecard as it was fitted.
        out: folder of the report.
        progress: told of columns and fields.

    Raises:
        Refusal: ``MODEL_NOT_ADMITTED``: no version passed.
    """
    frequencies = trial.frequencies()
    reviews: list[ReviewResult] = []
    while True:
        result = _review(trial, card, frequencies, out / f"version-{len(reviews) + 1}.dossier", progress)
        reviews.append(result)
        if result.passed:
            break
        if len(reviews) == MAXIMUM_REVIEWS or not (fields := too_telling(result)):
            raise _never_admitted(result)
        card = nearer(card, fields, str(len(reviews) + 1))
    (out / "review.html").write_bytes(report_html(result))
    with trial.bank.client() as bank:
        bank.admissions.add(trial.auditor.admit(result))
    return Certified(card, tuple(reviews))


def _review(trial: Trial, card: Scorecard, frequencies: bytes, dossier: Path, progress: Progress) -> ReviewResult:
    with trial.bank.client() as bank:
        for built in bank.models.build(card.to_json().encode("utf-8"), bureau=BUREAU):
            progress(f"bank: encrypt version {card.version}", built.columns_done, built.columns)
    trial.write_dossier(f"{card.name}@{card.version}", dossier)

    def told(doing: str, done: int, total: int) -> None:
        progress(f"auditor: review version {card.version}, {doing}", done, total)

    result = trial.auditor.review(dossier, [frequencies], progress=told)
    trial.auditor.forget(dossier)
    return result


def too_telling(result: ReviewResult) -> frozenset[str]:
    """Return the fields that break a threshold; all of them where the scores are too many."""
    figures = [field for view in result.views for field in view.fields]
    if any(view.distinct_scores > result.thresholds.distinct_scores for view in result.views):
        return frozenset(field.field for field in figures)
    return frozenset(field.field for field in figures if _breaks(result, field))


def _breaks(result: ReviewResult, field: FieldFigures) -> bool:
    if field.sensitivity == Sensitivity.DISCLOSABLE:
        return False
    sensitive = field.sensitivity == Sensitivity.SENSITIVE
    gain = result.thresholds.sensitive_gain if sensitive else result.thresholds.ordinary_gain
    return field.gain > gain or field.disclosed_share > result.thresholds.disclosed_share


def nearer(card: Scorecard, fields: frozenset[str], version: str) -> Scorecard:
    """Return the next version of a scorecard, with the points of some of the bureau's fields nearer to each other."""
    body = json.loads(card.to_json())
    body["version"] = version
    for field in body["fields"]:
        if field["source"] == "bureau" and field["field"] in fields:
            _draw_in(field)
    return parse_scorecard(json.dumps(body, ensure_ascii=False))


def _draw_in(field: dict[str, object]) -> None:
    """Multiply the points of a field's bins, or of its groups, and of missing values."""
    for name, value in field.items():
        if name in ("missing", "other") and isinstance(value, int):
            field[name] = round(NEARER * value)
        elif name == "points" and isinstance(value, list):
            field[name] = [round(NEARER * points) for points in value]
        elif name == "groups" and isinstance(value, list):
            field[name] = [{**group, "points": round(NEARER * group["points"])} for group in value]


def _never_admitted(result: ReviewResult) -> Refusal:
    return Refusal(
        Code.MODEL_NOT_ADMITTED,
        f"no version of the scorecard passed the review: {result.failures[0].text}",
        side=Side.BANK,
        remedy="Bring more fields of the bureau's that tell something: few fields cannot hide each other.",
    )
