"""A bank makes a bureau answer twice under the same randomness: the difference of the answers is the features'.

With the same (u, e) in both encryptions of zero, the difference of two c1 is ``sum_j c1_j (x_j - x'_j)`` but for the
rounding. The bank knows every c1_j, so it tries all pairs of bins of all fields.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from protocols.scoring.engine import EncryptedScores
from tests.attacks.extraction.evaluating_process import evaluating, store
from tests.attacks.extraction.outcome import Attack, Run, Tally
from tests.attacks.extraction.ring_tools import Q_RESPONSE, SWITCHED_AWAY, centred, lifted, shared_part
from tests.attacks.extraction.subject import Subject, fields, generator, one_hot, subject
from tests.attacks.weakened.randomness import source

FIELDS, EDGES = 3, 4
WIDTH = EDGES + 2
LOOKED_AT = 4
TOLERANCE = 16

Columns = NDArray[np.uint16]
Twice = Callable[[Path, Columns, Columns], tuple[EncryptedScores, EncryptedScores]]
"""Makes a bureau process in a folder answer two requests under one chunk's name."""


@lru_cache(maxsize=1)
def _subject() -> Subject:
    return subject(fields(FIELDS, EDGES), tuple(range(1, FIELDS * WIDTH + 1)))


def differences(made: Subject) -> list[NDArray[np.int64]]:
    """Return for each field what c1 differs by for every pair of bins: shape (bins, bins, coefficients)."""
    parts = [[round(value / SWITCHED_AWAY) for value in lifted(pair[1], LOOKED_AT)] for pair in made.ciphertexts]
    bins = np.array(parts, dtype=np.int64).reshape(FIELDS, WIDTH, LOOKED_AT)
    return [each[:, None] - each[None, :] for each in bins]


def pairs_of_bins(made: Subject, first: EncryptedScores, second: EncryptedScores) -> NDArray[np.int64] | None:
    """Return the bins of both rows, shape (2, fields), if some explain the difference of two answers."""
    seen = (shared_part(first) - shared_part(second))[:LOOKED_AT]
    one, two, three = (each.reshape(-1, LOOKED_AT) for each in differences(made))
    rest = seen - one[:, None, None] - two[None, :, None] - three[None, None, :]
    found = np.argwhere((np.abs(centred(rest, Q_RESPONSE)) <= TOLERANCE).all(axis=3))
    if len(found) != 1:
        return None
    return np.array(np.unravel_index(found[0], (WIDTH, WIDTH)))


def attacked(twice: Twice, randomness: str, trials: int, seed: int) -> Tally:
    """Count how often the bins of two enterprises come out of two answers; they differ in every field."""
    made, rng, hits = _subject(), generator(seed, "shared-randomness"), 0
    for _ in range(trials):
        bins = np.stack([rng.choice(WIDTH, 2, replace=False) for _ in range(FIELDS)], axis=1)
        rows = [one_hot(each[:, None], WIDTH) for each in bins]
        with TemporaryDirectory(prefix="banktax-attack-") as name:
            folder = Path(name) / randomness
            store(folder, made.encrypted, made.model.public)
            found = pairs_of_bins(made, *twice(folder, rows[0], rows[1]))
        hits += found is not None and bool(np.array_equal(found, bins))
    return Tally(trials, hits)


def by_fork(folder: Path, first: Columns, second: Columns) -> tuple[EncryptedScores, EncryptedScores]:
    """Ask a process that forks for every request."""
    with evaluating(folder, folder.name, forking=True) as bureau:
        return bureau.ask(first), bureau.ask(second)


def by_kill(folder: Path, first: Columns, second: Columns) -> tuple[EncryptedScores, EncryptedScores]:
    """Kill the process after its first answer and ask again under the same name."""
    with evaluating(folder, folder.name) as bureau:
        before = bureau.ask(first)
    with evaluating(folder, folder.name) as bureau:
        return before, bureau.ask(second)


def by_snapshot(folder: Path, first: Columns, second: Columns) -> tuple[EncryptedScores, EncryptedScores]:
    """Put the disk back to where it stood before the first answer."""
    snapshot = folder.parent / "snapshot"
    source(folder.name, folder)  # what it keeps on the disk stands there before the snapshot
    shutil.copytree(folder, snapshot)
    with evaluating(folder, folder.name) as bureau:
        before = bureau.ask(first)
    shutil.rmtree(folder)
    shutil.copytree(snapshot, folder)
    with evaluating(folder, folder.name) as bureau:
        return before, bureau.ask(second)


def _run(twice: Twice, randomness: str) -> Run:
    return lambda trials, seed: attacked(twice, randomness, trials, seed)


def _attack(way: str, about: str, lacks: str, twice: Twice, randomness: str) -> Attack:
    return Attack(
        f"shared-randomness-by-{way}",
        f"The bank has a bureau answer twice under the same randomness: {about}.",
        lacks,
        _run(twice, randomness),
        _run(twice, "system"),
        few=1,
        many=20,
        twin_trials=1,
    )


ATTACKS = (
    _attack(
        "fork",
        "its process forks for every request",
        "fresh bytes of the system: the generator lives in the process",
        by_fork,
        "memory",
    ),
    _attack(
        "kill",
        "it is killed after its first answer",
        "fresh bytes of the system: the randomness follows from the job's name, so that a restart repeats it",
        by_kill,
        "job",
    ),
    _attack(
        "snapshot",
        "its disk is put back to an earlier state",
        "fresh bytes of the system: a seed and a counter are kept on the disk",
        by_snapshot,
        "disk",
    ),
)
