"""A bank presents what belongs to another bank: its model, its open job, its customers' consents, its admission."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from node.codes import Reason
from node.demo.synthetic import BASE_SCORE
from node.errors import Refusal
from tests.attacks.extraction.outcome import Tally
from tests.attacks.extraction.world import HONEST, Installed, World
from tests.attacks.weakened.bureau import (
    admissions_of,
    consents_of_anybody,
    jobs_of_anybody,
    models_of_anybody,
)
from tests.support.hostile_models import Model

Try = Callable[[World, int, str], bool]
"""Attacks one enterprise; takes a name for what it has to make. Tells whether the bureau answered."""
Weakness = Callable[[], AbstractContextManager[None]]


def attacked(attempt: Try, weakness: Weakness, world: World, trials: int, seed: int) -> Tally:
    """Count how often the bureau answers."""
    with weakness():
        return Tally(trials, sum(attempt(world, place, f"{seed}-{place}") for place in world.enterprises(trials)))


def _released(world: World, model: Model, job_id: bytes, place: int, consent: bytes) -> bool:
    """Have the hostile bank ask for one enterprise; tell whether the answer has its row."""
    call = world.hostile.chunk(model, job_id, [world.data.codes[place]], [consent])
    return not world.hostile.score(call).refused


def model(world: World, place: int, name: str) -> bool:
    """Open a job with a model that the other bank registered."""
    del name
    theirs = _model_of_the_other(world)
    try:
        job = world.hostile.job(theirs.model, 1)
        return _released(world, theirs.model, job, place, world.consent(world.hostile, world.data.codes[place]))
    except Refusal:
        return False


def job(world: World, place: int, name: str) -> bool:
    """Ask for a chunk of a job that the other bank has open."""
    del name
    theirs = _model_of_the_other(world)
    opened = world.honest.job(theirs.model, 1)
    try:
        return _released(world, theirs.model, opened, place, world.consent(world.hostile, world.data.codes[place]))
    except Refusal:
        return False


def consent(world: World, place: int, name: str) -> bool:
    """Score an enterprise that consented to the other bank alone, and check the score against the truth."""
    del name
    own, code = own_model(world), world.data.codes[place]
    granted = world.consent(world.honest, code)
    call = world.hostile.chunk(own.model, world.hostile.job(own.model, 1), [code], [granted])
    (found,) = world.hostile.outcome(own.model, call, world.hostile.score(call))
    return not isinstance(found, Reason) and found == int(world.data.scores()[place]) - BASE_SCORE


def admission(world: World, place: int, name: str) -> bool:
    """Register, under the other bank's admission, the very model that this admits, and score with it."""
    card = world.card(f"admitted-{name}")
    theirs = world.model(card)
    given = world.admission(card, theirs, world.honest)
    assert given is not None, "the other bank's model is harmless"
    world.bureau.control.admissions.add(given)
    try:
        world.hostile.register(theirs)
        granted = world.consent(world.hostile, world.data.codes[place])
        return _released(world, theirs, world.hostile.job(theirs, 1), place, granted)
    except Refusal:
        return False


def _model_of_the_other(world: World) -> Installed:
    return world.once("theirs", lambda: _harmless(world, "theirs", honest=True))


def own_model(world: World) -> Installed:
    """Return a harmless model of the hostile bank's own, made once in a world."""
    return world.once("own", lambda: _harmless(world, "own", honest=False))


def _harmless(world: World, name: str, *, honest: bool) -> Installed:
    installed = world.install(world.card(name), world.honest if honest else world.hostile)
    assert installed is not None, "a harmless model is taken"
    return installed


ATTEMPTS: dict[str, tuple[str, str, Try, Weakness]] = {
    "replay-of-a-model": (
        "The bank opens a job with a model that another bank registered.",
        "the look whose model it is",
        model,
        models_of_anybody,
    ),
    "replay-of-a-job": (
        "The bank asks for a chunk of a job that another bank has open.",
        "the look whose job it is",
        job,
        jobs_of_anybody,
    ),
    "replay-of-a-consent": (
        "The bank scores an enterprise that consented to another bank alone.",
        "the look whom a consent is for",
        consent,
        consents_of_anybody,
    ),
    "replay-of-an-admission": (
        "The bank registers a model under an admission that names another bank.",
        "the look whose admission it is",
        admission,
        partial(admissions_of, HONEST),
    ),
}
NOTHING_LESS: Weakness = nullcontext
