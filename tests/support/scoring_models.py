"""Small models, random rows and one round in memory, for tests of scoring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.randomness import Randomness, SeededRandomness, SystemRandomness, derive_seed
from protocols.scoring.bank import ScoreRequester
from protocols.scoring.bureau import ScoreResponder
from protocols.scoring.engine import Decryptor, EncryptedModel, Evaluator, SecretKeyMaterial
from protocols.scoring.engines import ENGINES
from protocols.scoring.messages import ScoreResponse
from protocols.scoring.model import (
    MISSING,
    BinnedField,
    GroupedField,
    LinearField,
    PublicModel,
    SecretModel,
)

MASTER = bytes(range(32))
BINDING = bytes(range(32, 64))
PUBLIC = PublicModel(
    (
        BinnedField("sales", (-5, 0, 40)),
        GroupedField("level", 5, ((0, 1), (4,))),
        LinearField("growth", -1000, 64535, 1),
    )
)
WEIGHTS = (12, -7, 0, 31, -2, 5, 6, -1000, 3, 17, -40)
MODEL = SecretModel(PUBLIC, WEIGHTS)
Features = dict[str, NDArray[np.int64]]


def features(rows: int, seed: int = 0, public: PublicModel = PUBLIC) -> Features:
    """Return random features of ``public``, one in eight of them missing, edges and ends among them."""
    rng = np.random.default_rng(seed)
    out: Features = {}
    for field in public.fields:
        if isinstance(field, BinnedField):
            low, high = min(field.edges, default=0) - 3, max(field.edges, default=0) + 3
        elif isinstance(field, GroupedField):
            low, high = 0, field.codes - 1
        else:
            low, high = field.low, field.high
        values = rng.integers(low, high, rows, endpoint=True)
        values[rng.random(rows) < 1 / 8] = MISSING
        out[field.field] = values.astype(np.int64)
    return out


@dataclass(frozen=True)
class Setting:
    """One engine with a key, a model under it, and both sides' tools."""

    name: str
    model: SecretModel
    key: SecretKeyMaterial
    encrypted: EncryptedModel
    evaluator: Evaluator
    decryptor: Decryptor


@lru_cache(maxsize=8)
def key_of(name: str, master: bytes = MASTER) -> SecretKeyMaterial:
    """Return the key that ``master`` gives; made once."""
    return ENGINES[name].generate(master)


def setting(name: str, model: SecretModel) -> Setting:
    """Encrypt ``model`` under the test key."""
    engine, key = ENGINES[name], key_of(name)
    encrypted = engine.encrypt_model(key, model)
    decryptor = engine.decryptor(key)
    return Setting(name, model, key, encrypted, engine.evaluator(encrypted, model.public), decryptor)


@lru_cache(maxsize=2)
def standard(name: str) -> Setting:
    """Return :data:`MODEL` under one engine; made once."""
    return setting(name, MODEL)


def seeded(label: str) -> Randomness:
    """Return a repeatable stream; seeded randomness lives in tests."""
    return SeededRandomness(derive_seed(bytes(32), f"test/{label}"))


def asked(made: Setting, rows: int, canaries: int = 2, binding: bytes = BINDING) -> ScoreRequester:
    """Return the bank's role before it starts."""
    return ScoreRequester(made.model, made.decryptor, binding, rows, canaries, SystemRandomness())


def answered(bank: ScoreRequester, made: Setting, columns: NDArray[np.uint16]) -> ScoreResponse:
    """Start the bank and return the honest bureau's response with every row."""
    bureau = ScoreResponder(made.evaluator, columns, BINDING, SystemRandomness())
    (request,) = bank.start()
    bureau.receive(request)
    return bureau.release(np.ones(columns.shape[1], dtype=np.bool_))
