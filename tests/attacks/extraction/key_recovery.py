"""A bureau that lies: it sends (0, Delta), so that «scores» are the key, or Enc(w_j), so that they are weights.

It learns whatever the bank's reaction tells. The twin follows up enterprises whose score is above a cut-off: a bit a
row. The product's reaction is one bit a response, «passed» or not, and the first «not» retires the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ProtocolError
from protocols.primitives.bfv_keys import BfvSecretKey
from protocols.primitives.bfv_packing import pack_residues
from protocols.primitives.bfv_sampling import Small
from protocols.randomness import Randomness, SystemRandomness
from protocols.scoring.bank import ScoreRequester
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.messages import ScoreRequest, ScoreResponse
from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.ring_tools import Q_RESPONSE, N, T, row_part, shared_part
from tests.attacks.extraction.subject import ENGINE, Subject, fields, generator, seeded, subject
from tests.attacks.weakened.bank import FollowingUp

BINDING = bytes(32)
CANARIES = 8
ROWS = N - CANARIES
CUT_OFF = 20
"""The bank's, and known to the bureau: what is approved is known to everybody."""
STEP = Q_RESPONSE // T
"""Delta: what one point is worth in an answer."""
WEIGHT_BOUND = 900
LONGEST = 64
"""Answers to one key at most: an honest bank retires it long before."""
STRIDE = 400
"""How far the bureau moves a weight from one answer to the next, to see when the range check stops it."""


@dataclass
class Bank:
    """The product's bank, seen from the bureau: a request goes out, «passed» or «not» comes back, once a key."""

    made: Subject
    randomness: Randomness
    retired: bool = False

    def ask(self) -> tuple[ScoreRequester, ScoreRequest]:
        """Return the bank's role and its request, canaries in it."""
        decryptor = ENGINE.decryptor(self.made.key)
        bank = ScoreRequester(self.made.model, decryptor, BINDING, ROWS, CANARIES, self.randomness)
        (request,) = bank.start()
        bank.expect(np.ones(ROWS, dtype=np.bool_))
        return bank, request

    def passes(self, bank: ScoreRequester, response: ScoreResponse) -> bool:
        """Hand in an answer; a rejection retires the key, for good."""
        try:
            bank.receive(response)
        except ProtocolError:
            self.retired = True
        return not self.retired


def answer(c0: NDArray[np.int64], c1: NDArray[np.int64]) -> ScoreResponse:
    """Return any two polynomials modulo q' as an answer that keeps every row."""
    rows, shared = ((values % Q_RESPONSE).astype(np.uint64) for values in (c0, c1))
    packed = (pack_residues(each, Q_RESPONSE) for each in (shared, rows))
    scores = EncryptedScores.of_all(ENGINE.profile, c0.size, *packed)
    return ScoreResponse(BINDING, scores)


# ---- the key


def key_as_scores(sign: int) -> ScoreResponse:
    """Return (Delta cut-off, sign Delta): decrypted, a row's score is the cut-off and one coefficient of sign s."""
    c1 = np.zeros(N, dtype=np.int64)
    c1[0] = sign * STEP
    return answer(np.full(N, CUT_OFF * STEP), c1)


def recover_key_by_rows(key: BfvSecretKey) -> Small:
    """Read s off the twin's reactions: which rows are above the cut-off under s, and which under -s."""
    bank = FollowingUp(key, CUT_OFF)
    above, below = (bank.react(key_as_scores(sign)).astype(np.int64) for sign in (1, -1))
    return above - below


def recover_key_by_passing(made: Subject, rng: np.random.Generator, bank: Bank) -> Small:
    """Guess s from what passes: place by place, until the key is retired; what is left is guessed.

    The bureau evaluates canaries honestly and adds Delta X^k to c1, so that canary j gets s_(N - ROWS + j - k) added:
    an answer passes if those eight coefficients are zero, which is all that «passed» can say.
    """
    guess = rng.integers(-1, 2, N)
    for place in range(0, N, CANARIES):
        role, request = bank.ask()
        if not bank.passes(role, _tampered(made, request, place)):
            return guess
        guess[place : place + CANARIES] = 0
    return guess


def evaluated(made: Subject, request: ScoreRequest, column: int) -> EncryptedScores:
    """Evaluate canaries honestly, and every other row as if it had ``column`` alone: its score is one weight."""
    evaluator = ENGINE.evaluator(made.encrypted, made.model.public)
    rows = np.zeros((made.model.public.column_count, ROWS), dtype=np.uint16)
    rows[column] = 1
    return evaluator.evaluate(np.concatenate([rows, request.canaries], axis=1), SystemRandomness())


def _tampered(made: Subject, request: ScoreRequest, place: int) -> ScoreResponse:
    honest = evaluated(made, request, 0)
    shift = np.zeros(N, dtype=np.int64)
    shift[(ROWS - place) % N] = STEP
    return answer(row_part(honest), shared_part(honest) + shift)


def keys(trials: int, seed: int) -> Iterator[Subject]:
    """Yield a fresh key with a model under it, for each trial."""
    for trial in range(trials):
        yield _model_under(seeded(seed, f"key/{trial}").bytes(32), generator(seed + trial, "weights"))


def _model_under(master: bytes, rng: np.random.Generator) -> Subject:
    weights = tuple(int(each) for each in rng.integers(-WEIGHT_BOUND, WEIGHT_BOUND, 9))
    return subject(fields(3), weights, master)


def key_of_twin(trials: int, seed: int) -> Tally:
    """Recover the key of the twin."""
    hits = sum(
        bool(np.array_equal(recover_key_by_rows(made.key), made.key.secret_polynomial)) for made in keys(trials, seed)
    )
    return Tally(trials, hits)


def key_of_product(trials: int, seed: int) -> Tally:
    """Recover the key of the product: the plain (0, Delta) first, then answers that spare the canaries."""
    hits, rng = 0, generator(seed, "passing")
    for made in keys(trials, seed):
        plain, careful = (Bank(made, seeded(seed, f"canaries/{way}")) for way in ("plain", "careful"))
        passed = [plain.passes(plain.ask()[0], key_as_scores(sign)) for sign in (1, -1)]
        found = recover_key_by_passing(made, rng, careful)
        hits += any(passed) or bool(np.array_equal(found, made.key.secret_polynomial))
    return Tally(trials, hits)


# ---- the weights


def weight_as_scores(honest: EncryptedScores, offsets: NDArray[np.int64]) -> ScoreResponse:
    """Add known points to the rows of an answer, none to canaries."""
    c0 = row_part(honest)
    c0[: offsets.size] += offsets * STEP
    return answer(c0, shared_part(honest))


def recover_weights_by_rows(made: Subject) -> list[int]:
    """Read every weight off the twin's reactions: row i is above the cut-off when the weight is above its own bound."""
    bank, bounds = FollowingUp(made.key, CUT_OFF), np.arange(-WEIGHT_BOUND, WEIGHT_BOUND)
    offsets = np.full(ROWS, -WEIGHT_BOUND, dtype=np.int64)
    offsets[: bounds.size] = CUT_OFF - bounds
    request = bank.request(BINDING, ROWS, made.model.public.column_count)
    responses = (
        weight_as_scores(evaluated(made, request, column), offsets) for column in range(len(made.model.weights))
    )
    return [int(bank.react(response)[: bounds.size].sum()) - WEIGHT_BOUND for response in responses]


def recover_weights_by_passing(made: Subject, rng: np.random.Generator, bank: Bank) -> list[int]:
    """Guess the weights from how far the first can be moved before the range check stops it and the key is retired."""
    guess = [int(each) for each in rng.integers(-WEIGHT_BOUND, WEIGHT_BOUND, len(made.model.weights))]
    offset = 0
    for _ in range(LONGEST):
        if bank.retired:
            break
        role, request = bank.ask()
        response = weight_as_scores(evaluated(made, request, 0), np.full(ROWS, offset))
        if bank.passes(role, response):
            offset += STRIDE
    guess[0] = 3 * WEIGHT_BOUND // 2 - offset  # three fields, the best bin of each at its expected value
    return guess


def weights_of_twin(trials: int, seed: int) -> Tally:
    """Recover all weights from the twin."""
    hits = sum(recover_weights_by_rows(made) == list(made.model.weights) for made in keys(trials, seed))
    return Tally(trials, hits)


def weights_of_product(trials: int, seed: int) -> Tally:
    """Recover all weights from the product."""
    hits, rng = 0, generator(seed, "weights-by-passing")
    for made in keys(trials, seed):
        bank = Bank(made, seeded(seed, "canaries/weights"))
        hits += recover_weights_by_passing(made, rng, bank) == list(made.model.weights)
    return Tally(trials, hits)


_LACKS = "canaries and silence: the bank follows up every enterprise above its cut-off, where the bureau sees it"
ATTACKS = (
    Attack(
        "key-recovery-response",
        "The bureau answers (0, Delta), so that «scores» are the bank's secret key, and watches how the bank reacts.",
        _LACKS,
        key_of_twin,
        key_of_product,
        few=2,
        many=50,
    ),
    Attack(
        "key-recovery-weights",
        "The bureau answers Enc(w_j) to every row, so that «scores» are one weight, and watches how the bank reacts.",
        _LACKS,
        weights_of_twin,
        weights_of_product,
        few=2,
        many=50,
    ),
)
