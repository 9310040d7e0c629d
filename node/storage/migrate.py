"""Runs the migrations that the package carries, on a connection that is inside a writing transaction."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from node.codes import Code
from node.errors import Refusal
from node.storage.statements import lock_name

SCRIPTS = "node.storage:migrations"


def configuration(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration: scripts from inside the package, and the connection to use."""
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Run every migration that is missing. One process at a time; all or nothing.

    Raises :class:`Refusal` with ``STORAGE_UNAVAILABLE`` when a newer release wrote the database.
    """
    lock_name(connection, "banktax-migrations")
    _check_known(connection)
    command.upgrade(configuration(connection), "head")


def _check_known(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(configuration())
    known = {revision.revision for revision in scripts.walk_revisions()}
    if not set(MigrationContext.configure(connection).get_current_heads()) <= known:
        raise Refusal(
            Code.STORAGE_UNAVAILABLE,
            "the database was upgraded by a newer release",
            remedy="Start that release, or restore a backup made before it.",
        )
