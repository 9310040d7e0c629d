"""The folder of encrypted models: what a stop in mid-work left behind is found by what the table does not name."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Table, select

from node.storage.database import Database


def remove_orphans(folder: Path, database: Database, table: Table) -> int:
    """Delete the files that no row of ``table`` names in its column ``path``; call it once at start.

    Returns how many these were.
    """
    with database.read() as connection:
        named = set(connection.scalars(select(table.c.path)))
    orphans = [path for path in folder.glob("*") if path.name not in named] if folder.is_dir() else []
    for path in orphans:
        path.unlink()
    return len(orphans)
