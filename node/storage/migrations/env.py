"""Alembic's entry: runs the revisions on the connection that the caller opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from node.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # also on SQLite, whose DDL is transactional once the driver lets it be
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
