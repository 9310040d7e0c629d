"""The attacks that run on whole nodes, bound to the worlds that they need; a world starts when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.attacks.extraction import forged_on_nodes, listening_on_nodes, points, replay
from tests.attacks.extraction.forged_on_nodes import FORGERIES
from tests.attacks.extraction.outcome import Attack, Run
from tests.attacks.extraction.points import Plan
from tests.attacks.extraction.world import World

FEW, MANY = 2, 40
ADMISSIONS_TRIED = 5
"""Each needs a model, a dossier and a review of its own."""
FORGED_FEW, FORGED_MANY = 1, 20
LISTENING = "noise-distinguisher-on-nodes"
LISTENED_FEW, LISTENED_MANY = 100, 10_000
_LACKS = "admission and ledger: the bureau takes models that nobody has reviewed"


class Worlds:
    """The weakened world and the product's."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._folder, self._closing = folder, closing
        self._made: dict[str, World] = {}

    def world(self, *, certified: bool) -> World:
        """Return one of the worlds; made at the first call."""
        return self._world("product" if certified else "twin", certified=certified)

    def _world(self, name: str, *, certified: bool) -> World:
        if name not in self._made:
            made = World(self._folder / name, certified=certified)
            self._closing.callback(made.close)
            self._made[name] = made
        return self._made[name]

    def attacks(self) -> tuple[Attack, ...]:
        """Return the attacks on nodes."""
        planned = (self._planned(name, about, plan) for name, (about, plan) in points.PLANS.items())
        forged = map(self._forged, FORGERIES)
        return (*planned, *forged, self._listening(), *map(self._replayed, replay.ATTEMPTS))

    def _listening(self) -> Attack:
        # A world of its own: an enterprise that was scored once is in the ledger for every other attack.
        return Attack(
            LISTENING,
            "The bank knows everybody's features but one enterprise's, and tells two of its bins apart by the noise.",
            "the switch to the smallest modulus",
            lambda trials, seed: listening_on_nodes.of_twin(self._world("listening", certified=True), trials, seed),
            lambda trials, seed: listening_on_nodes.of_product(self._world("listening", certified=True), trials, seed),
            few=LISTENED_FEW,
            many=LISTENED_MANY,
            twin_trials=LISTENED_FEW,
        )

    def _planned(self, name: str, about: str, plan: Plan) -> Attack:
        def against(certified: bool) -> Run:
            return lambda trials, seed: points.attacked(plan, self.world(certified=certified), trials, seed)

        return Attack(name, about, _LACKS, against(False), against(True), few=FEW, many=MANY)

    def _forged(self, name: str) -> Attack:
        def against(certified: bool) -> Run:
            return lambda trials, seed: forged_on_nodes.attacked(name, self.world(certified=certified), trials, seed)

        return Attack(
            name, FORGERIES[name].about, _LACKS, against(False), against(True), few=FORGED_FEW, many=FORGED_MANY
        )

    def _replayed(self, name: str) -> Attack:
        about, lacks, attempt, weakness = replay.ATTEMPTS[name]
        # An admission counts where admissions are asked for: there the twin is the product but for one look.
        certified_twin = name == "replay-of-an-admission"
        return Attack(
            name,
            about,
            lacks,
            lambda trials, seed: replay.attacked(attempt, weakness, self.world(certified=certified_twin), trials, seed),
            lambda trials, seed: replay.attacked(
                attempt, replay.NOTHING_LESS, self.world(certified=True), trials, seed + 1
            ),
            few=1 if certified_twin else FEW,
            many=ADMISSIONS_TRIED if certified_twin else MANY,
        )


@contextmanager
def worlds(folder: Path) -> Iterator[Worlds]:
    """Make worlds in a folder; what was started is stopped at the end."""
    with ExitStack() as closing:
        yield Worlds(folder, closing)
