"""The attacks that run on whole nodes, bound to the worlds that they need; a world starts when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.attacks.extraction import forged_on_nodes, points, replay
from tests.attacks.extraction.forged_on_nodes import FORGERIES
from tests.attacks.extraction.outcome import Attack, Run
from tests.attacks.extraction.points import Plan
from tests.attacks.extraction.world import World

FEW, MANY = 2, 40
ADMISSIONS_TRIED = 5
"""Each needs a model, a dossier and a review of its own."""
FORGED_FEW, FORGED_MANY = 1, 20
_LACKS = "admission and ledger: the bureau takes models that nobody has reviewed"


class Worlds:
    """The weakened world and the product's."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._folder, self._closing = folder, closing
        self._made: dict[bool, World] = {}

    def world(self, *, certified: bool) -> World:
        """Return one of the worlds; made at the first call."""
        if certified not in self._made:
            made = World(self._folder / ("product" if certified else "twin"), certified=certified)
            self._closing.callback(made.close)
            self._made[certified] = made
        return self._made[certified]

    def attacks(self) -> tuple[Attack, ...]:
        """Return the attacks on nodes."""
        planned = (self._planned(name, about, plan) for name, (about, plan) in points.PLANS.items())
        forged = map(self._forged, FORGERIES)
        return (*planned, *forged, *map(self._replayed, replay.ATTEMPTS))

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
