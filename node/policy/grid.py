"""The grid of bin edges that a catalogue allows, so that no model can cut a field into bins of its own making."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from node.policy.shapes import DecimalText, PolicyModel
from node.policy.values import NumericScale, ValueRejected

MAXIMUM_EDGES = 65_536


class GridRange(PolicyModel):
    """Edges from, from + by, from + 2 by ... up to and including ``to``."""

    start: DecimalText = Field(alias="from")
    stop: DecimalText = Field(alias="to")
    by: DecimalText


@dataclass(frozen=True)
class EdgeGrid:
    """Allowed edges in ticks: an arithmetic progression or a set."""

    edges: range | frozenset[int]

    def allows(self, tick: int) -> bool:
        """Return whether ``tick`` is an edge of this grid."""
        return tick in self.edges

    def ascending(self) -> tuple[int, ...]:
        """Return every edge in ticks, ascending."""
        return tuple(sorted(self.edges))


def build_grid(scale: NumericScale, grid: GridRange | Iterable[str]) -> EdgeGrid:
    """Return the grid in ticks; ValueError names the member that is off step, off range or out of order."""
    if isinstance(grid, GridRange):
        return EdgeGrid(_progression(scale, grid))
    edges = [_tick(scale, edge, f"grid[{place}]") for place, edge in enumerate(grid)]
    for place in range(1, len(edges)):
        if edges[place] <= edges[place - 1]:
            raise ValueError(f"grid[{place}]: edges do not ascend")
    return EdgeGrid(frozenset(edges))


def _progression(scale: NumericScale, grid: GridRange) -> range:
    start, stop = _tick(scale, grid.start, "grid.from"), _tick(scale, grid.stop, "grid.to")
    try:
        by = scale.span_to_ticks(grid.by)
    except ValueRejected as rejected:
        raise ValueError(f"grid.by: {rejected}") from None
    if stop < start:
        raise ValueError("grid.to: is below from")
    if (stop - start) // by >= MAXIMUM_EDGES:
        raise ValueError(f"grid.by: makes more than {MAXIMUM_EDGES} edges")
    return range(start, stop + 1, by)


def _tick(scale: NumericScale, edge: str, path: str) -> int:
    try:
        return scale.to_tick(edge)
    except ValueRejected as rejected:
        raise ValueError(f"{path}: {rejected}") from None
