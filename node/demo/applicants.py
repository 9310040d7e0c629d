"""Chooses who applies in the demo, and whose consent is in order: a few of every kind that a job must refuse.

Who lacks a consent is drawn from the training rows first, so that the comparison of AUC keeps the whole test split.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from node.demo.dataset import Dataset
from node.policy.uscc import valid_code

IRREGULAR_SHARE = 0.02
_MADE_UP_DIVISION = "990000"
"""No such administrative division exists: the made-up applicants cannot be anybody's."""


class Standing(StrEnum):
    """What is special about an applicant."""

    REGULAR = "regular"
    NO_CONSENT = "no_consent"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """The bureau does not hold it."""


@dataclass(frozen=True)
class Applicant:
    """One line of the applicants' list."""

    code: str
    row: int
    """Row of the dataset's bank side; -1 for a made-up applicant, all of whose cells are empty."""
    standing: Standing

    @property
    def signs(self) -> bool:
        """Whether the enterprise signs a consent at all (also one that has expired since)."""
        return self.standing is not Standing.NO_CONSENT


def choose_applicants(data: Dataset, seed: int = 1, limit: int | None = None) -> tuple[Applicant, ...]:
    """Return the list in its order: the dataset's enterprises, then made-up ones that no bureau holds.

    :param limit: at most so many of the dataset's rows, test rows first; None = all.
    """
    generator = np.random.default_rng(seed)
    rows = _rows(data, limit, generator)
    standing = _standings(data, rows, generator)
    known = tuple(Applicant(data.codes[row], int(row), standing[int(row)]) for row in rows)
    return known + _made_up(data, max(1, round(IRREGULAR_SHARE * len(rows))))


def standings(applicants: tuple[Applicant, ...]) -> dict[str, int]:
    """Return how many applicants are of each kind, for the table at the end."""
    return dict(Counter(str(applicant.standing) for applicant in applicants))


def _rows(data: Dataset, limit: int | None, generator: np.random.Generator) -> NDArray[np.int64]:
    rows = np.arange(len(data.codes))
    if limit is None or limit >= len(rows):
        return rows
    shuffled = generator.permutation(rows)
    first = shuffled[np.argsort(data.train[shuffled], kind="stable")]
    return np.sort(first[:limit])


def _standings(data: Dataset, rows: NDArray[np.int64], generator: np.random.Generator) -> dict[int, Standing]:
    position = data.position
    found = {int(row): Standing.REGULAR if position[row] >= 0 else Standing.UNKNOWN for row in rows}
    held = rows[position[rows] >= 0]
    shuffled = generator.permutation(held)
    pool = shuffled[np.argsort(~data.train[shuffled], kind="stable")]
    count = min(max(1, round(IRREGULAR_SHARE * len(held))), max(0, (len(held) - 1) // 2))
    found.update(dict.fromkeys(map(int, pool[:count]), Standing.NO_CONSENT))
    found.update(dict.fromkeys(map(int, pool[count : 2 * count]), Standing.EXPIRED))
    return found


def _made_up(data: Dataset, count: int) -> tuple[Applicant, ...]:
    """Valid codes that stand in neither file."""
    taken = {*data.codes, *data.bureau_codes}
    made: list[Applicant] = []
    number = 0
    while len(made) < count:
        code = valid_code(number, division=_MADE_UP_DIVISION)
        if code not in taken:
            made.append(Applicant(code, -1, Standing.UNKNOWN))
        number += 1
    return tuple(made)
