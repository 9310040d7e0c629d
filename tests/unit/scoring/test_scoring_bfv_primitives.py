"""Packing, samplers, keys and the two ways to an inner product of ``bfv-8192-1``."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.bfv_few_rows import FEW_ROWS, HalvedCiphertexts
from protocols.primitives.bfv_keys import BfvPublicKey, BfvSecretKey
from protocols.primitives.bfv_packing import pack_residues, unpack_polynomials, unpack_residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_sampling import centred_binomial, ternary, uniform
from protocols.primitives.bfv_seal import ring
from protocols.scoring import bfv
from protocols.scoring.bfv import BfvEvaluator
from protocols.scoring.model import MAX_COLUMNS, PublicModel
from tests.support.scoring_models import MASTER, PUBLIC, features, seeded, standard

PRIMES = BFV_8192_1.data_primes


class Listed:
    """A stream whose bytes a test chose."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def bytes(self, count: int) -> bytes:
        taken, self._data = self._data[:count], self._data[count:]
        return taken.ljust(count, b"\0")


def test_ternary_skips_the_byte_that_would_be_unfair() -> None:
    assert ternary(Listed(bytes([255, 0, 255, 1, 2, 3, 254])), 5).tolist() == [-1, 0, 1, -1, 1]


def test_centred_binomial_counts_both_halves() -> None:
    words = [0, (1 << 21) - 1, ((1 << 21) - 1) << 21, (1 << 64) - 1, 1 << 42, 5]
    data = b"".join(word.to_bytes(8, "little") for word in words)
    assert centred_binomial(Listed(data), 6).tolist() == [0, 21, -21, 0, 0, 2]


@pytest.mark.parametrize("prime", PRIMES)
def test_uniform_skips_what_is_not_below_the_modulus(prime: int) -> None:
    words = [prime, prime - 1, (1 << prime.bit_length()) - 1, 1 << 63, 7]
    data = b"".join(word.to_bytes(8, "little") for word in words)
    assert uniform(Listed(data), prime, 3).tolist() == [prime - 1, 0, 7]


def test_samplers_have_their_distributions() -> None:
    small, error = ternary(seeded("u")), centred_binomial(seeded("e"))
    assert np.bincount(small + 1).min() > 2500
    assert error.var() == pytest.approx(10.5, rel=0.1)
    assert abs(float(error.mean())) < 0.2
    assert uniform(seeded("a"), PRIMES[0]).mean() == pytest.approx(PRIMES[0] / 2, rel=0.05)


@pytest.mark.parametrize("prime", PRIMES)
def test_a_residue_equal_to_its_modulus_is_refused(prime: int) -> None:
    values = np.array([0, prime - 1, 1, 2], dtype=np.uint64)
    data = pack_residues(values, prime)
    assert unpack_residues(data, 4, prime).tolist() == values.tolist()
    joined = sum(int(value) << place * prime.bit_length() for place, value in enumerate([0, prime, 1, 2]))
    with pytest.raises(PeerProtocolError, match="modulus"):
        unpack_residues(joined.to_bytes(len(data), "little"), 4, prime)
    with pytest.raises(ParameterError):
        pack_residues(values + np.uint64(1), prime)


def test_a_ring_element_of_the_wrong_size_is_refused() -> None:
    for size in (0, BFV_8192_1.polynomial_bytes - 1, BFV_8192_1.polynomial_bytes + 1):
        with pytest.raises(PeerProtocolError, match="size"):
            unpack_polynomials(bytes(size), 1)
    for size in (0, 31, 32 + BFV_8192_1.polynomial_bytes - 1):
        with pytest.raises(PeerProtocolError, match="size"):
            BfvPublicKey.decode(bytes(size))


def test_the_ring_multiplies_like_the_ring() -> None:
    """X^8191 times X is -1, and a product with a constant is itself."""
    residues = np.zeros((2, 3, 8192), dtype=np.uint64)
    residues[1, :, 8191] = 1
    engine = ring()
    pair = engine.transform(engine.pair(residues))
    product = engine.residues(engine.restore(engine.product(pair, engine.plain(np.array([0, 1])))))
    assert product[1, :, 0].tolist() == [prime - 1 for prime in PRIMES]
    assert not product[1, :, 1:].any()
    with pytest.raises(PeerProtocolError, match="degenerate"):
        engine.product(pair, engine.plain(np.zeros(1, dtype=np.int64)))


def short_multiple(root: int, prime: int) -> tuple[int, int]:
    """Return small (a, b) with a = b root mod prime, by Euclid's algorithm stopped half way."""
    (a, b), (c, d) = (prime, 0), (root, 1)
    while c * c > prime:
        (a, b), (c, d) = (c, d), (a - a // c * c, b - a // c * d)
    return c, d


@pytest.mark.parametrize("prime", PRIMES)
def test_a_polynomial_that_vanishes_somewhere_is_not_a_unit(prime: int) -> None:
    """a - b X is zero at one of the ring's 8,192 places modulo one prime; a + 1 - b X is not."""
    powers = (pow(base, (prime - 1) // 16384, prime) for base in range(2, 50))
    root = next(power for power in powers if pow(power, 8192, prime) == prime - 1)
    a, b = short_multiple(root, prime)
    assert max(a, abs(b)) < 2**31
    assert not ring().is_unit(np.array([a, -b]))
    assert ring().is_unit(np.array([a + 1, -b]))


@pytest.mark.parametrize("rows", [1, 2, FEW_ROWS])
def test_few_rows_give_the_same_element_as_many(rows: int) -> None:
    """Both ways to sum_j c_j x_j agree in every residue, before anything random is added."""
    made = standard("bfv")
    columns = PUBLIC.columns(features(rows, seed=rows))
    columns[9, 0] = 64535 + 1000
    halved = HalvedCiphertexts(PUBLIC.column_count)
    pairs = []
    for place, ciphertext in enumerate(made.encrypted.ciphertexts):
        residues = unpack_polynomials(ciphertext, 2)
        halved.put(place, residues)
        pairs.append(ring().transform(ring().pair(residues)))
    slow = ring().product(pairs[0], ring().plain(columns[0].astype(np.int64) + 1))
    ring().add_products(slow, pairs[1:], (column.astype(np.int64) + 1 for column in columns[1:]))
    for pair in pairs:
        ring().subtract(slow, ring().product(pair, ring().plain(np.ones(rows, dtype=np.int64))))
    assert np.array_equal(ring().residues(ring().restore(slow)), halved.inner_product(columns))


def test_the_few_rows_way_is_exact_at_its_limits() -> None:
    """The largest residue and the largest factor; 1,024 columns of them would still fit 53 bits."""
    assert (2**25 - 1) * 65535 * MAX_COLUMNS < 2**53
    top = np.array(PRIMES, dtype=np.uint64)[None, :, None] - np.uint64(1)
    halved = HalvedCiphertexts(32)
    for place in range(32):
        halved.put(place, np.broadcast_to(top, (2, 3, 8192)))
    found = halved.inner_product(np.full((32, 2), 65535, dtype=np.uint16))
    for place, prime in enumerate(PRIMES):
        once = -65535 * 32 % prime
        assert found[0, place, :2].tolist() == [0, 2 * once % prime]
        assert np.all(found[1, place, 1:] == 2 * once % prime)


def test_a_model_without_the_few_rows_way_scores_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    made = standard("bfv")
    columns = PUBLIC.columns(features(3))
    monkeypatch.setattr(bfv, "FEW_ROWS_COLUMNS", PUBLIC.column_count - 1)
    monkeypatch.setattr(bfv, "HalvedCiphertexts", None)
    large = BfvEvaluator(made.encrypted, PUBLIC)
    assert large.evaluate(columns, seeded("alike")) == made.evaluator.evaluate(columns, seeded("alike"))


def test_an_evaluator_refuses_a_ciphertext_that_hides_nothing() -> None:
    made = standard("bfv")
    size = len(made.encrypted.ciphertexts[0]) // 2
    open_one = made.encrypted.ciphertexts[0][:size] + bytes(size)
    changed = type(made.encrypted)(
        made.encrypted.profile, made.encrypted.public_key, (open_one, *made.encrypted.ciphertexts[1:])
    )
    with pytest.raises(PeerProtocolError, match="degenerate"):
        BfvEvaluator(changed, PUBLIC)


def test_an_evaluator_refuses_another_number_of_columns() -> None:
    with pytest.raises(PeerProtocolError, match="columns"):
        BfvEvaluator(standard("bfv").encrypted, PublicModel(PUBLIC.fields[:1]))


def test_keys_are_opaque() -> None:
    key = BfvSecretKey(MASTER)
    assert MASTER.hex() not in repr(key)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(key)
    with pytest.raises(TypeError):
        pickle.dumps(ring().open_key(key.secret_polynomial))
    with pytest.raises(ParameterError):
        BfvSecretKey(MASTER[1:])


def test_every_seed_of_a_key_is_its_own() -> None:
    key = BfvSecretKey(MASTER)
    assert key.secret_seed("a") != key.secret_seed("b") != key.secret_seed("a", b"")
    assert np.count_nonzero(centred_binomial(seeded("s")) == centred_binomial(seeded("e"))) < 2000
