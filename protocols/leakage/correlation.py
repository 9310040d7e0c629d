"""Rank correlations between fields, and the Gaussian law that has them (README §5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.randomness import Randomness

_SYMMETRY = 1e-9
_WORDS_TO_UNIT = 2.0**-53


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of every pair of ``fields``; missing values rank lowest, ties share their mean rank.

    The matrix is symmetric with ones on its diagonal. It need not be positive: rounding may have made it impossible.
    """

    fields: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(set(self.fields)) != len(self.fields):
            raise ParameterError("rank correlation: a field stands twice")
        if len(self.rows) != len(self.fields) or any(len(row) != len(self.fields) for row in self.rows):
            raise ParameterError("rank correlation: the matrix is not square over its fields")
        if any(not math.isfinite(entry) or abs(entry) > 1 for row in self.rows for entry in row):
            raise ParameterError("rank correlation: an entry lies outside -1 to 1")
        matrix = np.array(self.rows).reshape(len(self.fields), -1)
        if matrix.size and np.abs(matrix - matrix.T).max() > _SYMMETRY:
            raise ParameterError("rank correlation: the matrix is not symmetric")
        if np.any(np.diag(matrix) != 1):
            raise ParameterError("rank correlation: a field does not correlate with itself")

    def among(self, fields: Sequence[str]) -> NDArray[np.float64]:
        """Return the matrix of ``fields`` in this order; refused where one of them is not in it."""
        places = {name: place for place, name in enumerate(self.fields)}
        if absent := [name for name in fields if name not in places]:
            raise ParameterError(f"field {absent[0]}: the rank correlations do not name it")
        chosen = [places[name] for name in fields]
        return np.array(self.rows)[np.ix_(chosen, chosen)]


def latent_factor(spearman: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return A with A A^T a correlation matrix: the Gaussian one whose ranks correlate as ``spearman`` says.

    For a Gaussian pair the linear correlation is 2 sin(pi rho / 6) (Pearson 1907). Negative eigenvalues are set to
    zero and the diagonal is scaled back to one.
    """
    values, vectors = np.linalg.eigh(2 * np.sin(np.pi * spearman / 6))
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    scaled: NDArray[np.float64] = factor / np.linalg.norm(factor, axis=1, keepdims=True)
    return scaled


def normals(randomness: Randomness, rows: int, columns: int) -> NDArray[np.float64]:
    """Return independent standard normal numbers, two from each two words of 53 bits (Box and Muller 1958)."""
    pairs = (rows * columns + 1) // 2
    words = np.frombuffer(randomness.bytes(16 * pairs), dtype="<u8") >> np.uint64(11)
    units = (words.astype(np.float64) + 0.5) * _WORDS_TO_UNIT
    radius, angle = np.sqrt(-2 * np.log(units[:pairs])), 2 * np.pi * units[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[: rows * columns].reshape(rows, columns)


def normal_quantile(share: float) -> float:
    """Return x with P(Z <= x) = ``share`` for a standard normal Z; infinite at 0 and 1."""
    if share <= 0 or share >= 1:
        return -math.inf if share <= 0 else math.inf
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        if math.erfc(-middle / math.sqrt(2)) / 2 < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
