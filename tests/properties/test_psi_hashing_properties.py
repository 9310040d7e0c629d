"""What is hashed for a whole batch is what the functions of RFC 9497 give one at a time."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.primitives.ristretto import Point
from protocols.psi import dleq, hashing, oprf
from protocols.psi.cardinality.blinding import tags_of
from protocols.psi.evaluation import evaluate_outputs
from protocols.psi.oprf import Mode

MIXED = st.lists(st.binary(max_size=150), max_size=20)
CODES = st.lists(st.binary(min_size=1, max_size=36), min_size=1, max_size=20)
SEPARATIONS = st.binary(max_size=255)
SEEDS = st.integers(min_value=0, max_value=2**32)


def _rows(count: int, width: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, width), dtype=np.uint8)


def _bytes(rows: NDArray[np.uint8]) -> list[bytes]:
    return [row.tobytes() for row in rows]


@settings(max_examples=60, deadline=None)
@given(messages=MIXED, separation=SEPARATIONS)
def test_messages_of_mixed_lengths_are_expanded_in_their_order(messages: list[bytes], separation: bytes) -> None:
    expected = [oprf.expand_message_xmd(message, separation) for message in messages]
    assert _bytes(hashing.expand_messages(messages, separation)) == expected


@settings(max_examples=60, deadline=None)
@given(inputs=MIXED, seed=SEEDS)
def test_outputs_are_those_of_finalize(inputs: list[bytes], seed: int) -> None:
    elements = _rows(len(inputs), 32, seed)
    expected = [oprf.output(data, row.tobytes()) for data, row in zip(inputs, elements, strict=True)]
    assert _bytes(hashing.hash_outputs(inputs, elements)) == expected


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 20), width=st.integers(0, 300), separation=SEPARATIONS, seed=SEEDS)
def test_scalars_are_those_of_hash_to_scalar(count: int, width: int, separation: bytes, seed: int) -> None:
    rows = _rows(count, width, seed)
    expected = [oprf.hash_to_scalar(row.tobytes(), separation).export_secret() for row in rows]
    assert _bytes(hashing.hash_to_scalars(rows, separation)) == expected


def _framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def _composite(public_key: bytes, number: int, blinded: bytes, evaluated: bytes) -> bytes:
    seed = hashlib.sha512(_framed(public_key, b"Seed-" + Mode.VOPRF.context)).digest()
    return _framed(seed) + number.to_bytes(2, "big") + _framed(blinded, evaluated) + b"Composite"


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 400), seed=SEEDS)
def test_weights_of_a_proof_are_those_of_rfc_9497(count: int, seed: int) -> None:
    """Section 2.2.1, ComputeComposites, written out element by element."""
    public_key, separation = oprf.hash_to_group(b"a key").encoded, Mode.VOPRF.hash_to_scalar
    blinded, evaluated = _rows(count, 32, seed), _rows(count, 32, seed + 1)
    expected = [
        oprf.hash_to_scalar(_composite(public_key, number, *pair), separation).export_secret()
        for number, pair in enumerate(zip(_bytes(blinded), _bytes(evaluated), strict=True))
    ]
    assert _bytes(dleq._weights(Point(public_key), blinded, evaluated)) == expected


@settings(max_examples=20, deadline=None)
@given(inputs=CODES, mode=st.sampled_from(Mode), seed=st.binary(min_size=32, max_size=32))
def test_a_set_is_evaluated_as_its_items_are(inputs: list[bytes], mode: Mode, seed: bytes) -> None:
    key = oprf.derive_key_pair(seed, b"property", mode)
    expected = [oprf.evaluate(key, data, mode) for data in inputs]
    assert _bytes(evaluate_outputs(key.export_secret(), inputs, mode)) == expected


@settings(max_examples=20, deadline=None)
@given(count=st.integers(0, 40), seed=SEEDS)
def test_tags_of_a_count_are_the_hash_of_label_and_element(count: int, seed: int) -> None:
    elements = _rows(count, 32, seed)
    expected = [hashlib.sha512(b"BANKTAX-COUNT-V1-tag" + row.tobytes()).digest()[:12] for row in elements]
    assert tags_of(elements).tobytes() == b"".join(expected)
