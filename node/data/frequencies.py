"""How a feature set spreads over the catalogue's grid: classes counted, small ones merged into cells, ranks correlated.

A class is what the catalogue's grid tells apart: missing (class 0), a range between two neighbouring edges, one code.
Cells are what may be published. The functions of the feature file run in worker processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from node.policy.catalogue import CatalogueField, FieldType
from node.policy.frequencies import MAXIMUM_CELLS, MINIMUM_CELL, Cell, FieldFrequencies, counting_edges
from node.policy.values import MISSING
from node.storage.featurefile import open_feature_file

_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True)
class FieldGrid:
    """The classes of one field. ``edges``: int64 ticks, ascending, between two ranges each; ``codes``: how many."""

    field: str
    edges: NDArray[np.int64]
    codes: int = 0

    @classmethod
    def of(cls, field: CatalogueField) -> FieldGrid:
        """Return the classes of a catalogue's field."""
        if field.type is FieldType.CODE:
            return cls(field.id, np.empty(0, dtype=np.int64), len(field.codes))
        return cls(field.id, np.array(counting_edges(field), dtype=np.int64))

    @property
    def classes(self) -> int:
        """Number of classes, missing among them."""
        return 1 + (self.codes or len(self.edges) + 1)

    def classify(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the class of every value, int64 of the same shape; values are ticks or places of codes."""
        found = values if self.codes else np.searchsorted(self.edges, values, side="right")
        return np.where(values == MISSING, 0, found + 1)


def count_classes(path: Path, grids: Sequence[FieldGrid]) -> list[NDArray[np.int64]]:
    """Return for each field how many enterprises of a feature file are in each class, int64 of shape (classes,)."""
    features = open_feature_file(path)
    every = np.arange(len(features), dtype=np.int64)
    return [
        np.bincount(grid.classify(features.columns([grid.field], every)[grid.field]), minlength=grid.classes)
        for grid in grids
    ]


def merge_classes(
    counts: NDArray[np.int64], minimum: int = MINIMUM_CELL, most: int = MAXIMUM_CELLS
) -> NDArray[np.int64]:
    """Return the cell of every class, int64 of shape (classes,), ascending from 0.

    From the lowest class up, a cell takes in classes until it holds ``minimum`` enterprises, and at least one in
    ``most`` of those with a value; what is left at the upper end goes to the last cell. Missing values stay by
    themselves where nobody or ``minimum`` and more have none, else they join the lowest cell. Depends on counts alone.
    """
    missing, valued = int(counts[0]), int(counts[1:].sum())
    if valued < minimum:
        return np.zeros(len(counts), dtype=np.int64)
    full = max(minimum, -(-valued // most))
    cells = np.empty(len(counts), dtype=np.int64)
    cells[0], cell, held, closed = 0, 1, 0, 0
    for place, count in enumerate(counts[1:].tolist(), start=1):
        cells[place] = cell
        held += count
        if held >= full:
            cell, held, closed = cell + 1, 0, cell
    # Never empty: valued >= minimum, and full <= valued, so at least one cell was closed.
    cells[1:] = np.minimum(cells[1:], closed)
    return cells if missing == 0 or missing >= minimum else np.maximum(cells - 1, 0)


def cell_counts(counts: NDArray[np.int64], cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the enterprises of each cell, int64 of shape (cells,)."""
    held = np.zeros(int(cells[-1]) + 1, dtype=np.int64)
    np.add.at(held, cells, counts)
    return held


def publish(
    field: CatalogueField, grid: FieldGrid, counts: NDArray[np.int64], cells: NDArray[np.int64]
) -> FieldFrequencies:
    """Return the cells of a field in the catalogue's own numbers and codes."""
    held = cell_counts(counts, cells)
    last = len(held) - 1
    published = []
    for cell, count in enumerate(held.tolist()):
        places = np.flatnonzero(cells == cell)
        missing, valued = bool(places[0] == 0), places[places > 0]
        if grid.codes:
            codes = tuple(field.from_tick(int(place) - 1) for place in valued)
            published.append(Cell(missing=missing, codes=codes, count=count))
            continue
        below = int(valued[0]) - 2 if len(valued) else -1
        above = int(valued[-1]) - 1 if len(valued) and cell < last else -1
        low = field.from_tick(int(grid.edges[below])) if below >= 0 else None
        high = field.from_tick(int(grid.edges[above])) if above >= 0 else None
        published.append(Cell(missing=missing, low=low, high=high, count=count))
    return FieldFrequencies(field=field.id, cells=tuple(published))


def differing_enterprises(one: Path, other: Path) -> int:
    """Return how many enterprises stand in one of two feature files only, or differ in a field that both have."""
    first, second = open_feature_file(one), open_feature_file(other)
    if not len(first) or not len(second):
        return len(first) + len(second)
    places = np.minimum(np.searchsorted(second.codes, first.codes), len(second) - 1)
    shared = second.codes[places] == first.codes
    at_first, at_second = np.flatnonzero(shared), places[shared]
    differs = np.zeros(len(at_first), dtype=np.bool_)
    for field in set(first.fields) & set(second.fields):
        differs |= first.columns([field], at_first)[field] != second.columns([field], at_second)[field]
    return len(first) + len(second) - 2 * len(at_first) + int(np.count_nonzero(differs))


# ---- rank correlation


@dataclass(frozen=True)
class RankedField:
    """A field's classes with their standardised ranks: mean 0 and variance 1 over all enterprises, float64."""

    grid: FieldGrid
    ranks: NDArray[np.float64]

    @classmethod
    def of(cls, grid: FieldGrid, counts: NDArray[np.int64], cells: NDArray[np.int64]) -> RankedField:
        """Return the ranks of the published cells; enterprises in one cell share its middle rank."""
        held = cell_counts(counts, cells)
        middle = np.cumsum(held) - held / 2
        spread = middle - np.average(middle, weights=held)
        deviation = float(np.sqrt(np.average(spread**2, weights=held)))
        ranks = spread / deviation if deviation > 0 else np.zeros(len(held))
        if grid.codes:
            return cls(grid, ranks[cells])
        begins = np.flatnonzero(np.diff(cells[1:])) + 1  # ranges of the whole grid that begin another cell
        coarse = FieldGrid(grid.field, grid.edges[begins - 1])
        return cls(coarse, ranks[np.concatenate((cells[:2], cells[begins + 1]))])


def rank_products(path: Path, fields: Sequence[RankedField], start: int, stop: int) -> NDArray[np.float64]:
    """Return the sums of rank products over rows ``start`` up to ``stop``, float64 of shape (fields, fields)."""
    features = open_feature_file(path)
    products = np.zeros((len(fields), len(fields)))
    step = max(1, _BLOCK_BYTES // (8 * len(fields)))
    for first in range(start, stop, step):
        rows = np.arange(first, min(first + step, stop), dtype=np.int64)
        ranks = np.empty((len(fields), len(rows)))
        for place, field in enumerate(fields):
            values = features.columns([field.grid.field], rows)[field.grid.field]
            ranks[place] = field.ranks[field.grid.classify(values)]
        products += ranks @ ranks.T
    return products
