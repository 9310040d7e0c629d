"""The plaintext oracle: a score worked out from the scorecard file's JSON and raw cells, with Decimal.

It shares no code with compilation, columns or engines on purpose: ``exact`` in the demo and the differential tests
compare with it. Slow and plain.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any


@dataclass(frozen=True)
class ReferenceScore:
    """``score = bank_part + tax_part``; ``bank_part`` includes base score and intercept points."""

    score: int
    bank_part: int
    tax_part: int


@dataclass
class ReferenceOracle:
    """Scores rows by a parsed scorecard file (``json.loads`` of it). The file is taken to be valid.

    Each distinct cell of a field is worked out once and remembered, so that a million rows take seconds.
    """

    card: Mapping[str, Any]
    _seen: dict[tuple[int, str], int] = field(default_factory=dict, repr=False)

    def score(self, bank_row: Mapping[str, str], bureau_row: Mapping[str, str]) -> ReferenceScore:
        """Return the exact score of one enterprise from its raw cells; an absent or blank cell is missing.

        :raises ValueError: a cell of a numeric field is no number, or lies outside a linear field's range.
        """
        bank = self.card["base_score"] + self.card.get("intercept_points", 0)
        tax = 0
        for place, entry in enumerate(self.card["fields"]):
            row = bank_row if entry["source"] == "bank" else bureau_row
            points = self._points(place, entry, row.get(entry["field"]) or "")
            if entry["source"] == "bank":
                bank += points
            else:
                tax += points
        return ReferenceScore(bank + tax, bank, tax)

    def scores(self, rows: Iterable[tuple[Mapping[str, str], Mapping[str, str]]]) -> list[ReferenceScore]:
        """Return the scores of many enterprises, given as pairs (bank row, bureau row)."""
        return [self.score(bank_row, bureau_row) for bank_row, bureau_row in rows]

    def _points(self, place: int, entry: Mapping[str, Any], cell: str) -> int:
        key = (place, cell)
        if key not in self._seen:
            self._seen[key] = _points_of_cell(entry, unicodedata.normalize("NFKC", cell).strip())
        return self._seen[key]


def _points_of_cell(entry: Mapping[str, Any], text: str) -> int:
    if text == "":
        return int(entry["missing"])
    if entry["type"] == "groups":
        return _group_points(entry, text)
    number = _number(text)
    return _bin_points(entry, number) if entry["type"] == "bins" else _linear_points(entry, number)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise ValueError("a cell of a numeric field is no number") from None
    if not number.is_finite():
        raise ValueError("a cell of a numeric field is no finite number")
    return number


def _group_points(entry: Mapping[str, Any], text: str) -> int:
    for group in entry["groups"]:
        if text in group["codes"]:
            return int(group["points"])
    return int(entry["other"])


def _bin_points(entry: Mapping[str, Any], number: Decimal) -> int:
    passed = sum(1 for edge in entry["edges"] if Decimal(edge) <= number)
    return int(entry["points"][passed])


def _linear_points(entry: Mapping[str, Any], number: Decimal) -> int:
    low, high, quantum = Decimal(entry["low"]), Decimal(entry["high"]), Decimal(entry["quantum"])
    if not low <= number <= high:
        raise ValueError("a cell of a linear field is outside its range")
    with localcontext(prec=200):
        return int(entry["weight"]) * int((number - low) // quantum)
