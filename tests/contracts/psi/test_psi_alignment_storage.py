"""What the alignment stores behaves alike on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from node.alignment.align import align
from node.alignment.memory import AlignmentMemory
from node.alignment.quota import charge, day_of
from node.codes import Code
from node.errors import Refusal
from node.storage.database import Database
from node.storage.schema import alignment_epochs, alignment_usage
from protocols.randomness import SystemRandomness
from tests.support.alignment import BUREAU, NOON, Bureau, Wire, codes, standing_codes


def test_a_whole_alignment_and_a_changed_set(database: Database, tmp_path: Path) -> None:
    bureau, memory = Bureau(database, tmp_path / "bureau"), AlignmentMemory(database, tmp_path / "bank")
    asked = codes(40)
    for held in (codes(30), codes(35)):
        wire = Wire(bureau, held)
        for _ in range(2):
            result = align(asked, bureau=BUREAU, client=wire, memory=memory, randomness=SystemRandomness())
            assert result == {code: code in held for code in asked}
        assert wire.calls == ["epoch", "download 0", "evaluate 40", "epoch"]
    with database.read() as conn:
        assert len(conn.execute(select(alignment_epochs)).all()) == 1


def test_an_epoch_survives_a_restart(database: Database, tmp_path: Path) -> None:
    bureau = Bureau(database, tmp_path)
    epoch = bureau.standing.epoch_for("bank-a", standing_codes(codes(3)))
    bureau.restart()
    assert bureau.standing.epoch_for("bank-a", standing_codes(codes(3))) == epoch


def test_many_calls_at_once_never_pass_the_quota(database: Database) -> None:
    taken: list[int] = []
    refused: list[Code] = []

    def take() -> None:
        for _ in range(5):
            try:
                with database.write() as conn:
                    charge(conn, "bank-a", NOON, 3, 50)
                taken.append(3)
            except Refusal as refusal:
                refused.append(refusal.code)

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.read() as conn:
        row = conn.execute(select(alignment_usage)).one()
    assert (row.day, row.evaluations) == (day_of(NOON), 48)
    assert sum(taken) == 48
    assert set(refused) == {Code.QUOTA_EXCEEDED}
    assert len(refused) == 25 - 16


def test_a_refused_charge_adds_nothing(database: Database) -> None:
    with database.write() as conn:
        charge(conn, "bank-a", NOON, 10, 10)
    with pytest.raises(Refusal), database.write() as conn:
        charge(conn, "bank-a", NOON, 1, 10)
    with database.read() as conn:
        assert conn.execute(select(alignment_usage)).one().evaluations == 10


def test_knowledge_of_many_codes_is_found_again(database: Database, tmp_path: Path) -> None:
    memory = AlignmentMemory(database, tmp_path)
    results = {code: index % 3 == 0 for index, code in enumerate(codes(2500))}
    memory.remember(BUREAU, b"1" * 16, results)
    memory.remember(BUREAU, b"1" * 16, results)
    assert memory.known(BUREAU, b"1" * 16, list(results)) == results
