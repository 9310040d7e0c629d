"""Admissions for tests, signed with an auditor's key: of a real model, whose review is other tests' business."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from node.certification.digests import ciphertext_digests, public_key_digest
from node.codes import Role
from node.jobs.model_description import ENGINE_OF_PROFILE, ModelDescription
from node.policy import admission as policy
from node.policy.admission import Admission, Revocation
from protocols.scoring.engine import EncryptedModel
from tests.support.policy import party_key
from tests.support.sides import BUREAU, BankSide, BureauSide, party_card

AUDITOR, OTHER_AUDITOR = "auditor-one", "auditor-two"
FIGURES = {
    "gain": "0.1000",
    "gain_correlated": "0.1500",
    "gain_given_bank_fields": "0.1000",
    "disclosed_share": "0.0500",
}
THRESHOLDS = {
    "sensitive_gain": "0.3000",
    "ordinary_gain": "0.5500",
    "disclosed_share": "0.4000",
    "distinct_scores": 2048,
}


def admission_of(
    description: ModelDescription, encrypted: EncryptedModel, bank: str, now_ms: int, /, **changes: Any
) -> Admission:
    """Return an admission of exactly this model for bank and bureau, with modest figures; ``changes`` make another."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    plain = json.loads(description.to_json())
    body: dict[str, Any] = {
        "admission_id": f"admission-{description.model_id.hex()[:12]}",
        "auditor": AUDITOR,
        "reviewers": ["A. Reviewer"],
        "bank": bank,
        "bureaus": [BUREAU],
        "model_id": description.model_id.hex(),
        "name": description.name,
        "version": description.version,
        "model_class": description.model_class,
        "engine": ENGINE_OF_PROFILE[description.profile],
        "profile": description.profile,
        "engine_library_sha256": "0" * 64,
        "public_key_digest": public_key_digest(encrypted.public_key),
        "ciphertext_digests": list(ciphertext_digests(encrypted)),
        "encrypted_digest": description.encrypted_digest.hex(),
        "catalogue": {"id": description.catalogue_id, "version": description.catalogue_version},
        "fields": plain["fields"],
        "purposes": list(description.purposes),
        "noise": {"distance_log2": "-54.87", "total_bound": 1},
        "leakage": {
            "fields": [{"field": field, "sensitivity": "ordinary", **FIGURES} for field in description.field_ids],
            "distinct_scores": 1000,
            "score_bits_milli": 9966,
        },
        "thresholds": THRESHOLDS,
        "frequencies_digests": ["1" * 64],
        "reviewed_at": (now - timedelta(days=1)).isoformat(),
        "review_by": (now + timedelta(days=100)).isoformat(),
        "expires_at": (now + timedelta(days=200)).isoformat(),
    }
    return Admission.from_body({**body, **changes})


def signed(admission: Admission, *others: str) -> bytes:
    """Return the admission with its auditor's signature, and those of ``others``."""
    document = policy.sign(admission, party_key(admission.auditor))
    for auditor in others:
        document = policy.countersign(document, party_key(auditor), auditor)
    return document.encode()


def revocation_of(admission_id: str, now_ms: int, auditor: str = AUDITOR) -> bytes:
    """Return an auditor's word that an admission ended."""
    body = {
        "admission_id": admission_id,
        "auditor": auditor,
        "reason": "the sample was wrong",
        "revoked_at": datetime.fromtimestamp(now_ms // 1000, UTC).isoformat(),
    }
    return policy.sign_revocation(Revocation.from_body(body), party_key(auditor)).encode()


def trust_auditors(*sides: BankSide | BureauSide, auditors: Sequence[str] = (AUDITOR, OTHER_AUDITOR)) -> None:
    """Have each side trust the auditors' cards."""
    for side in sides:
        for auditor in auditors:
            side.documents.trust(party_card(auditor, Role.AUDITOR).sign(party_key(auditor)).encode())


def material_of(bank: BankSide, reference: str = "synthetic-card") -> tuple[ModelDescription, EncryptedModel]:
    """Return description and ciphertexts of a bank's model, as its folder holds them."""
    material = bank.models.material(reference)
    description = ModelDescription.from_json(material.description.encode("utf-8"))
    return description, read_encrypted(material.encrypted, description)


def read_encrypted(path: Path, description: ModelDescription) -> EncryptedModel:
    """Return the encrypted model of a file."""
    data = path.read_bytes()
    columns = int.from_bytes(data[4 + len(description.profile) : 8 + len(description.profile)], "big")
    return EncryptedModel.decode(data, columns)


def admit(bank: BankSide, reference: str = "synthetic-card", /, *others: str, **changes: Any) -> bytes:
    """Return a signed admission of a bank's model."""
    description, encrypted = material_of(bank, reference)
    return signed(admission_of(description, encrypted, bank.party, bank.clock(), **changes), *others)


def body_of(document: bytes) -> dict[str, Any]:
    """Return the body of a signed document."""
    body: dict[str, Any] = json.loads(document)["body"]
    return body
