"""A bank listens to the noise of a whole node's answers, knowing the features of everybody but one enterprise.

The model gives every bin the same points, so that scores say nothing. The noise of an answer is, at the twin, the sum
over the columns j of e_j X_j, where X_j has a one for every row that is in the column: whoever knows e_j and all X_j
but one row of one field tells two bins of this row apart by which of two sums the noise is nearer to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from node.codes import Engine
from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.primitives.bfv_sampling import Small
from protocols.primitives.bfv_seal import ring
from protocols.scoring.engine import EncryptedModel
from protocols.scoring.messages import ScoreRequest, ScoreResponse
from tests.attacks.extraction.noise import noise_of_residues, noise_of_response
from tests.attacks.extraction.outcome import Tally
from tests.attacks.extraction.ring_tools import Q_RESPONSE, N, centred, reduced, rotated, times
from tests.attacks.extraction.subject import Subject, generator, one_hot, seeded
from tests.attacks.extraction.world import ENTERPRISES, FIELDS, WIDTH, Installed, World
from tests.attacks.weakened.evaluators import WithoutSwitch
from tests.support.scoring_models import key_of

POINTS = 9
SCORE = FIELDS * POINTS


@dataclass(frozen=True)
class Heard:
    """The noise of one answer, and the features of every row in it."""

    noise: NDArray[np.float64]
    """Shape (rows,)."""
    columns: NDArray[np.uint16]
    """Shape (columns, rows)."""


class Listener:
    """The bank in one world: a harmless model that says nothing, and enterprises that all consented."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._installed = world.once("listening", self._install)
        secret, encrypted = self._installed.model.secret, self._installed.model.encrypted
        key = cast(BfvSecretKey, key_of(Engine.BFV))
        self.made = Subject(key, secret, EncryptedModel.decode(encrypted, len(secret.weights)))

    def _install(self) -> Installed:
        card = self._world.card("listening", points=np.full((FIELDS, WIDTH), POINTS, dtype=np.int64))
        installed = self._world.install(card)
        assert installed is not None, "a model that says nothing is harmless"
        return installed

    def node(self, places: list[int]) -> Heard:
        """Hear the node's answer for these enterprises."""
        world, model = self._world, self._installed.model
        codes = [world.data.codes[place] for place in places]
        consents = [world.consent(world.hostile, code) for code in codes]
        call = world.hostile.chunk(model, world.hostile.job(model, len(codes)), codes, consents)
        answer = ScoreResponse.decode(world.hostile.score(call).response).scores
        columns = self._columns(places, ScoreRequest.decode(call.request).canaries)
        assert answer.row_count == columns.shape[1], "no row was refused"
        return Heard(noise_of_response(ring().open_key(self.made.key.secret_polynomial), answer, SCORE), columns)

    def twin(self, places: list[int], seed: int) -> Heard:
        """Hear what a bureau without the switch would answer for them."""
        columns = self._columns(places, np.zeros((FIELDS * WIDTH, 0), dtype=np.uint16))
        answer = WithoutSwitch(self.made.encrypted, self.made.model.public).answer(columns, seeded(seed, "listening"))
        scores = np.where(np.arange(N) < len(places), SCORE, 0)
        return Heard(noise_of_residues(self.made, answer, scores)[: len(places)], columns)

    def _columns(self, places: list[int], canaries: NDArray[np.uint16]) -> NDArray[np.uint16]:
        bins = np.stack([self._world.bins(place) for place in places], axis=1)
        return np.concatenate([one_hot(bins, WIDTH), canaries], axis=1)


def expected_noise(made: Subject, columns: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return the sum of e_j X_j, shape (rows,)."""
    total = np.zeros(N, dtype=np.int64)
    for error, column in zip(made.errors, columns, strict=True):
        if not column.any():  # the library refuses a product that is zero
            continue
        rows: Small = np.zeros(N, dtype=np.int64)
        rows[: column.size] = column
        total += centred(times(reduced(error), rows)[0].astype(np.int64), Q_RESPONSE)
    return total[: columns.shape[1]].astype(np.float64)


def told_apart(made: Subject, heard: Heard, targets: int, rng: np.random.Generator) -> int:
    """Return of how many of the first rows the bank says rightly which of two bins of a field they are in."""
    rest, hits = heard.noise - expected_noise(made, heard.columns), 0
    for row in range(targets):
        field, other = int(rng.integers(FIELDS)), int(rng.integers(1, WIDTH))
        true = int(heard.columns[field * WIDTH : (field + 1) * WIDTH, row].argmax())
        false = (true + other) % WIDTH
        change = made.errors[field * WIDTH + false] - made.errors[field * WIDTH + true]
        difference = rotated(change, row)[: heard.noise.size].astype(np.float64)
        # |rest|^2 < |rest - difference|^2, without the squares of the noise, which would swallow the difference
        hits += bool(2 * rest @ difference < difference @ difference)
    return hits


def of_product(world: World, trials: int, seed: int) -> Tally:
    """Listen to the node; every enterprise is asked for again and again, which costs uses of its consents only."""
    listener, rng, hits = Listener(world), generator(seed, "listening"), 0
    for start in range(0, trials, ENTERPRISES):
        targets = min(ENTERPRISES, trials - start)
        hits += told_apart(listener.made, listener.node(list(range(targets))), targets, rng)
    return Tally(trials, hits, 0.5)


def of_twin(world: World, trials: int, seed: int) -> Tally:
    """Listen to the twin for as many enterprises."""
    listener = Listener(world)
    heard = listener.twin(list(range(trials)), seed)
    return Tally(trials, told_apart(listener.made, heard, trials, generator(seed, "listening")), 0.5)
