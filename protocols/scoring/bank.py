"""The bank's role in a scoring round (README §9): asks with canaries, opens the response, believes it only then."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from protocols.errors import (
    CanaryMismatchError,
    ParameterError,
    PeerProtocolError,
    ScoreRangeError,
)
from protocols.machine import Transitions
from protocols.randomness import Randomness
from protocols.scoring.engine import Decryptor
from protocols.scoring.messages import MAX_CANARIES, ScoreRequest, ScoreResponse
from protocols.scoring.model import SecretModel


class BankState(Enum):
    """Where the bank's role stands."""

    READY = auto()
    ASKED = auto()
    EXPECTING = auto()
    DONE = auto()
    FAILED = auto()


BANK_TRANSITIONS = Transitions(
    BankState.READY,
    {
        (BankState.READY, "start"): BankState.ASKED,
        (BankState.ASKED, "expect"): BankState.EXPECTING,
        (BankState.EXPECTING, "response"): BankState.DONE,
        (BankState.DONE, "result"): BankState.DONE,
    },
)


def draw_below(randomness: Randomness, bound: int) -> int:
    """Return a uniform integer below ``bound``, at most 2^31, by rejection of 32-bit words."""
    limit = (1 << 32) - (1 << 32) % bound
    while True:
        word = int.from_bytes(randomness.bytes(4), "big")
        if word < limit:
            return word % bound


class ScoreRequester:
    """Asks for the scores of ``rows`` rows and of ``canary_count`` rows of its own, whose scores it knows."""

    def __init__(
        self,
        model: SecretModel,
        decryptor: Decryptor,
        binding: bytes,
        rows: int,
        canary_count: int,
        randomness: Randomness,
    ) -> None:
        """Prepare one round.

        Args:
            model: the model with its weights.
            decryptor: opens responses to this model's key.
            binding: 32 bytes that name job and chunk.
            rows: how many rows the bureau is to score.
            canary_count: how many canary rows go with them, 1 to 64.
            randomness: the canaries are drawn from it.

        Raises:
            ParameterError: rows and canaries do not fit one evaluation.
        """
        if not 1 <= canary_count <= MAX_CANARIES or not 1 <= rows <= decryptor.chunk_rows - canary_count:
            raise ParameterError("rows and canaries do not fit one evaluation")
        self._model = model
        self._decryptor = decryptor
        self._state = BANK_TRANSITIONS.initial
        drawn = [model.public.draw_row(lambda n: draw_below(randomness, n)) for _ in range(canary_count)]
        self._known = np.array([model.score(row) for row in drawn], dtype=np.int64)
        self._request = ScoreRequest(binding, rows, np.array(drawn, dtype=np.uint16).T)
        self._kept = np.ones(rows, dtype=np.bool_)
        self._scores = np.empty(0, dtype=np.int64)

    def start(self) -> tuple[ScoreRequest, ...]:
        """Return the request."""
        self._state = BANK_TRANSITIONS.local(self._state, "start")
        return (self._request,)

    def expect(self, kept: NDArray[np.bool_]) -> None:
        """Say which rows the bureau did not refuse: a mask of shape (rows,).

        Raises:
            ParameterError: the mask does not fit the rows that were asked for.
        """
        if kept.shape != (self._request.rows,) or kept.dtype != np.bool_:
            raise ParameterError("the mask does not fit the rows that were asked for")
        self._state = BANK_TRANSITIONS.local(self._state, "expect")
        self._kept = kept

    def receive(self, message: ScoreResponse) -> tuple[ScoreRequest, ...]:
        """Open a response and check canaries, then range, before any score can be read.

        A failure is final: the job is to be quarantined and the key retired (README §8).

        Raises:
            CanaryMismatchError: a canary has another score than its own.
            ScoreRangeError: a score lies outside the model's exact range.
            PeerProtocolError: the response is of another round, profile or size.
        """
        state = BANK_TRANSITIONS.peer(self._state, "response")
        self._state = BankState.FAILED
        self._check_form(message)
        values = self._decryptor.decrypt(message.scores)
        canaries = self._known.size
        if not np.array_equal(values[values.size - canaries :], self._known):
            raise CanaryMismatchError("a canary row came back with another score")
        scores = values[: values.size - canaries]
        if np.any(scores < self._model.score_low) or np.any(scores > self._model.score_high):
            raise ScoreRangeError("a score lies outside the model's range")
        self._scores = scores
        self._state = state
        return ()

    def _check_form(self, message: ScoreResponse) -> None:
        rows, scores = self._request.rows, message.scores
        if message.binding != self._request.binding:
            raise PeerProtocolError("a response belongs to another round")
        if scores.profile != self._decryptor.profile:
            raise PeerProtocolError("a response has another profile than the model")
        if scores.evaluated != rows + self._known.size:
            raise PeerProtocolError("a response covers another number of rows")
        kept = scores.kept_mask
        if not kept[rows:].all():
            raise PeerProtocolError("a response lacks a canary row")
        if not np.array_equal(kept[:rows], self._kept):
            raise PeerProtocolError("a response does not cover the rows that were not refused")

    def result(self) -> NDArray[np.int64]:
        """Return the scores of the rows that were released, in their order, int64 of shape (released,).

        Raises:
            LocalProtocolError: no response has passed its checks.
        """
        BANK_TRANSITIONS.local(self._state, "result")
        return self._scores
