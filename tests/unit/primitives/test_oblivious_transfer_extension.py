"""The correlated oblivious transfer: what it gives, and that an independent peer gives the same byte for byte."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.primitives.oblivious_transfer.bit_matrix import transpose
from protocols.primitives.oblivious_transfer.consistency import universal_hash
from protocols.primitives.oblivious_transfer.ot_extension import (
    MAXIMUM_COUNT,
    CorrelatedOtReceiver,
    CorrelatedOtSender,
)
from protocols.randomness import SystemRandomness, derive_seed
from tests.support import oblivious_transfer_reference as reference
from tests.support.oblivious_transfer import DELTA, choices_of, number, outcomes, run, sides


@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 1000, 40_000])
def test_the_blocks_differ_by_delta_where_the_choice_is_one(count: int) -> None:
    choices = choices_of(count)
    sender, receiver = sides(choices)
    _, extension = run(sender, receiver)
    q, t = outcomes(sender, receiver)
    assert q.shape == t.shape == (count, 2)
    assert ((q ^ t) == np.where(choices[:, None], DELTA, np.uint64(0))).all()
    assert len(extension) == 6_161 + 2_048 * (-(-count // 128) + 1)
    assert len({number(block) for block in t}) == count


@pytest.mark.parametrize("delta", [(0, 0), (1, 0), (0, 2**63), (2**64 - 1, 2**64 - 1)])
@pytest.mark.parametrize("choice", [False, True])
def test_any_delta_and_any_choices_will_do(delta: tuple[int, int], choice: bool) -> None:
    words, choices = np.array(delta, np.uint64), np.full(130, choice)
    sender, receiver = sides(choices, words)
    run(sender, receiver)
    q, t = outcomes(sender, receiver)
    assert ((q ^ t) == choice * words).all()


@pytest.mark.parametrize("count", [5, 300])
def test_an_independent_receiver_sends_the_same_bytes_and_holds_the_same_blocks(count: int) -> None:
    choices = choices_of(count)
    sender, receiver = sides(choices, session=b"a run")
    request, extension = run(sender, receiver)
    _, t = outcomes(sender, receiver)
    seed = derive_seed(b"seed", "receiver")
    assert reference.receive(request, choices.tolist(), seed, b"a run") == (extension, [number(block) for block in t])


@pytest.mark.parametrize("count", [5, 300])
def test_an_independent_sender_sends_the_same_bytes_and_holds_the_same_blocks(count: int) -> None:
    sender, receiver = sides(choices_of(count), session=b"a run")
    request, extension = run(sender, receiver)
    q, _ = outcomes(sender, receiver)
    peer = reference.ReferenceSender(count, number(DELTA), derive_seed(b"seed", "sender"), b"a run")
    assert peer.message == request
    assert peer.finish(extension) == [number(block) for block in q]


def test_a_transcript_is_rebuilt_from_its_seeds_and_from_no_others() -> None:
    choices = choices_of(200)
    first, again, other = (run(*sides(choices, seed=seed)) for seed in (b"one", b"one", b"two"))
    assert first == again
    assert first[0] != other[0]
    assert first[1] != other[1]


def test_messages_say_nothing_that_stays_when_the_randomness_is_fresh() -> None:
    choices = np.zeros(256, np.bool_)
    requests, extensions = [], []
    for _ in range(2):
        sender = CorrelatedOtSender(256, np.zeros(2, np.uint64), SystemRandomness())
        request, extension = run(sender, CorrelatedOtReceiver(choices, SystemRandomness()))
        requests.append({request[at : at + 32] for at in range(1, len(request), 32)})
        extensions.append({extension[at : at + 16] for at in range(1, len(extension), 16)})
    assert not requests[0] & requests[1]
    assert not extensions[0] & extensions[1]
    assert len(requests[0]) == 256
    assert len(extensions[0]) == 128 * 2 + 128 * 3 + 129


def test_rows_that_fill_the_columns_are_random_choices() -> None:
    """The last block of x is what hides its hash: it is fresh, whatever the choices are."""
    hashes = set()
    for seed in (b"one", b"two"):
        _, extension = run(*sides(np.zeros(128, np.bool_), seed=seed))
        hashes.add(extension[-129 * 16 : -128 * 16])
    assert len(hashes) == 2
    assert bytes(16) not in hashes


def _bits(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")


@pytest.mark.parametrize("words", [1, 2, 3, 40])
def test_transposing_puts_every_bit_in_its_place(words: int) -> None:
    columns = np.random.default_rng(words).integers(0, 2**64, (128, words), dtype=np.uint64)
    before = columns.copy()
    assert (_bits(transpose(columns)) == _bits(columns).T).all()
    assert (columns == before).all()


@pytest.mark.parametrize("chunks", [1, 2, 9])
def test_the_universal_hash_is_the_sum_it_is_said_to_be(chunks: int) -> None:
    generator = np.random.default_rng(chunks)
    columns = generator.integers(0, 2**64, (7, 2 * (chunks + 1)), dtype=np.uint64)
    weights = generator.integers(0, 2**64, (chunks, 2), dtype=np.uint64)
    numbers = [number(weight) for weight in weights]
    expected = [reference.column_hash(column.astype("<u8").tobytes(), numbers) for column in columns]
    assert [number(value) for value in universal_hash(columns, weights)] == expected


def test_wrong_use_is_the_callers_fault() -> None:
    randomness = SystemRandomness()
    for count in (0, -1, MAXIMUM_COUNT + 1):
        with pytest.raises(LocalProtocolError, match="transfers"):
            CorrelatedOtSender(count, DELTA, randomness)
    for delta in (DELTA.astype(np.int64), DELTA[:1], np.zeros((2, 2), np.uint64)):
        with pytest.raises(LocalProtocolError, match="64-bit words"):
            CorrelatedOtSender(1, delta, randomness)  # type: ignore[arg-type]
    for choices in (np.zeros(3, np.uint8), np.zeros((3, 1), np.bool_), np.zeros(0, np.bool_)):
        with pytest.raises(LocalProtocolError):
            CorrelatedOtReceiver(choices, randomness)  # type: ignore[arg-type]
    sender, receiver = sides(choices_of(3))
    assert sender.outcome() is None
    assert receiver.outcome() is None
    run(sender, receiver)
    with pytest.raises(LocalProtocolError, match="start"):
        sender.start()
    with pytest.raises(LocalProtocolError, match="start"):
        receiver.start()


def test_messages_out_of_order_are_the_peers_fault() -> None:
    sender, receiver = sides(choices_of(3))
    with pytest.raises(PeerProtocolError, match="NEW"):
        sender.receive(b"")
    with pytest.raises(PeerProtocolError, match="NEW"):
        receiver.receive(b"")
    request, extension = run(sender, receiver)
    q, t = outcomes(sender, receiver)
    with pytest.raises(PeerProtocolError, match="DONE"):
        sender.receive(extension)
    with pytest.raises(PeerProtocolError, match="DONE"):
        receiver.receive(request)
    assert outcomes(sender, receiver)[0] is q
    assert outcomes(sender, receiver)[1] is t


def test_nothing_secret_is_shown_or_pickled() -> None:
    for side in sides(choices_of(3)):
        assert repr(side).endswith("(NEW, 3 transfers)")
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(side)
