"""Writers that meet on the same rows wait for each other in one order: none is ended by the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from node.alignment.memory import AlignmentMemory
from node.storage.consents import Consents
from node.storage.database import Database
from tests.contracts.storage.test_storage_consents import register, terms

ROUNDS, ROWS = 15, 800


def at_once(write: Callable[[list[int]], object]) -> None:
    """Write the same rows in two orders at the same time, again and again."""
    with ThreadPoolExecutor(2) as threads:
        for start in range(0, ROUNDS * ROWS, ROWS):
            rows = list(range(start, start + ROWS))
            for ended in [threads.submit(write, rows), threads.submit(write, rows[::-1])]:
                ended.result()


def test_frames_of_the_same_consents_in_other_orders(database: Database) -> None:
    consents = Consents(database)
    at_once(lambda rows: register(database, consents, [terms(number) for number in rows]))


def test_alignments_of_the_same_enterprises_in_other_orders(database: Database, tmp_path: Path) -> None:
    memory = AlignmentMemory(database, tmp_path)
    at_once(lambda rows: memory.remember("bureau-a", bytes(16), {f"{number:018d}": True for number in rows}))
