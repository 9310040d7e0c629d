from __future__ import annotations

import csv
import json
import math
from typing import Any

import pytest

from node.codes import Code
from node.scorecards import import_optbinning, import_scorecardpy, import_sklearn
from node.scorecards.compile import compile_scorecard
from node.scorecards.fitted import FittedCard, FittedGroups
from node.scorecards.import_report import ImportReport
from node.scorecards.import_settings import ImportSettings, ScalingSettings, parse_settings
from node.scorecards.importing import Library, import_model
from tests.support.scorecards import VECTORS, catalogue, document, refused

SCALING = ScalingSettings(base_score=600, base_odds="20", pdo="20")


def settings(**changes: Any) -> ImportSettings:
    body = {**document("import-settings"), "rename": {}, "linear": {}, **changes}
    return parse_settings(json.dumps(body))


def sample(name: str) -> list[dict[str, str]]:
    with (VECTORS / f"{name}-sample.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fixture(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


def agrees(card: FittedCard, name: str, column: str, tolerance: float) -> None:
    for row in sample(name):
        assert card.score(row) == pytest.approx(float(row[column]), abs=tolerance)


def test_optbinnings_json_gives_the_score_that_optbinning_gave() -> None:
    card, scaling = import_optbinning.from_export(fixture("optbinning.json"))
    agrees(card, "optbinning", "optbinning_score", 1e-9)
    assert scaling == SCALING


def test_optbinnings_table_gives_nearly_all_scores_that_optbinning_gave() -> None:
    card = import_optbinning.from_table(fixture("optbinning-table.csv"))
    rows = sample("optbinning")
    same = sum(abs(card.score(row) - float(row["optbinning_score"])) < 1e-9 for row in rows)
    assert 0.97 * len(rows) < same  # its edges are printed with two decimals
    assert "two decimals" in card.notes[0]


@pytest.mark.parametrize("label", ["[A, x y]", "['A' 'x y']", "<StringArray>\n['A', 'x y']\nLength: 2, dtype: str"])
def test_a_group_of_codes_is_read_however_it_is_printed(label: str) -> None:
    content = f'Variable,Bin,Points\nv,"{label}",1\nv,Special,0\nv,Missing,0\n'.encode()
    only = import_optbinning.from_table(content).fields[0]
    assert isinstance(only, FittedGroups)
    assert only.groups == (("A", "x y"),)


def test_scorecardpys_table_gives_the_score_that_scorecardpy_gave() -> None:
    agrees(import_scorecardpy.from_table(fixture("scorecardpy.csv")), "scorecardpy", "scorecardpy_score", 1e-9)


def test_scikit_learns_coefficients_give_the_log_odds_that_it_gave() -> None:
    card = import_sklearn.from_export(fixture("sklearn.json"), SCALING)
    scale = SCALING.scaling()
    for row in sample("sklearn"):
        assert -scale.log_odds(card.score(row)) == pytest.approx(float(row["log_odds_bad"]), abs=1e-9)


def imported(library: Library, name: str, sample_name: str, **changes: Any) -> ImportReport:
    content = fixture(f"{sample_name}-sample.csv")
    card, report = import_model(library, fixture(name), settings(**changes), catalogue(), content)
    compile_scorecard(card, catalogue())
    assert report.comparison is not None
    assert report.comparison.rows >= 350
    assert report.comparison.auc_before > 0.6
    assert abs(report.comparison.auc_after - report.comparison.auc_before) < 0.02
    assert abs(report.comparison.ks_after - report.comparison.ks_before) < 0.05
    json.dumps(report.as_json())
    return report


def test_import_from_optbinning() -> None:
    report = imported(Library.OPTBINNING, "optbinning.json", "optbinning", scaling=None)
    assert {edge.field for edge in report.changes.moved} == {"vat_sales_growth", "zero_filing_months"}
    assert all(abs(one.error) <= 0.5 for one in report.changes.rounded)
    assert report.changes.total_error <= 0.5 * 4
    imported(Library.OPTBINNING, "optbinning-table.csv", "optbinning")


def test_import_from_scorecardpy() -> None:
    report = imported(Library.SCORECARDPY, "scorecardpy.csv", "scorecardpy")
    assert report.changes.total_error == 0  # it rounds points itself
    assert ("vat_sales_growth", "-0.4") in {(edge.field, edge.after) for edge in report.changes.moved}


def test_import_from_scikit_learn_to_a_linear_model() -> None:
    scaling = {"base_score": 600_000, "base_odds": "20", "pdo": "20000"}
    report = imported(
        Library.SKLEARN, "sklearn.json", "sklearn", scaling=scaling, linear={"zero_filing_months": {"quantum": "1"}}
    )
    assert report.changes.total_error < 0.05 * 20_000
    coarse = imported(Library.SKLEARN, "sklearn.json", "sklearn", linear={"zero_filing_months": {"quantum": "1"}})
    assert coarse.changes.total_error > report.changes.total_error / 1000  # the finer score rounds less
    assert any("thousandths" in note for note in coarse.changes.notes)
    assert not any("thousandths" in note for note in report.changes.notes)


def test_import_from_scikit_learn_with_bins_to_a_scorecard() -> None:
    export = {
        "library": "sklearn",
        "event": "bad",
        "intercept": -1.2,
        "features": [
            {"name": "growth", "coefficient": 0.9, "bins": {"edges": ["0.013"], "woe": [0.5, -0.6]}},
            {"name": "credit_level", "coefficient": 1.0, "groups": {"groups": [["A"], ["D"]], "woe": [-0.5, 1.2]}},
        ],
    }
    card, report = import_model(
        Library.SKLEARN, json.dumps(export).encode(), settings(rename={"growth": "vat_sales_growth"}), catalogue()
    )
    factor = 20 / math.log(2)
    assert card.kind == "scorecard"
    bins, groups = card.fields
    assert bins.type == "bins"
    assert (bins.edges, bins.points) == (("0",), (round(-factor * 0.45), round(factor * 0.54)))
    assert groups.type == "groups"
    assert [group.points for group in groups.groups] == [round(factor * 0.5), round(-factor * 1.2)]
    assert card.intercept_points == round(factor * (1.2 - math.log(20)))
    assert report.comparison is None
    compile_scorecard(card, catalogue())


class _Scaler:
    mean_ = [2.0]  # noqa: RUF012
    scale_ = [4.0]  # noqa: RUF012


class _Regression:
    coef_ = [[3.0]]  # noqa: RUF012
    intercept_ = [1.0]  # noqa: RUF012
    classes_ = [0, 1]  # noqa: RUF012


class _Pipeline:
    steps = [("s", _Scaler()), ("r", _Regression())]  # noqa: RUF012


def test_a_scaler_is_folded_in_and_a_regression_of_good_is_turned_round() -> None:
    found = import_sklearn.export_sklearn(_Pipeline(), ["x"])
    assert (found["intercept"], found["features"][0]["coefficient"]) == (1 - 0.75 * 2, 0.75)
    turned = import_sklearn.export_sklearn(_Regression(), ["x"], bad=0)
    assert (turned["intercept"], turned["features"][0]["coefficient"]) == (-1.0, -3.0)
    with pytest.raises(ValueError, match="binary"):
        import_sklearn.export_sklearn(_Regression(), ["x", "y"])


def test_an_edge_between_two_values_moves_up_and_divides_the_same() -> None:
    report = imported(Library.OPTBINNING, "optbinning.json", "optbinning", scaling=None)
    moved = {edge.before: edge.after for edge in report.changes.moved if edge.field == "zero_filing_months"}
    assert moved == {"0.5": "1", "1.5": "2", "2.5": "3"}
    assert not any(note.startswith("zero_filing_months") for note in report.changes.notes)


def test_bins_that_the_grid_cannot_tell_apart_vanish_and_are_reported() -> None:
    export = {
        "library": "sklearn", "event": "bad", "intercept": 0,
        "features": [
            {"name": "vat_sales_growth", "coefficient": 1,
             "bins": {"edges": ["0.11", "0.12", "0.5"], "woe": [3, 2, 1, 0]}}
        ],
    }  # fmt: skip
    card, report = import_model(Library.SKLEARN, json.dumps(export).encode(), settings(), catalogue())
    only = card.fields[0]
    assert only.type == "bins"
    assert (only.edges, only.points) == (("0.1", "0.5"), (-87, -29, 0))
    assert "1 bins vanished" in report.changes.notes[0]


def test_a_variable_outside_the_catalogue_is_the_banks_own() -> None:
    content = fixture("scorecardpy.csv")
    card, _ = import_model(
        Library.SCORECARDPY, content, settings(rename={"vat_sales_growth": "turnover_growth"}), catalogue()
    )
    assert {field.field: field.source for field in card.fields}["turnover_growth"] == "bank"


def test_a_score_of_the_other_sign_is_refused() -> None:
    rows = list(csv.DictReader(fixture("scorecardpy.csv").decode().splitlines()))
    lines = [f'{row["variable"]},"{row["bin"]}",{-float(row["points"])}' for row in rows]
    kept = "\n".join(["variable,bin,points", *lines])
    refused(
        lambda: import_model(
            Library.SCORECARDPY, kept.encode(), settings(), catalogue(), fixture("scorecardpy-sample.csv")
        ),
        Code.INVALID_INPUT,
        "higher is better",
    )


@pytest.mark.parametrize(
    ("library", "content", "named"),
    [
        (Library.SCORECARDPY, b"", "variable"),
        (Library.SCORECARDPY, b"a,b\n1,2\n", "'variable' is absent"),
        (Library.SCORECARDPY, b"variable,bin,points\nx,1,2\n", "basepoints"),
        (Library.SCORECARDPY, b'variable,bin,points\nbasepoints,,1\nx,"[-inf,1)",2\nx,"[2,inf)",2\n', "'x'"),
        (Library.SCORECARDPY, b'variable,bin,points\nbasepoints,,1\nx,"[-inf,inf)",many\n', "no number"),
        (Library.SCORECARDPY, b"\x80\x04pickle", "CSV"),
        (Library.OPTBINNING, b"{}", "library"),
        (Library.OPTBINNING, b"\x80\x04pickle", "CSV"),
        (Library.OPTBINNING, b'Variable,Bin,Points\nx,"(-inf, inf)",1\n', "Missing"),
        (Library.OPTBINNING,
         b'Variable,Bin,Points\nx,"(-inf, 0)",1\nx,"[0, 0)",1\nx,"[0, inf)",2\nx,Missing,0\n',
         "printed alike"),
        (Library.OPTBINNING, b"Variable,Bin,Points\nx,[A ... B],1\nx,Missing,0\n", "in short"),
        (Library.SKLEARN, b"\x80\x04pickle", "scikit-learn export"),
        (Library.SKLEARN, b'{"library": "sklearn"}', "event"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused(library: Library, content: bytes, named: str) -> None:
    refused(lambda: import_model(library, content, settings(), catalogue()), Code.INVALID_INPUT, named)


def test_a_linear_bank_field_needs_its_range() -> None:
    export = {"library": "sklearn", "event": "bad", "intercept": 0, "features": [{"name": "own", "coefficient": 1}]}
    content = json.dumps(export).encode()
    refused(lambda: import_model(Library.SKLEARN, content, settings(), catalogue()), Code.INVALID_INPUT, "'own'")
    own = {"own": {"low": "0", "high": "10", "quantum": "0.5", "missing": "5"}}
    card, _ = import_model(Library.SKLEARN, content, settings(linear=own), catalogue())
    assert card.fields[0].source == "bank"


def test_settings_are_refused_by_path_and_need_a_scaling() -> None:
    refused(lambda: parse_settings("{"), Code.INVALID_INPUT, "import settings")
    refused(lambda: settings(scaling={"base_score": 600, "base_odds": "20"}), Code.INVALID_INPUT, "scaling.pdo")
    without = settings(scaling=None)
    content = fixture("scorecardpy.csv")
    refused(lambda: import_model(Library.SCORECARDPY, content, without, catalogue()), Code.INVALID_INPUT, "scaling")


@pytest.mark.parametrize("text", ["vat_sales_growth\n1\n", "\x00", ""])
def test_a_sample_without_the_columns_is_refused(text: str) -> None:
    content = fixture("sklearn.json")
    refused(
        lambda: import_model(Library.SKLEARN, content, settings(), catalogue(), text.encode()),
        Code.INVALID_INPUT,
        "sample",
    )
