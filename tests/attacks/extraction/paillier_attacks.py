"""Attacks on the thin-line engine: packing, a product that is not randomised, moduli that are not what they claim."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import gmpy2
import numpy as np
from numpy.typing import NDArray

from protocols.errors import PeerProtocolError
from protocols.primitives.paillier import (
    CIPHERTEXT_BYTES,
    MODULUS_BITS,
    PUBLIC_KEY_BYTES,
    PaillierPublicKey,
    PaillierSecretKey,
)
from protocols.randomness import SystemRandomness
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.model import SecretModel
from protocols.scoring.paillier import PaillierEngine, PaillierEvaluator
from tests.attacks.extraction.admission import REVIEW, Dossier
from tests.attacks.extraction.dishonest_models import Forged
from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.subject import fields, generator, one_hot, seeded
from tests.attacks.weakened.paillier import WithoutFreshUnit, evaluate_under_any_modulus

FIELDS, WIDTH = 4, 3
COLUMNS = FIELDS * WIDTH
EQUAL_WEIGHTS = (7,) * COLUMNS
"""Every row has the same score, so that a score says nothing."""
MODEL = SecretModel(fields(FIELDS), EQUAL_WEIGHTS)
ENGINE = PaillierEngine()
PACKING_BITS = 50
SMALL_FACTOR = 1_048_573
"""The largest prime below 2^20."""


@lru_cache(maxsize=1)
def _key() -> PaillierSecretKey:
    return PaillierSecretKey.generate(bytes(range(32)))


@lru_cache(maxsize=1)
def _encrypted() -> EncryptedModel:
    return ENGINE.encrypt_model(_key(), MODEL)


def drawn(rng: np.random.Generator) -> NDArray[np.uint16]:
    """Return the columns of one random row."""
    return one_hot(rng.integers(0, WIDTH, (FIELDS, 1)), WIDTH)


def ciphertexts_of(encrypted: EncryptedModel) -> list[int]:
    """Return the ciphertexts as integers."""
    return [int.from_bytes(each, "big") for each in encrypted.ciphertexts]


# ---- packing


def packing(model: SecretModel, seed: int) -> Forged:
    """Encrypt 2^(50 j), which no scorecard has and the engine would not encrypt: a «score» of 50 bits a column."""
    key, units, count = _key().public_key, seeded(seed, "packing"), len(model.weights)
    sent = (
        key.encrypt(1 << (PACKING_BITS * place), _unit(units.bytes(PUBLIC_KEY_BYTES), key)) for place in range(count)
    )
    encrypted = EncryptedModel(ENGINE.profile, key.encode(), tuple(key.encode_ciphertext(each) for each in sent))

    def read(answer: EncryptedScores) -> NDArray[np.int64]:
        size = answer.wire.row_bytes
        rows = [answer.rows[start : start + size] for start in range(0, len(answer.rows), size)]
        values = [_key().decrypt(int.from_bytes(row, "big")) for row in rows]
        return np.array([[value >> (PACKING_BITS * place) & 1 for value in values] for place in range(count)])

    return Forged(encrypted, read)


def _unit(word: bytes, key: PaillierPublicKey) -> int:
    return int.from_bytes(word, "big") % key.modulus


PACKING = "The bank encrypts 2^(50 j) instead of points, and reads every column off one exact «score»."


# ---- brute force


def brute_force(kind: type[PaillierEvaluator], trials: int, seed: int) -> Tally:
    """Try all rows that there are, and compare the product of ciphertexts with the answer, byte for byte."""
    rng, hits = generator(seed, "brute-force"), 0
    evaluator = kind(_encrypted(), MODEL.public)
    squared, parts = _key().public_key.modulus_squared, ciphertexts_of(_encrypted())
    choices = [parts[start : start + WIDTH] for start in range(0, COLUMNS, WIDTH)]
    table = {
        math.prod(each) % squared: bins
        for bins, each in zip(itertools.product(range(WIDTH), repeat=FIELDS), itertools.product(*choices), strict=True)
    }
    for _ in range(trials):
        columns = drawn(rng)
        answer = evaluator.evaluate(columns, SystemRandomness())
        found = table.get(int.from_bytes(answer.rows, "big"))
        hits += found is not None and np.array_equal(one_hot(np.array(found)[:, None], WIDTH), columns)
    return Tally(trials, hits)


# ---- moduli that hide nothing from a stranger


def weak_moduli() -> dict[str, tuple[int, ...]]:
    """Return the prime factors of moduli that a stranger finds: short, prime, a square, smooth."""
    smooth = [int(gmpy2.next_prime(SMALL_FACTOR))]
    while math.prod(smooth).bit_length() < MODULUS_BITS - 50:
        smooth.append(int(gmpy2.next_prime(smooth[-1])))
    smooth.append(int(gmpy2.next_prime((1 << (MODULUS_BITS - 1)) // math.prod(smooth))))
    half = (3 << 1534) + 1837
    return {
        "short": (4_294_967_291, 4_294_967_279),
        "prime": ((1 << (MODULUS_BITS - 1)) + 2291,),
        "square": (half, half),
        "smooth": tuple(smooth),
    }


_weak_moduli = lru_cache(maxsize=1)(weak_moduli)


def factors_of(modulus: int) -> list[int]:
    """Return the prime factors as far as a stranger finds them: primes, roots, and division up to a bound."""
    if gmpy2.is_prime(modulus):
        return [modulus]
    root, exact = gmpy2.iroot(modulus, 2)
    if exact:
        return 2 * factors_of(int(root))
    found, prime = [], gmpy2.mpz(2)
    while prime < 1 << 21:
        while modulus % prime == 0:
            found.append(int(prime))
            modulus //= int(prime)
        prime = gmpy2.next_prime(prime)
    if 1 < modulus < 1 << 64:
        found += [modulus] if gmpy2.is_prime(modulus) else _rho(modulus)
    return found


def _rho(modulus: int) -> list[int]:
    """Pollard's method, for moduli of 64 bits: some ten thousand steps."""
    slow = fast = 2
    divisor = 1
    while divisor == 1:
        slow = (slow * slow + 1) % modulus
        fast = pow(fast * fast + 1, 2, modulus) + 1
        divisor = math.gcd(slow - fast, modulus)
    return [divisor, modulus // divisor]


def read_by_a_stranger(modulus: int, ciphertext: int, primes: list[int]) -> int | None:
    """Decrypt with the factors, c^lambda = 1 + m lambda n, up to what lambda and n share; None without them."""
    if math.prod(primes) != modulus:
        return None
    exponent = math.lcm(*((prime - 1) * prime ** (primes.count(prime) - 1) for prime in primes))
    power, common = int(gmpy2.powmod(ciphertext, exponent, modulus * modulus)), math.gcd(exponent, modulus)
    rest = modulus // common
    return (power - 1) // modulus // common * pow(exponent // common, -1, rest) % rest


def encrypted_under(modulus: int, weights: tuple[int, ...], extra: tuple[int, ...] = ()) -> EncryptedModel:
    """Return Paillier ciphertexts under any modulus, times ``extra`` where it is given; of the right sizes."""
    squared = modulus * modulus
    unit = int.from_bytes(seeded(1, "encrypted-under").bytes(PUBLIC_KEY_BYTES), "big") % modulus
    while math.gcd(unit, modulus) != 1:
        unit += 1
    power, sent = int(gmpy2.powmod(unit, modulus, squared)), []
    for weight, factor in zip(weights, extra or (1,) * len(weights), strict=True):
        sent.append((1 + weight * modulus) * power * factor % squared)
        power = power * power % squared
    key = modulus.to_bytes(PUBLIC_KEY_BYTES, "big")
    return EncryptedModel(ENGINE.profile, key, tuple(each.to_bytes(CIPHERTEXT_BYTES, "big") for each in sent))


def taken_by_the_product(encrypted: EncryptedModel) -> bool:
    """Tell whether the bureau's own checks pass, and the auditor's review."""
    try:
        EncryptedModel.decode(encrypted.encode(), len(encrypted.ciphertexts))
    except PeerProtocolError:
        return False
    return REVIEW(Dossier(_key(), MODEL, encrypted))


def strangers(protected: bool, trials: int, seed: int) -> Tally:
    """A stranger who sees public key and ciphertexts reads the first weight."""
    kinds, hits, rng = list(_weak_moduli().values()), 0, generator(seed, "strangers")
    for trial in range(trials):
        modulus, weight = math.prod(kinds[trial % len(kinds)]), int(rng.integers(1, 1 << 30))
        encrypted = encrypted_under(modulus, (weight,) * COLUMNS)
        if protected and not taken_by_the_product(encrypted):
            continue
        hits += read_by_a_stranger(modulus, ciphertexts_of(encrypted)[0], factors_of(modulus)) == weight
    return Tally(trials, hits)


# ---- moduli under which r^n does not cover everything


@dataclass(frozen=True)
class Leaky:
    """n = p q with p dividing q - 1: r^n is a p-th power modulo q, and the bank writes into what is none."""

    p: int
    q: int

    @property
    def modulus(self) -> int:
        """n."""
        return self.p * self.q

    @property
    def generator(self) -> int:
        """An element modulo q that is no p-th power."""
        return next(base for base in range(2, 99) if pow(base, (self.q - 1) // self.p, self.q) != 1)

    @cached_property
    def mark(self) -> int:
        """The generator as an element modulo n^2 that is 1 modulo p^2."""
        lifted = int(gmpy2.powmod(self.generator, self.q, self.q**2))
        return int(gmpy2.mpz(lifted + self.q**2 * ((1 - lifted) * pow(self.q**2, -1, self.p**2) % self.p**2)))

    def marked(self, answer: int) -> int:
        """Return the answer to (q - 1) / p modulo q: every p-th power becomes 1, the hidden value stays."""
        return int(gmpy2.powmod(answer, (self.q - 1) // self.p, self.q))


def leaky(p: int, place: int) -> Leaky:
    """Return the modulus of 3,072 bits with q = 2 k p + 1, k the smallest possible but for ``place``."""
    k = (1 << (MODULUS_BITS - 1)) // (2 * p * p) + 1 + place
    return Leaky(p, 2 * k * p + 1)


LEAKY_MODULI = (leaky(2, 1310), leaky(SMALL_FACTOR, 1427), leaky((1 << 1300) + 135, 805))
"""An even one, one with a small factor, and one of large factors, which no check of form can tell."""


def hidden_exponents(made: Leaky) -> tuple[int, ...]:
    """Return what each column adds to the hidden value: its own bit, or the first column's alone where p is two."""
    return (1, *(0,) * (COLUMNS - 1)) if made.p == 2 else tuple(1 << place for place in range(COLUMNS))


def incomplete_units(protected: bool, trials: int, seed: int) -> Tally:
    """Read the hidden value off an answer that was multiplied with r^n as it should be."""
    rng, hits = generator(seed, "incomplete-units"), 0
    for trial in range(trials):
        made = LEAKY_MODULI[trial % len(LEAKY_MODULI)]
        hidden = hidden_exponents(made)
        encrypted = encrypted_under(
            made.modulus, EQUAL_WEIGHTS, tuple(pow(made.mark, each, made.modulus**2) for each in hidden)
        )
        if protected and not taken_by_the_product(encrypted):
            continue
        row = drawn(rng)[:, 0].tolist()
        answer = evaluate_under_any_modulus(made.modulus, ciphertexts_of(encrypted), row, SystemRandomness())
        truth = sum(each * value for each, value in zip(hidden, row, strict=True))
        hits += logarithm(made, made.marked(answer)) == truth
    return Tally(trials, hits)


def logarithm(made: Leaky, element: int) -> int | None:
    """Return the hidden value of a row by trying all that there can be."""
    base, power = gmpy2.mpz(made.marked(made.mark)), gmpy2.mpz(1)
    for value in range(min(made.p, 1 << COLUMNS)):
        if power == element:
            return value
        power = power * base % made.q
    return None


_UNCHECKED = "the checks of a modulus and the auditor's review"
ATTACKS = (
    Attack(
        "brute-force-of-a-paillier-result",
        "The bank tries all rows that there are until one gives the answer's bytes; all have the same score.",
        "multiplication with a fresh r^n",
        lambda trials, seed: brute_force(WithoutFreshUnit, trials, seed),
        lambda trials, seed: brute_force(PaillierEvaluator, trials, seed),
        few=3,
        many=100,
    ),
    Attack(
        "bad-paillier-moduli-strangers",
        "A stranger factors a modulus that is short, prime, a square or smooth, and reads the bank's weights.",
        _UNCHECKED,
        lambda trials, seed: strangers(False, trials, seed),
        lambda trials, seed: strangers(True, trials, seed),
        few=4,
        many=40,
    ),
    Attack(
        "bad-paillier-moduli-incomplete-units",
        "The bank's modulus is even, or p divides q - 1: r^n leaves a part of answers as it is, with features in it.",
        _UNCHECKED,
        lambda trials, seed: incomplete_units(False, trials, seed),
        lambda trials, seed: incomplete_units(True, trials, seed),
        few=3,
        many=30,
    ),
)
