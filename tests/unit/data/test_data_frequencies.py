"""Counting on the grid, merging small classes, ranks: each against a slow and obvious way of doing it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from node.data.frequencies import (
    FieldGrid,
    RankedField,
    cell_counts,
    count_classes,
    differing_enterprises,
    merge_classes,
    publish,
    rank_products,
)
from node.policy.catalogue import Catalogue
from node.policy.frequencies import Cell
from node.policy.values import MISSING
from node.storage.featurefile import CODE_DTYPE, write_feature_file
from tests.support.policy import catalogue_body, code_field, numeric_field

ROWS = 3000
CATALOGUE = Catalogue.from_body(
    catalogue_body(fields=[numeric_field("sales"), code_field("level"), numeric_field("flat", grid=None)])
)


def table() -> dict[str, NDArray[np.int64]]:
    """Ticks: sales skewed, some missing; levels that follow them; one field without a single value but five."""
    generator = np.random.default_rng(5)
    latent = generator.normal(size=ROWS)
    sales = np.clip(np.round(np.exp(latent + 3)), -20, 2001).astype(np.int64)
    sales[generator.random(ROWS) < 0.1] = MISSING
    level = np.clip(np.round(latent + generator.normal(size=ROWS) + 2), 0, 4).astype(np.int64)
    level[:7] = MISSING
    flat = np.full(ROWS, MISSING)
    flat[:5] = 100
    return {"sales": sales, "level": level, "flat": flat}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("frequencies") / "set.arrow"
    codes = np.array([f"{number:018d}" for number in range(ROWS)], dtype=CODE_DTYPE)
    write_feature_file(file, b"manifest", codes, table())
    return file


def cell_of(value: int, field: str, cells: tuple[Cell, ...]) -> int:
    """Return the place of the cell that a tick belongs to, read off the published document."""
    scale = CATALOGUE.by_id[field]
    for place, cell in enumerate(cells):
        if value == MISSING:
            if cell.missing:
                return place
        elif cell.codes or scale.codes:
            if scale.from_tick(value) in cell.codes:
                return place
        elif not cell.only_missing or len(cells) == 1:
            low = MISSING if cell.low is None else scale.to_tick(cell.low)
            high = 1 << 62 if cell.high is None else scale.to_tick(cell.high)
            if low <= value < high:
                return place
    raise AssertionError("the value is in no cell")


def counted(path: Path) -> dict[str, tuple[FieldGrid, NDArray[np.int64], NDArray[np.int64]]]:
    grids = [FieldGrid.of(field) for field in CATALOGUE.fields]
    counts = count_classes(path, grids)
    return {grid.field: (grid, each, merge_classes(each)) for grid, each in zip(grids, counts, strict=True)}


def test_every_value_is_in_the_cell_that_the_document_says(path: Path) -> None:
    for name, (grid, counts, cells) in counted(path).items():
        published = publish(CATALOGUE.by_id[name], grid, counts, cells)
        expected = Counter(cell_of(int(value), name, published.cells) for value in table()[name])
        assert [cell.count for cell in published.cells] == [expected[place] for place in range(len(published.cells))]
        assert all(cell.count >= 20 or (cell.only_missing and not cell.count) for cell in published.cells)


def test_seven_without_a_level_are_hidden_and_five_with_a_value_too(path: Path) -> None:
    found = counted(path)
    level = publish(CATALOGUE.by_id["level"], *found["level"])
    assert (level.cells[0].missing, level.cells[0].codes) == (True, ("A",))
    flat = publish(CATALOGUE.by_id["flat"], *found["flat"])
    assert flat.cells == (Cell(missing=True, count=ROWS),)


def ranks(values: list[int]) -> list[float]:
    """Return the rank of every value, ties at the middle of theirs: Spearman's definition, the slow way."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def test_the_correlation_is_spearmans_over_the_cells(path: Path) -> None:
    found = counted(path)
    ranked = [RankedField.of(*each) for each in found.values()]
    halves = [rank_products(path, ranked, *part) for part in ((0, 1234), (1234, ROWS))]
    correlation = sum(halves, start=np.zeros((3, 3))) / ROWS
    places = {
        name: [cell_of(int(value), name, publish(CATALOGUE.by_id[name], *found[name]).cells) for value in column]
        for name, column in table().items()
    }
    expected = np.corrcoef(ranks(places["sales"]), ranks(places["level"]))[0, 1]
    assert expected > 0.4
    assert correlation[0, 1] == pytest.approx(expected, abs=1e-9)
    assert correlation[0, 0] == pytest.approx(1.0)
    assert not correlation[2].any(), "a field in one cell goes with nothing"


@pytest.mark.parametrize(
    ("counts", "cells"),
    [
        ([0, 20, 20], [0, 1, 2]),
        ([0, 20, 19], [0, 1, 1]),  # what is left at the upper end goes to the last cell
        ([20, 19, 1, 30], [0, 1, 1, 2]),
        ([19, 20, 20], [0, 0, 1]),  # a small missing class joins the lowest cell
        ([19, 5, 16, 20], [0, 0, 0, 1]),
        ([100, 10, 9], [0, 0, 0]),  # fewer than twenty have a value at all
        ([0, 0, 0, 40, 0], [0, 1, 1, 1, 1]),
    ],
)
def test_merging_by_hand(counts: list[int], cells: list[int]) -> None:
    assert merge_classes(np.array(counts)).tolist() == cells


def written(path: Path, codes: str, **columns: list[int]) -> Path:
    arrays = {name: np.array(values, dtype=np.int64) for name, values in columns.items()}
    write_feature_file(path, b"manifest", np.array([code * 18 for code in codes], dtype=CODE_DTYPE), arrays)
    return path


def test_enterprises_differ_by_standing_in_one_set_only_or_by_a_value(tmp_path: Path) -> None:
    first = written(tmp_path / "1", "abcd", x=[1, 2, 3, 4], y=[0, 0, 0, 0])
    second = written(tmp_path / "2", "bcde", x=[2, 9, 4, 1], z=[7, 7, 7, 7])
    assert differing_enterprises(first, second) == differing_enterprises(second, first) == 3  # a, e and c
    assert differing_enterprises(first, first) == 0
    empty = written(tmp_path / "3", "", x=[], y=[])
    assert differing_enterprises(first, empty) == differing_enterprises(empty, first) == 4


def test_a_fine_grid_is_made_coarser() -> None:
    counts = np.full(10_001, 30)
    cells = merge_classes(counts, most=100)
    assert len(cell_counts(counts, cells)) == 1 + 100
    assert set(cell_counts(counts, cells)[1:].tolist()) == {3000}


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=60), st.integers(1, 30), st.integers(1, 40))
def test_cells_are_neighbours_cover_all_and_are_never_small(classes: list[int], minimum: int, most: int) -> None:
    counts = np.array(classes)
    if counts.sum() < minimum:
        return
    cells = merge_classes(counts, minimum, most)
    held = cell_counts(counts, cells)
    steps: Any = np.diff(cells)
    assert cells[0] == 0
    assert set(steps.tolist()) <= {0, 1}
    assert held.sum() == counts.sum()
    assert len(held) <= most + 1
    small = [place for place, count in enumerate(held.tolist()) if count < minimum]
    assert small in ([], [0])
    assert not small or (counts[0] == 0 and cells[1] == 1), "only the cell of missing values may be small: empty"
