"""A bureau's lists for tests: tables of codes, and what publishes them into a database and a folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

from node.clock import Clock
from node.data.files import CsvSource
from node.data.importer import ImportProgress
from node.data.rejects import Reject
from node.jobs.bureau_lists import BureauLists, ListDraft
from node.lists.importing import read_list
from node.lists.listfile import ListContent
from node.policy.uscc import valid_code
from node.storage.database import Database
from node.storage.screening_lists import ScreeningLists, StoredList
from protocols.randomness import SystemRandomness
from tests.support.policy import BUREAU, party_key

NAME = "abnormal"
NOW = 1_800_000_000_000
Result = TypeVar("Result")


def draft(version: str = "1", *labels: str, name: str = NAME) -> ListDraft:
    """Return what an operator says of a list with these columns as labels."""
    return ListDraft(name, version, "abnormal-operation", "because", label_columns=labels)


def table(folder: Path, rows: Sequence[Sequence[str]], header: str = "uscc") -> CsvSource:
    """Write a table and return it as a source."""
    path = folder / "codes.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in rows), ""]), "utf-8")
    return CsvSource(path)


def code_table(folder: Path, count: int, first: int = 0) -> CsvSource:
    """Write a table of so many valid codes."""
    return table(folder, [(valid_code(number),) for number in range(first, first + count)])


def labelled_table(folder: Path, count: int) -> CsvSource:
    """Write a table of so many valid codes, each with a reason of its own."""
    return table(folder, [(valid_code(number), f"原因 {number}") for number in range(count)], "uscc,reason")


class Publisher:
    """A bureau's lists over one database and folder."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self.store = ScreeningLists(database, folder)
        self.lists = BureauLists(self.store, BUREAU, party_key(BUREAU), clock, SystemRandomness())

    def publish(self, wanted: ListDraft, source: CsvSource) -> StoredList:
        """Publish a table whole."""
        return finish(self.lists.publish(wanted, source))[0]

    def loading(self, stored: StoredList) -> Callable[[], ListContent]:
        """Return what reads a list when it is asked to."""
        return lambda: self.lists.content(stored)

    def files(self) -> list[str]:
        """Return the names of all list files on disk."""
        return sorted(path.name for path in self.store.folder.glob("*.list"))


def finish(steps: Generator[ImportProgress, None, Result]) -> tuple[Result, list[ImportProgress]]:
    """Run an import to its end and return its result and its steps."""
    told: list[ImportProgress] = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return end.value, told


def read(source: CsvSource, *labels: str, code_column: str = "") -> tuple[ListContent, list[Reject], ImportProgress]:
    """Read a table and return the list, all rejects and the last totals."""
    content, told = finish(read_list(source, code_column, labels))
    return content, [reject for step in told for reject in step.rejects], told[-1]
