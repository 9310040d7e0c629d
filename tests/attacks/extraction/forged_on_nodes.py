"""Forged models on whole nodes: registered with the bureau, evaluated for its enterprises, and read.

At the twin's bureau nobody looks at a model. At the product's the bank hands the auditor a dossier with the forgery,
is refused, and registers it nonetheless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray

from node.codes import Engine
from node.errors import Refusal
from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.messages import ScoreResponse
from tests.attacks.extraction import dishonest_models, paillier_attacks
from tests.attacks.extraction.dishonest_models import Forge, Forged
from tests.attacks.extraction.outcome import Tally
from tests.attacks.extraction.subject import Subject, one_hot
from tests.attacks.extraction.world import WIDTH, Installed, World
from tests.support.hostile_models import Model
from tests.support.scoring_models import key_of


@dataclass(frozen=True)
class Forgery:
    """What is forged, and how it is made out of an honest model."""

    about: str
    make: Callable[[Model, int], Forged]
    engine: Engine = Engine.BFV


def _bfv(forge: Forge, honest: Model, seed: int) -> Forged:
    key = cast(BfvSecretKey, key_of(Engine.BFV))
    return forge(Subject(key, honest.secret, EncryptedModel.decode(honest.encrypted, len(honest.secret.weights))), seed)


FORGERIES: dict[str, Forgery] = {
    **{name: Forgery(about, partial(_bfv, forge)) for name, (about, forge) in dishonest_models.FORGERIES.items()},
    "packing-2^50-paillier": Forgery(
        paillier_attacks.PACKING,
        lambda honest, seed: paillier_attacks.packing(honest.secret, seed),
        Engine.PAILLIER,
    ),
}


def attacked(name: str, world: World, trials: int, seed: int) -> Tally:
    """Count of how many enterprises every column that the forgery shows is right."""
    forged, installed = _installed(name, world, seed)
    if installed is None:
        return Tally(trials, 0)
    places = world.enterprises(forged.blind_rows + trials)
    answer = _answer(world, installed, places)
    if answer is None:
        return Tally(trials, 0)
    found = forged.read(answer)[:, forged.blind_rows : len(places)]
    truth = _columns(world, places[forged.blind_rows :])[: len(found)]
    return Tally(trials, int(np.all(found == truth, axis=0).sum()))


def _installed(name: str, world: World, seed: int) -> tuple[Forged, Installed | None]:
    forgery = FORGERIES[name]
    card = world.card(f"{name.replace('^', '-')}-{seed}")
    honest = world.model(card, forgery.engine)
    forged = forgery.make(honest, seed)
    return forged, world.install_model(card, honest.carrying(forged.encrypted.encode()))


def _answer(world: World, installed: Installed, places: list[int]) -> EncryptedScores | None:
    """Return the bureau's response for enterprises that all consented."""
    codes = [world.data.codes[place] for place in places]
    consents = [world.consent(world.hostile, code) for code in codes]
    try:
        job = world.hostile.job(installed.model, len(codes))
        reply = world.hostile.score(world.hostile.chunk(installed.model, job, codes, consents))
    except Refusal:
        return None
    return ScoreResponse.decode(reply.response).scores


def _columns(world: World, places: list[int]) -> NDArray[np.uint16]:
    return one_hot(np.stack([world.bins(place) for place in places], axis=1), WIDTH)
