"""Makes the exported models of this folder with the real libraries. Not a test; see README.md for when and how.

Usage: python make_fixtures.py optbinning|scorecardpy|sklearn FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

LEVELS = dict(zip("ABCDM", (-0.8, -0.1, 0.6, 1.6, 0.2), strict=True))
ROWS = 3000
SAMPLE_ROWS = 400


def made_up_data() -> tuple[pd.DataFrame, pd.Series[int]]:
    """Three features and an outcome, from one seed; made up, nobody's data."""
    rng = np.random.default_rng(7)
    data = pd.DataFrame(
        {
            "vat_sales_growth": np.round(rng.normal(0.05, 0.3, ROWS), 3),
            "zero_filing_months": rng.poisson(1.2, ROWS),
            "credit_level": rng.choice(list("ABCDM"), ROWS, p=[0.3, 0.35, 0.15, 0.05, 0.15]),
        }
    )
    log_odds = -1.7 - 2 * data.vat_sales_growth + 0.35 * data.zero_filing_months + data.credit_level.map(LEVELS)
    outcome = pd.Series((rng.random(ROWS) < 1 / (1 + np.exp(-log_odds))).astype(int), name="default")
    data.loc[rng.random(ROWS) < 0.06, "vat_sales_growth"] = np.nan
    return data, outcome


def make_optbinning(folder: Path, data: pd.DataFrame, outcome: pd.Series[int]) -> None:
    from optbinning import BinningProcess, Scorecard

    from node.scorecards.import_optbinning import export_optbinning

    process = BinningProcess(list(data.columns), categorical_variables=["credit_level"], max_n_bins=4)
    card = Scorecard(
        binning_process=process,
        estimator=LogisticRegression(C=1),
        scaling_method="pdo_odds",
        scaling_method_params={"pdo": 20, "odds": 20, "scorecard_points": 600},
    ).fit(data, outcome)
    card.table(style="detailed").to_csv(folder / "optbinning-table.csv", index=False)
    exported = json.dumps(export_optbinning(card), indent=2, ensure_ascii=False)
    (folder / "optbinning.json").write_text(exported + "\n", encoding="utf-8")
    sample = data.head(SAMPLE_ROWS).assign(default=outcome.head(SAMPLE_ROWS))
    sample["optbinning_score"] = card.score(data.head(SAMPLE_ROWS))
    sample.to_csv(folder / "optbinning-sample.csv", index=False)


def make_scorecardpy(folder: Path, data: pd.DataFrame, outcome: pd.Series[int]) -> None:
    import scorecardpy

    joined = data.assign(default=outcome)
    bins = scorecardpy.woebin(joined, y="default")
    woe = scorecardpy.woebin_ply(joined, bins)
    names = [name for name in woe.columns if name != "default"]
    model = LogisticRegression(C=1).fit(woe[names], woe["default"])
    card = scorecardpy.scorecard(bins, model, names, points0=600, odds0=1 / 20, pdo=20)
    pd.concat(card.values(), ignore_index=True).to_csv(folder / "scorecardpy.csv", index=False)
    head = joined.head(SAMPLE_ROWS)
    sample = head.assign(scorecardpy_score=scorecardpy.scorecard_ply(head, card)["score"])
    sample.to_csv(folder / "scorecardpy-sample.csv", index=False)


def make_sklearn(folder: Path, data: pd.DataFrame, outcome: pd.Series[int]) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from node.scorecards.import_sklearn import export_sklearn

    numbers = data[["vat_sales_growth", "zero_filing_months"]].dropna()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1)).fit(numbers, outcome[numbers.index])
    exported = json.dumps(export_sklearn(model, list(numbers.columns)), indent=2)
    (folder / "sklearn.json").write_text(exported + "\n", encoding="utf-8")
    head = numbers.head(SAMPLE_ROWS)
    sample = head.assign(default=outcome[head.index], log_odds_bad=model.decision_function(head))
    sample.to_csv(folder / "sklearn-sample.csv", index=False)


if __name__ == "__main__":
    makers = {"optbinning": make_optbinning, "scorecardpy": make_scorecardpy, "sklearn": make_sklearn}
    makers[sys.argv[1]](Path(sys.argv[2]), *made_up_data())
