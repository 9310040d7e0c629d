from __future__ import annotations

import json

import pytest

from node.codes import Code, Reason
from node.scorecards.bank_side import bank_parts
from node.scorecards.format import parse_scorecard
from node.scorecards.reference import ReferenceOracle
from tests.support.scorecards import document, refused

CARD = parse_scorecard(json.dumps(document()))
BASE = 600 - 8


def part(years: str | None, collateral: str | None = "") -> tuple[int, Reason | None]:
    values, reasons = bank_parts(CARD, {"years_as_customer": [years], "collateral": [collateral]}, 1)
    return int(values[0]) - BASE, reasons[0]


@pytest.mark.parametrize(
    ("years", "points"),
    [
        ("0", -6),
        ("0.999999999999999999999", -6),
        ("1", 2),
        ("1.0", 2),
        (" 01 ", 2),
        ("4.99", 2),
        ("5", 8),
        ("５", 8),
        ("1e1", 8),
        ("-3", -6),
        ("", -6),
        ("  ", -6),
        (None, -6),
    ],
)
def test_a_numeric_cell_falls_into_its_bin_exactly(years: str | None, points: int) -> None:
    assert part(years) == (points, None)


@pytest.mark.parametrize(
    ("cell", "points"), [("property", 12), ("ｐroperty", 12), ("房产", 12), ("Property", 0), ("car", 0), ("", 0)]
)
def test_a_code_cell_falls_into_its_group_or_other(cell: str, points: int) -> None:
    assert part("1", cell) == (2 + points, None)


@pytest.mark.parametrize("cell", ["x", "1,000", "nan", "inf", "1_0", "1e999999999", "0x10", "--1", "1 2"])
def test_a_malformed_number_is_the_rows_own_reason(cell: str) -> None:
    assert part(cell)[1] is Reason.BANK_DATA_MISSING
    values, reasons = bank_parts(CARD, {"years_as_customer": [cell, "1"], "collateral": ["", ""]}, 2)
    assert (int(values[1]) - BASE, reasons[1]) == (2, None)


def test_a_linear_bank_field_is_exact_and_bounded() -> None:
    linear = document("linear")
    linear["fields"].append(
        {"type": "linear", "field": "months", "source": "bank", "low": "0", "high": "1", "quantum": "0.1",
         "weight": 7, "missing": 3}
    )  # fmt: skip
    card = parse_scorecard(json.dumps(linear))
    cells = ["0", "0.1", "0.3", "0.7", "1", "0.29999999999999999999999999999999", "", "1.1", "-0.1"]
    values, reasons = bank_parts(card, {"months": cells}, len(cells))
    base = 600_000 - 112_000
    assert (values[:7] - base).tolist() == [0, 7, 21, 49, 70, 14, 3]
    assert reasons[7:] == [Reason.BANK_DATA_MISSING] * 2


def test_a_column_that_the_list_lacks_is_named() -> None:
    refused(lambda: bank_parts(CARD, {"collateral": ["", ""]}, 2), Code.INVALID_INPUT, "'years_as_customer'")
    columns = {"years_as_customer": ["1"], "collateral": ["", ""]}
    refused(lambda: bank_parts(CARD, columns, 2), Code.INVALID_INPUT, "'years_as_customer'", "1 cells for 2 rows")


def test_a_card_without_bank_fields_gives_the_constant() -> None:
    values, reasons = bank_parts(parse_scorecard(json.dumps(document("linear"))), {}, 3)
    assert values.tolist() == [600_000 - 112_000] * 3
    assert reasons == [None] * 3


def test_the_oracle_is_worked_out_by_hand() -> None:
    # 600 - 8 + years 6 -> 8 + property 12 + level M 3 + growth 0.12 in [0.05, 0.3) 9
    oracle = ReferenceOracle(document())
    found = oracle.score(
        {"years_as_customer": "6", "collateral": "房产"}, {"credit_level": "M", "vat_sales_growth": "0.12"}
    )
    assert (found.score, found.bank_part, found.tax_part) == (624, 612, 12)


def test_the_oracle_takes_absent_cells_as_missing_and_raises_for_bad_ones() -> None:
    oracle = ReferenceOracle(document())
    assert oracle.score({}, {}).score == 600 - 8 - 6 + 0 - 10 + 0
    with pytest.raises(ValueError, match="no number"):
        oracle.score({}, {"vat_sales_growth": "much"})
    with pytest.raises(ValueError, match="no finite"):
        oracle.score({}, {"vat_sales_growth": "inf"})
    with pytest.raises(ValueError, match="outside its range"):
        ReferenceOracle(document("linear")).score({}, {"vat_sales_growth": "10.001"})
