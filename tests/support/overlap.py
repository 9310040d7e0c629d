"""Making transactions of PostgreSQL meet at a lock, so that a race is lost every time or never."""

from __future__ import annotations

import time

from sqlalchemy import Connection

SECONDS = 30


def wait_for_waiters(connection: Connection, wanted: int) -> None:
    """Return once so many transactions wait for another one's lock."""
    end = time.monotonic() + SECONDS
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while connection.exec_driver_sql(query).scalar_one() < wanted:
        assert time.monotonic() < end, "the attempts never met"
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        time.sleep(0.02)
