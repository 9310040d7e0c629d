"""The files of encrypted models: on the disk under their names before a row or an answer speaks of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node.storage import durable
from node.storage.schema import bank_models, bureau_models
from tests.support.pair import Pair


def test_a_model_s_name_is_on_the_disk_before_its_row(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = durable.sync_folder
    synced: list[tuple[Path, list[int]]] = []

    def rows() -> list[int]:
        counted = []
        for side, table in ((pair.bank, bank_models), (pair.bureau, bureau_models)):
            with side.database.read() as connection:
                counted.append(connection.execute(select(func.count()).select_from(table)).scalar_one())
        return counted

    def recorded(folder: Path) -> None:
        sync(folder)
        assert list(folder.glob("*.model"))
        synced.append((folder, rows()))

    monkeypatch.setattr(durable, "sync_folder", recorded)
    card = json.loads(pair.data.scorecard("2"))
    pair.bank.build(json.dumps(card).encode())

    assert synced == [(pair.bank.folder / "models", [1, 1]), (pair.bureau.folder / "models", [2, 1])]
    assert rows() == [2, 2]
    left = [path.name for side in (pair.bank, pair.bureau) for path in (side.folder / "models").iterdir()]
    assert all(name.endswith(".model") for name in left)
    assert len(left) == 4


def test_both_sides_keep_the_same_file(pair: Pair) -> None:
    ours, theirs = (sorted((side.folder / "models").glob("*.model")) for side in (pair.bank, pair.bureau))
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]
