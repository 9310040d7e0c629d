"""A bank reads the noise of honest responses: which of two feature sets of equal score, or all features by averaging.

The bank knows its key and the noise e_j of every ciphertext that it sent, so it knows what the noise of a bare sum
would be for every guess at the features: a matched filter. Scores are equal by construction and say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_keys import scaled
from protocols.primitives.bfv_packing import Residues
from protocols.primitives.bfv_seal import ResponseKey, ring
from protocols.randomness import Randomness
from protocols.scoring.bfv import BfvEvaluator
from protocols.scoring.engine import EncryptedScores
from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.ring_tools import (
    Q_RESPONSE,
    SWITCHED_AWAY,
    N,
    T,
    centred,
    row_part,
    shared_part,
    times,
)
from tests.attacks.extraction.subject import Subject, fields, generator, one_hot, seeded, subject
from tests.attacks.weakened.evaluators import WithFloodingOnly, WithoutFreshZero, WithoutSwitch

POINTS = 9
EQUAL = fields(1), (POINTS, POINTS, 4)
WIDE_FIELDS, WIDTH = 8, 3
WIDE = fields(WIDE_FIELDS), (POINTS,) * (WIDE_FIELDS * WIDTH)
LOOKS = 32
"""Responses that are averaged."""
FLOOD_BITS = 21

Listener = Callable[[NDArray[np.uint16], Randomness], NDArray[np.float64]]
"""Takes columns of 8,192 rows, returns the noise of one response to them as the bank sees it, before division."""


def noise_of_response(key: ResponseKey, scores: EncryptedScores, score: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the noise of the product's response, times p1 p2, for rows of these scores, below 2^13 in magnitude."""
    product = ring().times_secret(key, shared_part(scores).astype(np.uint64)).astype(np.int64)
    phase = row_part(scores) + product[: scores.row_count]
    encoded = (2 * Q_RESPONSE * score + T) // (2 * T)
    return centred(phase - encoded, Q_RESPONSE).astype(np.float64) * SWITCHED_AWAY


def noise_of_residues(made: Subject, residues: Residues, score: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the noise of a ciphertext modulo q, for one score of all rows or one each; small, so exact modulo p0."""
    product = times(residues[1], made.key.secret_polynomial)[0]
    encoded = np.array([scaled(each) % Q_RESPONSE for each in np.atleast_1d(score).tolist()], dtype=np.int64)
    phase = residues[0, 0].astype(np.int64) + product.astype(np.int64) - encoded
    return centred(phase, Q_RESPONSE).astype(np.float64)


def product_listener(made: Subject, score: int) -> Listener:
    """Listen to the product."""
    evaluator = BfvEvaluator(made.encrypted, made.model.public)
    key = ring().open_key(made.key.secret_polynomial)
    return lambda columns, randomness: noise_of_response(key, evaluator.evaluate(columns, randomness), score)


def unswitched_listener(made: Subject, score: int, evaluator: WithoutSwitch) -> Listener:
    """Listen to a twin that answers modulo q."""
    return lambda columns, randomness: noise_of_residues(made, evaluator.answer(columns, randomness), score)


def same_in_all_rows(errors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each e_j times 1 + X + .. + X^(N-1): the noise of a column that is one in every row."""
    sums = np.cumsum(errors, axis=1)
    return 2 * sums - sums[:, -1:]


# ---- one of two feature sets


def uniform_columns(which: int) -> NDArray[np.uint16]:
    """Return 8,192 rows that are all in bin ``which`` of the one field."""
    return one_hot(np.full((1, N), which), WIDTH)


def matched_filter(made: Subject, listen: Listener, trials: int, seed: int) -> Tally:
    """Tell the two feature sets apart by the correlation of the noise with the difference that they make."""
    expected = same_in_all_rows(made.errors)[:2].astype(np.float64)
    difference, middle = expected[1] - expected[0], expected.mean(axis=0)
    randomness, truth = seeded(seed, "matched-filter"), generator(seed, "matched-filter").integers(0, 2, trials)
    guesses = (int((listen(uniform_columns(int(each)), randomness) - middle) @ difference > 0) for each in truth)
    return Tally(trials, sum(guess == each for guess, each in zip(guesses, truth.tolist(), strict=True)), 0.5)


def predicted_parts(made: Subject) -> NDArray[np.int64]:
    """Return the c1 of a bare sum for either feature set: the bank runs the same arithmetic as the bureau."""
    bare = WithoutFreshZero(made.encrypted, made.model.public)
    return np.stack([shared_part(bare.evaluate(uniform_columns(which), seeded(0, ""))) for which in (0, 1)])


def prediction(made: Subject, evaluator: BfvEvaluator, trials: int, seed: int) -> Tally:
    """Tell the two feature sets apart by which of two predictions a response's c1 is nearer to."""
    parts = predicted_parts(made)
    randomness, truth = seeded(seed, "prediction"), generator(seed, "prediction").integers(0, 2, trials)
    hits = 0
    for each in truth.tolist():
        found = shared_part(evaluator.evaluate(uniform_columns(each), randomness))
        distances = np.abs(centred(parts - found, Q_RESPONSE)).astype(np.float64).sum(axis=1)
        hits += int(np.argmin(distances)) == each
    return Tally(trials, hits, 0.5)


# ---- averaging


def averaged(made: Subject, listen: Listener, trials: int, seed: int) -> Tally:
    """Solve for all features of an enterprise from the average noise of many responses to the same question."""
    known = same_in_all_rows(made.errors).astype(np.float64)
    randomness, rng = seeded(seed, "averaging"), generator(seed, "averaging")
    hits = 0
    for _ in range(trials):
        bins = rng.integers(0, 2, (WIDE_FIELDS, 1))
        columns = one_hot(np.repeat(bins, N, axis=1), WIDTH)
        mean = np.mean([listen(columns, randomness) for _ in range(LOOKS)], axis=0)
        found, *_ = np.linalg.lstsq(known.T, mean, rcond=None)
        hits += bool(np.array_equal(found.reshape(WIDE_FIELDS, WIDTH).argmax(axis=1), bins[:, 0]))
    return Tally(trials, hits)


@lru_cache(maxsize=1)
def _equal() -> Subject:
    return subject(*EQUAL)


@lru_cache(maxsize=1)
def _wide() -> Subject:
    return subject(*WIDE)


def _without_switch(trials: int, seed: int) -> Tally:
    twin = WithoutSwitch(_equal().encrypted, _equal().model.public)
    return matched_filter(_equal(), unswitched_listener(_equal(), POINTS, twin), trials, seed)


def _without_zero(trials: int, seed: int) -> Tally:
    return prediction(_equal(), WithoutFreshZero(_equal().encrypted, _equal().model.public), trials, seed)


def _flooded(trials: int, seed: int) -> Tally:
    twin = WithFloodingOnly(_wide().encrypted, _wide().model.public, flood_bits=FLOOD_BITS)
    return averaged(_wide(), unswitched_listener(_wide(), WIDE_FIELDS * POINTS, twin), trials, seed)


ATTACKS = (
    Attack(
        "noise-distinguisher-matched-filter",
        "The bank tells two feature sets of equal score apart by the noise of an answer.",
        "the switch to the smallest modulus",
        _without_switch,
        lambda trials, seed: matched_filter(_equal(), product_listener(_equal(), POINTS), trials, seed),
        few=40,
        many=10_000,
        twin_trials=100,
    ),
    Attack(
        "noise-distinguisher-prediction",
        "The bank computes what the answer would be for either of two feature sets of equal score, and compares.",
        "the fresh encryption of zero",
        _without_zero,
        lambda trials, seed: prediction(
            _equal(), BfvEvaluator(_equal().encrypted, _equal().model.public), trials, seed
        ),
        few=40,
        many=10_000,
        twin_trials=100,
    ),
    Attack(
        "averaging",
        f"The bank averages the noise of {LOOKS} answers to one question and solves for every field.",
        "the switch to the smallest modulus: noise of a fixed size stands in its place",
        _flooded,
        lambda trials, seed: averaged(_wide(), product_listener(_wide(), WIDE_FIELDS * POINTS), trials, seed),
        few=1,
        many=10,
    ),
)
