"""Published vectors, each checked twice: by the package and by the independent reference in tests/support."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import Point, Scalar
from protocols.psi import oprf
from tests.support import ristretto_reference as reference

HERE = Path(__file__).parent
RFC9496: dict[str, Any] = json.loads((HERE / "rfc9496_ristretto255.json").read_text())
RFC9497: dict[str, Any] = json.loads((HERE / "rfc9497_ristretto255_oprf.json").read_text())
GENERATOR = bytes.fromhex(RFC9496["multiples"]["1"])


class _Fixed:
    """Gives the bytes that make ``Scalar.random`` draw a known scalar."""

    def __init__(self, scalar: bytes) -> None:
        self._scalar = scalar

    def bytes(self, count: int) -> bytes:
        return self._scalar + bytes(count - len(self._scalar))


@pytest.mark.parametrize(("factor", "expected"), RFC9496["multiples"].items())
def test_multiples_of_the_generator(factor: str, expected: str) -> None:
    scalar = int(factor)
    product = Point(GENERATOR).multiply(Scalar(scalar.to_bytes(32, "little")))
    assert product.encoded.hex() == expected

    decoded = reference.decode(GENERATOR)
    assert decoded is not None
    assert reference.encode(reference.multiply(scalar, decoded)).hex() == expected


@pytest.mark.parametrize("encoded", [item for group in RFC9496["invalid"].values() for item in group])
def test_invalid_encodings_are_refused(encoded: str) -> None:
    with pytest.raises(PeerProtocolError, match="canonically"):
        Point(bytes.fromhex(encoded))
    assert reference.decode(bytes.fromhex(encoded)) is None


@pytest.mark.parametrize(("uniform", "expected"), RFC9496["from_uniform"].items())
def test_elements_from_uniform_bytes(uniform: str, expected: str) -> None:
    assert Point.from_uniform(bytes.fromhex(uniform)).encoded.hex() == expected
    assert reference.encode(reference.from_uniform(bytes.fromhex(uniform))).hex() == expected


@pytest.mark.parametrize(("message", "expected"), RFC9496["expand_message_xmd"]["vectors"].items())
def test_expand_message_xmd_of_the_reference(message: str, expected: str) -> None:
    given = RFC9496["expand_message_xmd"]
    separation = given["separation"].encode()
    assert reference.expand_message_xmd(message.encode(), separation, given["length"]).hex() == expected
    # The package knows one length only: there it must agree with the reference, which the RFC's vectors vouch for.
    assert oprf.expand_message_xmd(message.encode(), separation) == reference.expand_message_xmd(
        message.encode(), separation, 64
    )


def test_the_constants_of_the_reference_are_what_their_names_say() -> None:
    p, d = reference.P, reference.D
    assert d * 121666 % p == -121665 % p
    assert reference.SQRT_M1**2 % p == p - 1
    assert reference.SQRT_AD_MINUS_ONE**2 % p == (-d - 1) % p
    assert reference.INVSQRT_A_MINUS_D**2 * (-1 - d) % p == 1
    assert (1 - d * d) % p == reference.ONE_MINUS_D_SQ
    assert (d - 1) ** 2 % p == reference.D_MINUS_ONE_SQ


def test_derive_key_pair() -> None:
    seed, info = bytes.fromhex(RFC9497["seed"]), bytes.fromhex(RFC9497["key_info"])
    assert oprf.derive_key_pair(seed, info).export_secret().hex() == RFC9497["secret_key"]
    assert reference.derive_secret(seed, info).to_bytes(32, "little").hex() == RFC9497["secret_key"]


@pytest.mark.parametrize("vector", RFC9497["vectors"], ids=["vector 1", "vector 2"])
def test_oprf_mode_by_the_package(vector: dict[str, str]) -> None:
    key = oprf.OprfKey(bytes.fromhex(RFC9497["secret_key"]))
    data = bytes.fromhex(vector["input"])
    scalar, blinded = oprf.blind(data, _Fixed(bytes.fromhex(vector["blind"])))
    assert scalar.export_secret().hex() == vector["blind"]
    assert blinded.encoded.hex() == vector["blinded_element"]
    evaluated = oprf.blind_evaluate(key, blinded)
    assert evaluated.encoded.hex() == vector["evaluation_element"]
    assert oprf.finalize(data, scalar.invert(), evaluated).hex() == vector["output"]
    assert oprf.evaluate(key, data).hex() == vector["output"]


@pytest.mark.parametrize("vector", RFC9497["vectors"], ids=["vector 1", "vector 2"])
def test_oprf_mode_by_the_reference(vector: dict[str, str]) -> None:
    secret = int.from_bytes(bytes.fromhex(RFC9497["secret_key"]), "little")
    data = bytes.fromhex(vector["input"])
    blind = int.from_bytes(bytes.fromhex(vector["blind"]), "little")
    blinded = reference.multiply(blind, reference.hash_to_group(data))
    assert reference.encode(blinded).hex() == vector["blinded_element"]
    evaluated = reference.multiply(secret, blinded)
    assert reference.encode(evaluated).hex() == vector["evaluation_element"]
    assert reference.finalize(data, blind, evaluated).hex() == vector["output"]
    assert reference.evaluate(secret, data).hex() == vector["output"]
