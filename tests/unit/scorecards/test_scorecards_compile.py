from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from node.codes import Code
from node.errors import Refusal
from node.scorecards.compile import CompiledScorecard, compile_scorecard
from node.scorecards.format import parse_scorecard
from node.scorecards.public import (
    DescribedBins,
    DescribedField,
    DescribedGroups,
    DescribedLinear,
    described,
    public_model,
)
from protocols.errors import ParameterError
from protocols.scoring.model import MISSING, BinnedField, GroupedField, LinearField, PublicModel
from tests.support.scorecards import catalogue, document, refused


def compiled(card: dict[str, Any]) -> CompiledScorecard:
    return compile_scorecard(parse_scorecard(json.dumps(card)), catalogue())


def test_a_scorecard_becomes_columns_in_the_files_order() -> None:
    result = compiled(document())
    assert result.secret_model.public.fields == (
        GroupedField("credit_level", 5, ((0,), (1, 2), (3,))),
        BinnedField("vat_sales_growth", (-400, -100, 50, 300)),
    )
    assert result.secret_model.weights == (17, 3, -15, -37, -10, -28, -13, -3, 9, 31, 0)
    assert result.fields == ("credit_level", "vat_sales_growth")


def test_a_linear_model_becomes_quanta_and_missing() -> None:
    result = compiled(document("linear"))
    assert result.secret_model.public.fields[0] == LinearField("vat_sales_growth", -1000, 10_000, 10)
    assert result.secret_model.weights[:4] == (546, 57_000, -11_057, -13_000)


def test_score_ranges_are_exact() -> None:
    result = compiled(document())
    assert (result.tax_range.low, result.tax_range.high) == (-37 - 28, 17 + 31)
    assert (result.bank_range.low, result.bank_range.high) == (592 - 6 + 0, 592 + 8 + 12)
    assert (result.total_range.low, result.total_range.high) == (521, 660)
    assert (result.secret_model.score_low, result.secret_model.score_high) == (-65, 48)


def test_the_range_of_a_linear_model_is_exact() -> None:
    result = compiled(document("linear"))
    assert result.tax_range.high == 546 * 1100 + 0 + 17_000
    assert result.tax_range.low == 0 - 11_057 * 24 - 37_000
    assert result.tax_range.low == result.secret_model.score_low


def test_points_are_in_no_repr() -> None:
    result = compiled(document())
    assert "37" not in repr(result)
    assert "37" not in repr(result.secret_model)


def test_the_public_side_goes_to_decimals_and_back() -> None:
    for name in ("scorecard", "linear"):
        result = compiled(document(name))
        assert described(result.secret_model.public, catalogue()) == result.described
        assert public_model(result.described, catalogue()) == result.secret_model.public


def test_edges_may_be_written_with_zeros_at_the_end() -> None:
    card = document()
    card["fields"][1]["edges"][0] = "-0.40"
    assert compiled(card).secret_model == compiled(document()).secret_model


def test_an_unknown_field_is_not_allowed() -> None:
    card = document()
    card["fields"][1]["field"] = "salary"
    refused(lambda: compiled(card), Code.FIELD_NOT_ALLOWED, "'salary'")


@pytest.mark.parametrize("provision", ["aggregate_only", "flag_only"])
def test_a_field_that_is_not_for_scoring_is_not_allowed(provision: str) -> None:
    own = catalogue(credit_level={"provision": provision})
    card = parse_scorecard(json.dumps(document()))
    refused(lambda: compile_scorecard(card, own), Code.FIELD_NOT_ALLOWED, "'credit_level'", "score_only")


def test_another_catalogue_version_is_refused() -> None:
    card = document()
    card["catalogue"]["version"] = 2
    refused(lambda: compiled(card), Code.INVALID_INPUT, "catalogue", "version 2", "version 1")


@pytest.mark.parametrize("edge", ["-0.41", "3", "-0.4001"])
def test_an_edge_off_the_grid_is_refused(edge: str) -> None:
    card = document()
    place = 0 if edge.startswith("-") else 3
    card["fields"][1]["edges"][place] = edge
    refused(lambda: compiled(card), Code.INVALID_INPUT, "'vat_sales_growth'", f"edges[{place}]", "grid")


def test_a_code_that_the_catalogue_does_not_list_is_refused() -> None:
    card = document()
    card["fields"][0]["groups"][1]["codes"] = ["E"]
    refused(lambda: compiled(card), Code.INVALID_INPUT, "'credit_level'", "groups[1]")


def test_a_field_of_the_other_type_is_refused() -> None:
    card = document()
    card["fields"][0]["field"], card["fields"][1]["field"] = "vat_sales_growth", "credit_level"
    refused(lambda: compiled(card), Code.INVALID_INPUT, "'vat_sales_growth'", "bins")


@pytest.mark.parametrize(("member", "value"), [("low", "0"), ("high", "9"), ("quantum", "0.0105"), ("low", "-1.0001")])
def test_a_linear_field_must_cover_the_range_on_the_step(member: str, value: str) -> None:
    card = document("linear")
    card["fields"][0][member] = value
    refused(lambda: compiled(card), Code.INVALID_INPUT, "'vat_sales_growth'")


def test_a_card_without_a_bureau_field_is_refused() -> None:
    card = document()
    card["fields"] = card["fields"][2:]
    refused(lambda: compiled(card), Code.INVALID_INPUT, "no field of the bureau")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"intercept_points": (1 << 31) - 1}, "bank part"),
        ({"intercept_points": (1 << 31) - 1 - 660}, "total score"),
    ],
)
def test_an_over_bound_bank_side_is_refused(change: dict[str, int], named: str) -> None:
    refused(lambda: compiled(document() | change), Code.BOUND_EXCEEDED, "score bound", named)


def test_an_over_bound_tax_part_is_refused() -> None:
    card = document()
    card["fields"][0]["groups"][0]["points"] = (1 << 31) - 1
    refused(lambda: compiled(card), Code.BOUND_EXCEEDED, "score bound", "tax part")


def test_a_bound_of_the_profile_is_refused() -> None:
    def check(_: PublicModel) -> None:
        raise ParameterError("distance 2^-39 is over 2^-40")

    card = parse_scorecard(json.dumps(document()))
    refused(lambda: compile_scorecard(card, catalogue(), check), Code.BOUND_EXCEEDED, "noise bound", "2^-39")


def test_too_many_columns_are_refused() -> None:
    fields: list[DescribedField] = [DescribedBins("vat_sales_growth", ()), DescribedGroups("credit_level", (("A",),))]
    assert public_model(fields, catalogue()).column_count == 5
    wide = catalogue(vat_sales_growth={"grid": {"from": "-1", "to": "9", "by": "0.005"}})
    edges = tuple(f"{tick / 1000:.3f}" for tick in range(0, 5500, 5))
    refused(lambda: public_model([DescribedBins("vat_sales_growth", edges)], wide), Code.BOUND_EXCEEDED, "column")


@pytest.mark.parametrize(
    "field",
    [
        DescribedBins("vat_sales_growth", ("1e-1",)),
        DescribedBins("vat_sales_growth", ("NaN",)),
        DescribedBins("vat_sales_growth", ("",)),
        DescribedBins("vat_sales_growth", ("0.1", "0.05")),
        DescribedBins("vat_sales_growth", ("0.1", "0.10")),
        DescribedLinear("vat_sales_growth", "-1", "10", "0"),
        DescribedLinear("vat_sales_growth", "-1", "10", "-0.01"),
        DescribedLinear("vat_sales_growth", "-1", "Infinity", "1"),
        DescribedGroups("credit_level", ((),)),
        DescribedGroups("credit_level", (("A",), ("A",))),
    ],
)
def test_a_peers_description_raises_nothing_but_refusals(
    field: DescribedBins | DescribedGroups | DescribedLinear,
) -> None:
    with pytest.raises(Refusal):
        public_model([field], catalogue())


def test_columns_select_the_points_of_the_bin() -> None:
    result = compiled(document())
    features = {
        "credit_level": np.array([0, 2, 4, MISSING], dtype=np.int64),
        "vat_sales_growth": np.array([-401, -400, 300, MISSING], dtype=np.int64),
    }
    columns = result.secret_model.public.columns(features)
    scores = np.array(result.secret_model.weights) @ columns.astype(np.int64)
    assert scores.tolist() == [17 - 28, 3 - 13, -37 + 31, -10 + 0]
