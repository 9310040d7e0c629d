"""Sets split into buckets: the same on every machine, padded so that nothing overflows, and the intersection exact."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.psi_data import make_lists
from protocols.errors import ParameterError
from protocols.psi.vole.buckets import (
    BUCKET_ITEMS,
    MAXIMUM_BUCKETED_SIZE,
    BucketOverflowError,
    BucketPlan,
    bucket_count,
    check_bucket_count,
)
from protocols.psi.vole.items import pack
from protocols.psi.vole.parameters import STATISTICAL_BITS, padded_size
from protocols.transcript import digest
from tests.support.psi_vole import pair, run

Codes = NDArray[np.bytes_]
KEY = bytes(range(32))
VECTOR_4 = [2, 2, 3, 1, 2, 3, 2, 3]
VECTOR_4096 = [2418, 2109, 3155, 1132, 2080, 3104, 2516, 3448]
SIZES = [(1, 1024), (1024, 1025), (6789, 7890), (2**20, 2**22), (10**7, 10**7), (64, 2**27), (2**27, 2**27)]


def plan(own: int, other: int, bucket_items: int = BUCKET_ITEMS, key: bytes = KEY) -> BucketPlan:
    return BucketPlan(own, other, bucket_count(own, other, bucket_items), key)


def small(own: int, other: int, key: bytes = KEY) -> BucketPlan:
    """As many buckets as may be."""
    return plan(padded_size(own), padded_size(other), 1024, key)


def found(own: Codes, other: Codes, split: BucketPlan, *, ideal: bool = True) -> NDArray[np.bool_]:
    """Run every bucket, from items in their order, and put the results together."""
    items, others = pack(own), pack(other)
    mine, theirs = split.assign(items), split.assign(others)
    split.check_loads(np.bincount(mine, minlength=split.buckets), split.receiver_capacity)
    split.check_loads(np.bincount(theirs, minlength=split.buckets), split.sender_capacity)
    result = np.zeros(len(own), np.bool_)
    for bucket in range(split.buckets):
        seed = bytes([bucket])
        parameters = split.parameters(digest("test", seed))
        receiver, sender = pair(items[mine == bucket], others[theirs == bucket], parameters, seed, ideal=ideal)
        run(receiver, sender)
        result[mine == bucket] = receiver.result()
    return result


def check(own: Codes, other: Codes, split: BucketPlan, *, ideal: bool = True) -> None:
    assert (found(own, other, split, ideal=ideal) == np.isin(own, other)).all()


# ---- the assignment


def test_a_known_assignment() -> None:
    """Fixes key derivation, cipher, byte order and range; by AES of another library: test_the_assignment_is_aes."""
    codes = [b"91330100MA2ABCDE0X", b"A", b"B", b"C", b"D", b"x\xff", b"91350100M000100Y43", b"0" * 25]
    items = pack(codes)
    assert BucketPlan(2**22, 2**22, 4, KEY).assign(items).tolist() == VECTOR_4
    assert BucketPlan(2**22, 2**22, 4096, KEY).assign(items).tolist() == VECTOR_4096


def test_the_assignment_is_aes_of_the_items_bytes() -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    codes = make_lists(50, 1, 0.0, 4).portfolio
    split = BucketPlan(2**22, 2**22, 1000, KEY)
    cipher = Cipher(algorithms.AES128(digest("psi/vole/buckets", KEY)[:16]), modes.ECB()).encryptor()
    for item, bucket in zip(pack(codes).tolist(), split.assign(pack(codes)).tolist(), strict=True):
        block = cipher.update(item[0].to_bytes(8, "little") + item[1].to_bytes(8, "little"))
        assert bucket == int.from_bytes(block[:4], "little") * 1000 >> 32


def test_another_key_splits_otherwise_and_one_bucket_takes_all() -> None:
    items = pack(make_lists(4000, 1, 0.0, 5).portfolio)
    first, second = (small(4000, 4000, key).assign(items) for key in (KEY, bytes(32)))
    same = float((first == second).mean())
    assert abs(same - 1 / 4) < 0.05
    assert not plan(4000, 4000).assign(items).any()


# ---- sizes


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("bucket_items", [1024, BUCKET_ITEMS])
def test_nothing_left_to_chance_goes_wrong_with_more_than_two_to_the_minus_forty(
    sizes: tuple[int, int], bucket_items: int
) -> None:
    split = plan(*sizes, bucket_items)
    assert split.statistical_bits - log2(split.buckets) >= STATISTICAL_BITS
    parameters = split.parameters(bytes(32))
    pairs = split.buckets * parameters.receiver_size * parameters.sender_size
    assert log2(pairs) - 8 * parameters.tag_bytes <= -STATISTICAL_BITS
    for size, capacity in zip(sizes, (split.receiver_capacity, split.sender_capacity), strict=True):
        assert min(size, size / split.buckets) <= capacity <= size
        overflow = split.buckets * binomial_tail(size, 1 / split.buckets, capacity)
        assert overflow <= 2.0 ** -(STATISTICAL_BITS + 1)


def binomial_tail(n: int, p: float, beyond: int) -> float:
    """Return Pr[Bin(n, p) > beyond], summed term by term."""
    from math import exp, lgamma, log, log1p

    if beyond >= n:
        return 0.0
    total, k = 0.0, beyond + 1
    term = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p)
    while k <= n and term > -200:
        total += exp(term)
        term += log((n - k) / (k + 1) * p / (1 - p)) if k < n else -1e9
        k += 1
    return total


def test_loads_of_real_codes_stay_well_below_the_capacity() -> None:
    items = pack(make_lists(200_000, 1, 0.0, 6).portfolio)
    for number in range(20):
        split = small(200_000, 1024, bytes([number]) * 32)
        loads = np.bincount(split.assign(items), minlength=split.buckets)
        split.check_loads(loads, split.receiver_capacity)
        assert loads.max() < 0.95 * split.receiver_capacity
        assert abs(loads - len(items) / split.buckets).max() < 6 * (len(items) / split.buckets) ** 0.5


def test_a_bucket_too_full_is_refused_with_an_error_of_its_own() -> None:
    split = small(5000, 5000)
    loads = np.full(split.buckets, 10)
    split.check_loads(loads, 10)
    loads[-1] = 11
    with pytest.raises(BucketOverflowError):
        split.check_loads(loads, 10)


@pytest.mark.parametrize(
    ("sizes", "buckets"),
    [
        ((1024, 1024), 0),
        ((1024, 1024), 2),
        ((2**22, 1), 3),
        ((1, 2**22), 4097),
        ((0, 1), 1),
        ((1, MAXIMUM_BUCKETED_SIZE + 1), 128),
    ],
)
def test_what_cannot_be_a_plan(sizes: tuple[int, int], buckets: int) -> None:
    with pytest.raises(ParameterError):
        check_bucket_count(*sizes, buckets)
    with pytest.raises(ParameterError):
        BucketPlan(*sizes, buckets, KEY)


def test_a_key_has_32_bytes_and_buckets_a_size() -> None:
    with pytest.raises(ParameterError):
        BucketPlan(1024, 1024, 1, KEY[:31])
    for bucket_items in (1023, BUCKET_ITEMS + 1):
        with pytest.raises(ParameterError):
            bucket_count(1024, 1024, bucket_items)


# ---- the intersection


@pytest.mark.parametrize("sizes", [(6789, 7890), (7890, 6789)], ids=str)
@pytest.mark.parametrize("match", [0.0, 0.5, 1.0])
def test_several_buckets_give_the_intersection(sizes: tuple[int, int], match: float) -> None:
    lists = make_lists(*sizes, match, 7)
    split = small(*sizes)
    assert split.buckets == 8
    check(lists.portfolio, lists.listed, split)


def test_several_buckets_over_the_silent_vector_ole() -> None:
    lists = make_lists(6789, 7890, 0.5, 8)
    check(lists.portfolio, lists.listed, small(6789, 7890), ideal=False)


@pytest.mark.parametrize("size", [1023, 1024, 1025, 2047, 2048, 2049])
def test_sizes_around_the_boundaries(size: int) -> None:
    for other in (size, 1, 3000):
        lists = make_lists(size, other, 0.5 if other > 1 else 1.0, size)
        check(lists.portfolio, lists.listed, small(size, other))


@pytest.mark.parametrize("sizes", [(1, 20_000), (3, 20_000), (20_000, 1), (20_000, 40)], ids=str)
def test_skewed_sizes_leave_buckets_of_one_side_empty(sizes: tuple[int, int]) -> None:
    lists = make_lists(*sizes, 1.0, 9)
    split = small(*sizes)
    assert split.buckets > 15
    check(lists.portfolio, lists.listed, split)


def test_equal_sets_no_items_at_all_and_mixed_widths() -> None:
    lists = make_lists(3000, 3000, 0.0, 10)
    split = small(3000, 3000)
    mixed = np.array([b"A" * width for width in range(1, 37)] + [b"x\xff"])
    for own, other in (
        (lists.portfolio, lists.portfolio),
        (lists.portfolio, lists.portfolio[:0]),
        (lists.portfolio[:0], lists.portfolio),
        (mixed, mixed[::3]),
    ):
        check(own, other, split)


def test_many_keys_lose_nothing_and_invent_nothing() -> None:
    for number in range(12):
        lists = make_lists(2500, 2100, 0.4, number)
        check(lists.portfolio, lists.listed, small(2500, 2100, bytes([number]) * 32))
