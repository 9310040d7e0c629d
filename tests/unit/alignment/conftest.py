from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.storage.database import Database, open_database
from tests.support.alignment import Bank, Bureau


def _database(path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{path}")
    database.upgrade()
    yield database
    database.dispose()


@pytest.fixture
def bureau_database(tmp_path: Path) -> Iterator[Database]:
    yield from _database(tmp_path / "bureau.db")


@pytest.fixture
def bank_database(tmp_path: Path) -> Iterator[Database]:
    yield from _database(tmp_path / "bank.db")


@pytest.fixture
def bureau(bureau_database: Database, tmp_path: Path) -> Bureau:
    return Bureau(bureau_database, tmp_path / "bureau")


@pytest.fixture
def bank(bank_database: Database, tmp_path: Path) -> Bank:
    return Bank(bank_database, tmp_path / "bank")
