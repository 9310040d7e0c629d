"""The present moment, for commands that write dates."""

from __future__ import annotations

from datetime import UTC, datetime

from node.clock import system_clock


def now() -> datetime:
    """Return the system's time as an aware UTC datetime, to the second."""
    return datetime.fromtimestamp(system_clock() // 1000, UTC)
