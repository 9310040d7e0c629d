"""A uniformly random order from a source of randomness. README clause 12."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ParameterError
from protocols.randomness import Randomness

_DRAWS = 8  # two of 2^27 keys are equal with probability 2^-11 at most: eight draws fail with 2^-88


def permutation(count: int, randomness: Randomness) -> NDArray[np.int64]:
    """Return a uniformly random permutation of 0..count-1, the same for the same stream on every machine.

    Sorts distinct random keys of 64 bits; keys that are not distinct are drawn anew, for their order would be no
    chance.

    Raises:
        ParameterError: the source of randomness repeats itself.
    """
    for _ in range(_DRAWS):
        keys = np.frombuffer(randomness.bytes(8 * count), dtype="<u8")
        order = np.argsort(keys, kind="stable").astype(np.int64)
        ordered = keys[order]
        if bool(np.all(ordered[:-1] != ordered[1:])):
            return order
    raise ParameterError("the source of randomness repeats itself")
