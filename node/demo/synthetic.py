"""Made-up tax data and a made-up scorecard over it, of any size, from one seed: for benchmarks and tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from node.clock import system_clock
from node.policy.uscc import valid_code

BINS_PER_FIELD = 3
COLUMNS_PER_FIELD = BINS_PER_FIELD + 1  # and missing
HIGHEST = 1000
MISSING_SHARE = 0.02
CATALOGUE_ID = "synthetic"
BASE_SCORE = 600


@dataclass(frozen=True)
class SyntheticData:
    """``values``: integers of shape (rows, fields), -1 where missing; ``points`` of shape (fields, bins + missing)."""

    codes: tuple[str, ...]
    values: NDArray[np.int64]
    edges: NDArray[np.int64]
    points: NDArray[np.int64]
    name: str

    @property
    def field_ids(self) -> tuple[str, ...]:
        """The catalogue fields."""
        return tuple(f"field-{place:03d}" for place in range(self.values.shape[1]))

    def catalogue(self) -> dict[str, Any]:
        """Return the catalogue's body; its bureau is given by the caller."""
        fields = [
            {
                "id": field,
                "name_zh": f"字段{place}",
                "name_en": f"Field {place}",
                "type": "integer",
                "unit": "",
                "low": "0",
                "high": str(HIGHEST),
                "step": "1",
                "grid": {"from": "0", "to": str(HIGHEST), "by": "1"},
                "sensitivity": "ordinary",
                "provision": "score_only",
                "block": "synthetic",
            }
            for place, field in enumerate(self.field_ids)
        ]
        return {"catalogue_id": CATALOGUE_ID, "version": 1, "fields": fields}

    def write_csv(self, path: Path) -> None:
        """Write the tax data as a bureau would import it; a missing value is an empty cell."""
        columns: dict[str, Any] = {"uscc": pa.array(self.codes)}
        for place, field in enumerate(self.field_ids):
            column = self.values[:, place]
            columns[field] = pa.array(column, mask=column < 0)
        arrow_csv.write_csv(pa.table(columns), path)

    def scorecard(self, version: str = "1") -> bytes:
        """Return the scorecard file; bureau fields only."""
        fields = [
            {
                "type": "bins",
                "field": field,
                "source": "bureau",
                "edges": [str(edge) for edge in self.edges[place].tolist()],
                "points": self.points[place, :-1].tolist(),
                "missing": int(self.points[place, -1]),
            }
            for place, field in enumerate(self.field_ids)
        ]
        card = {
            "format": "banktax-scorecard-1",
            "name": self.name,
            "version": version,
            "model_class": "credit_approval",
            "purposes": ["loan_origination"],
            "expires": (datetime.fromtimestamp(system_clock() / 1000, UTC) + timedelta(days=365)).date().isoformat(),
            "catalogue": {"id": CATALOGUE_ID, "version": 1},
            "kind": "scorecard",
            "sign": "higher_is_better",
            "base_score": BASE_SCORE,
            "base_odds": "20",
            "pdo": "50",
            "fields": fields,
        }
        return json.dumps(card).encode("utf-8")

    def scores(self) -> NDArray[np.int64]:
        """Return the score of every row, worked out from the table alone."""
        total = np.full(len(self.codes), BASE_SCORE, dtype=np.int64)
        for place in range(self.values.shape[1]):
            column = self.values[:, place]
            bins = np.searchsorted(self.edges[place], column, side="right")
            total += np.where(column < 0, self.points[place, -1], self.points[place, bins])
        return total


def make(rows: int, columns: int, seed: int, name: str = "synthetic-card") -> SyntheticData:
    """Return ``rows`` enterprises and a scorecard that compiles to ``columns`` columns.

    Args:
        rows: enterprises, with valid made-up codes.
        columns: a multiple of 4: three bins and «missing» a field.
        seed: the same seed gives the same data.
    """
    if columns < COLUMNS_PER_FIELD or columns % COLUMNS_PER_FIELD:
        raise ValueError(f"columns: a multiple of {COLUMNS_PER_FIELD}")
    generator = np.random.default_rng(seed)
    fields = columns // COLUMNS_PER_FIELD
    values = generator.integers(0, HIGHEST + 1, (rows, fields))
    values[generator.random((rows, fields)) < MISSING_SHARE] = -1
    edges = np.sort(generator.choice(np.arange(1, HIGHEST), (fields, BINS_PER_FIELD - 1)), axis=1)
    edges[:, 1] += edges[:, 0] == edges[:, 1]
    points = generator.integers(-40, 61, (fields, COLUMNS_PER_FIELD))
    first = int(generator.integers(0, 10**6))
    return SyntheticData(_codes(first, rows), values, edges, points, name)


def _codes(first: int, count: int) -> tuple[str, ...]:
    return tuple(valid_code(first + place) for place in range(count))


def unheld_codes(held: Sequence[str], count: int, start: int = 40_000_000) -> tuple[str, ...]:
    """Return valid codes that are not among ``held``."""
    known = set(held)
    found: list[str] = []
    while len(found) < count:
        code = valid_code(start)
        start += 1
        if code not in known:
            found.append(code)
    return tuple(found)
