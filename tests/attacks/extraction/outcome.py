"""What an attack is, and what its trials say: successes, and the bound on the true rate that so many trials support."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

SIGMAS = 5.0
"""What guessing reaches once in two million runs. Three are reached once in 370, and the attacks run at every change:
what nobody looks into when it happens protects nothing. Forty right guesses of forty lie beyond six."""
CONFIDENCE_SIGMAS = 2.0
RULE_OF_THREE = 3.0
"""No success in n trials: the true rate is below about 3/n with 95 % confidence, for (1 - 3/n)^n is about exp(-3)."""


@dataclass(frozen=True)
class Tally:
    """Trials of one attack on one target.

    ``chance``: how often blind guessing would succeed in one trial; 0 where a success is no accident.
    """

    trials: int
    successes: int
    chance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials or self.trials < 1 or not 0 <= self.chance < 1:
            raise ValueError("a tally has between none and all successes of at least one trial")

    @property
    def deviation(self) -> float:
        """How many standard deviations the successes lie from what blind guessing gives; 0 without a chance."""
        if self.chance == 0:
            return 0.0
        spread = math.sqrt(self.trials * self.chance * (1 - self.chance))
        return (self.successes - self.trials * self.chance) / spread

    @property
    def recovered(self) -> int:
        """Successes that guessing does not explain.

        Without a chance every success counts. With one, nothing within five standard deviations counts, on either
        side, for a guess that is always wrong tells as much as one that is always right; beyond them the trials that
        must have been known for that many successes, the others being guessed.
        """
        if self.chance == 0:
            return self.successes
        if abs(self.deviation) <= SIGMAS:
            return 0
        excess = self.successes - self.trials * self.chance
        return max(1, round(excess / (1 - self.chance) if excess > 0 else -excess / self.chance))

    @property
    def bound(self) -> float:
        """What the true rate stays below, if nothing was recovered, with 95 % confidence at least.

        With a chance it is the distance of the rate from chance: what was seen, and two standard deviations more.
        """
        if self.chance == 0:
            return min(1.0, RULE_OF_THREE / self.trials)
        return min(
            1.0, (abs(self.deviation) + CONFIDENCE_SIGMAS) * math.sqrt(self.chance * (1 - self.chance) / self.trials)
        )


Run = Callable[[int, int], Tally]
"""Takes the number of trials and a seed."""


@dataclass(frozen=True)
class Attack:
    """One attack, run by the same code against a twin that lacks one defence and against the product."""

    name: str
    about: str
    """Who tries what, in one sentence."""
    lacks: str
    """What the twin lacks: why the attack works there."""
    twin: Run
    product: Run
    few: int
    """Trials in the test suite."""
    many: int
    """Trials in the report for auditors."""
    twin_trials: int = 0
    """Trials against the twin; as many as in the suite unless set."""

    @property
    def trials_of_twin(self) -> int:
        """Trials against the twin, enough to see that the attack works."""
        return self.twin_trials or self.few
