"""From the published document to what the measurement takes: edges in ticks, codes by place, nothing left out."""

from __future__ import annotations

from typing import Any

import pytest

from node.errors import Refusal
from node.policy.frequencies import Frequencies
from node.policy.frequency_cells import field_cells, rank_correlation
from protocols.leakage.cells import Cell, FieldCells
from tests.support.policy import catalogue, frequencies_body

LOW, HIGH = -20, 2001  # ticks of vat_sales: -10 to 1000.5 in steps of 0.5
SMALL_MISSING = [{"missing": True, "high": "100", "count": 90}, {"low": "100", "count": 110}]


def cells(sales: list[dict[str, Any]] | None = None) -> dict[str, FieldCells]:
    body = frequencies_body()
    if sales is not None:
        body["fields"][0]["cells"] = sales
    return field_cells(Frequencies.from_body(body), catalogue())


def test_every_cell_is_taken_over() -> None:
    found = cells()
    assert found["vat_sales"] == FieldCells(
        "vat_sales", (Cell(30, missing=True), Cell(60, LOW, 200), Cell(110, 200, HIGH + 1))
    )
    assert found["credit_level"] == FieldCells(
        "credit_level",
        (Cell(0, missing=True), Cell(80, codes=(0, 1)), Cell(60, codes=(2,)), Cell(60, codes=(3, 4))),
    )


def test_a_merged_missing_cell_and_a_lone_one() -> None:
    merged, lone = cells(SMALL_MISSING), cells([{"missing": True, "count": 200}])
    assert merged["vat_sales"].cells == (Cell(90, LOW, 200, missing=True), Cell(110, 200, HIGH + 1))
    assert lone["vat_sales"].cells == (Cell(200, LOW, HIGH + 1, missing=True),)


def test_frequencies_off_the_grid_are_never_measured() -> None:
    with pytest.raises(Refusal, match="not on the catalogue's grid"):
        cells([{"missing": True, "count": 30}, {"high": "101", "count": 60}, {"low": "101", "count": 110}])


def test_the_correlation_is_taken_over() -> None:
    found = rank_correlation(Frequencies.from_body(frequencies_body()))
    assert found.fields == ("vat_sales", "credit_level")
    assert found.rows == ((1.0, 0.31), (0.31, 1.0))
