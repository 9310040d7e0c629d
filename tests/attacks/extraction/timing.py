"""A bank tells from the bureau's work which columns are zero, or whether another bank asked for the same enterprises.

In the report work is processor time, which is more than a bank sees through the network. In the test suite it is
the number of operations in the ring, for a test that measures time fails by chance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_seal import BfvRing
from protocols.randomness import SystemRandomness
from protocols.scoring.bfv import BfvEvaluator
from tests.attacks.extraction.outcome import Attack, Run, Tally
from tests.attacks.extraction.subject import Subject, fields, generator, one_hot, subject
from tests.attacks.weakened.evaluators import CachingColumns, SkippingZeroColumns

FIELDS, WIDTH, ROWS = 6, 3, 64
CALIBRATION = 8
"""Measurements of either kind from which the bank takes its threshold."""
COUNTED = ("plain", "product", "add", "subtract", "transform", "restore", "switch_down", "pair", "residues")

Work = Callable[[Callable[[], object]], float]
Columns = NDArray[np.uint16]
Case = Callable[[BfvEvaluator, np.random.Generator, int, Work], float]
"""Sets one of two situations up at an evaluator and returns the work that the bank sees."""


def processor_time(action: Callable[[], object]) -> float:
    """Return the nanoseconds that all threads of this process spent on ``action``."""
    start = time.process_time_ns()
    action()
    return float(time.process_time_ns() - start)


def operations(action: Callable[[], object]) -> float:
    """Return how many operations in the ring ``action`` made."""
    with _counting() as count:
        action()
    return float(sum(count))


@contextmanager
def _counting() -> Iterator[list[int]]:
    """Count what is called of the ring's operations meanwhile."""
    count: list[int] = []
    originals = {name: getattr(BfvRing, name) for name in COUNTED}

    def counting(original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            count.append(1)
            return original(*arguments)

        return call

    for name, original in originals.items():
        setattr(BfvRing, name, counting(original))
    try:
        yield count
    finally:
        for name, original in originals.items():
            setattr(BfvRing, name, original)


@lru_cache(maxsize=1)
def _subject() -> Subject:
    return subject(fields(FIELDS), tuple(range(1, FIELDS * WIDTH + 1)))


def drawn(rng: np.random.Generator) -> Columns:
    """Return columns of random rows: none of them is zero in every row."""
    return one_hot(rng.integers(0, WIDTH, (FIELDS, ROWS)), WIDTH)


def zero_columns(evaluator: BfvEvaluator, rng: np.random.Generator, which: int, work: Work) -> float:
    """Have rows evaluated that are all in one bin of each field (0), or in all of them (1)."""
    columns = drawn(rng)
    if which == 0:
        columns = one_hot(np.repeat(rng.integers(0, WIDTH, (FIELDS, 1)), ROWS, axis=1), WIDTH)
    return work(lambda: evaluator.evaluate(columns, SystemRandomness()))


def asked_before(evaluator: BfvEvaluator, rng: np.random.Generator, which: int, work: Work) -> float:
    """Have rows evaluated after another bank asked for the same rows (0), or for others (1)."""
    columns, others = drawn(rng), drawn(rng)
    evaluator.evaluate(others if which else columns, SystemRandomness())
    return work(lambda: evaluator.evaluate(columns, SystemRandomness()))


def attacked(kind: type[BfvEvaluator], case: Case, work: Work, trials: int, seed: int) -> Tally:
    """Guess which situation it was: above or below the middle of what the bank measured for either; else a coin."""
    evaluator, rng = kind(_subject().encrypted, _subject().model.public), generator(seed, "timing")
    known = [[case(evaluator, rng, which, work) for _ in range(CALIBRATION)] for which in (0, 1)]
    low, high = (float(np.median(each)) for each in known)
    hits = 0
    for which in rng.integers(0, 2, trials).tolist():
        seen = case(evaluator, rng, which, work)
        coin = int(rng.integers(0, 2))
        hits += which == (coin if low == high else int(abs(seen - high) < abs(seen - low)))
    return Tally(trials, hits, 0.5)


def _run(kind: type[BfvEvaluator], case: Case, work: Work) -> Run:
    return lambda trials, seed: attacked(kind, case, work, trials, seed)


def attacks(work: Work, twin_trials: int) -> tuple[Attack, ...]:
    """Return both attacks with one measure of work; a noisy one takes more trials to show that they work."""
    return (
        Attack(
            "timing-of-zero-columns",
            "The bank tells by the bureau's work whether all enterprises of a chunk are in one bin.",
            "the same work for every value: columns that are zero are skipped",
            _run(SkippingZeroColumns, zero_columns, work),
            _run(BfvEvaluator, zero_columns, work),
            few=40,
            many=400,
            twin_trials=twin_trials,
        ),
        Attack(
            "timing-of-cached-columns",
            "The bank tells by the bureau's work whether another bank asked for the same enterprises before.",
            "the same work for every request: sums are kept for whoever asks next",
            _run(CachingColumns, asked_before, work),
            _run(BfvEvaluator, asked_before, work),
            few=40,
            many=400,
            twin_trials=twin_trials,
        ),
    )


ATTACKS = attacks(processor_time, 100)
COUNTED_ATTACKS = attacks(operations, 40)
