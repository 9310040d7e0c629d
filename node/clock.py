"""Time is an argument: services take a clock, tests move it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns Unix time in milliseconds."""


def system_clock() -> int:
    """Return the system's Unix time in milliseconds."""
    return time.time_ns() // 1_000_000
