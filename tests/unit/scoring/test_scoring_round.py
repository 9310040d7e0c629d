"""One round between bank and bureau in memory: what passes, what is refused, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from protocols.errors import (
    CanaryMismatchError,
    LocalProtocolError,
    ParameterError,
    PeerProtocolError,
    ScoreRangeError,
)
from protocols.primitives.bfv_profile import BFV_8192_1
from protocols.randomness import SystemRandomness
from protocols.scoring import reference
from protocols.scoring.bank import BANK_TRANSITIONS, BankState, ScoreRequester, draw_below
from protocols.scoring.bureau import BUREAU_TRANSITIONS, BureauState, ScoreResponder
from protocols.scoring.engine import EncryptedScores
from protocols.scoring.engines import ENGINES
from protocols.scoring.messages import MAX_CANARIES, ScoreRequest, ScoreResponse
from protocols.scoring.model import SecretModel
from tests.support.scoring_models import (
    BINDING,
    MODEL,
    PUBLIC,
    answered,
    asked,
    features,
    seeded,
    setting,
    standard,
)

ROWS = 24
FEATURES = features(ROWS)
COLUMNS = PUBLIC.columns(FEATURES)
EXPECTED = reference.scores(MODEL, FEATURES)
PRIME = BFV_8192_1.response_prime


@pytest.fixture
def bank() -> ScoreRequester:
    return asked(standard("bfv"), ROWS)


@pytest.fixture
def bureau() -> ScoreResponder:
    return ScoreResponder(standard("bfv").evaluator, COLUMNS, BINDING, SystemRandomness())


def keep_all() -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(ROWS, dtype=np.bool_)


def test_a_round_gives_the_oracle_s_integers_through_the_wire(bank: ScoreRequester, bureau: ScoreResponder) -> None:
    (request,) = bank.start()
    assert bureau.start() == ()
    assert bureau.receive(ScoreRequest.decode(request.encode())) == ()
    response = bureau.release(keep_all())
    assert bureau.result() is response
    bank.expect(keep_all())
    assert bank.receive(ScoreResponse.decode(response.encode())) == ()
    assert bank.result().tolist() == EXPECTED.tolist()


def test_rows_that_lost_their_consent_are_dropped(bank: ScoreRequester, bureau: ScoreResponder) -> None:
    keep = np.arange(ROWS) % 3 != 0
    bureau.receive(bank.start()[0])
    response = bureau.release(keep)
    bank.expect(keep)
    bank.receive(response)
    assert bank.result().tolist() == EXPECTED[keep].tolist()
    assert response.scores.row_count == keep.sum() + 2


def test_all_rows_may_be_dropped(bank: ScoreRequester, bureau: ScoreResponder) -> None:
    bureau.receive(bank.start()[0])
    bank.expect(~keep_all())
    bank.receive(bureau.release(~keep_all()))
    assert bank.result().size == 0


def test_canaries_are_rows_that_features_could_have_made() -> None:
    (request,) = asked(standard("bfv"), ROWS, MAX_CANARIES).start()
    bins, groups, linear = request.canaries[:5], request.canaries[5:9], request.canaries[9:]
    assert np.all(bins.sum(axis=0) == 1)
    assert np.all(groups.sum(axis=0) == 1)
    assert np.all((linear[1] == 0) | (linear[0] == 0))
    assert len({column.tobytes() for column in request.canaries.T}) > MAX_CANARIES // 2


def test_canaries_differ_from_round_to_round() -> None:
    first, second = (asked(standard("bfv"), ROWS, 8).start()[0].canaries for _ in range(2))
    assert not np.array_equal(first, second)


def test_draw_below_is_uniform_and_bounded() -> None:
    drawn = [draw_below(seeded("below"), 1)] + [
        draw_below(stream, 5) for stream in [seeded("five")] for _ in range(2000)
    ]
    assert set(drawn) == set(range(5))
    assert max(np.bincount(drawn[1:])) < 480


def tampered(scores: EncryptedScores, row: int, added: int) -> EncryptedScores:
    """Return scores with ``added`` put on top of one row's residue."""
    data = bytearray(scores.rows)
    value = (int.from_bytes(data[6 * row : 6 * row + 6], "little") + added) % PRIME
    data[6 * row : 6 * row + 6] = value.to_bytes(6, "little")
    return replace(scores, rows=bytes(data))


def opened(bank: ScoreRequester, change: Callable[[ScoreResponse], ScoreResponse]) -> None:
    response = answered(bank, standard("bfv"), COLUMNS)
    bank.expect(keep_all())
    bank.receive(change(response))


def test_a_wrong_canary_is_found(bank: ScoreRequester) -> None:
    one = PRIME // 2**32
    with pytest.raises(CanaryMismatchError):
        opened(bank, lambda message: replace(message, scores=tampered(message.scores, ROWS + 1, one)))
    with pytest.raises(LocalProtocolError):
        bank.result()


def test_a_score_outside_the_model_s_range_is_found(bank: ScoreRequester) -> None:
    far = (MODEL.score_high - MODEL.score_low + 1) * PRIME // 2**32
    with pytest.raises(ScoreRangeError):
        opened(bank, lambda message: replace(message, scores=tampered(message.scores, 3, far)))
    with pytest.raises(LocalProtocolError):
        bank.result()


def test_noise_that_no_honest_evaluation_leaves_is_found(bank: ScoreRequester) -> None:
    half = PRIME // 2**33
    with pytest.raises(PeerProtocolError, match="noise"):
        opened(bank, lambda message: replace(message, scores=tampered(message.scores, 0, half - 5000)))


def test_columns_in_another_order_are_found() -> None:
    made = standard("bfv")
    swapped = setting("bfv", SecretModel(PUBLIC, (*MODEL.weights[1:], MODEL.weights[0])))
    bank = asked(made, ROWS, 8)
    response = answered(bank, swapped, COLUMNS)
    bank.expect(keep_all())
    with pytest.raises(CanaryMismatchError):
        bank.receive(response)


def test_another_key_is_found() -> None:
    made = standard("bfv")
    stranger = ENGINES["bfv"].decryptor(ENGINES["bfv"].generate(b"\x01" * 32))
    bank = ScoreRequester(MODEL, stranger, BINDING, ROWS, 2, SystemRandomness())
    response = answered(bank, made, COLUMNS)
    bank.expect(keep_all())
    with pytest.raises(PeerProtocolError, match="noise"):
        bank.receive(response)


def without_canary(message: ScoreResponse) -> ScoreResponse:
    keep = np.ones(message.scores.row_count, dtype=np.bool_)
    keep[-1] = False
    return replace(message, scores=message.scores.select(keep))


def without_row(message: ScoreResponse) -> ScoreResponse:
    keep = np.ones(message.scores.row_count, dtype=np.bool_)
    keep[0] = False
    return replace(message, scores=message.scores.select(keep))


def of_other_profile(message: ScoreResponse) -> ScoreResponse:
    count = message.scores.evaluated
    return replace(message, scores=EncryptedScores.of_all("paillier-3072-1", count, b"", bytes(768 * count)))


def of_more_rows(message: ScoreResponse) -> ScoreResponse:
    scores = message.scores
    more = EncryptedScores.of_all(scores.profile, scores.evaluated + 1, scores.shared, scores.rows + bytes(6))
    return replace(message, scores=more)


def not_encrypted(message: ScoreResponse) -> ScoreResponse:
    return replace(message, scores=replace(message.scores, shared=bytes(len(message.scores.shared))))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda message: replace(message, binding=bytes(32)), "another round"),
        (without_canary, "lacks a canary"),
        (without_row, "not refused"),
        (of_other_profile, "another profile"),
        (of_more_rows, "number of rows"),
        (not_encrypted, "not encrypted"),
    ],
)
def test_a_response_that_does_not_fit_is_refused(
    change: Callable[[ScoreResponse], ScoreResponse], words: str, bank: ScoreRequester
) -> None:
    with pytest.raises(PeerProtocolError, match=words):
        opened(bank, change)
    with pytest.raises(LocalProtocolError):
        bank.result()


def test_the_right_number_of_the_wrong_rows_is_refused(bank: ScoreRequester, bureau: ScoreResponder) -> None:
    keep, other = keep_all(), keep_all()
    keep[0], other[1] = False, False
    bureau.receive(bank.start()[0])
    bank.expect(other)
    with pytest.raises(PeerProtocolError, match="not refused"):
        bank.receive(bureau.release(keep))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ScoreRequest(bytes(32), ROWS, np.zeros((11, 1), dtype=np.uint16)), "another round"),
        (ScoreRequest(BINDING, ROWS - 1, np.zeros((11, 1), dtype=np.uint16)), "number of rows"),
        (ScoreRequest(BINDING, ROWS, np.zeros((10, 1), dtype=np.uint16)), "do not fit the model"),
        (ScoreRequest(BINDING, ROWS, np.full((11, 1), 2, dtype=np.uint16)), "maximum"),
    ],
)
def test_a_request_that_does_not_fit_is_refused(request_: ScoreRequest, words: str, bureau: ScoreResponder) -> None:
    with pytest.raises(PeerProtocolError, match=words):
        bureau.receive(request_)
    with pytest.raises(LocalProtocolError):
        bureau.release(keep_all())


def test_canaries_beyond_one_evaluation_are_refused() -> None:
    table = np.zeros((11, 8192), dtype=np.uint16)
    bureau = ScoreResponder(standard("bfv").evaluator, table, BINDING, SystemRandomness())
    with pytest.raises(PeerProtocolError, match="one evaluation"):
        bureau.receive(ScoreRequest(BINDING, 8192, np.zeros((11, 1), dtype=np.uint16)))


def test_the_bank_s_steps_have_one_order(bank: ScoreRequester, bureau: ScoreResponder) -> None:
    bureau.receive(asked(standard("bfv"), ROWS).start()[0])
    response = bureau.release(keep_all())
    with pytest.raises(LocalProtocolError):
        bank.result()
    with pytest.raises(PeerProtocolError):
        bank.receive(response)
    with pytest.raises(LocalProtocolError):
        bank.expect(keep_all())
    bank.start()
    with pytest.raises(LocalProtocolError):
        bank.start()


def test_the_bureau_answers_once(bank: ScoreRequester, bureau: ScoreResponder) -> None:
    (request,) = bank.start()
    with pytest.raises(LocalProtocolError):
        bureau.release(keep_all())
    bureau.receive(request)
    with pytest.raises(LocalProtocolError):
        bureau.result()
    with pytest.raises(PeerProtocolError):
        bureau.receive(request)
    with pytest.raises(ParameterError):
        bureau.release(keep_all()[1:])
    bureau.release(keep_all())
    with pytest.raises(LocalProtocolError):
        bureau.release(keep_all())


@pytest.mark.parametrize(("rows", "canaries"), [(0, 1), (8192, 1), (1, 0), (1, MAX_CANARIES + 1)])
def test_rows_and_canaries_that_do_not_fit_are_refused(rows: int, canaries: int) -> None:
    with pytest.raises(ParameterError):
        asked(standard("bfv"), rows, canaries)


@pytest.mark.parametrize("kept", [np.ones(ROWS - 1, np.bool_), np.ones(ROWS + 1, np.bool_), np.ones(ROWS, np.int64)])
def test_expecting_what_was_not_asked_is_refused(kept: np.ndarray[Any, Any], bank: ScoreRequester) -> None:
    bank.start()
    with pytest.raises(ParameterError):
        bank.expect(kept)


def test_no_transition_leaves_a_failed_state() -> None:
    assert all(state is not BankState.FAILED for state, _ in BANK_TRANSITIONS.table)
    assert all(state is not BureauState.FAILED for state, _ in BUREAU_TRANSITIONS.table)
