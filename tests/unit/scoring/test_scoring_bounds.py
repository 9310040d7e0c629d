"""The bounds of ``bfv-8192-1``: derived numbers against ones derived another way, and refusals at the limit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.primitives.bfv_keys import BfvEncryptor, BfvSecretKey
from protocols.primitives.bfv_profile import BFV_8192_1, BfvProfile
from protocols.randomness import derive_seed
from protocols.scoring import bounds
from protocols.scoring.bfv import NOISE_LIMIT
from protocols.scoring.engines import ENGINES
from protocols.scoring.measure import measured_noise
from protocols.scoring.model import BinnedField, LinearField, PublicModel, SecretModel
from tests.support.scoring_models import MASTER, MODEL, key_of, standard


def linear(count: int) -> PublicModel:
    return PublicModel(tuple(LinearField(f"f{i}", 0, 65535, 1) for i in range(count)))


def indicators(columns: int) -> PublicModel:
    return PublicModel(tuple(BinnedField(f"f{i}", ()) for i in range(columns // 2)))


def test_the_profile_is_what_the_design_says() -> None:
    assert [prime.bit_length() for prime in BFV_8192_1.data_primes] == [48, 50, 50]
    assert (BFV_8192_1.modulus * BFV_8192_1.special_prime).bit_length() <= 198
    assert BFV_8192_1.plain_modulus == 2**32


@pytest.mark.parametrize("change", [{"special_prime": 0xFFFFFFFFC001}, {"special_prime": 2**50 - 27}, {"degree": 4096}])
def test_a_weak_or_broken_profile_cannot_be_built(change: dict[str, int]) -> None:
    values = {name: getattr(BFV_8192_1, name) for name in BFV_8192_1.__dataclass_fields__}
    with pytest.raises(ParameterError):
        BfvProfile(**(values | change))


@pytest.mark.parametrize(
    ("public", "distance"),
    [(indicators(64), -54.87), (indicators(1024), -50.84), (linear(1), -44.91), (linear(29), -40.01)],
)
def test_the_distances_of_the_table_in_the_readme(public: PublicModel, distance: float) -> None:
    assert bounds.require(public).distance_log2 == pytest.approx(distance, abs=0.01)


def test_distance_against_the_formula_in_other_words() -> None:
    """2 N B q'/q with tau from the tail, both written out anew."""
    columns, N = 64, 8192
    tau = math.sqrt(2 * 10.5 * (2 * N + 1) * math.log(2 * N * (columns + 1) * 2**64)) + 0.5
    total = columns * N * tau + tau
    expected = math.log2(2 * N * total / (0x3FFFFFFEF4001 * 0x3FFFFFFFCC001))
    assert bounds.noise_bounds(indicators(columns)).distance_log2 == pytest.approx(expected, abs=0.01)


def test_sixteen_bit_fields_are_refused_once_they_pass_the_limit() -> None:
    found = [count for count in range(1, 513) if bounds.noise_bounds(linear(count)).distance_log2 <= -40]
    assert found == list(range(1, 30))
    assert bounds.require(linear(29)).distance_log2 <= -40
    with pytest.raises(ParameterError, match="noise bound"):
        bounds.require(linear(30))


def test_both_sides_refuse_a_model_over_the_bound() -> None:
    over = linear(512)
    engine = ENGINES["bfv"]
    with pytest.raises(ParameterError, match="noise bound"):
        engine.encrypt_model(key_of("bfv"), SecretModel(over, (0,) * 1024))
    encrypted = standard("bfv").encrypted
    many = type(encrypted)(encrypted.profile, encrypted.public_key, (encrypted.ciphertexts[0],) * 1024)
    with pytest.raises(ParameterError, match="noise bound"):
        engine.evaluator(many, over)


def test_decryption_cannot_fail_by_chance() -> None:
    for public in (indicators(1024), linear(512)):
        assert bounds.noise_bounds(public).correctness_margin_log2 > 2
    q_over_t = BFV_8192_1.response_prime / BFV_8192_1.plain_modulus
    assert q_over_t > NOISE_LIMIT * 4


def test_the_union_over_responses() -> None:
    assert bounds.union_log2(-56, 1024) == -46


def test_no_measured_coefficient_passes_the_tail_bound() -> None:
    key = BfvSecretKey(MASTER)
    encryptor = BfvEncryptor(key.public_key())
    errors = np.stack([key.noise(encryptor.encrypt(5, derive_seed(MASTER, "n", bytes([i]))), 5) for i in range(20)])
    variance = 10.5 * (2 * 8192 * 2 / 3 + 1)
    assert np.abs(errors).max() < bounds.tail_bound(20)
    assert errors.var() == pytest.approx(variance, rel=0.05)


def test_a_built_model_is_measured_below_its_worst_case() -> None:
    made = standard("bfv")
    measured = measured_noise(made.key, made.encrypted, made.model)
    worst = bounds.noise_bounds(made.model.public)
    assert len(measured.norms) == made.model.public.column_count
    assert 0 < measured.largest_coefficient < worst.coefficient_bound
    assert worst.distance_log2 - 5 < measured.distance_log2 < worst.distance_log2


def test_measuring_finds_a_ciphertext_that_holds_another_weight() -> None:
    made = standard("bfv")
    other = SecretModel(MODEL.public, (MODEL.weights[0] + 1, *MODEL.weights[1:]))
    with pytest.raises(ParameterError, match="does not hold"):
        measured_noise(made.key, made.encrypted, other)
    with pytest.raises(ParameterError, match="BFV key"):
        measured_noise(key_of("paillier"), made.encrypted, made.model)
