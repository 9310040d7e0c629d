"""The compiled group operations on both back ends, against libsodium, the slow reference and the published vectors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llvmlite import binding
from numpy.typing import NDArray

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives import ristretto
from protocols.primitives.ristretto import ORDER, Point, Scalar
from protocols.primitives.ristretto_kernels import arithmetic
from protocols.primitives.ristretto_kernels.arithmetic import IFMA, PORTABLE, Arithmetic, Rows, has_ifma
from tests.support import ristretto_reference as reference

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "psi" / "rfc9496_ristretto255.json").read_text()
)
MULTIPLES = {int(factor): bytes.fromhex(encoded) for factor, encoded in VECTORS["multiples"].items()}
INVALID = [bytes.fromhex(item) for group in VECTORS["invalid"].values() for item in group]
UNIFORM = {bytes.fromhex(uniform): bytes.fromhex(encoded) for uniform, encoded in VECTORS["from_uniform"].items()}
GENERATOR = MULTIPLES[1]
EDGES = (1, 2, 7, 8, 9, 15, 16, 2**128, ORDER // 2, ORDER - 2, ORDER - 1, 0x8888 << 200, 0x7777 << 236, 2**252 - 1)


@pytest.fixture(params=[IFMA, PORTABLE], ids=["ifma", "portable"])
def group(request: pytest.FixtureRequest) -> Arithmetic:
    if request.param is IFMA and not has_ifma():
        pytest.skip("this processor has no AVX-512 IFMA")
    given: Arithmetic = request.param
    return given


def _rows(encodings: list[bytes], width: int = 32) -> Rows:
    return np.frombuffer(b"".join(encodings), np.uint8).reshape(-1, width)


def _scalars(values: list[int]) -> Rows:
    return _rows([value.to_bytes(32, "little") for value in values])


def _random(seed: int, count: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, width), np.uint8)


def _random_scalars(seed: int, count: int) -> Rows:
    return _rows([Scalar.from_uniform(row.tobytes()).export_secret() for row in _random(seed, count, 64)])


def _ones(count: int) -> Rows:
    return _scalars([1] * count)


def test_the_multiples_of_the_generator(group: Arithmetic) -> None:
    products = group.multiply(_rows([GENERATOR] * len(MULTIPLES)), _scalars(list(MULTIPLES)))
    assert [row.tobytes() for row in products] == list(MULTIPLES.values())


def test_the_elements_from_uniform_bytes(group: Arithmetic) -> None:
    mapped = group.map_and_multiply(_rows(list(UNIFORM), 64), _ones(len(UNIFORM)))
    assert [row.tobytes() for row in mapped] == list(UNIFORM.values())


def test_invalid_encodings_are_found_beside_valid_ones(group: Arithmetic) -> None:
    mixed = [encoding for invalid in INVALID for encoding in (invalid, GENERATOR)]
    assert group.decode_check(_rows(mixed)).tolist() == [False, True] * len(INVALID)
    for invalid in INVALID:
        with pytest.raises(PeerProtocolError, match="canonically"):
            group.multiply(_rows([GENERATOR, invalid]), _ones(2))
        with pytest.raises(PeerProtocolError, match="canonically"):
            group.linear_combination(_ones(2), _rows([GENERATOR, invalid]))


def test_the_identity_is_refused(group: Arithmetic) -> None:
    identity = _rows([GENERATOR] * 8 + [bytes(32)])
    assert group.decode_check(identity).tolist() == [True] * 8 + [False]
    with pytest.raises(PeerProtocolError, match="identity"):
        group.multiply(identity, _ones(9))


def test_every_bit_flip_decodes_as_the_reference_says(group: Arithmetic) -> None:
    flipped = np.repeat(_rows([GENERATOR]), 256, axis=0)
    for bit in range(256):
        flipped[bit, bit // 8] ^= 1 << bit % 8
    expected = [reference.decode(row.tobytes()) is not None for row in flipped]
    assert group.decode_check(flipped).tolist() == expected
    assert True in expected
    assert False in expected


def test_the_numbers_about_the_modulus_decode_as_the_reference_says(group: Arithmetic) -> None:
    near = [number % 2**256 for middle in (0, reference.P, 2 * reference.P, 2**255) for number in _about(middle)]
    expected = [reference.decode(row.tobytes()) is not None and row.any() for row in _scalars(near)]
    assert group.decode_check(_scalars(near)).tolist() == expected


def _about(middle: int) -> range:
    return range(middle - 20, middle + 21)


def test_bytes_that_map_to_the_identity_are_refused(group: Arithmetic) -> None:
    with pytest.raises(ParameterError, match="identity"):
        group.map_and_multiply(np.concatenate([_random(1, 3, 64), np.zeros((1, 64), np.uint8)]), _ones(4))


def test_uniform_bytes_at_the_edges_map_as_the_reference_says(group: Arithmetic) -> None:
    halves = [number % 2**256 for middle in (0, reference.P, 2**255, 2**256) for number in (middle - 1, middle + 1)]
    uniform = [a.to_bytes(32, "little") + b.to_bytes(32, "little") for a in halves for b in (3, a ^ 5)]
    mapped = group.map_and_multiply(_rows(uniform, 64), _ones(len(uniform)))
    assert [row.tobytes() for row in mapped] == [reference.encode(reference.from_uniform(each)) for each in uniform]


@pytest.mark.parametrize("count", range(18))
def test_every_count_of_elements(group: Arithmetic, count: int) -> None:
    uniform, scalars = _random(count, count, 64), _random_scalars(count, count)
    points = [Point.from_uniform(row.tobytes()) for row in uniform]
    factors = [Scalar(row.tobytes()) for row in scalars]
    expected = [point.multiply(factor).encoded for point, factor in zip(points, factors, strict=True)]
    elements = _rows([point.encoded for point in points])
    assert [row.tobytes() for row in group.map_and_multiply(uniform, scalars)] == expected
    assert [row.tobytes() for row in group.multiply(elements, scalars)] == expected
    assert group.decode_check(elements).tolist() == [True] * count
    assert group.linear_combination(scalars, elements) == ristretto.linear_combination(factors, points)


def test_scalars_at_the_edges(group: Arithmetic) -> None:
    point = Point.from_uniform(_random(2, 1, 64).tobytes())
    expected = [point.multiply(Scalar(row.tobytes())).encoded for row in _scalars(list(EDGES))]
    products = group.multiply(_rows([point.encoded] * len(EDGES)), _scalars(list(EDGES)))
    assert [row.tobytes() for row in products] == expected


def test_a_combination_that_vanishes_is_the_identity(group: Arithmetic) -> None:
    elements = _rows([GENERATOR, MULTIPLES[2], GENERATOR])
    assert group.linear_combination(_scalars([ORDER - 1, 1, ORDER - 1]), elements) == bytes(32)
    assert group.linear_combination(_scalars([ORDER - 1, 1, ORDER - 2]), elements) != bytes(32)


def test_combinations_longer_than_a_portion(group: Arithmetic) -> None:
    count = 1100
    scalars = _random_scalars(3, count)
    elements = group.map_and_multiply(_random(4, count, 64), _ones(count))
    points = [Point(row.tobytes()) for row in elements]
    expected = ristretto.linear_combination([Scalar(row.tobytes()) for row in scalars], points)
    assert group.linear_combination(scalars, elements) == expected


def test_rows_that_are_not_aligned_or_contiguous(group: Arithmetic) -> None:
    shifted = np.frombuffer(b"x" + GENERATOR * 9, np.uint8)[1:].reshape(-1, 32)
    strided = np.repeat(shifted, 2, axis=1)[:, ::2]
    assert (group.multiply(strided, _scalars([5] * 9)) == _rows([MULTIPLES[5]] * 9)).all()
    assert (group.multiply(shifted, np.broadcast_to(_scalars([5]), (9, 32))) == _rows([MULTIPLES[5]] * 9)).all()


def test_threads_share_an_arithmetic(group: Arithmetic) -> None:
    elements = group.map_and_multiply(_random(5, 300, 64), _ones(300))
    scalars = [_random_scalars(seed, 300) for seed in range(4)]
    expected = [group.multiply(elements, each) for each in scalars]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(3):
                found = list(pool.map(lambda each: group.multiply(elements, each), scalars))
                assert all((a == b).all() for a, b in zip(found, expected, strict=True))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.slow
def test_a_hundred_thousand_random_inputs_agree() -> None:
    """Map, decode, multiply and encode: both back ends and libsodium, byte for byte."""
    count = 100_000
    uniform, scalars = _random(6, count, 64), _random_scalars(7, count)
    one = _ones(count)
    mapped = PORTABLE.map_and_multiply(uniform, one)
    products = PORTABLE.multiply(mapped, scalars)
    if has_ifma():
        assert (IFMA.map_and_multiply(uniform, one) == mapped).all()
        assert (IFMA.multiply(mapped, scalars) == products).all()
        assert (IFMA.map_and_multiply(uniform, scalars) == products).all()
    for data, scalar, element, product in zip(uniform, scalars, mapped, products, strict=True):
        point = Point.from_uniform(data.tobytes())
        assert point.encoded == element.tobytes()
        assert point.multiply(Scalar(scalar.tobytes())).encoded == product.tobytes()


@pytest.mark.slow
def test_random_strings_decode_alike() -> None:
    """About one in sixteen strings of 32 bytes is an element: both kinds come up."""
    strings = _random(8, 100_000, 32)
    strings[:, 31] &= 0x7F
    strings[:, 0] &= 0xFE
    accepted = PORTABLE.decode_check(strings)
    assert 0.1 < accepted.mean() < 0.4
    if has_ifma():
        assert (IFMA.decode_check(strings) == accepted).all()
    for row, found in zip(strings[:20_000], accepted, strict=False):
        assert _libsodium_takes(row.tobytes()) == found


def _libsodium_takes(encoded: bytes) -> bool:
    try:
        Point(encoded)
    except PeerProtocolError:
        return False
    return True


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
def test_inverses_are_those_of_the_integers(count: int) -> None:
    scalars = np.concatenate([_random_scalars(9, count), _scalars(list(EDGES))])[: max(count, 0) + len(EDGES)]
    inverses = arithmetic.invert(scalars[:count] if count < 4 else scalars)
    for scalar, inverse in zip(scalars, inverses, strict=False):
        value, found = (int.from_bytes(row.tobytes(), "little") for row in (scalar, inverse))
        assert found == pow(value, -1, ORDER)
    assert inverses.shape == (count if count < 4 else count + len(EDGES), 32)


def test_the_fastest_is_the_one_that_the_processor_has() -> None:
    assert has_ifma() == bool(binding.get_host_cpu_features().get("avx512ifma", False))
    assert arithmetic.fastest() is (IFMA if has_ifma() else PORTABLE)


def test_a_processor_without_ifma_takes_the_portable_one() -> None:
    """Told to compile for any processor, numba has no vector instructions: to emit them would end the process."""
    code = (
        "import numpy as np; from protocols.primitives.ristretto_kernels import arithmetic as a;"
        "assert a.fastest() is a.PORTABLE;"
        "assert not a.fastest().decode_check(np.zeros((9, 32), np.uint8)).any()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "NUMBA_CPU_NAME": "generic"})
