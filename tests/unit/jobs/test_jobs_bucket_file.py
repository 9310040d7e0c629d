"""A set's items on disk, bucket after bucket: whole or not there, in the order of the codes, nothing beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.psi_data import make_lists
from node.codes import Code
from node.errors import Refusal
from node.jobs.bucket_file import BLOCK_CODES, BucketFile, split
from protocols.psi.vole.buckets import BucketPlan, bucket_count
from protocols.psi.vole.items import pack

KEY = b"k" * 32
CODES = make_lists(BLOCK_CODES + 5000, 1, 0.0, 1).portfolio  # the second block is not a whole one


def plan(bucket_items: int = 20_000) -> BucketPlan:
    size = len(CODES) + 1000
    return BucketPlan(size, 1024, bucket_count(size, 1024, bucket_items), KEY)


@pytest.mark.parametrize("bucket_items", [1024, 20_000, 2**20])
def test_every_item_stands_in_its_bucket_in_the_order_of_the_codes(tmp_path: Path, bucket_items: int) -> None:
    one = plan(bucket_items)
    file = split(tmp_path / "items", CODES, one, one.receiver_capacity)
    items = pack(CODES)
    numbers = one.assign(items)
    for bucket in range(one.buckets):
        places = np.flatnonzero(numbers == bucket)
        assert (file.places(bucket) == places).all()
        assert (file.items(bucket) == items[places]).all()
    assert [path.name for path in tmp_path.iterdir()] == ["items"]
    assert (tmp_path / "items").stat().st_mode & 0o077 == 0


def test_memory_mapped_codes_give_the_same_file(tmp_path: Path) -> None:
    CODES.tofile(tmp_path / "codes")
    mapped = np.memmap(tmp_path / "codes", dtype=CODES.dtype, mode="r")
    split(tmp_path / "one", CODES, plan(), len(CODES))
    split(tmp_path / "other", mapped, plan(), len(CODES))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_no_codes_are_empty_buckets(tmp_path: Path) -> None:
    file = split(tmp_path / "items", CODES[:0], plan(), 1)
    assert [len(file.items(bucket)) for bucket in range(plan().buckets)] == [0] * plan().buckets


def test_what_stands_there_is_taken_and_what_was_cut_off_is_written_anew(tmp_path: Path) -> None:
    """The power went out while the file was written: it has no name yet, and what it holds does not count."""
    torn = tmp_path / ".items.new"
    torn.write_bytes(b"half")
    split(tmp_path / "items", CODES, plan(), len(CODES))
    assert not torn.exists()
    whole, time = (tmp_path / "items").read_bytes(), (tmp_path / "items").stat().st_mtime_ns
    split(tmp_path / "items", CODES, plan(), len(CODES))
    assert ((tmp_path / "items").read_bytes(), (tmp_path / "items").stat().st_mtime_ns) == (whole, time)


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"", lambda data: data[:7]]
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "items"
    split(path, CODES, plan(), len(CODES))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(Refusal) as caught:
        BucketFile(path, plan().buckets)
    assert caught.value.code is Code.STORAGE_UNAVAILABLE


def test_a_bucket_that_overflows_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    items = pack(CODES)
    fullest = int(np.bincount(plan().assign(items)).max())
    with pytest.raises(Refusal) as caught:
        split(tmp_path / "items", CODES, plan(), fullest - 1)
    assert caught.value.code is Code.COMPUTE_FAILED
    assert "new screening" in caught.value.remedy
    assert not list(tmp_path.iterdir())
    split(tmp_path / "items", CODES, plan(), fullest)
