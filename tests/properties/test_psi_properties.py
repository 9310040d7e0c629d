"""Laws of the set intersection: equality with the plaintext oracle, and what the bureau's side never holds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi import reference as oracle
from protocols.psi.client import OprfClient
from protocols.psi.messages import BlindedBatch, EvaluatedBatch
from protocols.psi.oprf import OprfKey, derive_key_pair, evaluate, hash_to_group
from protocols.psi.server import OprfServer
from protocols.psi.tags import TagSet, evaluate_tags, padded_count, publish, tag
from protocols.randomness import SeededRandomness, SystemRandomness
from tests.support import ristretto_reference

INPUTS = st.binary(max_size=40)
SETS = st.lists(INPUTS, max_size=12, unique=True)
ASKED = st.lists(INPUTS, min_size=1, max_size=12, unique=True)
SEEDS = st.binary(min_size=32, max_size=32)


def _ask(key: OprfKey, asked: list[bytes]) -> tuple[tuple[bytes, ...], bytes]:
    """Run one round over encoded messages; returns the outputs and all that the bureau received."""
    client, server = OprfClient(asked, SystemRandomness()), OprfServer(key)
    (blinded,) = client.start()
    received = blinded.encode()
    (answer,) = server.receive(BlindedBatch.decode(received))
    client.receive(EvaluatedBatch.decode(answer.encode()))
    return client.result(), received


@settings(max_examples=40, deadline=None)
@given(standing=SETS, asked=ASKED, seed=SEEDS)
def test_the_protocol_gives_what_the_plaintext_oracle_gives(
    standing: list[bytes], asked: list[bytes], seed: bytes
) -> None:
    key = derive_key_pair(seed, b"property")
    published = publish([evaluate_tags(key.export_secret(), standing)], len(standing), SeededRandomness(seed))
    outputs, _ = _ask(key, asked)
    held = TagSet.from_bytes(published).contains([tag(output) for output in outputs])
    assert dict(zip(asked, held, strict=True)) == oracle.held(asked, standing)


@settings(max_examples=15, deadline=None)
@given(data=INPUTS, seed=SEEDS, info=st.binary(max_size=8))
def test_keys_and_outputs_equal_those_of_the_independent_reference(data: bytes, seed: bytes, info: bytes) -> None:
    key = derive_key_pair(seed, info)
    secret = ristretto_reference.derive_secret(seed, info)
    assert key.export_secret() == secret.to_bytes(32, "little")
    assert evaluate(key, data) == ristretto_reference.evaluate(secret, data)


@settings(max_examples=30, deadline=None)
@given(asked=ASKED, seed=SEEDS)
def test_the_bureau_receives_nothing_but_fresh_points(asked: list[bytes], seed: bytes) -> None:
    key = derive_key_pair(seed, b"property")
    outputs, first = _ask(key, asked)
    again, second = _ask(key, asked)
    assert outputs == again
    assert len(first) == len(second) == POINT_BYTES * len(asked)
    points = [first[at : at + POINT_BYTES] for at in range(0, len(first), POINT_BYTES)]
    points += [second[at : at + POINT_BYTES] for at in range(0, len(second), POINT_BYTES)]
    assert len(set(points)) == len(points)  # the same input twice: two unrelated elements
    for data, output in zip(asked, outputs, strict=True):
        # Neither the input's own element, which anyone can compute and compare, nor its tag or output.
        assert hash_to_group(data).encoded not in points
        assert tag(output) not in first + second
        assert len(data) < 6 or data not in first + second


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 10**7))
def test_padding_hides_the_size_at_a_bounded_price(count: int) -> None:
    padded = padded_count(count)
    assert padded >= max(count, 1024)
    assert padded - count <= max(1024, count // 16)
    # Every size of a step shows the same number.
    assert padded_count(padded) == padded
