"""The tax data and the models that the attacks on a bureau use: good ones, from which an attack breaks one thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from node.clock import system_clock
from node.codes import Engine, ModelClass, Purpose
from node.jobs.model_description import ModelDescription
from node.policy.catalogue import Catalogue
from node.policy.uscc import valid_code
from node.scorecards.public import DescribedBins, DescribedField, DescribedGroups, DescribedLinear, public_model
from protocols.scoring.engine import EncryptedModel
from protocols.scoring.engines import ENGINES
from protocols.scoring.model import SecretModel
from protocols.scoring.reference import scores as oracle
from protocols.transcript import digest
from tests.support.scoring_models import key_of

BUREAU = "bureau-zj"
CODES = tuple(valid_code(number) for number in range(40))
ELSEWHERE = valid_code(900)
"""Held by the bureau in an older feature set that is still active, and not in the newest."""
WIDE = 30
"""Linear fields of 16 bits; twenty-nine of them pass the noise bound, thirty do not."""


def _number(field_id: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "id": field_id,
        "name_zh": "字段",
        "name_en": field_id,
        "type": "integer",
        "unit": "",
        "low": "0",
        "high": "65535",
        "step": "1",
        "grid": {"from": "0", "to": "2000", "by": "1"},
        "sensitivity": "ordinary",
        "provision": "score_only",
        "block": "made_up",
    }
    return {**usual, **changes}


def catalogue_body(version: int = 1) -> dict[str, Any]:
    """Sales on a grid of tens, four codes, numbers, a field for statistics only, one outside agreements."""
    level = {
        "id": "level",
        "name_zh": "级别",
        "name_en": "level",
        "type": "code",
        "codes": ["A", "B", "C", "D"],
        "sensitivity": "disclosable",
        "provision": "score_only",
        "block": "made_up",
    }
    fields = [
        _number("sales", type="decimal", high="1000", step="0.5", grid={"from": "0", "to": "1000", "by": "10"}),
        level,
        _number("staff"),
        _number("arrears", provision="aggregate_only"),
        _number("spare"),
        *(_number(f"wide-{place:02d}") for place in range(WIDE)),
    ]
    return {"catalogue_id": "base", "version": version, "bureau": BUREAU, "fields": fields}


CATALOGUE = Catalogue.from_body(catalogue_body())
AGREED = tuple(entry.id for entry in CATALOGUE.fields if entry.id != "spare")
FIELDS: tuple[DescribedField, ...] = (
    DescribedBins("sales", ("100", "500")),
    DescribedGroups("level", (("A", "B"), ("D",))),
    DescribedLinear("staff", "0", "65535", "16"),
)
WEIGHTS = (-7, 12, 31, -2, 5, 6, -9, 3, 2, -40)
FEATURES = {
    "sales": np.arange(len(CODES), dtype=np.int64) * 50,  # ticks of a half: 0, 25, 50 ...
    "level": np.arange(len(CODES), dtype=np.int64) % 4,
    "staff": np.arange(len(CODES), dtype=np.int64) * 1000,
}


def table(codes: Sequence[str]) -> bytes:
    """The tax data of :data:`FEATURES` as a CSV file, for ``codes``."""
    lines = ["uscc,sales,level,staff"]
    for place, code in enumerate(codes):
        lines.append(f"{code},{place * 25},{'ABCD'[place % 4]},{place * 1000}")
    return "\n".join(lines).encode() + b"\n"


@dataclass(frozen=True)
class Model:
    """A model as a bank made it, ciphertexts included; ``parts`` cuts these as they are sent."""

    description: ModelDescription
    secret: SecretModel
    encrypted: bytes
    engine: Engine

    @property
    def model_id(self) -> bytes:
        return self.description.model_id

    def described(self, **changes: Any) -> Model:
        """The same ciphertexts under another description."""
        return replace(self, description=replace(self.description, **changes))

    def carrying(self, encrypted: bytes) -> Model:
        """Other bytes, announced honestly: size and digest are theirs."""
        announced: dict[str, Any] = {
            "encrypted_digest": digest("scoring/encrypted-model", encrypted),
            "encrypted_bytes": len(encrypted),
        }
        return replace(self, encrypted=encrypted, description=replace(self.description, **announced))

    def parts(self) -> Iterator[bytes]:
        for start in range(0, len(self.encrypted), 1 << 20):
            yield self.encrypted[start : start + (1 << 20)]

    def scores(self, places: Sequence[int]) -> list[int]:
        """The plaintext oracle's scores of the enterprises at ``places`` of :data:`CODES`."""
        taken = {name: values[list(places)] for name, values in FEATURES.items()}
        return [int(score) for score in oracle(self.secret, taken)]


@cache
def encrypted_model(engine: Engine) -> tuple[SecretModel, EncryptedModel]:
    """The weights of :data:`FIELDS` under one test key; made once."""
    secret = SecretModel(public_model(FIELDS, CATALOGUE), WEIGHTS)
    return secret, ENGINES[engine].encrypt_model(key_of(engine), secret)


def make_model(engine: Engine = Engine.BFV, name: str = "card", **changes: Any) -> Model:
    """A good model; ``changes`` are members of its description."""
    secret, encrypted = encrypted_model(engine)
    data = encrypted.encode()
    description = ModelDescription(
        name=name,
        version="1",
        model_class=ModelClass.CREDIT_APPROVAL,
        supersedes="",
        catalogue_id="base",
        catalogue_version=1,
        fields=FIELDS,
        profile=ENGINES[engine].profile,
        encrypted_digest=encrypted.digest(),
        encrypted_bytes=len(data),
        expires_at=system_clock() // 1000 + 30 * 86_400,
        purposes=(Purpose.LOAN_ORIGINATION, Purpose.LOAN_MONITORING),
    )
    return Model(replace(description, **changes), secret, data, engine)
