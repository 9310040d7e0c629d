"""The engines by name; the one place that knows them all."""

from __future__ import annotations

from types import MappingProxyType

from protocols.errors import ParameterError
from protocols.scoring.bfv import BfvEngine
from protocols.scoring.engine import Engine
from protocols.scoring.paillier import PaillierEngine

ENGINES: MappingProxyType[str, Engine] = MappingProxyType(
    {engine.name: engine for engine in (BfvEngine(), PaillierEngine())}
)
"""Engines by name."""
PROFILE_NAMES: tuple[str, ...] = tuple(engine.profile for engine in ENGINES.values())
"""The profiles that exist."""


def engine_of_profile(profile: str) -> Engine:
    """Return the engine of a profile.

    Raises:
        ParameterError: no such profile.
    """
    for engine in ENGINES.values():
        if engine.profile == profile:
            return engine
    raise ParameterError("the profile is unknown")
