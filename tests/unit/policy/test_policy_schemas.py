"""The committed JSON Schemas are current, are schemas, and accept and refuse what the models accept and refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from node.policy.documents import DocumentEnvelope
from node.policy.schemas import SCHEMAS, schema_text
from node.policy.shapes import PolicyModel
from node.policy.strictjson import parse_object
from tests.support.policy import (
    BANK,
    admission_body,
    agreement_body,
    card_of,
    catalogue_body,
    consent,
    decode_part,
    frequencies_body,
    party_key,
    revocation_body,
)

FOLDER = Path(__file__).parents[3] / "docs" / "schemas"


def _examples() -> dict[str, dict[str, Any]]:
    card = card_of()
    return {
        "admission-1.schema.json": admission_body(),
        "admission-revocation-1.schema.json": revocation_body(),
        "agreement-1.schema.json": agreement_body(),
        "card-1.schema.json": card.to_body(),
        "catalogue-1.schema.json": catalogue_body(),
        "consent-1.schema.json": parse_object(decode_part(consent().split(".")[1]), 10_000),
        "document-1.schema.json": json.loads(card.sign(party_key(BANK)).encode()),
        "frequencies-1.schema.json": frequencies_body(),
    }


@pytest.mark.parametrize(("name", "model"), SCHEMAS.items())
def test_the_committed_schema_is_current(name: str, model: type[PolicyModel]) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == schema_text(model), "run: python -m node.policy.schemas"


@pytest.mark.parametrize(("name", "model"), SCHEMAS.items())
def test_the_schema_accepts_a_good_document_and_refuses_an_unknown_member(name: str, model: type[PolicyModel]) -> None:
    schema = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator, example = Draft202012Validator(schema), _examples()[name]
    assert list(validator.iter_errors(example)) == []
    model.from_body(example)
    assert list(validator.iter_errors(example | {"unknown_member": 1}))


def test_an_envelope_of_every_kind_fits_the_documents_schema() -> None:
    for name, body in _examples().items():
        if name != "document-1.schema.json":
            kind = name.partition("-")[0]
            DocumentEnvelope.from_body({"kind": kind, "body": body, "signatures": []})
