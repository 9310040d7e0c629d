import json
from typing import Any

import pytest

from node.codes import Code
from node.errors import Refusal
from node.policy import catalogue as catalogues
from node.policy.catalogue import Catalogue, Provision, Sensitivity
from node.policy.values import MISSING
from tests.support.policy import BANK, BUREAU, KEYS, catalogue, catalogue_body, code_field, numeric_field, party_key


def test_a_catalogue_comes_back_verified() -> None:
    parsed = catalogues.parse(catalogue().sign(party_key(BUREAU)).encode(), KEYS[BUREAU])
    assert parsed == catalogue()
    assert list(parsed.by_id) == ["vat_sales", "credit_level", "arrears"]
    assert parsed.field("credit_level").sensitivity is Sensitivity.DISCLOSABLE
    assert parsed.field("arrears").provision is Provision.AGGREGATE_ONLY


def test_a_catalogue_of_another_signer_or_a_changed_one_is_refused() -> None:
    document = catalogue().sign(party_key(BUREAU))
    with pytest.raises(Refusal) as caught:
        catalogues.verify(document, KEYS[BANK])
    assert caught.value.code is Code.PEER_UNTRUSTED
    value = json.loads(document.encode())
    value["body"]["fields"][0]["grid"]["by"] = "0.5"
    with pytest.raises(Refusal) as caught:
        catalogues.parse(json.dumps(value).encode(), KEYS[BUREAU])
    assert caught.value.code is Code.PEER_UNTRUSTED


def test_a_draft_is_checked_without_a_signature() -> None:
    assert catalogues.parse_draft(json.dumps(catalogue_body()).encode()) == catalogue()
    assert catalogues.parse_draft(catalogue().sign(party_key(BUREAU)).encode()) == catalogue()


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    (numeric_field(step="-0.5"), "step: must be above zero"),
    (numeric_field(step=None), "step: a numeric field needs it"),
    (numeric_field(low=None), "low: a numeric field needs it"),
    (numeric_field(high="1000.3"), "high: is not a multiple of step"),
    (numeric_field(high="-11"), "high: is below low"),
    (numeric_field(type="integer"), "step: an integer field's step"),
    (numeric_field(codes=["A"]), "codes: a numeric field has none"),
    (numeric_field(grid=["0", "0.3"]), r"grid\[1\]: is not a multiple"),
    (numeric_field(grid=["0", "2000"]), r"grid\[1\]: is outside"),
    (numeric_field(grid=["1", "1"]), r"grid\[1\]: edges do not ascend"),
    (numeric_field(grid={"from": "0", "to": "1000", "by": "0"}), "grid.by: is outside"),
    (numeric_field(grid={"from": "0", "to": "1000", "by": "0.3"}), "grid.by: is"),
    (numeric_field(grid={"from": "10", "to": "0", "by": "1"}), "grid.to: is below from"),
    (numeric_field(grid={"from": "0", "to": "2000", "by": "1"}), "grid.to: is outside"),
    (numeric_field(low="0", high="999999", step="1", grid={"from": "0", "to": "999999", "by": "1"}), "grid.by: makes"),
    (code_field(codes=[]), "codes: a code field needs at least one"),
    (code_field(codes=None), "codes: a code field needs at least one"),
    (code_field(codes=["A", "A"]), "codes: an entry stands twice"),
    (code_field(codes=[" A"]), r"codes\[0\]: a code has white space"),
    (code_field(low="0"), "low: a code field has none"),
    (code_field(grid=["0"]), "grid: a code field has none"),
    (numeric_field(low=1), "low: Input should be a valid string"),
    (numeric_field(low="1e3"), "low: must be a decimal in quotes"),
    (numeric_field(low="01"), "low: must be a decimal in quotes"),
    (numeric_field(sensitivity="secret"), "sensitivity: "),
    (numeric_field(provision="raw"), "provision: "),
    (numeric_field(type="float"), "type: "),
    (numeric_field(id="a b"), "id: "),
    (numeric_field(necessity="x"), "necessity: Extra inputs"),
    (numeric_field(name_zh=""), "name_zh: "),
]


@pytest.mark.parametrize(("field", "fault"), BAD_FIELDS)
def test_a_bad_field_is_named_by_its_path(field: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refusal, match=rf"fields\[1\]\.{fault}") as caught:
        Catalogue.from_body(catalogue_body(fields=[numeric_field("first"), field]))
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"fields": []}, "fields: "),
        ({"fields": [numeric_field(), code_field("vat_sales")]}, r"fields\[1\].id: stands twice"),
        ({"version": 0}, "version: "),
        ({"version": True}, "version: "),
        ({"version": "1"}, "version: "),
        ({"bureau": "B"}, "bureau: "),
        ({"catalogue_id": ""}, "catalogue_id: "),
        ({"note": 1}, "note: "),
    ],
)
def test_a_bad_catalogue_is_named_by_its_path(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refusal, match=fault):
        Catalogue.from_body(catalogue_body(**change))


def test_values_become_ticks_and_back() -> None:
    sales, level = catalogue().field("vat_sales"), catalogue().field("credit_level")
    assert [sales.to_tick(text) for text in ("-10", "0.5", "1000.5", "")] == [-20, 1, 2001, MISSING]
    assert [sales.from_tick(tick) for tick in (-20, 1, MISSING)] == ["-10", "0.5", ""]
    assert [level.to_tick(code) for code in "ABMCD"] == [0, 1, 2, 3, 4]
    assert level.from_tick(2) == "M"
    for field, value in ((sales, "1000000.77"), (sales, "0.3333"), (level, "SECRET")):
        with pytest.raises(Refusal, match=f"field {field.id}: the value is") as caught:
            field.to_tick(value)
        assert caught.value.code is Code.INVALID_INPUT
        assert value not in str(caught.value)


def test_edges_come_from_the_grid_alone() -> None:
    field = catalogue().field("vat_sales")
    assert [field.edge_to_tick(edge) for edge in ("0", "10", "1000", "20.0")] == [0, 20, 2000, 40]
    assert field.edge_grid.ascending()[:3] == (0, 20, 40)
    listed = Catalogue.from_body(catalogue_body(fields=[numeric_field(grid=["-5", "0.5"])])).field("vat_sales")
    assert [listed.edge_to_tick(edge) for edge in ("-5", "0.5")] == [-10, 1]
    without = Catalogue.from_body(catalogue_body(fields=[numeric_field(grid=None)])).field("vat_sales")
    level = catalogue().field("credit_level")
    for refused, edge in ((field, "5"), (field, "-10"), (field, ""), (listed, "0"), (without, "0"), (level, "A")):
        with pytest.raises(Refusal, match="grid"):
            refused.edge_to_tick(edge)


def test_an_unknown_field_is_not_allowed() -> None:
    with pytest.raises(Refusal) as caught:
        catalogue().field("profit")
    assert caught.value.code is Code.FIELD_NOT_ALLOWED
