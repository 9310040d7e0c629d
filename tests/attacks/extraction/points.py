"""A bank asks for what it wants by the points of its models: one field, all bins in one score, one bin by two models.

Everything about these models is honest but their purpose. At the twin's bureau nobody looks at a model; at the
product's the auditor measures what its scores tell, and the ledger counts which models an enterprise was scored with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.attacks.extraction.outcome import Tally
from tests.attacks.extraction.subject import generator
from tests.attacks.extraction.world import FIELDS, SEED, WIDTH, World
from tests.support.transport import DAY_MS

MODELS = 3
"""Independent models over the same fields: their scores together tell every bin."""
CHANGED = 3
"""The field in which version 2 differs."""
MONTH_MS = 31 * DAY_MS

Seen = Sequence[int | None]
"""Of one enterprise, what each model gave; none where it was refused."""
Points = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Models to try one after the other, and how scores become answers; an answer is none where it would be a guess."""

    cards: Callable[[World], list[dict[str, Any]]]
    solve: Callable[[Seen], list[int] | None]
    truth: Callable[[World, int], list[int]]
    wait_ms: int = 0
    """What passes between one model and the next."""


def attacked(plan: Plan, world: World, trials: int, seed: int) -> Tally:
    """Count of how many enterprises the answer is right."""
    del seed  # the bureau's data follow from the world's
    places = world.enterprises(trials)
    seen: list[dict[int, int]] = []
    before, predecessor = world.bureau.clock.shift_ms, ""
    try:
        for card in plan.cards(world):
            installed = world.install(card, predecessor=predecessor if "supersedes" in card else "")
            predecessor = installed.model.model_id.hex() if installed else ""
            seen.append(world.scores(installed, places))
            world.bureau.clock.shift_ms += plan.wait_ms
    finally:
        world.bureau.clock.shift_ms = before
    hits = sum(plan.solve([each.get(place) for each in seen]) == plan.truth(world, place) for place in places)
    return Tally(trials, hits)


def every_bin(world: World, place: int) -> list[int]:
    """The bins of all fields."""
    return [int(each) for each in world.bins(place)]


# ---- one field, by one model


def unit_vector(world: World) -> list[dict[str, Any]]:
    """A linear model with weight 1 over the first field: the score IS the value."""
    field = world.data.field_ids[0]
    linear = {"type": "linear", "field": field, "source": "bureau", "low": "0", "high": "1000", "quantum": "1"}
    return [world.card("unit", kind="linear", fields=[{**linear, "weight": 1, "missing": -1}])]


def single_field(world: World) -> list[dict[str, Any]]:
    """Different points for every bin of one field."""
    card = world.card("single", points=np.tile(np.arange(WIDTH) * 10, (FIELDS, 1)))
    return [card | {"fields": card["fields"][:1]}]


# ---- all fields, by one model


def powers(base: int) -> Points:
    """Points k base^j for bin k of field j: the digits of a score are the bins."""
    return np.arange(WIDTH) * np.power(base, np.arange(FIELDS))[:, None]


def packed(base: int, world: World) -> list[dict[str, Any]]:
    """The model of :func:`powers`."""
    return [world.card(f"packed-{base}", points=powers(base))]


def digits(base: int, seen: Seen) -> list[int] | None:
    """Return the digits of a score, lowest first."""
    (score,) = seen
    return None if score is None else [score // base**place % base for place in range(FIELDS)]


# ---- all fields, by several models


def independent_points(model: int) -> Points:
    """Return points like those of any scorecard."""
    return generator(SEED, f"independent/{model}").integers(-40, 61, (FIELDS, WIDTH))


def independent(label: str, world: World) -> list[dict[str, Any]]:
    """As many models over the same fields as it takes; no two of them alike, each harmless by itself."""
    return [world.card(f"{label}-{model}", points=independent_points(model)) for model in range(MODELS)]


def solved(seen: Seen) -> list[int] | None:
    """Return the bins that explain all scores that there are; none where several do, for that would be a guess.

    None as well where there is only one score: what a single admitted score tells is what the review measures and the
    agreement's thresholds allow; this attack is after what further models add to it.
    Every combination of bins is tried: halves of the fields are added up, and halves that fit are looked for.
    """
    mixing = generator(SEED, "mixing").integers(1, 1 << 40, MODELS)
    used = [place for place, score in enumerate(seen) if score is not None]
    if len(used) < 2:
        return None
    mixed = sum(independent_points(place) * mixing[place] for place in used)
    wanted = sum(int(mixing[place]) * int(seen[place] or 0) for place in used)
    left, right = _sums(mixed[: FIELDS // 2]), _sums(mixed[FIELDS // 2 :])
    order = np.argsort(left)
    first, behind = (np.searchsorted(left[order], wanted - right, side) for side in ("left", "right"))
    fits = np.flatnonzero(behind > first)
    if (behind - first).sum() != 1:
        return None
    halves = (int(order[first[fits[0]]]), int(fits[0]))
    return [bin_ for half in halves for bin_ in _bins_of(half)]


def _sums(points: Points) -> Points:
    """Return the sums of all combinations of bins, the first field changing slowest."""
    total = np.zeros(1, dtype=np.int64)
    for field in points:
        total = (total[:, None] + field[None, :]).reshape(-1)
    return total


def _bins_of(place: int) -> list[int]:
    return [int(each) for each in np.unravel_index(place, (WIDTH,) * (FIELDS // 2))]


# ---- one field, by two versions


def versions(change: Points, label: str, world: World) -> list[dict[str, Any]]:
    """Return a harmless model, and version 2 that differs from it by ``change`` in one field."""
    points = world.data.points.copy()
    points[CHANGED] += change
    successor = world.card(label, version="2", points=points, supersedes="1")
    return [world.card(label), successor]


def difference(seen: Seen) -> list[int] | None:
    """Return how the two scores differ."""
    first, second = seen
    return None if first is None or second is None else [second - first]


def change_of(change: Points, world: World, place: int) -> list[int]:
    """Return what version 2 gives an enterprise more: which bin of the field it is in."""
    return [int(change[world.bins(place)[CHANGED]])]


ONE_BIN = np.array([0, 1, 0, 0])
ONE_FIELD = np.array([0, 1, 2, 3])

PLANS: dict[str, tuple[str, Plan]] = {
    "unit-vector": (
        "The bank's model has weight 1 on one field, so that the score is the value.",
        Plan(unit_vector, lambda seen: _alone(seen, 1), lambda world, place: [int(world.data.values[place, 0])]),
    ),
    "single-field": (
        "The bank's model reads one field, with different points for every bin.",
        Plan(single_field, lambda seen: _alone(seen, 10), lambda world, place: every_bin(world, place)[:1]),
    ),
    "independent-models": (
        f"The bank scores an enterprise with {MODELS} harmless models over the same fields and solves for all bins; "
        "counted is what two scores or more give away.",
        Plan(partial(independent, "independent"), solved, every_bin),
    ),
    "packing-powers-of-two": (
        "The bank's points are 1, 2, 3 times 1, 4, 16 …: every bin stands in one score.",
        Plan(partial(packed, 4), partial(digits, 4), every_bin),
    ),
    "packing-powers-of-five": (
        "The bank's points are 1, 2, 3 times 1, 5, 25 …: every bin stands in one score.",
        Plan(partial(packed, 5), partial(digits, 5), every_bin),
    ),
    "version-2-differs-in-one-bin": (
        "Version 2 gives one bin one point more: the difference of two scores says who is in it.",
        Plan(partial(versions, ONE_BIN, "one-bin"), difference, partial(change_of, ONE_BIN)),
    ),
    "version-2-differs-in-one-field": (
        "Version 2 gives the bins of one field different points more: the difference of two scores names the bin.",
        Plan(partial(versions, ONE_FIELD, "one-field"), difference, partial(change_of, ONE_FIELD)),
    ),
    "a-new-model-every-month": (
        f"The bank scores an enterprise with another harmless model every month, {MODELS} months long; counted is what "
        "two scores or more give away.",
        Plan(partial(independent, "monthly"), solved, every_bin, wait_ms=MONTH_MS),
    ),
}


def _alone(seen: Seen, unit: int) -> list[int] | None:
    (score,) = seen
    return None if score is None else [score // unit]
