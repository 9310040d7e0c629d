"""The plaintext oracle: what both engines must return, bit for bit (README §2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocols.scoring.model import SecretModel


def scores(model: SecretModel, features: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the score of every row, int64 of shape (rows,).

    No step can overflow: a weight has 31 bits, a column 16, a model 10 bits of columns.
    """
    weights = np.array(model.weights, dtype=np.int64)
    return weights @ model.public.columns(features).astype(np.int64)
