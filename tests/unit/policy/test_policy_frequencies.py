"""Frequencies: what a good document says, and everything a bad one is refused for."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import frequencies as policy
from node.policy.catalogue import Catalogue
from node.policy.frequencies import Frequencies, RankCorrelation, check_against, counting_edges
from tests.support.policy import BANK, BUREAU, KEYS, catalogue_body, frequencies_body, numeric_field, party_key


def catalogue(**changes: Any) -> Catalogue:
    return Catalogue.from_body(catalogue_body(**changes))


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the good body with one member changed; an integer in the path is a place in a list."""
    body: dict[str, Any] = json.loads(json.dumps(frequencies_body()))
    target: Any = body
    *steps, last = path.split("/")
    for step in steps:
        target = target[int(step) if step.isdigit() else step]
    target[int(last) if last.isdigit() else last] = value
    return body


def test_signed_by_the_bureau_they_come_back() -> None:
    frequencies = Frequencies.from_body(frequencies_body())
    document = policy.sign(frequencies, party_key(BUREAU))
    assert policy.parse(document.encode(), KEYS[BUREAU]) == frequencies
    assert policy.read(document.encode()) == (frequencies, document)
    check_against(frequencies, catalogue())
    assert frequencies.by_field["credit_level"].rows == frequencies.rows


def test_another_signature_than_the_bureaus_is_refused() -> None:
    frequencies = Frequencies.from_body(frequencies_body())
    with pytest.raises(Refusal) as caught:
        policy.parse(policy.sign(frequencies, party_key(BANK)).encode(), KEYS[BUREAU])
    assert caught.value.code is Code.PEER_UNTRUSTED


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("fields/0/cells/1/count", 59, r"fields\[0\].cells: the frequencies of vat_sales sum to 199 of 200"),
        ("fields/1/cells/2/count", 61, r"fields\[1\].cells: the frequencies of credit_level sum to 201 of 200"),
        ("rows", 201, "sum to 200 of 201"),
        ("minimum_cell", 31, r"fields\[0\].cells\[0\].count: below minimum_cell"),
        ("fields/0/cells/1/count", -1, r"fields\[0\].cells\[1\].count: "),
        ("fields/0/cells/1/missing", True, "missing values are counted once"),
        ("fields/0/cells/0/missing", False, "missing values are counted once"),
        ("rank_correlation/rows/1", "0.31", r"rows\[1\]: needs 2 numbers"),
        ("rank_correlation/rows/1", "0.31 0.99", r"rows\[1\]: needs 2 numbers, the last one 1.00"),
        ("rank_correlation/rows/1", "1.01 1.00", r"rows\[1\]: is not a row"),
        ("rank_correlation/rows/1", "nan 1.00", r"rows\[1\]: is not a row"),
        ("rank_correlation/rows", ["1.00"], "not one for each field"),
        ("rank_correlation/fields", ["credit_level", "vat_sales"], "not the fields that are counted"),
        ("as_of", "2026-02-30", "as_of: is not a date"),
        ("counted_at", "2026-05-01T00:00:00", "counted_at: "),
    ],
)
def test_what_does_not_add_up_is_named(path: str, value: object, fault: str) -> None:
    with pytest.raises(Refusal, match=fault) as caught:
        Frequencies.from_body(changed(path, value))
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("catalogue_version", 3, "another catalogue or version"),
        ("bureau", "bureau-x", "another bureau"),
        ("fields/0/field", "unheard_of", "field unheard_of: is not in the catalogue"),
        ("fields/0/cells/1/high", "105.5", "vat_sales: a cell does not begin where"),
        ("fields/0/cells/1/low", "10", "vat_sales: its first or last cell is not open"),
        ("fields/0/cells/2/high", "110", "vat_sales: its first or last cell is not open"),
        ("fields/0/cells/1/codes", ["A"], "vat_sales: has cells of codes and is a number"),
        ("fields/1/cells/1/codes", ["B", "A"], "credit_level: its cells are not the catalogue's codes"),
        ("fields/1/cells/1/codes", ["A"], "credit_level: its cells are not the catalogue's codes"),
        ("fields/1/cells/1/low", "10", "credit_level: its cells are not the catalogue's codes"),
    ],
)
def test_what_is_not_the_catalogues_is_named(path: str, value: object, fault: str) -> None:
    body = changed(path, value)
    if path == "fields/0/field":
        body["rank_correlation"]["fields"][0] = value
    with pytest.raises(Refusal, match=fault) as caught:
        check_against(Frequencies.from_body(body), catalogue())
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    ("edges", "fault"),
    [
        (("105", "300"), "vat_sales: an edge is not on the catalogue's grid"),
        (("100.25", "300"), "vat_sales"),
        (("300", "300"), "its cells do not ascend"),
        (("300", "100"), "its cells do not ascend"),
    ],
)
def test_edges_off_the_grid_or_out_of_order_are_refused(edges: tuple[str, str], fault: str) -> None:
    body = frequencies_body()
    body["fields"][0]["cells"] = [
        {"missing": True, "count": 30},
        {"high": edges[0], "count": 60},
        {"low": edges[0], "high": edges[1], "count": 60},
        {"low": edges[1], "count": 50},
    ]
    with pytest.raises(Refusal, match=fault):
        check_against(Frequencies.from_body(body), catalogue())


@pytest.mark.parametrize("first", [{"high": "100"}, {}])
def test_a_small_missing_cell_stands_with_its_neighbour(first: dict[str, str]) -> None:
    body = frequencies_body()
    cells = [{"missing": True, "count": 120, **first}, {"low": "100", "count": 80}]
    body["fields"][0]["cells"] = cells if first else [{"missing": True, "count": 200}]
    frequencies = Frequencies.from_body(body)
    check_against(frequencies, catalogue())
    assert frequencies.fields[0].cells[0].only_missing is not bool(first)


def test_missing_alone_says_nothing_of_the_values_and_is_refused() -> None:
    body = frequencies_body()
    body["fields"][1]["cells"] = [{"missing": True, "count": 200}]
    with pytest.raises(Refusal, match="credit_level: its cells are not the catalogue's codes"):
        check_against(Frequencies.from_body(body), catalogue())


def test_the_correlation_is_a_symmetric_matrix_of_two_decimals() -> None:
    matrix = np.array([[1.0, 0.314, -0.004], [0.314, 1.0, -1.0000001], [-0.004, -1.0000001, 1.0]])
    published = RankCorrelation.of(("a", "b", "c"), matrix)
    assert published.rows == ("1.00", "0.31 1.00", "0.00 -1.00 1.00")
    expected = [[1.0, 0.31, 0.0], [0.31, 1.0, -1.0], [0.0, -1.0, 1.0]]
    assert published.matrix().tolist() == expected


def test_a_number_is_counted_on_the_whole_grid_and_without_one_on_ranges_of_one_width() -> None:
    with_grid, without = (
        catalogue(fields=[numeric_field(grid=grid)]).fields[0]
        for grid in ({"from": "-10", "to": "1000", "by": "10"}, None)
    )
    assert counting_edges(with_grid) == tuple(range(0, 2001, 20))  # the grid's first edge is the range's own end
    edges = counting_edges(without)
    assert len(edges) == 63
    assert {after - before for before, after in itertools.pairwise(edges)} == {32}
    assert (edges[0], edges[-1]) == (-20 + 32, -20 + 63 * 32)
