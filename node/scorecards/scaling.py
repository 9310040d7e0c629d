"""From a logistic regression to points: the one sign convention (docs/scorecards.md).

``B = pdo / ln 2``; odds are good:bad; ``score = base_score + B * ln(odds / base_odds)``. A regression of BAD gives
``ln(odds) = -(alpha + sum beta_i * x_i)``; so points of a value are ``-B * beta * x`` and the intercept's are
``-B * (alpha + ln base_odds)``. With WOE = ln(bad% / good%) as x, a bin with more bad enterprises has fewer points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scaling:
    """``base_score`` points at odds good:bad of ``base_odds``; ``pdo`` points double the odds. Decimals as text."""

    base_score: int
    base_odds: str
    pdo: str

    @property
    def factor(self) -> float:
        """``B = pdo / ln 2``, points per unit of log-odds."""
        return float(self.pdo) / math.log(2)

    def exact_points(self, beta: float, value: float) -> float:
        """Return ``-B * beta * value`` unrounded; ``beta`` is the weight in a regression of bad."""
        return -self.factor * beta * value

    def points(self, beta: float, value: float) -> int:
        """Return :meth:`exact_points` rounded to the nearest integer (half to even)."""
        return round(self.exact_points(beta, value))

    def exact_intercept(self, alpha: float) -> float:
        """Return ``-B * (alpha + ln base_odds)`` unrounded; ``alpha`` is the intercept in a regression of bad."""
        return -self.factor * (alpha + math.log(float(self.base_odds)))

    def intercept_points(self, alpha: float) -> int:
        """Return :meth:`exact_intercept` rounded to the nearest integer (half to even)."""
        return round(self.exact_intercept(alpha))

    def log_odds(self, score: float) -> float:
        """Return ``ln(odds good:bad)`` at a score."""
        return (score - self.base_score) / self.factor + math.log(float(self.base_odds))
