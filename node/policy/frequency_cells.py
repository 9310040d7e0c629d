"""Published frequencies as the leakage measurement takes them: edges in ticks, codes by their place."""

from __future__ import annotations

from node.policy.catalogue import Catalogue, CatalogueField
from node.policy.frequencies import Cell, Frequencies, check_against
from node.policy.values import NumericScale
from protocols.leakage import cells as measured
from protocols.leakage.correlation import RankCorrelation


def field_cells(frequencies: Frequencies, catalogue: Catalogue) -> dict[str, measured.FieldCells]:
    """Return the cells of every counted field.

    Raises:
        Refusal: ``INVALID_INPUT``: the frequencies do not fit the catalogue; see
            :func:`node.policy.frequencies.check_against`.
    """
    check_against(frequencies, catalogue)
    found = {}
    for counted in frequencies.fields:
        field = catalogue.by_id[counted.field]
        # The only cell of a field stands for all its values, though it names none.
        cells = tuple(_cell(cell, field, lone=len(counted.cells) == 1) for cell in counted.cells)
        found[field.id] = measured.FieldCells(field.id, cells)
    return found


def rank_correlation(frequencies: Frequencies) -> RankCorrelation:
    """Return the published rank correlation."""
    published = frequencies.rank_correlation
    return RankCorrelation(published.fields, tuple(map(tuple, published.matrix().tolist())))


def _cell(cell: Cell, field: CatalogueField, *, lone: bool) -> measured.Cell:
    if cell.codes:
        return measured.Cell(cell.count, codes=tuple(map(field.to_tick, cell.codes)), missing=cell.missing)
    if cell.only_missing and not lone:
        return measured.Cell(cell.count, missing=True)
    assert isinstance(field.scale, NumericScale)
    low = field.scale.tick_low if cell.low is None else field.to_tick(cell.low)
    high = field.scale.tick_high + 1 if cell.high is None else field.to_tick(cell.high)
    return measured.Cell(cell.count, low, high, missing=cell.missing)
