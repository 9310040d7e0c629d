"""Somebody on the line, or a broken disk, changes a byte of a ciphertext: it decrypts, silently, to other numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from node.errors import Refusal
from node.rpc.envelope import Direction, Place, parse_canonical, parse_envelope, seal, verify
from protocols.errors import ProtocolError
from protocols.primitives.signing import SigningKey
from protocols.randomness import SystemRandomness
from protocols.scoring.bfv import BfvDecryptor, BfvEvaluator
from protocols.scoring.engine import EncryptedModel, EncryptedScores
from protocols.scoring.messages import ScoreResponse
from protos.scoring_pb2 import ScoreChunkResponse
from tests.attacks.extraction.outcome import Attack, Tally
from tests.attacks.extraction.subject import ENGINE, Subject, fields, generator, one_hot, seeded, subject

FIELDS, WIDTH, ROWS = 3, 3, 2000
POSITIONS = 512
"""Sampled positions of the report and of the test suite alike."""
LIMIT = 4 << 20
PLACE = Place("/banktax.scoring.v1.Scoring/ScoreChunk", Direction.RESPONSE, "bureau", "bank", bytes(32))

Reader = Callable[[bytes], NDArray[np.int64]]


@lru_cache(maxsize=1)
def _subject() -> Subject:
    return subject(fields(FIELDS), (11, -5, 2, 7, 90, -31, 4, 8, 15))


@lru_cache(maxsize=1)
def _answer() -> tuple[bytes, NDArray[np.int64]]:
    """Return an honest answer and its scores."""
    made = _subject()
    columns = one_hot(generator(0, "answer").integers(0, WIDTH, (FIELDS, ROWS)), WIDTH)
    scores = BfvEvaluator(made.encrypted, made.model.public).evaluate(columns, SystemRandomness())
    return ScoreResponse(bytes(32), scores).encode(), np.array(made.model.weights) @ columns.astype(np.int64)


def changed(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with one of them changed."""
    out, place = bytearray(data), int(rng.integers(0, len(data)))
    out[place] ^= int(rng.integers(1, 256))
    return bytes(out)


def silently(sent: bytes, read: Reader, trials: int, seed: int) -> Tally:
    """Count how often a changed answer is taken for one, with other scores."""
    rng, hits, scores = generator(seed, "mutation"), 0, _answer()[1]
    for _ in range(trials):
        try:
            found = read(changed(sent, rng))
        except (ProtocolError, Refusal):
            continue
        hits += not np.array_equal(found, scores)
    return Tally(trials, hits)


def bare_answers(trials: int, seed: int) -> Tally:
    """Change answers that nobody signed, and that are decrypted as they come."""
    decryptor = BfvDecryptor(_subject().key)
    return silently(_answer()[0], lambda data: _decrypted(decryptor, data), trials, seed)


def signed_answers(trials: int, seed: int) -> Tally:
    """Change answers in their signed envelopes."""
    decryptor, key = BfvDecryptor(_subject().key), SigningKey.generate(seeded(seed, "signing"))
    message = ScoreChunkResponse(job_id=bytes(16), response=_answer()[0])

    def opened(data: bytes) -> NDArray[np.int64]:
        envelope = parse_envelope(data, LIMIT)
        verify(envelope, PLACE, key.verify_key)
        return _decrypted(decryptor, parse_canonical(ScoreChunkResponse, envelope.payload).response)

    return silently(seal(message, PLACE, key, 0), opened, trials, seed)


def _decrypted(decryptor: BfvDecryptor, data: bytes) -> NDArray[np.int64]:
    return decryptor.decrypt(ScoreResponse.decode(data).scores)


# ---- the model


def changed_models(digest_checked: bool, trials: int, seed: int) -> Tally:
    """Count how often a changed model is taken by a bureau and gives other scores than the bank's."""
    made, rng, hits = _subject(), generator(seed, "changed-models"), 0
    content, columns = made.encrypted.encode(), np.eye(FIELDS * WIDTH, dtype=np.uint16)
    decryptor = BfvDecryptor(made.key)
    for _ in range(trials):
        try:
            taken = EncryptedModel.decode(changed(content, rng), FIELDS * WIDTH)
            if digest_checked and taken.digest() != made.encrypted.digest():
                continue
            scores = ENGINE.evaluator(taken, made.model.public).evaluate(columns, SystemRandomness())
        except ProtocolError:
            continue
        hits += _differs(decryptor, scores, made.model.weights)
    return Tally(trials, hits)


def _differs(decryptor: BfvDecryptor, scores: EncryptedScores, weights: tuple[int, ...]) -> bool:
    """Tell whether the bank gets other scores; noise beyond bounds shows the change, but not whose doing it is."""
    try:
        return not np.array_equal(decryptor.decrypt(scores), weights)
    except ProtocolError:
        return True


ATTACKS = (
    Attack(
        "mutated-answer",
        f"Somebody changes a byte of an answer, at {POSITIONS} sampled positions, and the bank uses other scores.",
        "the signed envelope, and canaries",
        bare_answers,
        signed_answers,
        few=POSITIONS,
        many=POSITIONS,
        twin_trials=64,
    ),
    Attack(
        "mutated-model",
        f"Somebody changes a byte of a model on its way, at {POSITIONS} sampled positions, and all scores are wrong.",
        "the digest that the model is registered and admitted under",
        lambda trials, seed: changed_models(False, trials, seed),
        lambda trials, seed: changed_models(True, trials, seed),
        few=64,
        many=POSITIONS,
        twin_trials=8,
    ),
)
