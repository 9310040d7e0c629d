"""The parts of a field's values that the models at hand can tell apart, and how many enterprises lie in each.

For one model these are its bins; for several the common refinement. «Missing» is always the last part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.leakage.cells import FieldCells
from protocols.scoring.model import MISSING, BinnedField, GroupedField, LinearField, PublicField


@dataclass(frozen=True, eq=False)
class RangeParts:
    """Numbers cut at ``edges`` (ticks, ascending): k edges make k + 1 parts ``[low, high)``."""

    field: str
    edges: NDArray[np.int64]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each part is called, in ticks."""
        cuts = [str(edge) for edge in self.edges.tolist()]
        if not cuts:
            return ("any value", "missing")
        middle = (f"[{low}, {high})" for low, high in pairwise(cuts))
        return (f"below {cuts[0]}", *middle, f"{cuts[-1]} and above", "missing")

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """One tick of each part."""
        lowest = self.edges[:1] - 1 if self.edges.size else np.zeros(1, dtype=np.int64)
        return np.concatenate([lowest, self.edges, [MISSING]])

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The place of each part by rank; missing values rank lowest (README §5)."""
        return (*range(1, self.edges.size + 2), 0)

    def counts(self, cells: FieldCells) -> tuple[NDArray[np.float64], int]:
        """Return how many enterprises lie in each part, and how many of them were placed by a guess.

        A cell across an edge is split in proportion to its width; the whole cell counts as guessed.
        """
        if any(cell.codes for cell in cells.cells):
            raise ParameterError(f"field {self.field}: the model reads numbers, the frequencies count codes")
        found = np.zeros(self.edges.size + 2)
        found[-1] = sum(cell.count for cell in cells.cells if not cell.is_range)
        if ranges := cells.ranges:
            low = np.array([cell.low for cell in ranges], dtype=np.int64)
            high = np.array([cell.high for cell in ranges], dtype=np.int64)
            running = np.concatenate([[0.0], np.cumsum([float(cell.count) for cell in ranges])])
            below = np.interp(self.edges.astype(float), np.concatenate([low[:1], high]).astype(float), running)
            found[:-1] = np.diff(np.concatenate([[0.0], below, running[-1:]]))
            cut = np.searchsorted(self.edges, high, side="left") > np.searchsorted(self.edges, low, side="right")
            guessed = cut | np.array([cell.missing for cell in ranges])
            return found, sum(cell.count for cell, guess in zip(ranges, guessed.tolist(), strict=True) if guess)
        return found, 0


@dataclass(frozen=True, eq=False)
class CodeParts:
    """Codes of a list: code ``i`` lies in part ``part_of[i]``; ``names`` has one name for each part."""

    field: str
    part_of: NDArray[np.intp]
    names: tuple[str, ...]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each part is called."""
        return (*self.names, "missing")

    @cached_property
    def members(self) -> NDArray[np.int64]:
        """One code of each part."""
        first = [int(np.argmax(self.part_of == part)) for part in range(len(self.names))]
        return np.array([*first, MISSING], dtype=np.int64)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The place of each part by the mean rank of its codes; missing values rank lowest (README §5)."""
        means = [float(np.flatnonzero(self.part_of == part).mean()) for part in range(len(self.names))]
        places = np.empty(len(means), dtype=np.intp)
        places[np.argsort(means, kind="stable")] = np.arange(1, len(means) + 1)
        return (*places.tolist(), 0)

    def counts(self, cells: FieldCells) -> tuple[NDArray[np.float64], int]:
        """Return how many enterprises lie in each part, and how many of them were placed by a guess.

        A cell whose codes lie in several parts is split evenly over its codes; the whole cell counts as guessed.
        """
        if cells.ranges:
            raise ParameterError(f"field {self.field}: the model reads codes, the frequencies count numbers")
        found, guessed = np.zeros(len(self.names) + 1), 0
        for cell in cells.cells:
            if any(code >= self.part_of.size for code in cell.codes):
                raise ParameterError(f"field {self.field}: the frequencies count a code outside the code list")
            parts = self.part_of[list(cell.codes)] if cell.codes else np.array([len(self.names)])
            np.add.at(found, parts, cell.count / parts.size)
            if np.unique(parts).size > 1 or (cell.missing and cell.codes):
                guessed += cell.count
        return found, guessed


Parts = RangeParts | CodeParts


def refine(fields: Sequence[PublicField]) -> Parts:
    """Return the common refinement of one catalogue field as several models read it; at least one.

    An «other» that no code of the list can reach is left out.

    Raises:
        ParameterError: some models read it as numbers, others as codes, or the code lists differ in length.
    """
    name = fields[0].field
    grouped = [field for field in fields if isinstance(field, GroupedField)]
    if not grouped:
        edges = [_edges(field) for field in fields if not isinstance(field, GroupedField)]
        return RangeParts(name, np.unique(np.concatenate(edges)))
    if len(grouped) != len(fields):
        raise ParameterError(f"field {name}: some models read numbers, others codes")
    if len({field.codes for field in grouped}) != 1:
        raise ParameterError(f"field {name}: the models' code lists differ in length")
    return _refine_codes(name, grouped)


def _edges(field: BinnedField | LinearField) -> NDArray[np.int64]:
    if isinstance(field, BinnedField):
        return np.array(field.edges, dtype=np.int64)
    return field.low + field.quantum * np.arange(1, field.top + 1, dtype=np.int64)


def _refine_codes(name: str, fields: Sequence[GroupedField]) -> CodeParts:
    group_of = np.stack([_group_of(field) for field in fields])
    kinds, part_of = np.unique(group_of, axis=1, return_inverse=True)
    names = tuple(
        " and ".join(_group_name(field, int(group)) for field, group in zip(fields, kind, strict=True))
        for kind in kinds.T.tolist()
    )
    return CodeParts(name, part_of.reshape(-1), names)


def _group_of(field: GroupedField) -> NDArray[np.intp]:
    table = np.full(field.codes, len(field.groups), dtype=np.intp)
    for place, group in enumerate(field.groups):
        table[list(group)] = place
    return table


def _group_name(field: GroupedField, group: int) -> str:
    return "other" if group == len(field.groups) else f"group {group}"
