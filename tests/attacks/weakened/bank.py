"""A bank that believes what a bureau sends and acts on single scores where the bureau can see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.primitives.bfv_packing import unpack_residues
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.primitives.bfv_seal import ring
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.messages import ScoreRequest, ScoreResponse


class FollowingUp:
    """Asks without canaries, checks nothing, and asks again for the enterprises above its cut-off: one bit a row."""

    def __init__(self, key: BfvSecretKey, cut_off: int) -> None:
        self._key = ring().open_key(key.secret_polynomial)
        self._cut_off = cut_off

    def request(self, binding: bytes, rows: int, columns: int) -> ScoreRequest:
        """Return a request without canaries."""
        return ScoreRequest(binding, rows, np.zeros((columns, 0), dtype=np.uint16))

    def react(self, response: ScoreResponse) -> NDArray[np.bool_]:
        """Return which enterprises stand in the next list, shape (row_count,): the bureau gets to see it."""
        return self._scores(response.scores) > self._cut_off

    def _scores(self, scores: EncryptedScores) -> NDArray[np.int64]:
        profile = BFV_8192_1
        residues = np.zeros((2, profile.degree), dtype=np.uint64)
        places = np.flatnonzero(scores.kept_mask)
        residues[0, places] = unpack_residues(scores.rows, places.size, profile.response_prime)
        residues[1] = unpack_residues(scores.shared, profile.degree, profile.response_prime)
        return ring().decrypt(self._key, residues)[places]
