"""Every attack on nodes recovers something from its weakened twin, and nothing from the product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.codes import Reason
from tests.attacks.extraction import points, replay
from tests.attacks.extraction.forged_on_nodes import FORGERIES
from tests.attacks.extraction.nodes import LISTENING, Worlds, worlds
from tests.attacks.extraction.world import FIELDS, World

SEED = 20_260_331


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with worlds(tmp_path_factory.mktemp("worlds")) as made:
        yield made


@pytest.mark.parametrize("name", [*points.PLANS, *FORGERIES, LISTENING, *replay.ATTEMPTS])
def test_the_twin_loses_and_the_product_does_not(both: Worlds, name: str) -> None:
    (attack,) = (each for each in both.attacks() if each.name == name)
    twin = attack.twin(attack.trials_of_twin, SEED)
    assert twin.recovered == twin.trials
    product = attack.product(attack.few, SEED)
    assert (product.trials, product.recovered) == (attack.few, 0)


@pytest.fixture
def product(both: Worlds) -> World:
    return both.world(certified=True)


def test_what_is_harmless_works(product: World) -> None:
    """Or nothing above would mean anything: an admitted model scores, exactly, and again at no cost."""
    (place,) = product.enterprises(1)
    truth = int(product.data.points[range(FIELDS), product.bins(place)].sum())
    for _ in range(2):
        assert product.scores(replay.own_model(product), [place]) == {place: truth}


def test_harmless_models_are_stopped_by_the_ledger_alone(product: World) -> None:
    """The auditor admits each of them: it is the second one on an enterprise that is refused, by name."""
    second = product.install(points.independent("ledger", product)[0])
    assert second is not None
    (place,) = product.enterprises(1)
    assert len(product.scores(replay.own_model(product), [place])) == 1
    code = product.data.codes[place]
    job = product.hostile.job(second.model, 1)
    call = product.hostile.chunk(second.model, job, [code], [product.consent(product.hostile, code)])
    (refused,) = product.hostile.score(call).refused
    assert refused.reason is Reason.LEDGER_LIMIT


@pytest.mark.parametrize("name", ["single-field", "packing-powers-of-five"])
def test_models_that_tell_too_much_are_refused_by_the_auditor(product: World, name: str) -> None:
    (card,) = points.PLANS[name][1].cards(product)
    model = product.model(card)
    assert product.admission(card, model, product.hostile) is None
