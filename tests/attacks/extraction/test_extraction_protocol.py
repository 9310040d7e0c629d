"""Every attack on the protocol recovers something from its weakened twin, and nothing from the product."""

from __future__ import annotations

import pytest

from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.suite import COUNTED_ATTACKS, PROTOCOL_ATTACKS, TIMED_ATTACKS

SEED = 20_260_331
ATTACKS = PROTOCOL_ATTACKS + COUNTED_ATTACKS
CERTAIN = {attack.name for attack in ATTACKS} - {"mutated-answer", "mutated-model"}
"""Attacks that work on the twin every time; two in three changed bytes are lost in the noise or refused for form."""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_twin_loses_and_the_product_does_not(attack: Attack) -> None:
    twin = attack.twin(attack.trials_of_twin, SEED)
    assert twin.recovered == twin.trials if attack.name in CERTAIN else twin.recovered > 0
    product = attack.product(attack.few, SEED)
    assert product.trials == attack.few
    assert product.recovered == 0, f"{product.successes} of {product.trials}, {product.deviation:.1f} sigma"


def test_names_are_distinct_and_every_attack_is_explained() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names)
    assert {attack.name for attack in TIMED_ATTACKS} == {attack.name for attack in COUNTED_ATTACKS}
    for attack in ATTACKS:
        assert attack.about.endswith(".")
        assert not attack.lacks.endswith(".")
        assert 1 <= attack.few <= attack.many


@pytest.mark.parametrize(
    ("tally", "recovered"),
    [
        (Tally(10, 0), 0),
        (Tally(10, 1), 1),
        (Tally(10_000, 5_250, 0.5), 0),
        (Tally(10_000, 4_750, 0.5), 0),
        (Tally(10_000, 5_251, 0.5), 502),
        (Tally(10_000, 4_749, 0.5), 502),
        (Tally(100, 100, 0.5), 100),
        (Tally(100, 0, 0.5), 100),
    ],
    ids=str,
)
def test_successes_count_unless_guessing_explains_them(tally: Tally, recovered: int) -> None:
    assert tally.recovered == recovered


def test_the_bound_that_trials_support() -> None:
    assert Tally(300, 0).bound == pytest.approx(0.01)
    assert Tally(1, 0).bound == 1
    assert Tally(10_000, 5_000, 0.5).bound == pytest.approx(0.01)
    assert Tally(10_000, 4_950, 0.5).bound == pytest.approx(0.015)


@pytest.mark.parametrize(("trials", "successes", "chance"), [(0, 0, 0.0), (3, 4, 0.0), (3, -1, 0.0), (3, 1, 1.0)])
def test_a_tally_that_cannot_be(trials: int, successes: int, chance: float) -> None:
    with pytest.raises(ValueError, match="tally"):
        Tally(trials, successes, chance)
