"""What test workers are given to do: top-level functions, for worker processes import them by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def die_once(marker: Path) -> str:
    """Die as the memory killer kills, the first time; then answer."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def die_always(tally: Path) -> None:
    """Count the attempt, and die."""
    with tally.open("a") as file:
        file.write("x")
        file.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def take_memory(megabytes: int) -> int:
    """Hold so much private memory at once."""
    return len(bytearray(megabytes << 20))


def sleep_and_tell(seconds: float) -> int:
    """Take time; return which process did."""
    time.sleep(seconds)
    return os.getpid()


def wait_for(file: Path, seconds: float = 30.0) -> bool:
    """Hold a worker until a file is there."""
    end = time.monotonic() + seconds
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return file.exists()


def complain(sentence: str) -> None:
    """Raise what a task may raise."""
    raise ValueError(sentence)
