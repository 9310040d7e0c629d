"""The most memory that a node's processes held together while something ran."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

import psutil

RSS_SECONDS = 0.2
PSS_EVERY = 10
"""A proportional set size is read every so many samples: the kernel walks all pages for it."""


@dataclass
class Peak:
    """Peaks over a tree of processes, in MiB.

    ``rss``: the sum of resident sets, in which a page that several processes share counts several times. ``pss``: the
    sum of proportional sets, in which it counts once; zero where the system does not tell.
    """

    rss: float = 0.0
    pss: float = 0.0


class PeakMemory:
    """Samples trees of processes while the block runs.

    Args:
        roots: the process id of each node's first process, by name.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self.peaks = {name: Peak() for name in roots}
        self._roots = {name: psutil.Process(pid) for name, pid in roots.items()}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sample(proportional=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._sample(proportional=True)

    def _watch(self) -> None:
        count = 0
        while not self._stopping.wait(RSS_SECONDS):
            count += 1
            self._sample(proportional=count % PSS_EVERY == 0)

    def _sample(self, *, proportional: bool) -> None:
        for name, root in self._roots.items():
            rss = pss = 0
            for process in _tree(root):
                try:
                    rss += process.memory_info().rss
                    pss += getattr(process.memory_full_info(), "pss", 0) if proportional else 0
                except psutil.NoSuchProcess:  # a worker was replaced between the two looks
                    continue
            peak = self.peaks[name]
            peak.rss, peak.pss = max(peak.rss, rss / 2**20), max(peak.pss, pss / 2**20)


def _tree(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
