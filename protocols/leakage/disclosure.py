"""When a score gives an enterprise away (README §4.2): the two limits of the definition, in one place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GIVEN_AWAY = 0.95
"""A member whose bin has at least this posterior is given away."""
COMMON = 0.5
"""A bin with a larger prior gives nobody away: most enterprises lie in it."""
_ROUNDING = 1e-12


def gives_away(inside: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where the mass ``inside`` a bin is at least 0.95 of the mass of its score; never at mass zero."""
    return (inside >= (GIVEN_AWAY - _ROUNDING) * scores) & (inside > 0)
