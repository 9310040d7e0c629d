"""The demo's data: two files as a bank and a bureau would hold them, every cell kept as text.

``bank.csv`` has ``uscc``, ``default``, optionally ``split``, and any features of the bank; ``bureau.csv`` has ``uscc``
and any features of the bureau. Nothing is converted here but to normal form: Unicode NFKC, outer blanks removed,
:data:`MISSING_WORDS` made missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.codes import Code
from node.demo.tables import MISSING_WORDS, normal_column, read_table
from node.errors import Refusal
from node.policy.uscc import check_many

__all__ = ["MISSING_WORDS", "Dataset", "assemble", "load", "need"]

_BAD = frozenset({"1", "1.0", "true", "yes", "y", "bad", "default", "defaulted", "是", "违约"})
_GOOD = frozenset({"0", "0.0", "false", "no", "n", "good", "paid", "performing", "否", "正常"})
TRAIN_SHARE = 0.5


@dataclass(frozen=True)
class Dataset:
    """Enterprises of a bank with their outcome, and of a bureau; one row per valid code on either side."""

    name: str
    codes: tuple[str, ...]
    """The bank's enterprises, distinct and valid, in the file's order."""
    outcome: NDArray[np.int8]
    """Per bank row: 1 defaulted, 0 did not, -1 unknown."""
    train: NDArray[np.bool_]
    """Per bank row: true = to fit on, false = to judge on."""
    bank: Mapping[str, pa.Array]
    """Bank feature -> one text (or null) per bank row."""
    bureau_codes: tuple[str, ...]
    bureau: Mapping[str, pa.Array]
    """Bureau feature -> one text (or null) per bureau row."""
    notes: tuple[str, ...]
    """What was done to the files, in sentences for people; no values."""

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """Per bank row: its row at the bureau, or -1."""
        place = {code: row for row, code in enumerate(self.bureau_codes)}
        return np.fromiter((place.get(code, -1) for code in self.codes), dtype=np.int64, count=len(self.codes))


def load(directory: Path, seed: int = 1) -> Dataset:
    """Read ``bank.csv`` and ``bureau.csv`` of a directory.

    :param seed: decides the split where the bank's file has none.
    :raises Refusal: ``INVALID_INPUT`` naming the file and what is wrong with it.
    """
    bank = read_table(directory / "bank.csv")
    bureau = read_table(directory / "bureau.csv")
    return assemble(directory.name or "data", bank, bureau, seed)


def assemble(name: str, bank: Mapping[str, pa.Array], bureau: Mapping[str, pa.Array], seed: int) -> Dataset:
    """Build a dataset from two tables of text columns; the rules and errors of :func:`load`."""
    notes: list[str] = []
    bank_columns, bank_codes = _keyed("bank.csv", dict(bank), notes)
    bureau_columns, bureau_codes = _keyed("bureau.csv", dict(bureau), notes)
    if not bureau_columns:
        raise need("bureau.csv has no feature beside uscc")
    outcome = _outcome(_take(bank_columns, "default"))
    train = _split(_take(bank_columns, "split"), outcome, seed, notes)
    shared = len(set(bank_codes) & set(bureau_codes))
    if not shared:
        raise need("no enterprise of bank.csv stands in bureau.csv: nothing can be scored")
    notes.append(
        f"{shared} of the bank's {len(bank_codes)} enterprises are at the bureau, which holds {len(bureau_codes)}"
    )
    return Dataset(name, bank_codes, outcome, train, bank_columns, bureau_codes, bureau_columns, tuple(notes))


def need(detail: str) -> Refusal:
    """Return the refusal for demo data that cannot be used."""
    return Refusal(
        Code.INVALID_INPUT,
        f"demo data: {detail}",
        remedy="Correct the data; docs/scorecards.md, section «Demo data», says what the two files hold.",
    )


def _take(columns: dict[str, pa.Array], wanted: str) -> pa.Array | None:
    """Remove a column by name, whatever its letters' case."""
    name = next((name for name in columns if name.lower() == wanted), None)
    return None if name is None else columns.pop(name)


def _keyed(file: str, columns: dict[str, pa.Array], notes: list[str]) -> tuple[dict[str, pa.Array], tuple[str, ...]]:
    """Take out ``uscc``; keep the rows with a valid code, of a repeated code the first."""
    key = _take(columns, "uscc")
    if key is None:
        raise need(f"{file} has no column uscc")
    codes = [(code or "").upper() for code in key.to_pylist()]
    keep = _first_valid(file, codes, notes)
    if not keep:
        raise need(f"{file} has no row with a valid unified social credit code")
    rows = pa.array(keep, type=pa.int64())
    kept = {name: column.take(rows) for name, column in columns.items()}
    return kept, tuple(codes[row] for row in keep)


def _first_valid(file: str, codes: Sequence[str], notes: list[str]) -> list[int]:
    valid = check_many(codes)
    first: dict[str, int] = {}
    for row, (code, good) in enumerate(zip(codes, valid, strict=True)):
        if good:
            first.setdefault(code, row)
    bad = len(codes) - int(np.count_nonzero(np.asarray(valid)))
    repeated = len(codes) - bad - len(first)
    if bad:
        notes.append(f"{file}: {bad} rows without a valid code left out")
    if repeated:
        notes.append(f"{file}: {repeated} rows that repeat a code left out, the first counts")
    return list(first.values())


def _outcome(column: pa.Array | None) -> NDArray[np.int8]:
    if column is None:
        raise need("bank.csv has no column default (1 = defaulted, 0 = did not)")
    outcome = np.full(len(column), -1, dtype=np.int8)
    words = pc.utf8_lower(column.fill_null(""))
    outcome[_is_in(words, _BAD)] = 1
    outcome[_is_in(words, _GOOD)] = 0
    strange = int(np.count_nonzero((outcome < 0) & ~_is_in(words, frozenset({""}))))
    if strange:
        raise need(f"bank.csv: column default has {strange} cells that are neither 0 nor 1")
    return outcome


def _is_in(words: pa.Array, accepted: frozenset[str]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(pc.is_in(words, value_set=pa.array(sorted(accepted))))
    return found


def _split(column: pa.Array | None, outcome: NDArray[np.int8], seed: int, notes: list[str]) -> NDArray[np.bool_]:
    if column is not None:
        train = _is_in(pc.utf8_lower(column.fill_null("")), frozenset({"train", "training", "fit"}))
        if train.any() and not train.all():
            return train
        notes.append("bank.csv: column split does not name rows for both train and test; split by seed instead")
    return _seeded_split(outcome, seed)


def _seeded_split(outcome: NDArray[np.int8], seed: int) -> NDArray[np.bool_]:
    """Half of every outcome class to fit on, chosen by a seed."""
    chosen = np.zeros(len(outcome), dtype=np.bool_)
    generator = np.random.default_rng(seed)
    for value in (-1, 0, 1):
        rows = generator.permutation(np.flatnonzero(outcome == value))
        chosen[rows[: round(len(rows) * TRAIN_SHARE)]] = True
    return chosen


def normalised(columns: Mapping[str, Sequence[str | None]]) -> dict[str, pa.Array]:
    """Return text columns in normal form: the way a file's columns become."""
    return {name: normal_column(pa.array(cells, type=pa.string())) for name, cells in columns.items()}
