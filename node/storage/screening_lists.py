"""The table of a bureau's lists and their files below ``data_directory/lists``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.exc import IntegrityError

from node.codes import Code
from node.errors import Refusal
from node.storage.database import Database, insert_rows
from node.storage.features import disk_errors
from node.storage.schema import bureau_screenings, screening_lists

FOLDER = "lists"


class ListState(StrEnum):
    """A ``published`` list may be screened against; a ``withdrawn`` one serves nobody."""

    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class StoredList:
    """One version of a list. ``document`` is the signed file, ``path`` relative to the data folder, times in ms.

    ``salt`` opens the digest that the document carries and never leaves the bureau.
    """

    name: str
    version: str
    kind: str
    document: bytes
    digest: bytes
    salt: bytes
    codes: int
    padded_count: int
    label_bytes: int
    path: str
    state: ListState
    published_at: int
    changed_at: int
    withdrawn_reason: str = ""


class ScreeningLists:
    """All reading and writing of ``screening_lists``."""

    def __init__(self, database: Database, data_directory: Path) -> None:
        self._database = database
        self._data_directory = data_directory

    @property
    def folder(self) -> Path:
        """Where list files stand; made when it is asked for."""
        folder = self._data_directory / FOLDER
        with disk_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def path(self, stored: StoredList) -> Path:
        """Return where a list's file stands."""
        return self._data_directory / stored.path

    def split_path(self, session_id: bytes) -> Path:
        """Return where a screening has its list split into buckets; made when needed, gone when it is closed."""
        return self.folder / f"{session_id.hex()}.items"

    def get(self, name: str, version: str = "") -> StoredList:
        """Return a version of a list, withdrawn ones too; without a version the newest that is published.

        Raises:
            Refusal: ``NOT_FOUND``.
        """
        chosen = select(screening_lists).where(screening_lists.c.name == name)
        if version:
            found = self._select(chosen.where(screening_lists.c.version == version))
        else:
            published = chosen.where(screening_lists.c.state == ListState.PUBLISHED.value)
            found = self._select(published.order_by(screening_lists.c.published_at.desc()).limit(1))
        if not found:
            raise Refusal(Code.NOT_FOUND, "no list has this name and version", remedy="Ask the bureau which it has.")
        return found[0]

    def published(self, name: str, version: str = "") -> StoredList:
        """Like :meth:`get`, but refused with ``WRONG_STATE`` for a version that was withdrawn."""
        found = self.get(name, version)
        if found.state is ListState.WITHDRAWN:
            raise Refusal(
                Code.WRONG_STATE,
                f"version {found.version} of the list was withdrawn",
                remedy="Take the newest version: leave the version out.",
            )
        return found

    def add(self, stored: StoredList) -> StoredList:
        """Record a list whose file is on disk.

        Raises:
            Refusal: ``IDEMPOTENCY_CONFLICT``, this version was published already.
        """
        try:
            with self._database.write() as connection:
                insert_rows(connection, screening_lists, [vars(stored) | {"state": stored.state.value}])
        except IntegrityError:
            raise _taken(stored.name, stored.version) from None
        return stored

    def require_free(self, name: str, version: str) -> None:
        """Refuse with ``IDEMPOTENCY_CONFLICT`` where this version stands already."""
        chosen = (screening_lists.c.name == name) & (screening_lists.c.version == version)
        if self._select(select(screening_lists).where(chosen)):
            raise _taken(name, version)

    def withdraw(self, name: str, version: str, reason: str, now: int) -> StoredList:
        """Withdraw a version; its open screenings end with their next call. Withdrawing twice is withdrawing once."""
        chosen = (screening_lists.c.name == name) & (screening_lists.c.version == version)
        values = {"state": ListState.WITHDRAWN.value, "changed_at": now, "withdrawn_reason": reason}
        published = screening_lists.c.state == ListState.PUBLISHED.value
        self.get(name, version)
        with self._database.write() as connection:
            connection.execute(update(screening_lists).where(chosen & published).values(**values))
        return self.get(name, version)

    def screened(self, name: str, version: str) -> int:
        """Return how many screenings of a version banks opened."""
        table = bureau_screenings.c
        with self._database.read() as connection:
            rows = connection.execute(select(table.session_id).where(table.name == name, table.version == version))
            return len(rows.all())

    def clean(self) -> None:
        """Remove files that no published row names, left by a stop in mid-import. Call it at start only."""
        kept = {self.path(row) for row in self._select(select(screening_lists))}
        for each in sorted(self.folder.glob("*.list")):
            if each not in kept:
                each.unlink(missing_ok=True)
        for split in sorted([*self.folder.glob("*.items"), *self.folder.glob(".*.items.new")]):
            split.unlink(missing_ok=True)  # made again by the screenings that go on

    def _select(self, statement: Select[Any]) -> list[StoredList]:
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(statement)]

    def list(self) -> list[StoredList]:
        """Return all versions of all lists, withdrawn ones too, the newest first."""
        table = screening_lists.c
        return self._select(select(screening_lists).order_by(table.published_at.desc(), table.name, table.version))


def _stored(row: Row[Any]) -> StoredList:
    values = dict(row._mapping)
    for name in ("document", "digest", "salt"):
        values[name] = bytes(values[name])
    return StoredList(**values | {"state": ListState(row.state)})


def _taken(name: str, version: str) -> Refusal:
    return Refusal(
        Code.IDEMPOTENCY_CONFLICT,
        f"version {version} of list {name} is published already",
        remedy="A published version never changes: choose another one.",
    )
