"""A bank whose ciphertexts or public key are not what they claim: form and sizes are right, what is in them is not.

Every attack makes its model, has a bureau answer, and reads features off the answer. :data:`FORGERIES` are tried on
whole nodes (:mod:`.forged_on_nodes`): what stops them is the auditor's review, which makes key and ciphertexts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_keys import BfvPublicKey, BfvSecretKey, scaled
from protocols.primitives.bfv_packing import Residues, pack_polynomials
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_sampling import Small, centred_binomial, stream, ternary, uniform_element
from protocols.primitives.bfv_seal import ring
from protocols.randomness import SeededRandomness
from protocols.scoring.bfv import BfvDecryptor, BfvEvaluator
from protocols.scoring.engine import EncryptedModel, EncryptedScores, Evaluator
from tests.attacks.extraction.noise import noise_of_response
from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.ring_tools import (
    Q_RESPONSE,
    SWITCHED_AWAY,
    N,
    added,
    centred,
    constant,
    negated,
    reduced,
    row_part,
    shared_part,
    sparse_times,
    times,
)
from tests.attacks.extraction.subject import ENGINE, Subject, fields, generator, one_hot, seeded, subject
from tests.attacks.weakened.evaluators import TakingTheWholeKey
from tests.attacks.weakened.keys import one_seed_key

FIELDS, WIDTH = 8, 3
WEIGHTS = tuple(range(1, FIELDS * WIDTH + 1))
SPARSE = (1, 3, 5, 7)
"""f = (1 - X)(1 - X^3)(1 - X^5)(1 - X^7) is short, and its inverse is known: the trapdoor."""
SHIFT = 8
"""Bits left below what is packed, for rounding."""
HIDDEN = 1 << SHIFT
MOST_COLUMNS = 32
"""More columns than any model here has."""
CONSTANT_BITS = SHIFT + MOST_COLUMNS + 4


@dataclass(frozen=True)
class Forged:
    """An encrypted model as the bank sends it, and how it reads features off an answer."""

    encrypted: EncryptedModel
    read: Callable[[EncryptedScores], NDArray[np.int64]]
    """Returns the columns that it sees, shape (columns, rows)."""
    blind_rows: int = 0
    """How many of the first rows cannot be read unless a response has all 8,192."""
    evaluator: Callable[[EncryptedModel], Evaluator] = lambda encrypted: BfvEvaluator(
        encrypted, _subject().model.public
    )


Forge = Callable[[Subject, int], Forged]


def _subject() -> Subject:
    return subject(fields(FIELDS), WEIGHTS)


def attacked(forge: Forge, trials: int, seed: int) -> Tally:
    """Count how often every column of every row is read, 8,192 enterprises a time."""
    made, rng, randomness = _subject(), generator(seed, "forged"), seeded(seed, "forged/evaluation")
    hits = 0
    for trial in range(trials):
        forged = forge(made, seed + trial)
        columns = one_hot(rng.integers(0, WIDTH, (FIELDS, N)), WIDTH)
        answer = forged.evaluator(forged.encrypted).evaluate(columns, randomness)
        hits += bool(np.array_equal(forged.read(answer), columns[: forged.read(answer).shape[0]]))
    return Tally(trials, hits)


def encoded(profile: str, key: BfvPublicKey, ciphertexts: list[tuple[Residues, Residues]]) -> EncryptedModel:
    """Return a model of any residues in the canonical form."""
    return EncryptedModel(profile, key.encode(), tuple(pack_polynomials(np.stack(pair)) for pair in ciphertexts))


# ---- a second model in the noise


def second_model(made: Subject, seed: int) -> Forged:
    """Hide the first column times 2^8 in what is left of the noise after the switch down; scores stay exact."""
    del seed
    residues = made.ciphertexts.copy()
    residues[0, 0] = added(residues[0, 0], constant(HIDDEN * SWITCHED_AWAY))
    ciphertexts = [(pair[0], pair[1]) for pair in residues]
    encrypted = encoded(ENGINE.profile, BfvPublicKey.decode(made.encrypted.public_key), ciphertexts)
    decryptor, key = BfvDecryptor(made.key), ring().open_key(made.key.secret_polynomial)

    def read(answer: EncryptedScores) -> NDArray[np.int64]:
        scores = decryptor.decrypt(answer)
        noise = noise_of_response(key, answer, scores) / SWITCHED_AWAY
        return (noise > HIDDEN / 2).astype(np.int64)[None]

    return Forged(encrypted, read)


# ---- public keys that do not hide


def packed(place: int) -> int:
    """Return what column ``place`` adds to a row: its own bit above the rounding, and above the division."""
    return SWITCHED_AWAY << (SHIFT + place)


def unpacked(values: NDArray[np.int64], columns: int) -> NDArray[np.int64]:
    """Return the columns of rows that were packed, whatever stands above and below them."""
    shifted = (centred(values, Q_RESPONSE) + (1 << (SHIFT - 1))) >> SHIFT
    return np.stack([shifted >> place & 1 for place in range(columns)])


def transparent(b: Callable[[int], Residues]) -> Forge:
    """Return an attack by a public key whose b hides nothing: c0 carries every column packed, in the clear."""

    def forge(made: Subject, seed: int) -> Forged:
        key, count = BfvPublicKey(seeded(seed, "public").bytes(32), b(seed)), len(made.model.weights)
        others = [uniform_element(seeded(seed, f"c1/{place}").bytes(32)) for place in range(count)]
        ciphertexts = [(constant(packed(place)), other) for place, other in enumerate(others)]
        return Forged(encoded(ENGINE.profile, key, ciphertexts), lambda answer: unpacked(row_part(answer), count))

    return forge


def zero(seed: int) -> Residues:
    """b = 0."""
    del seed
    return constant(0)


def all_the_same(seed: int) -> Residues:
    """b = a constant, so large that what it multiplies stands above everything that is packed."""
    del seed
    return constant(SWITCHED_AWAY << CONSTANT_BITS)


def low_norm(seed: int) -> Residues:
    """b = a short polynomial: its product with a ternary one is lost in the division."""
    return reduced(centred_binomial(seeded(seed, "low-norm")))


def divided(element: Residues) -> Residues:
    """Return a ring element divided by f: for odd m, 1 - X^m has the inverse (1 + X^m + .. + X^((N-1)m)) / 2."""
    for step in SPARSE:
        powers = np.arange(N, dtype=np.int64) * step
        inverse = np.zeros(N, dtype=np.int64)
        inverse[powers % N] = 1 - 2 * (powers // N % 2)
        element = halved(times(element, inverse))
    return element


def halved(element: Residues) -> Residues:
    """Return a ring element divided by two."""
    primes = np.array(BFV_8192_1.data_primes, dtype=np.uint64)[:, None]
    out: Residues = np.where(element % 2 == 1, element + primes, element) >> np.uint64(1)
    return out


def opened(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what stands under the trapdoor: f times a polynomial modulo q'."""
    for step in SPARSE:
        values = sparse_times(values, step, Q_RESPONSE)
    return values


def trapdoored(made: Subject, seed: int) -> Forged:
    """b = g / f with short f and g: it looks uniform, and f times an answer is short but for what is packed."""
    b, count = divided(low_norm(seed)), len(made.model.weights)
    key = BfvPublicKey(seeded(seed, "public").bytes(32), b)
    others = [uniform_element(seeded(seed, f"c1/{place}").bytes(32)) for place in range(count)]
    ciphertexts = [(divided(constant(packed(place))), other) for place, other in enumerate(others)]

    def read(answer: EncryptedScores) -> NDArray[np.int64]:
        rows = np.zeros(N, dtype=np.int64)
        rows[np.flatnonzero(answer.kept_mask)] = row_part(answer)
        return unpacked(opened(rows)[: answer.evaluated], count)

    return Forged(encoded(ENGINE.profile, key, ciphertexts), read, blind_rows=sum(SPARSE))


def chosen_a(made: Subject, seed: int) -> tuple[BfvPublicKey, Residues, EncryptedModel]:
    """Return a key with a = g / f, b = -a s + e, and ciphertexts with c1 = 2^k / f that hold their weights."""
    secret = made.key.secret_polynomial
    a = divided(low_norm(seed))
    b = added(negated(times(a, secret)), reduced(centred_binomial(seeded(seed, "e"))))
    key = BfvPublicKey(seeded(seed, "public").bytes(32), b)
    ciphertexts = []
    for place, weight in enumerate(WEIGHTS):
        c1 = divided(constant(packed(place)))
        error = reduced(centred_binomial(seeded(seed, f"e0/{place}")))
        ciphertexts.append((added(negated(times(c1, secret)), error, constant(scaled(weight))), c1))
    return key, a, encoded(ENGINE.profile, key, ciphertexts)


def read_shared(answer: EncryptedScores) -> NDArray[np.int64]:
    """Read all columns of all rows off c1, which every answer carries whole."""
    return unpacked(opened(shared_part(answer)), len(WEIGHTS))


def trapdoored_a(made: Subject, seed: int) -> Forged:
    """The attack on a bureau that takes a from its peer: scores come out exact, canaries pass."""
    _, a, encrypted = chosen_a(made, seed)
    return Forged(encrypted, read_shared, evaluator=lambda each: TakingTheWholeKey(each, made.model.public, a))


def trapdoored_a_from_seed(made: Subject, seed: int) -> Forged:
    """The same attack on the product, which has a expanded from a seed that the bank chose."""
    return Forged(chosen_a(made, seed)[2], read_shared)


# ---- a key and a public key from one seed


def one_seed(make: Callable[[bytes], BfvPublicKey], trials: int, seed: int) -> Tally:
    """Whoever sees a public key takes the seed of a for the seed of s, and looks whether b + a s is short."""
    hits = 0
    for trial in range(trials):
        key = make(seeded(seed + trial, "one-seed").bytes(32))
        hits += any(fits(key, guess) for guess in secrets_of(key.seed))
    return Tally(trials, hits)


def secrets_of(public_seed: bytes) -> Iterator[Small]:
    """Yield the secrets that the seed of a would give: unlabelled, and under every label of the profile."""
    yield ternary(SeededRandomness(public_seed))
    for label in ("s", "u", "e", "public-seed", "a/0", ""):
        yield ternary(stream(public_seed, label))


def fits(key: BfvPublicKey, secret: Small) -> bool:
    """Tell whether b + a s is short modulo p0."""
    error = added(key.b, times(uniform_element(key.seed), secret))[0].astype(np.int64)
    return bool(np.abs(centred(error, Q_RESPONSE)).max() <= BFV_8192_1.error_halves)


def _honest_key(master: bytes) -> BfvPublicKey:
    return BfvPublicKey.decode(BfvPublicKey.encode(BfvSecretKey(master).public_key()))


FORGERIES: dict[str, tuple[str, Forge]] = {
    "second-model-in-the-noise": (
        "The bank hides a second model below the scores and reads a whole column, while scores stay exact.",
        second_model,
    ),
    "zero-public-key": ("The bank's public key is zero, so that nothing of c0 is hidden.", transparent(zero)),
    "constant-public-key": (
        "The bank's public key is a constant that sweeps c0 aside.",
        transparent(all_the_same),
    ),
    "low-norm-public-key": (
        "The bank's public key is short, so that division loses it.",
        transparent(low_norm),
    ),
    "trapdoored-public-key": ("The bank's public key is g / f, short under its trapdoor f.", trapdoored),
}
"""What each forgery is, and how it is made."""

ATTACKS = (
    Attack(
        "trapdoored-common-element",
        "The bank chooses a = g / f too, so that scores are exact and canaries pass while c1 shows every feature.",
        "the element a made from a seed by a hash: the bureau takes a from the bank",
        lambda trials, seed: attacked(trapdoored_a, trials, seed),
        lambda trials, seed: attacked(trapdoored_a_from_seed, trials, seed),
        few=1,
        many=20,
    ),
    Attack(
        "key-and-public-key-of-one-seed",
        "Whoever sees a public key makes the secret key from the seed that stands in it.",
        "separate labels: s and a are drawn from one seed",
        lambda trials, seed: one_seed(one_seed_key, trials, seed),
        lambda trials, seed: one_seed(_honest_key, trials, seed),
        few=3,
        many=100,
    ),
)
