"""The published JSON Schemas, drawn from the models: ``python -m node.policy.schemas`` writes docs/schemas."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from node.policy.admission import Admission, Revocation
from node.policy.agreement import Agreement
from node.policy.card import PartyCard
from node.policy.catalogue import Catalogue
from node.policy.consent_claims import ConsentClaims
from node.policy.documents import DocumentEnvelope
from node.policy.frequencies import Frequencies
from node.policy.shapes import PolicyModel

SCHEMAS: dict[str, type[PolicyModel]] = {
    "admission-1.schema.json": Admission,
    "admission-revocation-1.schema.json": Revocation,
    "agreement-1.schema.json": Agreement,
    "card-1.schema.json": PartyCard,
    "catalogue-1.schema.json": Catalogue,
    "consent-1.schema.json": ConsentClaims,
    "document-1.schema.json": DocumentEnvelope,
    "frequencies-1.schema.json": Frequencies,
}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(model: type[PolicyModel]) -> str:
    """Return a model's JSON Schema as it is committed."""
    schema = {"$schema": _DIALECT, **model.model_json_schema(by_alias=True)}
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def write_schemas(folder: Path) -> None:
    """Write every schema into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in SCHEMAS.items():
        (folder / name).write_text(schema_text(model), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schemas"))
