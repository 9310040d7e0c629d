"""The line to a bureau as a bank's own calls show it: how long a round trip takes, how many bytes a second it carries.

Nothing is sent for it. Every call that is made anyhow bounds the line from one side: its round trip is at most what a
small call took, and it carries at least what a large one carried in its time. Downloads, behind which no computation
stands, measure the rate; for all others it is a bound from below.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

KEPT = 16
"""Observations of one kind that are kept of a bureau: a line that got worse is known after so many."""
FORGOTTEN_SECONDS = 3600.0
"""Age at which an observation says nothing any more."""
SMALL_BYTES = 1 << 16
"""Calls up to this size time the round trip."""
LARGE_BYTES = 1 << 20
"""Transfers from this size time the rate: in smaller ones the round trip outweighs it."""


@dataclass(frozen=True)
class Line:
    """What a line does, the same both ways: seconds of a round trip, payload bytes a second."""

    round_trip_seconds: float
    bytes_a_second: float


ASSUMED = Line(0.01, 12.5e6)
"""A line of which nothing is known: 100 Mbit/s and ten milliseconds."""


@dataclass(frozen=True)
class _Observation:
    when: float
    size: int
    seconds: float

    def rate(self, round_trip: float) -> float:
        """Return bytes a second without the round trip, of which at most nine tenths are taken off."""
        return self.size / max(self.seconds - round_trip, self.seconds / 10)


class LineObserver:
    """Observations of the line to one bureau. Thread-safe. They are lost when the node ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds, never backwards."""
        self._clock = clock
        self._lock = threading.Lock()
        self._small: deque[_Observation] = deque(maxlen=KEPT)
        self._transfers: deque[_Observation] = deque(maxlen=KEPT)
        self._computed: deque[_Observation] = deque(maxlen=KEPT)

    @property
    def fresh(self) -> bool:
        """Whether no round trip was timed on an open connection yet: the first one also opened it."""
        with self._lock:
            return len(self._small) < 2

    @property
    def now(self) -> float:
        """The observer's time, in seconds."""
        return self._clock()

    def observe(self, size: int, seconds: float, *, transfer: bool = False) -> None:
        """Take ``size`` payload bytes in ``seconds``; a ``transfer`` waited for the line alone."""
        if seconds <= 0:
            return
        one = _Observation(self._clock(), size, seconds)
        with self._lock:
            if size <= SMALL_BYTES:
                self._small.append(one)
            elif size >= LARGE_BYTES:
                (self._transfers if transfer else self._computed).append(one)

    def line(self) -> Line:
        """Return what the line does as far as is known, and :data:`ASSUMED` for the rest."""
        since = self._clock() - FORGOTTEN_SECONDS
        with self._lock:
            small, transfers, computed = (
                [one for one in kept if one.when >= since] for kept in (self._small, self._transfers, self._computed)
            )
        round_trip = min((one.seconds for one in small), default=ASSUMED.round_trip_seconds)
        measured = max((one.rate(round_trip) for one in transfers), default=ASSUMED.bytes_a_second)
        return Line(round_trip, max([measured, *(one.rate(round_trip) for one in computed)]))


class Lines:
    """The lines to all bureaus."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._of: dict[str, LineObserver] = {}

    def of(self, bureau: str) -> LineObserver:
        """Return the observer of one bureau's line."""
        with self._lock:
            return self._of.setdefault(bureau, LineObserver(self._clock))
