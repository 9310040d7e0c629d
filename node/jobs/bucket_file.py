"""A set's items on disk, bucket after bucket, so that one bucket at a time is in memory.

For every bucket its number of items, eight bytes little-endian; then the items of bucket 0, of bucket 1, ..., in the
order of the codes: 16 bytes of the item and 4 of the code's place. CONFIDENTIAL like the codes: an item is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.codes import Code
from node.errors import Refusal
from node.storage.durable import rename
from node.storage.features import disk_errors
from protocols.primitives.blocks import Blocks
from protocols.psi.vole.buckets import BucketOverflowError, BucketPlan
from protocols.psi.vole.items import pack

BLOCK_CODES = 1 << 17
"""Codes that are split at a time; about ten megabytes."""
_LOAD = np.dtype("<i8")
_ITEM = np.dtype([("item", "<u8", 2), ("place", "<u4")])


class BucketFile:
    """The items of one set, split by a plan."""

    def __init__(self, path: Path, buckets: int) -> None:
        """Open what :func:`split` wrote.

        Raises:
            Refusal: ``STORAGE_UNAVAILABLE``, it is not whole.
        """
        self._path = path
        loads = np.fromfile(path, _LOAD, buckets)
        self._ends = np.cumsum(loads)
        expected = _LOAD.itemsize * buckets + _ITEM.itemsize * int(loads.sum())
        if len(loads) != buckets or path.stat().st_size != expected:
            raise Refusal(Code.STORAGE_UNAVAILABLE, "the items of a screening are not whole on disk")
        self._loads = loads

    def items(self, number: int) -> Blocks:
        """Return the items (n, 2) of one bucket, in the order of the codes."""
        items: Blocks = self._rows(number)["item"].astype(np.uint64)
        return items

    def places(self, number: int) -> NDArray[np.uint32]:
        """Return the places that the codes of one bucket have in the set, ascending."""
        places: NDArray[np.uint32] = self._rows(number)["place"].astype(np.uint32)
        return places

    def _rows(self, number: int) -> NDArray[np.void]:
        count, first = int(self._loads[number]), int(self._ends[number] - self._loads[number])
        start = _LOAD.itemsize * len(self._loads) + _ITEM.itemsize * first
        return np.fromfile(self._path, _ITEM, count, offset=start)


def split(path: Path, codes: NDArray[np.bytes_], plan: BucketPlan, capacity: int) -> BucketFile:
    """Write distinct ``codes`` (memory-mapped ones are read a block at a time) to ``path``, whole or not at all.

    Raises:
        Refusal: ``COMPUTE_FAILED``, a bucket overflows; at most 2^-40. ``STORAGE_UNAVAILABLE``.
    """
    if not path.exists():
        loads = np.zeros(plan.buckets, np.int64)
        for numbers, _ in _blocks(codes, plan):
            loads += np.bincount(numbers, minlength=plan.buckets)
        try:
            plan.check_loads(loads, capacity)
        except BucketOverflowError as fault:
            raise Refusal(Code.COMPUTE_FAILED, str(fault), remedy="Begin a new screening: it splits anew.") from None
        with disk_errors():
            _write_whole(path, codes, plan, loads)
    return BucketFile(path, plan.buckets)


def _blocks(codes: NDArray[np.bytes_], plan: BucketPlan) -> Iterator[tuple[NDArray[np.uint32], Blocks]]:
    for start in range(0, len(codes), BLOCK_CODES):
        items = pack(codes[start : start + BLOCK_CODES])
        yield plan.assign(items), items


def _write_whole(path: Path, codes: NDArray[np.bytes_], plan: BucketPlan, loads: NDArray[np.int64]) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)  # of a run that was cut off
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
        _write(file.fileno(), codes, plan, loads)
        os.fsync(file.fileno())
    rename(temporary, path)


def _write(descriptor: int, codes: NDArray[np.bytes_], plan: BucketPlan, loads: NDArray[np.int64]) -> None:
    written = os.pwrite(descriptor, loads.astype(_LOAD).tobytes(), 0)
    cursors = (written + _ITEM.itemsize * (np.cumsum(loads) - loads)).tolist()
    first = 0
    for numbers, items in _blocks(codes, plan):
        rows = np.empty(len(items), _ITEM)
        rows["item"], rows["place"] = items, np.arange(first, first + len(items), dtype=np.uint32)
        rows = rows[np.argsort(numbers, kind="stable")]
        ends = np.cumsum(np.bincount(numbers, minlength=plan.buckets))
        for bucket, part in enumerate(np.split(rows, ends[:-1])):
            if len(part):
                cursors[bucket] += _write_all(descriptor, part.tobytes(), cursors[bucket])
        first += len(items)


def _write_all(descriptor: int, data: bytes, offset: int) -> int:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], offset + done)
    return done
