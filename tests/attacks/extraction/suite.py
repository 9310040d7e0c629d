"""All attacks, in the order of the report: on the protocol with its parts in this process, then on whole nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.attacks.extraction import (
    coefficients,
    dishonest_models,
    key_recovery,
    mutation,
    noise,
    paillier_attacks,
    shared_randomness,
    timing,
)
from tests.attacks.extraction.outcome import Attack, Tally

PROTOCOL_ATTACKS: tuple[Attack, ...] = (
    *noise.ATTACKS,
    *dishonest_models.ATTACKS,
    *coefficients.ATTACKS,
    *shared_randomness.ATTACKS,
    *key_recovery.ATTACKS,
    *mutation.ATTACKS,
    *paillier_attacks.ATTACKS,
)
TIMED_ATTACKS: tuple[Attack, ...] = timing.ATTACKS
"""By processor time: for the report, not for tests."""
COUNTED_ATTACKS: tuple[Attack, ...] = timing.COUNTED_ATTACKS
"""The same attacks by the number of operations."""


@dataclass(frozen=True)
class Finding:
    """One attack with what came of it on either side."""

    attack: Attack
    twin: Tally
    product: Tally

    @property
    def as_it_should_be(self) -> bool:
        """The twin lost something, so the attack works; the product lost nothing."""
        return self.twin.recovered > 0 and self.product.recovered == 0

    def figures(self) -> dict[str, str | int | float]:
        """Return the entry of the report's list ``attacks``."""
        return {
            "name": self.attack.name,
            "trials": self.product.trials,
            "recovered": self.product.recovered,
            "weakened_recovered": self.twin.recovered,
            "weakened_trials": self.twin.trials,
            "successes": self.product.successes,
            "chance": self.product.chance,
            "deviation_sigmas": round(self.product.deviation, 2),
            "bound": round(self.product.bound, 6),
            "about": self.attack.about,
            "weakened_lacks": self.attack.lacks,
        }


def run(attacks: tuple[Attack, ...], seed: int, *, thorough: bool) -> Iterator[Finding]:
    """Run attacks one after the other: the twin first, for an attack that does not work proves nothing."""
    for attack in attacks:
        twin = attack.twin(attack.trials_of_twin, seed)
        yield Finding(attack, twin, attack.product(attack.many if thorough else attack.few, seed))
