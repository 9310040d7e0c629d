"""Batches: few elements and many give what one element at a time gives, and refuse alike."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives import ristretto
from protocols.primitives.ristretto import ORDER, Point, Scalar
from protocols.psi import batch, oprf
from protocols.psi.batch import FEW, Rows
from protocols.psi.oprf import Mode
from protocols.randomness import SeededRandomness

SEPARATION = Mode.OPRF.hash_to_group
COUNTS = [0, 1, FEW - 1, FEW, FEW + 1, 40]


def _scalars(count: int) -> Rows:
    return batch.random_scalars(count, SeededRandomness(bytes([1]) * 32))


def _inputs(count: int) -> list[bytes]:
    return [b"code %d" % number for number in range(count)]


def _points(count: int) -> list[Point]:
    return [Point.from_uniform(oprf.expand_message_xmd(data, SEPARATION)) for data in _inputs(count)]


def _rows(encodings: list[bytes]) -> Rows:
    return batch.rows(b"".join(encodings))


@pytest.mark.parametrize("count", COUNTS)
def test_a_batch_is_its_elements_one_by_one(count: int) -> None:
    points, scalars = _points(count), _scalars(count)
    factors = [Scalar(row.tobytes()) for row in scalars]
    expected = [point.multiply(factor).encoded for point, factor in zip(points, factors, strict=True)]
    elements = _rows([point.encoded for point in points])
    assert [row.tobytes() for row in batch.multiply(elements, scalars)] == expected
    assert [row.tobytes() for row in batch.hash_and_multiply(_inputs(count), SEPARATION, scalars)] == expected
    assert batch.decode_check(elements).tolist() == [True] * count
    assert batch.linear_combination(scalars, elements) == ristretto.linear_combination(factors, points)
    assert [row.tobytes() for row in batch.invert(scalars)] == [factor.invert().export_secret() for factor in factors]


@pytest.mark.parametrize("count", COUNTS)
def test_one_scalar_serves_all(count: int) -> None:
    scalar = _scalars(1)
    expected = [point.multiply(Scalar(scalar.tobytes())).encoded for point in _points(count)]
    elements = _rows([point.encoded for point in _points(count)])
    assert [row.tobytes() for row in batch.multiply(elements, scalar)] == expected
    assert [row.tobytes() for row in batch.hash_and_multiply(_inputs(count), SEPARATION, scalar)] == expected


@pytest.mark.parametrize("count", [FEW - 1, FEW + 1])
@pytest.mark.parametrize("value", [0, ORDER, ORDER + 1, ORDER + 2**64, 2**253, 2**256 - 1])
def test_a_scalar_that_is_zero_or_not_reduced_is_refused(count: int, value: int) -> None:
    elements = _rows([point.encoded for point in _points(count)])
    scalars = _scalars(count).copy()
    scalars[count // 2] = np.frombuffer(value.to_bytes(32, "little"), np.uint8)
    with pytest.raises(ParameterError, match="reduced and not zero"):
        batch.multiply(elements, scalars)
    with pytest.raises(ParameterError, match="reduced and not zero"):
        batch.hash_and_multiply(_inputs(count), SEPARATION, scalars)
    with pytest.raises(ParameterError, match="reduced and not zero"):
        batch.linear_combination(scalars, elements)
    with pytest.raises(ParameterError, match="reduced and not zero"):
        batch.invert(scalars)


@pytest.mark.parametrize("value", [1, ORDER - 1, ORDER - 2**64, ORDER - 2**192, 2**252 - 1, 2**252, 2**64])
def test_scalars_about_the_order_s_words_are_taken(value: int) -> None:
    scalars = np.repeat(_rows([value.to_bytes(32, "little")]), FEW, axis=0)
    inverse = pow(value, -1, ORDER).to_bytes(32, "little")
    assert [row.tobytes() for row in batch.invert(scalars)] == [inverse] * FEW


@pytest.mark.parametrize("count", [FEW - 1, FEW + 1])
def test_another_number_of_scalars_is_refused(count: int) -> None:
    elements = _rows([point.encoded for point in _points(count)])
    for scalars in (_scalars(2), _scalars(count + 1), _scalars(1)[:, :31], _scalars(1)[0]):
        with pytest.raises(ParameterError, match="one scalar for each"):
            batch.multiply(elements, scalars)


@pytest.mark.parametrize("count", [FEW - 1, FEW + 1])
@pytest.mark.parametrize(("bad", "what"), [(bytes(32), "the identity"), (b"\xff" * 32, "not canonically encoded")])
def test_a_bad_element_is_refused_alike(count: int, bad: bytes, what: str) -> None:
    elements = _rows([*(point.encoded for point in _points(count - 1)), bad])
    assert batch.decode_check(elements).tolist() == [True] * (count - 1) + [False]
    with pytest.raises(PeerProtocolError, match=what):
        batch.multiply(elements, _scalars(1))
    with pytest.raises(PeerProtocolError, match=what):
        batch.linear_combination(_scalars(count), elements)


@pytest.mark.parametrize("count", [FEW - 1, FEW + 1])
def test_an_input_that_is_too_long_is_refused(count: int) -> None:
    with pytest.raises(LocalProtocolError, match="65534"):
        batch.hash_and_multiply([*_inputs(count - 1), bytes(65535)], SEPARATION, _scalars(1))


def test_few_elements_load_no_compiler() -> None:
    """A node that aligns one applicant at a time does not wait for numba."""
    code = (
        "import sys; from protocols.psi import batch; from protocols.randomness import SeededRandomness as S;"
        "s = batch.random_scalars(7, S(bytes(32)));"
        "batch.multiply(batch.hash_and_multiply([b'x'] * 7, b'tag', s), batch.invert(s));"
        "sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
