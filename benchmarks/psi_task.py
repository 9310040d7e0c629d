"""What one run has to do: two lists on the disk, and the codes that stand on both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.psi_data import make_lists, write_list
from benchmarks.psi_line import Shape

PORTFOLIO, LISTED = "portfolio.csv", "list.csv"


@dataclass(frozen=True)
class Task:
    """Files for everybody who takes part in the run, so that all work on the same codes."""

    folder: Path
    size: int
    other_size: int
    matches: NDArray[np.bytes_]
    shape: Shape

    @classmethod
    def make(cls, folder: Path, size: int, other_size: int, match: float, seed: int, shape: Shape) -> Task:
        """Write both lists into ``folder``; all from ``seed``."""
        folder.mkdir(parents=True)
        lists = make_lists(size, other_size, match, seed)
        write_list(folder / PORTFOLIO, lists.portfolio)
        write_list(folder / LISTED, lists.listed)
        return cls(folder, size, other_size, lists.matches(), shape)

    @property
    def larger(self) -> int:
        """The size of the larger list: bits are given per item of it."""
        return max(self.size, self.other_size)

    def source(self, rank: int) -> Path:
        """Return the list of the receiver, the bank (0), or of the sender, the bureau (1)."""
        return self.folder / (LISTED if rank else PORTFOLIO)
