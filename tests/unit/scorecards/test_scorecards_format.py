from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from node.codes import Code
from node.scorecards.format import json_schema, parse_scorecard
from tests.support.scorecards import EXAMPLES, document, refused
from tests.support.sources import ROOT

SCHEMA = ROOT / "docs/schemas/scorecard-1.schema.json"


def test_the_published_schema_is_the_one_that_the_code_makes() -> None:
    # To write it anew: python -c "import json; from node.scorecards.format import json_schema as s;
    # print(json.dumps(s(), ensure_ascii=False, indent=2))" > docs/schemas/scorecard-1.schema.json
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema()


@pytest.mark.parametrize("name", ["scorecard", "linear"])
def test_examples_are_valid_by_code_and_by_schema_and_survive_a_round_trip(name: str) -> None:
    jsonschema.validate(document(name), json_schema())
    card = parse_scorecard((EXAMPLES / f"{name}.json").read_bytes())
    assert parse_scorecard(card.to_json()) == card
    assert parse_scorecard(b"\xef\xbb\xbf" + card.to_json().encode()) == card


def test_expiry_is_the_end_of_the_last_day() -> None:
    card = document()
    card["expires"] = "1970-01-01"
    assert parse_scorecard(json.dumps(card)).expires_at == 86_400


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(card: dict[str, Any]) -> None:
        *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        target: Any = card
        for part in way:
            target = target[part]
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set("fields.1.points", [1, 2]), "fields[1]: points must be one more than edges"),
        (_set("fields.1.points.0", 1.5), "float"),
        (_set("fields.1.points.0", "12"), "fields[1].points[0]"),
        (_set("fields.1.points.0", True), "fields[1].points[0]"),
        (_set("fields.1.points.0", 1 << 31), "fields[1].points[0]"),
        (_set("fields.1.edges.0", -1), "fields[1].edges[0]"),
        (_set("fields.1.edges.0", "1e3"), "fields[1].edges[0]"),
        (_set("fields.1.edges.0", "-0.1"), "fields[1]: edges must ascend"),
        (_set("fields.0.groups.1.codes", ["A"]), "fields[0]: a code stands in two places"),
        (_set("fields.0.groups.1.codes", []), "fields[0].groups[1].codes"),
        (_set("fields.0.groups.1.codes", [" A"]), "fields[0].groups[1].codes[0]"),
        (_set("fields.0.extra", 1), "fields[0].extra"),
        (_set("fields.0.source", "auditor"), "fields[0].source"),
        (_set("fields.2.field", "credit_level"), None),
        (_set("fields.2.type", "linear"), "fields[2]"),
        (_set("fields.2.type", "spline"), "fields[2]"),
        (_set("fields", []), "fields"),
        (_set("kind", "linear"), "fields[1]: type bins does not belong to kind linear"),
        (_set("sign", "lower_is_better"), "sign"),
        (_set("model_class", "divination"), "model_class"),
        (_set("purposes", []), "purposes"),
        (_set("purposes", ["loan_origination", "loan_origination"]), "purposes"),
        (_set("expires", "tomorrow"), "expires"),
        (_set("base_odds", "0"), "base_odds"),
        (_set("supersedes", "2"), "supersedes"),
        (_set("name", "no spaces"), "name"),
        (_set("surprise", 1), "surprise"),
        (_set("catalogue.version", 0), "catalogue.version"),
    ],
)
def test_what_breaks_the_format_is_refused_by_its_path(
    change: Callable[[dict[str, Any]], None], named: str | None
) -> None:
    card = document()
    change(card)
    if named is None:  # the same name on the two sides is two fields
        assert len(parse_scorecard(json.dumps(card)).fields) == 4
        return
    refused(lambda: parse_scorecard(json.dumps(card)), Code.INVALID_INPUT, named)


def test_a_repeated_field_is_refused() -> None:
    card = document()
    card["fields"].append(card["fields"][1])
    refused(lambda: parse_scorecard(json.dumps(card)), Code.INVALID_INPUT, "fields[4]: the field stands twice")


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\x00", '{"name": NaN}', "[" * 100_000])
def test_what_is_no_document_is_refused(text: str) -> None:
    refused(lambda: parse_scorecard(text), Code.INVALID_INPUT)


def test_a_key_that_stands_twice_is_refused() -> None:
    text = json.dumps(document()).replace('"pdo": "20"', '"pdo": "20", "pdo": "40"')
    refused(lambda: parse_scorecard(text), Code.INVALID_INPUT, "'pdo' stands twice")


def test_a_linear_field_has_a_bounded_number_of_quanta() -> None:
    card = document("linear")
    card["fields"][0]["quantum"] = "0.0001"
    refused(lambda: parse_scorecard(json.dumps(card)), Code.INVALID_INPUT, "fields[0]: more than 65535 quanta")


def test_a_refusal_does_not_repeat_the_value() -> None:
    card = document()
    card["fields"][1]["points"][0] = "31415926"
    assert "31415926" not in refused(lambda: parse_scorecard(json.dumps(card)), Code.INVALID_INPUT).detail
