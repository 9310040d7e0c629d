"""The demo's two pictures: how the score tells good from bad, and what the tax side adds."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from node.codes import Code
from node.errors import Refusal
from node.scorecards.metrics import auc, roc_points

GOOD_COLOUR = "#2a6f97"
BAD_COLOUR = "#c1440e"
MUTED = "#8d99ae"
_BARS = 40


def plot_scores(path: Path, scores: ArrayLike, bad: ArrayLike, title: str) -> None:
    """Draw the distribution of scores of good and of bad enterprises, each as shares of its own class.

    :param path: PNG to write.
    :param scores: ``(rows,)`` exact scores.
    :param bad: ``(rows,)`` truth values.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(bad, dtype=np.bool_)
    bins = _edges(values)
    figure, axes = _figure()
    for part, colour, label in ((~truth, GOOD_COLOUR, "repaid"), (truth, BAD_COLOUR, "defaulted")):
        shown = values[part]
        weights = np.full(len(shown), 1 / max(1, len(shown)))
        axes.hist(shown, bins=bins, weights=weights, color=colour, alpha=0.55, label=f"{label} ({len(shown):,})")
        if len(shown):
            axes.axvline(float(np.median(shown)), color=colour, linestyle="--", linewidth=1.2)
    axes.set(title=title, xlabel="score (higher is better; dashed: median)", ylabel="share of its class")
    axes.legend(frameon=False)
    _save(figure, axes, path)


def plot_roc(path: Path, curves: Sequence[tuple[str, ArrayLike]], bad: ArrayLike, title: str) -> None:
    """Draw ROC curves over the same rows.

    :param curves: (label, ``(rows,)`` scores); the first is the one that matters.
    """
    figure, axes = _figure(square=True)
    for place, (label, scores) in enumerate(curves):
        false_positive, true_positive = roc_points(scores, bad)
        colour = GOOD_COLOUR if place == 0 else BAD_COLOUR
        text = f"{label}: AUC {auc(scores, bad):.3f}"
        axes.plot(false_positive, true_positive, color=colour, linewidth=2 if place == 0 else 1.5, label=text)
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=":", linewidth=1, label="chance")
    axes.set(title=title, xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
    axes.set(xlabel="repaid, yet below the cut-off", ylabel="defaulted, and below the cut-off")
    axes.legend(frameon=False, loc="lower right")
    _save(figure, axes, path)


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bars of whole points, about :data:`_BARS` of them: a bar of broken width would comb an integer score."""
    low, high = float(values.min()), float(values.max())
    width = max(1.0, float(np.ceil((high - low) / _BARS)))
    return np.arange(low - 0.5, high + width + 0.5, width)


def _figure(*, square: bool = False) -> tuple[Any, Any]:
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ImportError:
        raise Refusal(
            Code.CONFIG_INVALID,
            "the demo's plots need matplotlib",
            remedy="Install the demo extra: pip install 'banktax-node[demo]'.",
        ) from None
    matplotlib.use("Agg")  # no display is needed
    size = (5.6, 5.6) if square else (7.6, 4.4)
    figure, axes = importlib.import_module("matplotlib.pyplot").subplots(figsize=size, layout="constrained")
    return figure, axes


def _save(figure: Any, axes: Any, path: Path) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=MUTED, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.savefig(path, dpi=150)
    importlib.import_module("matplotlib.pyplot").close(figure)
