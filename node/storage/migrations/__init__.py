"""Alembic migrations of a node's database. ``versions/`` holds one file per revision."""
