from __future__ import annotations

import io
import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from node.demo.binning import cut_codes, cut_numbers
from node.demo.default_data import load_default
from node.demo.fit import CardHeader, fit
from node.demo.infer import infer
from node.demo.numeric_columns import grid
from node.demo.plots import plot_roc, plot_scores
from node.demo.report import Summary, show_fitted, show_inferred, show_summary

SUMMARY = Summary(
    enterprises=10, aligned=8, scored=6, refused={"NO_CONSENT": 2, "CONSENT_EXPIRED": 2}, exact=True,
    auc_bank=0.71, auc_joint=None, reviews=2, worst_gain=0.31, score_bits=7.25, bytes_to_bureau=1234567,
    bytes_to_bank=89, seconds=1.25,
)  # fmt: skip


def test_the_summary_has_exactly_the_promised_keys(tmp_path: Path) -> None:
    SUMMARY.write(tmp_path / "summary.json")
    assert list(json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))) == [
        "enterprises", "aligned", "scored", "refused", "exact",
        "auc_bank", "auc_joint", "reviews", "worst_gain", "score_bits", "bytes_to_bureau", "bytes_to_bank", "seconds",
    ]  # fmt: skip


def test_tables_say_what_was_found() -> None:
    data = load_default()
    inferred = infer(data)
    fitted = fit(data, inferred, CardHeader("demo", "1", "demo", 1, "2099-12-31"))
    console = Console(file=io.StringIO(), width=150)
    show_inferred(console, inferred.bank, inferred.bureau)
    show_fitted(console, fitted, inferred.bank, inferred.bureau)
    show_summary(console, SUMMARY)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for part in (
        "bits a score can carry",
        "7.25",
        "income",
        "0 .. 300000",
        "refused: NO_CONSENT",
        "1,234,567",
        "0.7100",
        "2,227 training rows",
    ):
        assert part in text


def test_plots_are_pictures(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    bad = generator.random(300) < 0.3
    scores = np.round(600 + 30 * generator.normal(size=300) - 25 * bad)
    plot_scores(tmp_path / "s.png", scores, bad, "scores")
    plot_roc(tmp_path / "r.png", [("joint", scores), ("bank", generator.normal(size=300))], bad, "roc")
    plot_scores(tmp_path / "one.png", [600, 600], [0, 0], "one value, one class")
    for name in ("s", "r", "one"):
        image = matplotlib.image.imread(tmp_path / f"{name}.png")
        assert image.shape[0] > 500
        assert float(image[..., :3].std()) > 0.01  # not blank


def test_bins_hold_enough_rows_and_riskier_bins_have_larger_woe() -> None:
    generator = np.random.default_rng(2)
    values = generator.normal(size=2000)
    bad = generator.random(2000) < 1 / (1 + np.exp(1 + values))
    values[:300] = np.nan
    edges = np.array([float(edge) for edge in grid(values, 3)])
    bins = cut_numbers(values, edges, bad)
    counts = np.bincount(bins.numbers, minlength=len(bins.woe))
    assert counts[:-1].min() >= 100
    assert counts[-1] == 300
    assert len(bins.edges) <= 5
    assert bins.woe[0] > bins.woe[len(bins.edges)]
    assert bins.information_value > 0.1


def test_rare_codes_fall_into_other_and_missing_without_rows_says_nothing() -> None:
    indices = np.array([0] * 100 + [1] * 100 + [2] * 3, dtype=np.int64)
    bad = np.array([row % 10 == 0 for row in range(100)] + [row % 2 == 0 for row in range(100)] + [True] * 3)
    bins = cut_codes(indices, 3, bad)
    assert bins.groups == ((0,), (1,))
    assert bins.numbers[-3:].tolist() == [2, 2, 2]
    assert bins.woe[2:].tolist() == [0.0, 0.0]
    assert bins.woe[0] < 0 < bins.woe[1]


@pytest.mark.parametrize(
    ("values", "decimals", "expected"),
    [
        ([1, 1, 2, 3], 0, ("2", "3")),
        ([0.5, 0.25, float("nan")], 2, ("0.5",)),
        ([7, 7], 0, ()),
    ],
)
def test_a_column_with_few_values_may_be_cut_at_each(
    values: list[float], decimals: int, expected: tuple[str, ...]
) -> None:
    assert grid(np.array(values), decimals) == expected
