"""Catalogues as signed documents: a version, once imported, never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from node.codes import Code
from node.errors import Refusal
from node.storage.database import Database, insert_ignore
from node.storage.schema import catalogues


@dataclass(frozen=True)
class StoredCatalogue:
    """One version of a catalogue. ``document`` is the signed JSON byte for byte, ``digest`` 32 bytes over it."""

    catalogue_id: str
    version: int
    bureau: str
    document: bytes
    digest: bytes
    imported_at: int


class Catalogues:
    """The table of catalogues."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, catalogue: StoredCatalogue) -> bool:
        """Keep a verified catalogue. Returns false where the same one stands there already.

        Raises :class:`Refusal` with ``WRONG_STATE`` where this version stands there with other content.
        """
        with self._database.write() as conn:
            if insert_ignore(conn, catalogues, [vars(catalogue)]):
                return True
            known = conn.execute(_one(catalogue.catalogue_id, catalogue.version)).one()
            if bytes(known.digest) != catalogue.digest:
                raise Refusal(
                    Code.WRONG_STATE,
                    f"catalogue {catalogue.catalogue_id} version {catalogue.version} exists with other content",
                    remedy="Give the changed catalogue a higher version.",
                )
            return False

    def get(self, catalogue_id: str, version: int | None = None) -> StoredCatalogue | None:
        """Return a version, or the latest; none where there is no such catalogue."""
        statement = select(catalogues).where(catalogues.c.catalogue_id == catalogue_id)
        if version is not None:
            statement = statement.where(catalogues.c.version == version)
        with self._database.read() as conn:
            row = conn.execute(statement.order_by(catalogues.c.version.desc()).limit(1)).one_or_none()
        return None if row is None else _catalogue(row)

    def list(self) -> list[StoredCatalogue]:
        """Return all versions of all catalogues, by id and version."""
        statement = select(catalogues).order_by(catalogues.c.catalogue_id, catalogues.c.version)
        with self._database.read() as conn:
            return [_catalogue(row) for row in conn.execute(statement)]


def _one(catalogue_id: str, version: int) -> Any:
    return select(catalogues).where(catalogues.c.catalogue_id == catalogue_id, catalogues.c.version == version)


def _catalogue(row: Row[Any]) -> StoredCatalogue:
    return StoredCatalogue(
        row.catalogue_id, row.version, row.bureau, bytes(row.document), bytes(row.digest), row.imported_at
    )
