"""What an import did to a fitted model: rounding, moved edges, and how much worse it tells good from bad."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from node.codes import Code
from node.errors import Refusal
from node.scorecards.fitted import FittedCard
from node.scorecards.format import Scorecard
from node.scorecards.import_settings import ImportSettings
from node.scorecards.metrics import auc, ks
from node.scorecards.reference import ReferenceOracle
from node.scorecards.snap import Changes

_BAD, _GOOD = {"1", "1.0", "true"}, {"0", "0.0", "false"}


@dataclass(frozen=True)
class Comparison:
    """AUC and KS on a sample, of the fitted model and of the file made from it."""

    rows: int
    left_out: int
    """Rows without a known outcome, or with a cell that the model cannot read."""
    auc_before: float
    auc_after: float
    ks_before: float
    ks_after: float


@dataclass(frozen=True)
class ImportReport:
    """Everything that changed on the way from the fitted model to the file."""

    changes: Changes
    comparison: Comparison | None
    """None where no sample was given."""

    def as_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return {
            "largest_total_rounding_error": self.changes.total_error,
            "rounding": [
                {"field": one.field, "bin": one.bin, "exact": one.exact, "points": one.points, "error": one.error}
                for one in self.changes.rounded
            ],
            "moved_edges": [vars(one) for one in self.changes.moved],
            "notes": self.changes.notes,
            "sample": None if self.comparison is None else vars(self.comparison),
        }


def compare(
    fitted: FittedCard, card: Scorecard, settings: ImportSettings, sample: bytes, outcome: str = "default"
) -> Comparison:
    """Score a sample (CSV with a column per variable and one of the outcome, 1 = bad) before and after.

    :raises Refusal: ``INVALID_INPUT`` where a column is absent, one class is empty, or the fitted score turns out lower
        for the good: it was fitted with the other sign.
    """
    rows = _read(sample, [*(field.variable for field in fitted.fields), outcome])
    oracle = ReferenceOracle(json.loads(card.to_json()))
    before: list[float] = []
    after: list[int] = []
    bad: list[bool] = []
    for row in rows:
        scored = _score_both(row, fitted, oracle, settings)
        if scored is None or row[outcome].strip().lower() not in _BAD | _GOOD:
            continue
        before.append(scored[0])
        after.append(scored[1])
        bad.append(row[outcome].strip().lower() in _BAD)
    if len(set(bad)) < 2:
        raise Refusal(Code.INVALID_INPUT, "sample: it needs readable rows with good (0) and with bad (1) outcome")
    found = Comparison(
        len(bad), len(rows) - len(bad), auc(before, bad), auc(after, bad), ks(before, bad), ks(after, bad)
    )
    if found.auc_before < 0.5:
        raise Refusal(
            Code.INVALID_INPUT,
            "sample: the fitted score is lower for good enterprises than for bad ones; here higher is better",
            remedy="Fit or export the model so that more points mean a better enterprise (event = bad).",
        )
    return found


def _score_both(
    row: dict[str, str], fitted: FittedCard, oracle: ReferenceOracle, settings: ImportSettings
) -> tuple[float, int] | None:
    renamed = {settings.field_of(name): cell for name, cell in row.items()}
    try:
        return fitted.score(row), oracle.score(renamed, renamed).score
    except ValueError:
        return None


def _read(sample: bytes, needed: Sequence[str]) -> list[dict[str, str]]:
    try:
        reader = csv.DictReader(io.StringIO(sample.decode("utf-8-sig"), newline=""), restval="")
        rows = [{name: cell for name, cell in row.items() if name is not None} for row in reader]
    except (UnicodeDecodeError, csv.Error):
        raise Refusal(Code.INVALID_INPUT, "sample: not a CSV file in UTF-8") from None
    absent = [name for name in needed if name not in (reader.fieldnames or ())]
    if absent:
        raise Refusal(Code.INVALID_INPUT, f"sample: the column {absent[0]!r} is absent")
    return rows
