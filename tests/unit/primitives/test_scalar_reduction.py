"""Scalars reduced many at once are what integers and libsodium say."""

from __future__ import annotations

import platform
import random

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.primitives.ristretto import ORDER, Scalar
from protocols.primitives.scalar_loops import add_to_negative
from protocols.primitives.scalar_reduction import FEW, reduce_uniform
from tests.support.assembly import conditional_jumps

TOP = 2**512


def _check(numbers: list[int]) -> None:
    uniform = np.frombuffer(b"".join(number.to_bytes(64, "little") for number in numbers), np.uint8).reshape(-1, 64)
    reduced = reduce_uniform(uniform)
    assert reduced.dtype == np.uint8
    assert reduced.shape == (len(numbers), 32)
    assert [int.from_bytes(row.tobytes(), "little") for row in reduced] == [number % ORDER for number in numbers]


def test_extremes() -> None:
    most = TOP // ORDER
    multiples = [0, 1, 2, 3, 2**60, most // 2, most - 1, most, *(random.Random(0).randrange(most) for _ in range(300))]
    near = [factor * ORDER + change for factor in multiples for change in (-2, -1, 1, 2)]
    powers = [2**bit + change for bit in range(512) for change in (-1, 0, 1)] + [TOP - 2**bit for bit in range(512)]
    _check([number for number in near + powers if 0 < number < TOP and number % ORDER])


def test_limbs_that_are_all_full_or_all_empty() -> None:
    generator = random.Random(1)
    limbs = (0, 1, 2**28 - 1, 2**27)
    numbers = [sum(generator.choice(limbs) << 28 * at for at in range(19)) % TOP for _ in range(2000)]
    _check([number for number in numbers if number % ORDER])


def test_random_ones_are_also_those_of_libsodium() -> None:
    uniform = np.random.default_rng(2).integers(0, 256, (3000, 64), dtype=np.uint8)
    expected = [Scalar.from_uniform(row.tobytes()).export_secret() for row in uniform]
    assert [row.tobytes() for row in reduce_uniform(uniform)] == expected


@pytest.mark.parametrize("others", [2, FEW])
@pytest.mark.parametrize("zero", [0, ORDER, 2 * ORDER, TOP // ORDER * ORDER])
def test_a_zero_scalar_among_others_is_refused(zero: int, others: int) -> None:
    numbers = [*range(1, others), zero, others]
    uniform = np.frombuffer(b"".join(number.to_bytes(64, "little") for number in numbers), np.uint8).reshape(-1, 64)
    with pytest.raises(ParameterError, match="zero"):
        reduce_uniform(uniform)


def test_none_and_another_width() -> None:
    assert reduce_uniform(np.zeros((0, 64), np.uint8)).shape == (0, 32)
    for shape in ((1, 63), (64,)):
        with pytest.raises(ParameterError, match="64 bytes"):
            reduce_uniform(np.ones(shape, np.uint8))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads the assembly of x86-64")
def test_the_last_step_does_not_branch_on_the_sign() -> None:
    assert conditional_jumps(add_to_negative, "void(int64[::1], int64[::1])") == []
