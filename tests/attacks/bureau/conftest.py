"""One bureau for all attacks on it, and two banks with agreements: one attacks, the other is its victim or witness."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hostile_bank import Bank
from tests.support.hostile_bureau import Bureau
from tests.support.hostile_models import Model, make_model


@pytest.fixture(scope="package")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    made = Bureau(tmp_path_factory.mktemp("attacked"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="package")
def bank(bureau: Bureau) -> Iterator[Bank]:
    made = Bank(bureau, "bank-hostile")
    bureau.agree(made.party)
    yield made
    made.close()


@pytest.fixture(scope="package")
def other(bureau: Bureau) -> Iterator[Bank]:
    made = Bank(bureau, "bank-other")
    bureau.agree(made.party)
    yield made
    made.close()


@pytest.fixture(scope="package")
def model(bank: Bank) -> Model:
    """A good model of the hostile bank, registered."""
    made = make_model()
    assert bank.register(made) == made.model_id
    return made
