"""Mode VOPRF: the published vectors, by the package and by an independent reference, and all that has to be refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.ristretto import ORDER, Point, Scalar
from protocols.psi import batch, oprf
from protocols.psi.dleq import PROOF_BYTES, generate_proof, verify_proof
from protocols.psi.evaluation import evaluate_outputs
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.oprf import Mode, OprfKey, derive_key_pair
from protocols.psi.verifiable import VerifiableClient, VerifiableServer
from protocols.psi.verifiable_messages import BlindedElements, EvaluatedElements
from protocols.randomness import SeededRandomness
from tests.support import ristretto_reference, voprf_reference
from tests.support.given_scalars import GivenScalars

VECTORS = Path(__file__).parents[2] / "vectors" / "psi"
RFC9497: dict[str, Any] = json.loads((VECTORS / "rfc9497_ristretto255_voprf.json").read_text())
INVALID: dict[str, list[str]] = json.loads((VECTORS / "rfc9496_ristretto255.json").read_text())["invalid"]
EACH_VECTOR = pytest.mark.parametrize("vector", RFC9497["vectors"], ids=["vector 1", "vector 2", "vector 3, batched"])
KEY = OprfKey(bytes.fromhex(RFC9497["secret_key"]))
OTHER_KEY = derive_key_pair(bytes(range(32)), b"another key", Mode.VOPRF)
INPUTS = (b"a", b"bc", b"")
# The points of edwards25519 whose order divides eight, as RFC 8032 encodes them: none is an element of ristretto255.
LOW_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
)
REFUSED = {
    "identity": bytes(32),
    **{f"low order {place}": bytes.fromhex(each) for place, each in enumerate(LOW_ORDER)},
    **{f"{kind} {place}": bytes.fromhex(each) for kind, all_ in INVALID.items() for place, each in enumerate(all_)},
}


def _all(encodings: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in encodings]


def _rows(encodings: Sequence[str]) -> batch.Rows:
    return batch.rows(b"".join(_all(encodings)))


@cache
def _round(seed: int = 0) -> tuple[BlindedElements, EvaluatedElements]:
    """Return the two messages of one honest round over ``INPUTS``."""
    client = VerifiableClient(INPUTS, KEY.public_key(), SeededRandomness(bytes([seed] * 32)))
    (blinded,) = client.start()
    (evaluated,) = VerifiableServer(KEY, SeededRandomness(bytes([seed + 1] * 32))).receive(blinded)
    return blinded, evaluated


def _client(seed: int = 0) -> VerifiableClient:
    """Return a client of ``_round`` that waits for its answer."""
    client = VerifiableClient(INPUTS, KEY.public_key(), SeededRandomness(bytes([seed] * 32)))
    client.start()
    return client


def test_the_key_is_the_published_one() -> None:
    seed, info = bytes.fromhex(RFC9497["seed"]), bytes.fromhex(RFC9497["key_info"])
    derived = derive_key_pair(seed, info, Mode.VOPRF)
    assert derived.export_secret().hex() == RFC9497["secret_key"]
    assert derived.public_key().encoded.hex() == RFC9497["public_key"]
    secret = voprf_reference.derive_secret(seed, info)
    assert secret.to_bytes(32, "little").hex() == RFC9497["secret_key"]
    assert voprf_reference.public_key(secret).hex() == RFC9497["public_key"]


@EACH_VECTOR
def test_a_vector_by_the_two_machines(vector: dict[str, Any]) -> None:
    blinds, nonce = GivenScalars(*_all(vector["blinds"])), GivenScalars(bytes.fromhex(vector["proof_random_scalar"]))
    client = VerifiableClient(_all(vector["inputs"]), KEY.public_key(), blinds)
    (blinded,) = client.start()
    assert blinded.encode() == b"".join(_all(vector["blinded_elements"]))
    server = VerifiableServer(KEY, nonce)
    assert server.start() == ()
    (evaluated,) = server.receive(BlindedElements.decode(blinded.encode()))
    assert evaluated.encode() == b"".join(_all([*vector["evaluation_elements"], vector["proof"]]))
    assert client.receive(EvaluatedElements.decode(evaluated.encode())) == ()
    assert [each.hex() for each in client.result()] == vector["outputs"]
    assert server.result() == len(vector["inputs"])
    assert blinds.used_up
    assert nonce.used_up


@EACH_VECTOR
def test_a_vector_by_single_functions(vector: dict[str, Any]) -> None:
    cases = zip(vector["inputs"], vector["blinds"], vector["evaluation_elements"], vector["outputs"], strict=True)
    for given, blind, evaluation, expected in cases:
        data = bytes.fromhex(given)
        scalar, blinded = oprf.blind(data, GivenScalars(bytes.fromhex(blind)), Mode.VOPRF)
        evaluated = oprf.blind_evaluate(KEY, blinded)
        assert evaluated.encoded.hex() == evaluation
        assert oprf.finalize(data, scalar.invert(), evaluated).hex() == expected
        assert oprf.evaluate(KEY, data, Mode.VOPRF).hex() == expected
    outputs = evaluate_outputs(KEY.export_secret(), _all(vector["inputs"]), Mode.VOPRF)
    assert [row.tobytes() for row in outputs] == _all(vector["outputs"])


@EACH_VECTOR
def test_a_vector_by_the_reference(vector: dict[str, Any]) -> None:
    secret = int.from_bytes(bytes.fromhex(RFC9497["secret_key"]), "little")
    blinded, evaluated = _all(vector["blinded_elements"]), _all(vector["evaluation_elements"])
    for index, data in enumerate(_all(vector["inputs"])):
        blind = int.from_bytes(bytes.fromhex(vector["blinds"][index]), "little")
        point = ristretto_reference.multiply(blind, voprf_reference.hash_to_group(data))
        assert ristretto_reference.encode(point) == blinded[index]
        product = ristretto_reference.multiply(secret, point)
        assert ristretto_reference.encode(product) == evaluated[index]
        assert ristretto_reference.finalize(data, blind, product).hex() == vector["outputs"][index]
    nonce = int.from_bytes(bytes.fromhex(vector["proof_random_scalar"]), "little")
    assert voprf_reference.generate_proof(secret, blinded, evaluated, nonce).hex() == vector["proof"]
    assert voprf_reference.verify_proof(
        bytes.fromhex(RFC9497["public_key"]), blinded, evaluated, bytes.fromhex(vector["proof"])
    )


@EACH_VECTOR
def test_a_vectors_proof_is_made_and_verified(vector: dict[str, Any]) -> None:
    blinded, evaluated = _rows(vector["blinded_elements"]), _rows(vector["evaluation_elements"])
    nonce = GivenScalars(bytes.fromhex(vector["proof_random_scalar"]))
    proof = generate_proof(KEY, KEY.public_key(), blinded, evaluated, nonce)
    assert proof.hex() == vector["proof"]
    verify_proof(Point(bytes.fromhex(RFC9497["public_key"])), blinded, evaluated, proof)


def test_the_two_modes_share_neither_keys_nor_outputs() -> None:
    seed = bytes(range(32))
    assert derive_key_pair(seed, b"").export_secret() != derive_key_pair(seed, b"", Mode.VOPRF).export_secret()
    assert oprf.evaluate(KEY, b"a") != oprf.evaluate(KEY, b"a", Mode.VOPRF)


def test_an_honest_round_is_taken() -> None:
    client = _client()
    client.receive(_round()[1])
    assert client.result() == tuple(oprf.evaluate(KEY, data, Mode.VOPRF) for data in INPUTS)
    assert client.result() == client.result()


def test_evaluations_under_another_key_with_its_own_proof_are_refused() -> None:
    (forged,) = VerifiableServer(OTHER_KEY, SeededRandomness(bytes(32))).receive(_round()[0])
    client = _client()
    with pytest.raises(PeerProtocolError, match="does not verify"):
        client.receive(forged)
    verify_proof(OTHER_KEY.public_key(), _round()[0].elements, forged.elements, forged.proof)  # a proof of that key
    client.receive(_round()[1])  # what was refused did not end the round


def test_a_proof_made_under_another_key_for_the_published_one_is_refused() -> None:
    blinded = _round()[0].elements
    evaluated = batch.multiply(blinded, batch.rows(OTHER_KEY.export_secret()))
    proof = generate_proof(OTHER_KEY, KEY.public_key(), blinded, evaluated, SeededRandomness(bytes(32)))
    with pytest.raises(PeerProtocolError, match="does not verify"):
        verify_proof(KEY.public_key(), blinded, evaluated, proof)


@pytest.mark.parametrize("place", range(len(INPUTS)))
def test_one_evaluation_under_another_key_among_right_ones_is_refused(place: int) -> None:
    blinded = _round()[0].elements
    evaluated = batch.multiply(blinded, batch.rows(KEY.export_secret())).copy()
    evaluated[place] = batch.multiply(blinded[place : place + 1], batch.rows(OTHER_KEY.export_secret()))[0]
    proof = generate_proof(KEY, KEY.public_key(), blinded, evaluated, SeededRandomness(bytes(32)))
    with pytest.raises(PeerProtocolError, match="does not verify"):
        _client().receive(EvaluatedElements(evaluated.tobytes(), proof))


def test_two_false_evaluations_whose_errors_cancel_are_refused() -> None:
    # With equal weights the sum of all evaluations would be right: the random ones are what catches it.
    blinded, right = _round()[0].elements, _round()[1]
    points = [Point(row.tobytes()) for row in right.elements]
    error = OTHER_KEY.public_key()
    forged = [points[0].add(error), points[1].subtract(error), *points[2:]]
    message = EvaluatedElements(b"".join(point.encoded for point in forged), right.proof)
    with pytest.raises(PeerProtocolError, match="does not verify"):
        _client().receive(message)
    proof = generate_proof(KEY, KEY.public_key(), blinded, message.elements, SeededRandomness(bytes(32)))
    with pytest.raises(PeerProtocolError, match="does not verify"):
        _client().receive(EvaluatedElements(message.encoded, proof))


def test_evaluations_in_another_order_are_refused() -> None:
    blinded, evaluated = _round()
    turned = EvaluatedElements(evaluated.encoded[32:] + evaluated.encoded[:32], evaluated.proof)
    with pytest.raises(PeerProtocolError, match="does not verify"):
        _client().receive(turned)
    proof = generate_proof(KEY, KEY.public_key(), blinded.elements, turned.elements, SeededRandomness(bytes(32)))
    with pytest.raises(PeerProtocolError, match="does not verify"):
        _client().receive(EvaluatedElements(turned.encoded, proof))


def test_the_answer_of_another_round_is_refused() -> None:
    with pytest.raises(PeerProtocolError, match="does not verify"):
        _client().receive(_round(seed=7)[1])


def test_every_changed_bit_of_a_proof_is_refused() -> None:
    blinded, evaluated = _round()
    for bit in range(8 * PROOF_BYTES):
        changed = bytearray(evaluated.proof)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PeerProtocolError, match="proof"):
            verify_proof(KEY.public_key(), blinded.elements, evaluated.elements, bytes(changed))


def test_every_changed_bit_of_an_element_is_refused() -> None:
    _, evaluated = _round()
    client = _client()
    decoded = 0
    for bit in range(8 * len(evaluated.encoded)):
        changed = bytearray(evaluated.encode())
        changed[bit // 8] ^= 1 << bit % 8
        try:
            message = EvaluatedElements.decode(bytes(changed))
        except PeerProtocolError:
            continue
        decoded += 1
        with pytest.raises(PeerProtocolError, match="does not verify"):
            client.receive(message)
    assert decoded > 0  # some of them are other elements: only the proof tells
    client.receive(evaluated)


def test_a_changed_bit_of_a_blinded_element_makes_another_proof() -> None:
    blinded, evaluated = _round()
    for bit in range(256):
        changed = bytearray(blinded.encode())
        changed[bit // 8] ^= 1 << bit % 8
        try:
            message = BlindedElements.decode(bytes(changed))
        except PeerProtocolError:
            continue
        with pytest.raises(PeerProtocolError, match="does not verify"):
            verify_proof(KEY.public_key(), message.elements, evaluated.elements, evaluated.proof)


@pytest.mark.parametrize("half", [0, 32])
@pytest.mark.parametrize("value", [0, ORDER, 2**256 - 1, None], ids=["zero", "the order", "all ones", "plus the order"])
def test_a_proof_of_scalars_that_are_zero_or_not_reduced_is_refused(half: int, value: int | None) -> None:
    blinded, evaluated = _round()
    proof = bytearray(evaluated.proof)
    given = int.from_bytes(proof[half : half + 32], "little") + ORDER if value is None else value
    proof[half : half + 32] = given.to_bytes(32, "little")
    with pytest.raises(PeerProtocolError, match="canonical scalars"):
        verify_proof(KEY.public_key(), blinded.elements, evaluated.elements, bytes(proof))


@pytest.mark.parametrize("length", [0, 32, 63, 65, 128])
def test_a_proof_of_another_length_is_refused(length: int) -> None:
    blinded, evaluated = _round()
    proof = (evaluated.proof * 2)[:length]
    with pytest.raises(PeerProtocolError, match="64 bytes"):
        EvaluatedElements(evaluated.encoded, proof)
    with pytest.raises(PeerProtocolError, match="64 bytes"):
        verify_proof(KEY.public_key(), blinded.elements, evaluated.elements, proof)


def test_proofs_are_of_as_many_elements_on_both_sides() -> None:
    blinded, evaluated = _round()
    with pytest.raises(ParameterError, match="pairs"):
        verify_proof(KEY.public_key(), blinded.elements[:2], evaluated.elements, evaluated.proof)
    with pytest.raises(ParameterError, match="pairs"):
        verify_proof(KEY.public_key(), blinded.elements[:0], evaluated.elements[:0], evaluated.proof)


def test_no_two_proofs_of_one_statement_are_alike() -> None:
    blinded, evaluated = _round()
    randomness = SeededRandomness(bytes(32))
    proofs = {generate_proof(KEY, KEY.public_key(), blinded.elements, evaluated.elements, randomness) for _ in range(4)}
    assert len(proofs) == 4
    for proof in proofs:
        verify_proof(KEY.public_key(), blinded.elements, evaluated.elements, proof)


def test_what_is_called_refused_is_no_element_by_the_reference() -> None:
    for name, encoded in REFUSED.items():
        decoded = ristretto_reference.decode(encoded)
        assert decoded is None or encoded == bytes(32), name


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("encoded", REFUSED.values(), ids=REFUSED)
def test_an_invalid_element_is_refused_on_both_sides_wherever_it_stands(encoded: bytes, place: int) -> None:
    blinded, evaluated = _round()
    forged = blinded.encoded[: 32 * place] + encoded + blinded.encoded[32 * (place + 1) :]
    with pytest.raises(PeerProtocolError, match="identity or not canonically"):
        BlindedElements.decode(forged)
    with pytest.raises(PeerProtocolError, match="identity or not canonically"):
        EvaluatedElements.decode(forged + evaluated.proof)
    with pytest.raises(PeerProtocolError):
        batch.multiply(batch.rows(forged), batch.rows(KEY.export_secret()))
    with pytest.raises(PeerProtocolError):
        Point(encoded)
    assert batch.decode_check(batch.rows(forged)).tolist() == [index != place for index in range(3)]


def test_a_second_encoding_by_the_topmost_bit_is_refused() -> None:
    blinded, evaluated = _round()
    for place in range(3):
        forged = bytearray(blinded.encoded)
        forged[32 * place + 31] ^= 0x80
        with pytest.raises(PeerProtocolError, match="canonically"):
            BlindedElements.decode(bytes(forged))
        with pytest.raises(PeerProtocolError, match="canonically"):
            EvaluatedElements.decode(bytes(forged) + evaluated.proof)


def test_an_element_that_stands_twice_is_refused() -> None:
    blinded, evaluated = _round()
    with pytest.raises(PeerProtocolError, match="twice"):
        BlindedElements.decode(blinded.encoded + blinded.encoded[:32])
    with pytest.raises(PeerProtocolError, match="twice"):
        EvaluatedElements.decode(evaluated.encoded + evaluated.encoded[:32] + evaluated.proof)


@pytest.mark.parametrize("cut", [1, 31, 33, 95])
def test_a_truncated_or_lengthened_batch_is_refused(cut: int) -> None:
    blinded, evaluated = _round()
    with pytest.raises(PeerProtocolError, match="truncated"):
        BlindedElements.decode(blinded.encode()[:-cut])
    with pytest.raises(PeerProtocolError, match="truncated"):
        BlindedElements.decode(blinded.encode() + bytes(cut))
    with pytest.raises(PeerProtocolError):
        EvaluatedElements.decode(evaluated.encode()[:-cut])


def test_no_elements_and_too_many_are_refused_before_any_is_looked_at() -> None:
    _, evaluated = _round()
    with pytest.raises(PeerProtocolError, match=r"1\.\.4096"):
        BlindedElements.decode(b"")
    with pytest.raises(PeerProtocolError, match=r"1\.\.4096"):
        EvaluatedElements.decode(evaluated.proof)
    with pytest.raises(PeerProtocolError, match=r"1\.\.4096"):
        BlindedElements.decode(bytes(32 * (MAXIMUM_BATCH + 1)))  # of the identity, which is not reached


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_evaluations_than_were_asked_for_are_refused(count: int) -> None:
    blinded, evaluated = _round()
    kept = evaluated.elements[:count]
    nonce = SeededRandomness(bytes(32))
    proof = generate_proof(KEY, KEY.public_key(), blinded.elements[:count], kept, nonce)  # itself a true one
    with pytest.raises(PeerProtocolError, match="another size"):
        _client().receive(EvaluatedElements(kept.tobytes(), proof))


def test_steps_out_of_order_are_refused_and_say_whose_fault_it_is() -> None:
    blinded, evaluated = _round()
    fresh = VerifiableClient(INPUTS, KEY.public_key(), SeededRandomness(bytes(32)))
    with pytest.raises(PeerProtocolError):
        fresh.receive(evaluated)
    with pytest.raises(LocalProtocolError):
        fresh.result()
    client, server = _client(), VerifiableServer(KEY, SeededRandomness(bytes(32)))
    with pytest.raises(LocalProtocolError):
        client.start()
    with pytest.raises(LocalProtocolError):
        server.result()
    client.receive(evaluated)
    with pytest.raises(PeerProtocolError):
        client.receive(evaluated)
    server.receive(blinded)
    with pytest.raises(PeerProtocolError):
        server.receive(blinded)
    with pytest.raises(LocalProtocolError):
        server.start()


def test_no_inputs_too_many_and_duplicates_are_the_callers_mistake() -> None:
    def client(*inputs: bytes) -> VerifiableClient:
        return VerifiableClient(inputs, KEY.public_key(), SeededRandomness(bytes(32)))

    with pytest.raises(LocalProtocolError, match=r"1\.\.4096"):
        client()
    with pytest.raises(LocalProtocolError, match=r"1\.\.4096"):
        client(*(str(index).encode() for index in range(MAXIMUM_BATCH + 1)))
    with pytest.raises(LocalProtocolError, match="twice"):
        client(b"a", b"b", b"a")


def test_a_client_shows_nothing_of_its_inputs() -> None:
    client = VerifiableClient([b"91350100M000100Y43"], KEY.public_key(), SeededRandomness(bytes(32)))
    client.start()
    assert "91350100M000100Y43" not in repr(client)


def test_one_scalar_for_all_is_the_same_as_one_each() -> None:
    elements = _round()[0].elements
    one = batch.rows(KEY.export_secret())
    each = batch.rows(KEY.export_secret() * 3)
    assert batch.multiply(elements, one).tobytes() == batch.multiply(elements, each).tobytes()
    with pytest.raises(ParameterError, match="one scalar"):
        batch.multiply(elements, batch.rows(KEY.export_secret() * 2))


def test_inverses_undo_blinds_and_a_combination_of_opposites_is_the_identity() -> None:
    scalars = batch.random_scalars(3, SeededRandomness(bytes(32)))
    elements = _round()[0].elements
    back = batch.multiply(batch.multiply(elements, scalars), batch.invert(scalars))
    assert back.tobytes() == elements.tobytes()
    minus_one = Scalar((ORDER - 1).to_bytes(32, "little")).export_secret()
    one = (1).to_bytes(32, "little")
    twice = batch.rows(elements[0].tobytes() * 2)
    assert batch.linear_combination(batch.rows(one + minus_one), twice) == bytes(32)
