"""A bank reads what an answer carries beside the scores: partial sums, rows that were refused, rows of others."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_keys import BfvPublicKey, scaled
from protocols.primitives.bfv_seal import ring
from protocols.randomness import SystemRandomness
from protocols.scoring.bfv import BfvEvaluator
from protocols.scoring.bureau import release
from protocols.scoring.engine import EncryptedScores
from tests.attacks.extraction.admission import NOBODY, REVIEW, Dossier, Gate
from tests.attacks.extraction.dishonest_models import encoded
from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.ring_tools import N, added, constant, row_part, shared_part
from tests.attacks.extraction.subject import ENGINE, Subject, fields, generator, one_hot, subject
from tests.attacks.weakened import tensors
from tests.attacks.weakened.evaluators import release_everything

FIELDS, WIDTH = 6, 3
COLUMNS = FIELDS * WIDTH
WEIGHTS = tuple(range(3, 3 + COLUMNS))
ROWS, REFUSED = 12, 5
MIXING = 1 << 12
"""What the neighbour's score is multiplied by: above every score of the row's own."""


@lru_cache(maxsize=1)
def _subject() -> Subject:
    return subject(fields(FIELDS), WEIGHTS)


def decrypted(made: Subject, answer: EncryptedScores) -> NDArray[np.int64]:
    """Decrypt every coefficient, those that the answer lacks as if they were zero."""
    residues = np.zeros((2, N), dtype=np.uint64)
    residues[0, np.flatnonzero(answer.kept_mask)] = row_part(answer).astype(np.uint64)
    residues[1] = shared_part(answer).astype(np.uint64)
    return ring().decrypt(ring().open_key(made.key.secret_polynomial), residues)


def drawn(rng: np.random.Generator, rows: int) -> NDArray[np.uint16]:
    """Return columns of random rows."""
    return one_hot(rng.integers(0, WIDTH, (FIELDS, rows)), WIDTH)


# ---- partial sums


def features_of(sums: list[int]) -> list[int]:
    """Solve partial sums, each of the columns from one on, for the columns."""
    ends = [*sums[:COLUMNS], 0]
    steps = zip(ends, ends[1:], WEIGHTS, strict=False)
    return [round((this - following) / weight) for this, following, weight in steps]


def partial_sums_of_twin(trials: int, seed: int) -> Tally:
    """Edit the answer's number of elements from 1 to D, and have the library decrypt it."""
    context, rng, hits = tensors.make_context(), generator(seed, "partial-sums"), 0
    weights = tensors.encrypted_weights(context, list(WEIGHTS))
    for _ in range(trials):
        row = drawn(rng, 1)[:, 0].tolist()
        answer = tensors.answer(weights, row)
        assert answer.startswith(b"\x0a\x01\x01"), "sizes, one element, one"
        hits += features_of(tensors.read(context, answer[:2] + bytes([COLUMNS]) + answer[3:])) == row
    return Tally(trials, hits)


def partial_sums_of_product(trials: int, seed: int) -> Tally:
    """Look for partial sums in all coefficients of an answer for one enterprise, forwards and backwards."""
    made, rng, hits = _subject(), generator(seed, "partial-sums"), 0
    evaluator = BfvEvaluator(made.encrypted, made.model.public)
    for _ in range(trials):
        columns = drawn(rng, 1)
        values = decrypted(made, evaluator.evaluate(columns, SystemRandomness()))
        readings = (values[:COLUMNS], values[::-1][:COLUMNS], -values[::-1][:COLUMNS])
        hits += any(features_of(reading.tolist()) == columns[:, 0].tolist() for reading in readings)
    return Tally(trials, hits)


# ---- rows that may not leave


def refused_row(whole: bool, trials: int, seed: int) -> Tally:
    """Read the score of a row that lost its consent between evaluation and release."""
    made, rng, hits = _subject(), generator(seed, "refused-row"), 0
    evaluator = BfvEvaluator(made.encrypted, made.model.public)
    keep = np.ones(ROWS, dtype=np.bool_)
    keep[REFUSED] = False
    for _ in range(trials):
        columns = drawn(rng, ROWS)
        scores = evaluator.evaluate(columns, SystemRandomness())
        answer = (release_everything if whole else release)(bytes(32), scores, keep)
        found = decrypted(made, answer.scores)[REFUSED]
        hits += int(found) == int(np.array(WEIGHTS) @ columns[:, REFUSED].astype(np.int64))
    return Tally(trials, hits)


def neighbours_score(gate: Gate, trials: int, seed: int) -> Tally:
    """Encrypt w (1 + 2^12 X) instead of w: a row's score then carries that of the row before it, which was dropped."""
    made, rng, hits = _subject(), generator(seed, "neighbour"), 0
    residues = made.ciphertexts.copy()
    for place, weight in enumerate(WEIGHTS):
        mixed = np.roll(constant(scaled(weight * MIXING)), 1, axis=1)
        residues[place, 0] = added(residues[place, 0], mixed)
    key = BfvPublicKey.decode(made.encrypted.public_key)
    encrypted = encoded(ENGINE.profile, key, [(pair[0], pair[1]) for pair in residues])
    keep = np.ones(ROWS, dtype=np.bool_)
    keep[REFUSED] = False
    for _ in range(trials):
        if not gate(Dossier(made.key, made.model, encrypted)):
            continue
        columns = drawn(rng, ROWS)
        scores = BfvEvaluator(encrypted, made.model.public).evaluate(columns, SystemRandomness())
        found = decrypted(made, release(bytes(32), scores, keep).scores)[REFUSED + 1] // MIXING
        hits += int(found) == int(np.array(WEIGHTS) @ columns[:, REFUSED].astype(np.int64))
    return Tally(trials, hits)


ATTACKS = (
    Attack(
        "prefix-sums",
        "The bank edits one number in an answer's header and decrypts every partial sum of an enterprise's features.",
        "an answer in which a row is one coefficient: a library's inner product is sent as it is",
        partial_sums_of_twin,
        partial_sums_of_product,
        few=3,
        many=300,
    ),
    Attack(
        "unused-coefficients",
        "The bank decrypts the coefficient of a row that was refused at the release.",
        "the release of kept coefficients alone: all are sent beside a bitmap that says which count",
        lambda trials, seed: refused_row(True, trials, seed),
        lambda trials, seed: refused_row(False, trials, seed),
        few=3,
        many=300,
    ),
    Attack(
        "rows-of-others",
        "The bank encrypts polynomials, so that a row's score carries the score of a neighbour who was refused.",
        "the auditor's review: the bureau takes any model of the right form",
        lambda trials, seed: neighbours_score(NOBODY, trials, seed),
        lambda trials, seed: neighbours_score(REVIEW, trials, seed),
        few=1,
        many=20,
    ),
)
