"""The files of a bank's screening: its codes, what each step gave, the result. Each stands there whole or not at all.

``DIR/data/screenings/JOB/codes``: 18 ASCII bytes a code, valid, distinct, in the order of the bank's list;
``step-NUMBER``: what a batch or a bucket gave; ``found``: how many codes matched, before there is a record;
``found-BUCKET``: which items of a bucket did; ``items``: the codes split into buckets, until all of them are done;
``attempt-BUCKET-NUMBER``: an attempt at an exchange was begun; ``result.csv``: what the bank asked for.
A comparison of classes has two entries for each loan among its codes, and besides ``table``, what its exchange gave,
and ``table.csv``.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.policy.uscc import LENGTH
from node.storage.durable import sync_folder, write_new, write_whole

CODE = np.dtype(f"S{LENGTH}")
PART_BYTES = 1 << 20
RESULT = "result.csv"
TABLE = "table.csv"


class ScreeningFiles:
    """The folders of all screenings of a node."""

    def __init__(self, data_directory: Path) -> None:
        self._root = data_directory / "screenings"

    def create(self, job_id: bytes, codes: NDArray[np.bytes_]) -> None:
        """Make a job's folder with its codes; on disk when this returns."""
        folder = self._folder(job_id)
        folder.mkdir(mode=0o700, parents=True)
        write_new(folder / "codes", (codes.tobytes(),))
        sync_folder(folder)
        sync_folder(self._root)

    def codes(self, job_id: bytes) -> NDArray[np.bytes_]:
        """Return a job's codes, dtype S18, memory-mapped and read-only."""
        return np.memmap(self._folder(job_id) / "codes", dtype=CODE, mode="r")

    def steps(self, job_id: bytes) -> set[int]:
        """Return the numbers of the steps that are done."""
        return {int(path.name[5:]) for path in self._folder(job_id).glob("step-*")}

    def write_step(self, job_id: bytes, number: int, content: bytes) -> None:
        """Write what a step gave, for good."""
        write_whole(self._folder(job_id) / f"step-{number:06d}", content)

    def step(self, job_id: bytes, number: int, size: int = -1) -> bytes:
        """Return what a step gave, or the first ``size`` bytes of it."""
        with (self._folder(job_id) / f"step-{number:06d}").open("rb") as file:
            return file.read(size)

    def items(self, job_id: bytes) -> Path:
        """Return where a job's codes stand, split into buckets."""
        return self._folder(job_id) / "items"

    def keep(self, job_id: bytes, name: str, content: bytes) -> None:
        """Write one more file of a job."""
        write_whole(self._folder(job_id) / name, content)

    def kept(self, job_id: bytes, name: str) -> bytes:
        """Return what :meth:`keep` wrote."""
        return (self._folder(job_id) / name).read_bytes()

    def keeps(self, job_id: bytes, name: str) -> bool:
        """Return whether :meth:`keep` wrote a file of this name."""
        return (self._folder(job_id) / name).exists()

    def begin_attempt(self, job_id: bytes, bucket: int = 0) -> int:
        """Return the number of a fresh attempt at an exchange, 0 the first time; on disk when this returns."""
        number = len(list(self._folder(job_id).glob(f"attempt-{bucket:06d}-*")))
        write_whole(self._folder(job_id) / f"attempt-{bucket:06d}-{number:06d}", b"")
        return number

    def write_result(self, job_id: bytes, content: bytes) -> None:
        """Write a job's result."""
        write_whole(self._folder(job_id) / RESULT, content)

    def result(self, job_id: bytes) -> Iterator[bytes]:
        """Give a job's result in parts of one mebibyte."""
        with (self._folder(job_id) / RESULT).open("rb") as file:
            while part := file.read(PART_BYTES):
                yield part

    def discard(self, job_id: bytes) -> None:
        """Remove a folder whose job was never journalled."""
        shutil.rmtree(self._folder(job_id), ignore_errors=True)

    def sweep(self, known: Collection[bytes]) -> None:
        """At start: remove the folders of submissions that were cut off."""
        for path in self._root.glob("*"):
            if path.name not in {job_id.hex() for job_id in known}:
                shutil.rmtree(path, ignore_errors=True)

    def _folder(self, job_id: bytes) -> Path:
        return self._root / job_id.hex()
