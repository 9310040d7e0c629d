"""The bureau's role in a scoring round (README §9): evaluates once, then releases the rows that may still leave.

Evaluation and release are two steps because consent is checked again in between; a row that may not leave is dropped
as its own coefficient, so that nothing of it is in the response.
"""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.machine import Transitions
from protocols.randomness import Randomness
from protocols.scoring.engine import EncryptedScores, Evaluator
from protocols.scoring.messages import ScoreRequest, ScoreResponse


class BureauState(Enum):
    """Where the bureau's role stands."""

    WAITING = auto()
    EVALUATED = auto()
    RELEASED = auto()
    FAILED = auto()


BUREAU_TRANSITIONS = Transitions(
    BureauState.WAITING,
    {
        (BureauState.WAITING, "request"): BureauState.EVALUATED,
        (BureauState.EVALUATED, "release"): BureauState.RELEASED,
        (BureauState.RELEASED, "result"): BureauState.RELEASED,
    },
)


class ScoreResponder:
    """Scores the rows ``columns`` under one encrypted model, for one round.

    :meth:`release` works once for each machine. A process that holds :meth:`evaluated` scores of another process
    releases through the function :func:`release`, as the node does after its second look at consent: «once» is then
    the duty of the journal that the response is written to.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        columns: NDArray[np.uint16],
        binding: bytes,
        randomness: Randomness,
    ) -> None:
        """Prepare one attempt at one round.

        Args:
            evaluator: the model, ready.
            columns: the rows that are admitted, uint16 of shape (column_count, rows), as ``PublicModel.columns`` gives.
            binding: 32 bytes that name job and chunk.
            randomness: the SYSTEM's source; a fresh key is drawn from it for this attempt.
        """
        self._evaluator = evaluator
        self._columns = columns
        self._binding = binding
        self._randomness = randomness
        self._state = BUREAU_TRANSITIONS.initial
        self._scores: EncryptedScores | None = None
        self._response: ScoreResponse | None = None

    def start(self) -> tuple[ScoreResponse, ...]:
        """Return nothing: the bank speaks first."""
        return ()

    def receive(self, message: ScoreRequest) -> tuple[ScoreResponse, ...]:
        """Evaluate the rows and the bank's canaries; nothing leaves before :meth:`release`.

        Raises:
            PeerProtocolError: the request is of another round, or its canaries do not fit the model.
        """
        state = BUREAU_TRANSITIONS.peer(self._state, "request")
        self._state = BureauState.FAILED
        self._check(message)
        together = np.concatenate([self._columns, message.canaries], axis=1)
        self._scores = self._evaluator.evaluate(together, self._randomness)
        self._state = state
        return ()

    def _check(self, message: ScoreRequest) -> None:
        public = self._evaluator.public
        if message.binding != self._binding:
            raise PeerProtocolError("a request belongs to another round")
        if message.rows != self._columns.shape[1]:
            raise PeerProtocolError("a request covers another number of rows")
        if message.canaries.shape[0] != public.column_count:
            raise PeerProtocolError("the canaries do not fit the model")
        if message.rows + message.canaries.shape[1] > self._evaluator.chunk_rows:
            raise PeerProtocolError("rows and canaries do not fit one evaluation")
        if np.any(message.canaries > np.array(public.maxima, dtype=np.uint16)[:, None]):
            raise PeerProtocolError("a canary exceeds its column's maximum")

    def release(self, keep: NDArray[np.bool_]) -> ScoreResponse:
        """Return the response with the rows that ``keep``, shape (rows,), marks, and every canary. Once.

        Raises:
            ParameterError: the mask does not fit the rows.
            LocalProtocolError: nothing was evaluated, or the response was released before.
        """
        if keep.shape != (self._columns.shape[1],) or keep.dtype != np.bool_:
            raise ParameterError("the selection does not fit the rows")
        self._state = BUREAU_TRANSITIONS.local(self._state, "release")
        assert self._scores is not None
        self._response = release(self._binding, self._scores, keep)
        self._scores = None
        return self._response

    def evaluated(self) -> EncryptedScores:
        """Return the scores of ALL rows, for the process that decides on the release: never for the wire.

        Raises:
            LocalProtocolError: nothing was evaluated, or the response was released before.
        """
        if self._scores is None:
            raise LocalProtocolError("no scores are waiting for their release")
        return self._scores

    def result(self) -> ScoreResponse:
        """Return the response that was released: a resend repeats its bytes, it never encrypts again.

        Raises:
            LocalProtocolError: nothing was released.
        """
        BUREAU_TRANSITIONS.local(self._state, "result")
        assert self._response is not None
        return self._response


def release(binding: bytes, scores: EncryptedScores, keep: NDArray[np.bool_]) -> ScoreResponse:
    """Return the response with the rows that ``keep`` marks, and every canary behind them; see :class:`ScoreResponder`.

    Nothing stops a caller from calling it twice for one evaluation: who does not go through the machine keeps a record
    of what was released, and repeats its bytes.

    Raises:
        ParameterError: the mask is longer than the rows that were evaluated.
    """
    if keep.size > scores.row_count:
        raise ParameterError("the selection does not fit the rows")
    canaries = np.ones(scores.row_count - keep.size, dtype=np.bool_)
    return ScoreResponse(binding, scores.select(np.concatenate([keep, canaries])))
