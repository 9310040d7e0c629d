"""How well a score tells bad from good: AUC and KS, ties handled, in NumPy.

Sources: AUC as the Mann-Whitney statistic (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747), a tie
counting one half; KS as the largest distance between the two empirical distributions (Kolmogorov-Smirnov).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auc(scores: ArrayLike, bad: ArrayLike) -> float:
    """Return the chance that a good enterprise has a higher score than a bad one (a tie is half), 0..1.

    :param scores: ``(rows,)`` numbers, higher is better.
    :param bad: ``(rows,)`` truth values, true = defaulted.
    :raises ValueError: one of the two classes is empty.
    """
    _, good_counts, bad_counts = _counts(scores, bad)
    bad_below = np.cumsum(bad_counts) - bad_counts
    wins = float(np.sum(good_counts * (bad_below + bad_counts / 2)))
    return wins / (float(good_counts.sum()) * float(bad_counts.sum()))


def ks(scores: ArrayLike, bad: ArrayLike) -> float:
    """Return the largest distance between the cumulative shares of bad and good over all cut-offs, 0..1.

    Parameters and errors as in :func:`auc`.
    """
    _, good_counts, bad_counts = _counts(scores, bad)
    good_share = np.cumsum(good_counts) / good_counts.sum()
    bad_share = np.cumsum(bad_counts) / bad_counts.sum()
    return float(np.max(np.abs(bad_share - good_share)))


def roc_points(scores: ArrayLike, bad: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ROC curve of «bad = refused below a cut-off»: false and true positive rates, from (0,0) to (1,1)."""
    _, good_counts, bad_counts = _counts(scores, bad)
    false_positive = np.concatenate([[0.0], np.cumsum(good_counts) / good_counts.sum()])
    true_positive = np.concatenate([[0.0], np.cumsum(bad_counts) / bad_counts.sum()])
    return false_positive, true_positive


def _counts(scores: ArrayLike, bad: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Distinct scores ascending, and how many good and bad rows have each."""
    truth = np.asarray(bad).astype(np.bool_)
    values, place = np.unique(np.asarray(scores), return_inverse=True)
    bad_counts = np.bincount(place[truth], minlength=len(values)).astype(np.float64)
    good_counts = np.bincount(place[~truth], minlength=len(values)).astype(np.float64)
    if not bad_counts.any() or not good_counts.any():
        raise ValueError("both good and bad rows are needed")
    return values, good_counts, bad_counts
