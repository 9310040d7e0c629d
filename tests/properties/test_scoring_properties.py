"""Laws of scoring's codecs and columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from protocols.errors import PeerProtocolError
from protocols.primitives.bfv_packing import pack_residues, unpack_residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.scoring import reference
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.messages import ScoreRequest, ScoreResponse
from protocols.scoring.model import (
    MISSING,
    BinnedField,
    GroupedField,
    LinearField,
    PublicField,
    PublicModel,
    SecretModel,
)
from tests.support.scoring_models import features

TICKS = some.integers(-(2**62), 2**62)
NAMES = some.text(some.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


def binned(name: str) -> some.SearchStrategy[PublicField]:
    return some.sets(TICKS, max_size=6).map(lambda edges: BinnedField(name, tuple(sorted(edges))))


@some.composite
def grouped(draw: some.DrawFn, name: str) -> PublicField:
    codes = draw(some.integers(1, 12))
    places = draw(some.lists(some.integers(-1, 3), min_size=codes, max_size=codes))
    groups = [tuple(code for code in range(codes) if places[code] == group) for group in range(4)]
    return GroupedField(name, codes, tuple(group for group in groups if group))


@some.composite
def linear(draw: some.DrawFn, name: str) -> PublicField:
    low, top, quantum = draw(TICKS), draw(some.integers(0, 65535)), draw(some.integers(1, 10**6))
    return LinearField(name, low, low + top * quantum, quantum)


@some.composite
def models(draw: some.DrawFn) -> PublicModel:
    names = draw(some.lists(NAMES, min_size=1, max_size=4, unique=True))
    return PublicModel(tuple(draw(some.one_of(binned(name), grouped(name), linear(name))) for name in names))


@given(models())
def test_a_model_s_encoding_is_one_to_one(model: PublicModel) -> None:
    assert PublicModel.decode(model.encode()) == model


@given(some.binary(max_size=200))
def test_foreign_bytes_raise_nothing_else(data: bytes) -> None:
    for decode in (
        PublicModel.decode,
        ScoreRequest.decode,
        ScoreResponse.decode,
        EncryptedScores.decode,
        lambda given_: EncryptedModel.decode(given_, 3),
    ):
        with pytest.raises(PeerProtocolError):
            decode(data)


@given(models(), some.data())
def test_a_mutated_model_is_refused_or_encodes_as_it_came(model: PublicModel, data: some.DataObject) -> None:
    encoded = bytearray(model.encode())
    place = data.draw(some.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(some.integers(1, 255))
    try:
        decoded = PublicModel.decode(bytes(encoded))
    except PeerProtocolError:
        return
    assert decoded.encode() == encoded


@given(models(), some.integers(0, 2**32 - 1))
def test_columns_keep_to_their_maxima_and_indicators_to_one_bin(model: PublicModel, seed: int) -> None:
    table = model.columns(features(16, seed, model))
    assert np.all(table <= np.array(model.maxima)[:, None])
    start = 0
    for field in model.fields:
        part = table[start : start + field.column_count]
        start += field.column_count
        if isinstance(field, LinearField):
            assert np.all((part[0] == 0) | (part[1] == 0))
        else:
            assert np.all(part.sum(axis=0) == 1)


@given(models(), some.data())
def test_scores_lie_within_the_model_s_exact_range(model: PublicModel, data: some.DataObject) -> None:
    weight = some.integers(-2000, 2000)
    weights = data.draw(some.lists(weight, min_size=model.column_count, max_size=model.column_count))
    secret = SecretModel(model, tuple(weights))
    found = reference.scores(secret, features(16, data.draw(some.integers(0, 99)), model))
    assert np.all((found >= secret.score_low) & (found <= secret.score_high))


@given(some.sets(some.integers(-50, 50), max_size=5), some.lists(some.integers(-60, 60), min_size=1, max_size=20))
def test_bins_by_search_are_bins_by_comparison(edges: set[int], values: list[int]) -> None:
    ascending = tuple(sorted(edges))
    table = PublicModel((BinnedField("x", ascending),)).columns({"x": np.array(values, dtype=np.int64)})
    assert table.argmax(axis=0).tolist() == [sum(edge <= value for edge in ascending) for value in values]
    assert MISSING not in values


@settings(max_examples=50)
@given(some.sampled_from(BFV_8192_1.data_primes), some.data())
def test_packed_residues_are_one_to_one(prime: int, data: some.DataObject) -> None:
    groups = data.draw(some.integers(0, 4))
    residue = some.one_of(some.integers(0, prime - 1), some.sampled_from([0, 1, prime - 1]))
    values = data.draw(some.lists(residue, min_size=4 * groups, max_size=4 * groups))
    packed = pack_residues(np.array(values, dtype=np.uint64), prime)
    joined = sum(value << place * prime.bit_length() for place, value in enumerate(values))
    assert packed == joined.to_bytes(len(packed), "little")
    assert unpack_residues(packed, len(values), prime).tolist() == values
