from __future__ import annotations

import pickle

import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import ORDER, Point, Scalar, invert_all
from protocols.randomness import SeededRandomness, SystemRandomness
from tests.support import ristretto_reference as reference

GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")


def _scalar(value: int) -> Scalar:
    return Scalar(value.to_bytes(32, "little"))


def test_the_identity_is_refused() -> None:
    with pytest.raises(PeerProtocolError, match="identity"):
        Point(bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_point_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(PeerProtocolError, match="32 bytes"):
        Point((GENERATOR * 2)[:length])


def test_every_single_bit_flip_decodes_as_the_reference_says() -> None:
    for bit in range(256):
        flipped = bytearray(GENERATOR)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            Point(bytes(flipped))
            accepted = True
        except PeerProtocolError:
            accepted = False
        assert accepted == (reference.decode(bytes(flipped)) is not None), bit


@pytest.mark.parametrize("value", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_a_scalar_that_is_zero_or_not_reduced_is_refused(value: int) -> None:
    with pytest.raises(ParameterError):
        _scalar(value)


def test_uniform_bytes_that_reduce_to_zero_are_refused() -> None:
    with pytest.raises(ParameterError, match="zero"):
        Scalar.from_uniform(ORDER.to_bytes(64, "little"))
    assert Scalar.from_uniform((ORDER + 5).to_bytes(64, "little")).export_secret() == _scalar(5).export_secret()


@pytest.mark.parametrize("length", [32, 63, 65])
def test_maps_take_sixty_four_bytes(length: int) -> None:
    with pytest.raises(ParameterError):
        Scalar.from_uniform(bytes([1]) * length)
    with pytest.raises(ParameterError):
        Point.from_uniform(bytes([1]) * length)


def test_uniform_bytes_that_map_to_the_identity_are_refused() -> None:
    # MAP(0) lies in the identity's coset, so that 64 zero bytes are a known preimage of the identity.
    assert reference.encode(reference.from_uniform(bytes(64))) == bytes(32)
    with pytest.raises(ParameterError, match="identity"):
        Point.from_uniform(bytes(64))


def test_inverses_undo_products_and_are_those_of_the_integers() -> None:
    randomness = SeededRandomness(bytes(32))
    scalars = [Scalar.random(randomness) for _ in range(17)] + [_scalar(1), _scalar(ORDER - 1)]
    inverses = invert_all(scalars)
    for scalar, inverse in zip(scalars, inverses, strict=True):
        value = int.from_bytes(scalar.export_secret(), "little")
        assert int.from_bytes(inverse.export_secret(), "little") == pow(value, -1, ORDER)
        assert inverse.export_secret() == scalar.invert().export_secret()
        assert Point(GENERATOR).multiply(scalar).multiply(inverse) == Point(GENERATOR)
    assert invert_all([]) == []
    assert invert_all(scalars[:1])[0].export_secret() == scalars[0].invert().export_secret()


def test_the_largest_scalar_negates() -> None:
    decoded = reference.decode(GENERATOR)
    assert decoded is not None
    expected = reference.encode(reference.multiply(ORDER - 1, decoded))
    assert Point(GENERATOR).multiply(_scalar(ORDER - 1)).encoded == expected


def test_a_scalar_shows_nothing_and_is_not_pickled() -> None:
    scalar = Scalar.random(SystemRandomness())
    assert scalar.export_secret().hex() not in repr(scalar)
    with pytest.raises(TypeError):
        pickle.dumps(scalar)
