"""Two lists of made-up unified social credit codes with a wanted overlap, from one seed, of up to 10^8 codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from node.policy.uscc import ALPHABET, LENGTH

COLUMN = "uscc"
_DIGITS = 6
_FIRST = 31 ** (_DIGITS - 1)
SERIES = 31**_DIGITS - _FIRST
"""How many codes there are to draw from: subject codes MA100000 to MAYYYYYY in base 31, each in some division."""
_DIVISIONS = (110000, 660000)
_CHARACTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_WEIGHTS = np.array([pow(3, place, 31) for place in range(LENGTH - 1)])  # GB 32100-2015, 4.4
_SUBJECT_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])  # GB 11714-1997, 2.2
_SUBJECT_CHECKS = np.frombuffer(b"0123456789X", dtype=np.uint8)
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Lists:
    """The bank's ``portfolio`` and the bureau's ``listed`` codes, arrays of ``S18``, each distinct and shuffled."""

    portfolio: NDArray[np.bytes_]
    listed: NDArray[np.bytes_]

    def matches(self) -> NDArray[np.bytes_]:
        """Return the codes of both lists in ascending order: what every protocol has to find, no more and no less."""
        return np.intersect1d(self.portfolio, self.listed, assume_unique=True)


def make_lists(size: int, other_size: int, match: float, seed: int) -> Lists:
    """Return a portfolio of ``size`` and a list of ``other_size`` codes.

    Args:
        match: share of the SMALLER list that stands on the other too, 0 to 1.
        seed: the same seed gives the same lists.

    Raises:
        ValueError: more codes than the series has, or a share outside 0 to 1.
    """
    if not 0 <= match <= 1:
        raise ValueError("match: a share of 0 to 1")
    common = round(match * min(size, other_size))
    total = size + other_size - common
    if total > SERIES:
        raise ValueError(f"both lists together: at most {SERIES} codes")
    generator = np.random.default_rng(seed)
    start = int(generator.integers(0, SERIES - total + 1))
    codes = _codes(start + generator.permutation(total), generator)
    return Lists(generator.permutation(codes[:size]), generator.permutation(codes[size - common :]))


def write_list(path: Path, codes: NDArray[np.bytes_]) -> None:
    """Write ``codes`` as a CSV file of one column."""
    lines = np.full((len(codes), LENGTH + 1), ord("\n"), dtype=np.uint8)
    lines[:, :LENGTH] = codes.view(np.uint8).reshape(len(codes), LENGTH)
    with path.open("wb") as target:
        target.write(f"{COLUMN}\n".encode())
        lines.tofile(target)


def read_list(path: Path) -> NDArray[np.bytes_]:
    """Return the codes of a CSV file in their order.

    Raises:
        KeyError: it has no column ``uscc``.
    """
    options = arrow_csv.ConvertOptions(column_types={COLUMN: pa.string()}, include_columns=[COLUMN])
    column = arrow_csv.read_csv(path, convert_options=options)[COLUMN]
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=f"S{LENGTH}")


def exact(path: Path, matches: NDArray[np.bytes_]) -> bool:
    """Tell whether a result has every one of ``matches`` once, in any order, and nothing else."""
    return path.exists() and bool(np.array_equal(np.sort(read_list(path)), matches))


def _codes(numbers: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.bytes_]:
    found = np.empty(len(numbers), dtype=f"S{LENGTH}")
    for first in range(0, len(numbers), _BLOCK):
        block = numbers[first : first + _BLOCK]
        found[first : first + _BLOCK] = _block(block, generator.integers(*_DIVISIONS, len(block)))
    return found


def _block(numbers: NDArray[np.int64], divisions: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Return one code for each number of the series, with both check characters."""
    codes = np.empty((len(numbers), LENGTH), dtype=np.uint8)
    codes[:, :2] = list(b"91")
    codes[:, 2:8] = divisions[:, None] // 10 ** np.arange(5, -1, -1) % 10 + ord("0")
    codes[:, 8:10] = list(b"MA")
    codes[:, 10:16] = _CHARACTERS[(numbers[:, None] + _FIRST) // 31 ** np.arange(5, -1, -1) % 31]
    subject = _values(codes[:, 8:16], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") @ _SUBJECT_WEIGHTS
    codes[:, 16] = _SUBJECT_CHECKS[-subject % 11]
    codes[:, 17] = _CHARACTERS[-(_values(codes[:, :17], ALPHABET) @ _WEIGHTS) % 31]
    return np.frombuffer(codes.tobytes(), dtype=f"S{LENGTH}")


def _values(characters: NDArray[np.uint8], alphabet: str) -> NDArray[np.int64]:
    table = np.zeros(256, dtype=np.int64)
    table[np.frombuffer(alphabet.encode(), dtype=np.uint8)] = np.arange(len(alphabet))
    return table[characters]
