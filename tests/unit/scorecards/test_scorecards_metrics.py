from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from node.scorecards.metrics import auc, ks, roc_points
from node.scorecards.scaling import Scaling


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_auc_and_ks_agree_with_scikit_learn_also_with_ties(levels: int) -> None:
    generator = np.random.default_rng(levels)
    bad = generator.random(500) < 0.3
    scores = generator.integers(0, levels, 500) - 0.3 * levels * bad
    assert auc(scores, bad) == pytest.approx(roc_auc_score(bad, -scores), abs=1e-12)
    false_positive, true_positive, _ = roc_curve(bad, -scores)
    assert ks(scores, bad) == pytest.approx(np.max(true_positive - false_positive), abs=1e-12)


def test_higher_scores_of_the_good_are_an_auc_above_one_half() -> None:
    assert auc([1, 2, 3, 4], [1, 1, 0, 0]) == 1.0
    assert auc([4, 3, 2, 1], [1, 1, 0, 0]) == 0.0
    assert auc([5, 5, 5], [1, 0, 0]) == 0.5
    assert ks([5, 5, 5], [1, 0, 0]) == 0.0


def test_one_class_alone_has_no_auc() -> None:
    for bad in ([0, 0], [1, 1], []):
        with pytest.raises(ValueError, match="both good and bad"):
            auc([1, 2][: len(bad)], bad)


def test_the_area_under_the_drawn_curve_is_the_auc() -> None:
    scores, bad = [1, 1, 2, 3, 3, 4], [1, 0, 1, 0, 1, 0]
    false_positive, true_positive = roc_points(scores, bad)
    assert np.trapezoid(true_positive, false_positive) == pytest.approx(auc(scores, bad))
    assert (false_positive[0], true_positive[0], false_positive[-1], true_positive[-1]) == (0, 0, 1, 1)


SCALING = Scaling(base_score=600, base_odds="20", pdo="20")


def test_sign_convention_more_bad_means_fewer_points() -> None:
    # WOE = ln(bad% / good%), regression of bad: a riskier bin has a larger WOE and, with beta > 0, fewer points.
    assert SCALING.points(1.0, 0.7) < 0 < SCALING.points(1.0, -0.7)


def test_base_odds_give_the_base_score_and_pdo_doubles_them() -> None:
    # ln(odds good:bad) = -alpha for a regression of bad with no feature.
    assert SCALING.exact_intercept(-math.log(20)) == pytest.approx(0)
    assert SCALING.exact_intercept(-math.log(40)) == pytest.approx(20)
    assert SCALING.exact_intercept(-math.log(10)) == pytest.approx(-20)


def test_score_is_base_plus_factor_times_log_of_odds() -> None:
    alpha, beta, woe = -1.3, 0.9, -0.4
    score = 600 + SCALING.exact_intercept(alpha) + SCALING.exact_points(beta, woe)
    log_odds = -(alpha + beta * woe)
    assert score == pytest.approx(600 + 20 / math.log(2) * math.log(math.exp(log_odds) / 20))
    assert SCALING.log_odds(score) == pytest.approx(log_odds)
