"""What a role of ours is in a benchmark: phases from a CSV file to a CSV file, and the order that it works by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from benchmarks.psi_data import read_list, write_list
from benchmarks.psi_wire import Wire
from protocols.randomness import SystemRandomness

RANDOMNESS = SystemRandomness()
RECEIVER = 0
Phases = list[tuple[str, Callable[[], None]]]


class Order(TypedDict):
    """What one party is to do.

    ``protocol``: vole or oprf; ``rank``: 0 learns the result; ``port``: where rank 1 listens; ``source``: CSV with the
    codes; ``target``: CSV of the result; ``sizes``: of both lists, by rank; ``session``: 32 bytes in hexadecimal;
    ``security``: what vole withstands.
    """

    protocol: str
    rank: int
    port: int
    source: str
    target: str
    sizes: list[int]
    session: str
    security: str


class Role:
    """One side of one protocol; ``protocol_seconds``: what it took without reading and writing files."""

    def __init__(self, order: Order, wire: Wire) -> None:
        self.order = order
        self.wire = wire
        self.protocol_seconds = 0.0

    def phases(self) -> Phases:
        """Return what is timed, in order; both sides begin each phase together."""
        raise NotImplementedError

    def codes(self) -> NDArray[np.bytes_]:
        """Read the role's own list."""
        return read_list(Path(self.order["source"]))

    def write(self, codes: NDArray[np.bytes_]) -> None:
        """Write the result."""
        write_list(Path(self.order["target"]), codes)

    @contextmanager
    def protocol(self) -> Iterator[None]:
        """Count the block as the protocol's own."""
        started = time.perf_counter()
        yield
        self.protocol_seconds += time.perf_counter() - started
