"""Loans for tests, and the plaintext oracle of a comparison."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protocols.psi.classes.entries import CLASSES, Loans
from protocols.psi.classes.suppression import Table


def loans(classes: Mapping[str, int]) -> Loans:
    """Return loans by id with their classes 1..5, in ascending order of the ids."""
    ids = sorted(classes)
    return Loans(
        np.array([loan.encode() for loan in ids], dtype="S17"), np.array([classes[loan] for loan in ids], np.uint8)
    )


def some(count: int, start: int = 0, step: int = 1) -> dict[str, int]:
    """Return so many loans of mixed classes; with another ``step`` the same ids in other classes."""
    return {f"LN-{number:07d}": (number * step) % CLASSES + 1 for number in range(start, start + count)}


def mismatches(bank: Mapping[str, int], bureau: Mapping[str, int]) -> list[str]:
    """Return what a comparison finds: loans of both with another class, in the bank's order."""
    return [loan for loan, level in bank.items() if bureau.get(loan, level) != level]


def confusion(bank: Mapping[str, int], bureau: Mapping[str, int]) -> Table:
    """Return how many loans of both stand in which pair of classes."""
    table: Table = np.zeros((CLASSES, CLASSES), np.int64)
    for loan, level in bank.items():
        if loan in bureau:
            table[level - 1, bureau[loan] - 1] += 1
    return table
