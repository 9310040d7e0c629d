"""The base transfers: one key of each pair, never the other."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.errors import LocalProtocolError, PeerProtocolError
from protocols.primitives.oblivious_transfer.base_ot import BaseOtReceiver, answer
from protocols.randomness import SystemRandomness
from tests.support.oblivious_transfer import choices_of, seeded

SESSION = b"a run"


def _receiver(choices: np.ndarray[tuple[int], np.dtype[np.bool_]], session: bytes = SESSION) -> BaseOtReceiver:
    return BaseOtReceiver(choices, session, seeded(b"base", "receiver"))


def test_the_chosen_key_is_known_and_all_256_differ() -> None:
    choices = choices_of(128)
    receiver = _receiver(choices)
    keys = answer(receiver.request, SESSION, SystemRandomness())
    chosen = receiver.keys(keys.reply)
    assert chosen == tuple(pair[int(choice)] for pair, choice in zip(keys.keys, choices, strict=True))
    assert len({key for pair in keys.keys for key in pair}) == 256
    assert len(keys.reply) == 128 * 32
    assert len(receiver.request) == 256 * 32


def test_the_same_element_in_every_transfer_gives_other_keys() -> None:
    """A batch whose transfers are not told apart gives equal keys to equal requests (eprint 2021/682)."""
    receiver = _receiver(choices_of(128))
    keys = answer(receiver.request[:64] * 128, SESSION, SystemRandomness())
    assert len({key for pair in keys.keys for key in pair}) == 256


def test_equal_randomness_on_both_positions_of_one_element_gives_other_keys() -> None:
    element = _receiver(choices_of(128)).request[:32]
    keys = answer(element * 256, SESSION, SystemRandomness())
    assert len({key for pair in keys.keys for key in pair}) == 256


def test_keys_belong_to_one_session() -> None:
    choices = choices_of(128)
    receiver = _receiver(choices)
    keys = answer(receiver.request, b"another", SystemRandomness())
    known = {key for pair in keys.keys for key in pair}
    assert not known & set(receiver.keys(keys.reply))


def test_the_choices_move_the_drawn_element_and_nothing_else_that_shows() -> None:
    ones, zeros = (_receiver(np.full(128, choice)).request for choice in (True, False))
    for at in range(0, len(ones), 64):
        assert ones[at : at + 32] == zeros[at + 32 : at + 64]  # drawn from the same bytes
        assert ones[at + 32 : at + 64] != zeros[at : at + 32]  # masked for another position


def test_choices_are_128_booleans() -> None:
    for choices in (np.zeros(127, np.bool_), np.zeros(128, np.uint8), np.zeros((128, 1), np.bool_)):
        with pytest.raises(LocalProtocolError, match="128 choices"):
            BaseOtReceiver(choices, SESSION, SystemRandomness())  # type: ignore[arg-type]


def test_lengths_are_exact() -> None:
    receiver = _receiver(choices_of(128))
    keys = answer(receiver.request, SESSION, SystemRandomness())
    for request in (receiver.request[:-32], receiver.request + receiver.request[:32], b""):
        with pytest.raises(PeerProtocolError, match="8192 bytes"):
            answer(request, SESSION, SystemRandomness())
    for reply in (keys.reply[:-1], keys.reply + keys.reply[:32], b""):
        with pytest.raises(PeerProtocolError, match="4096 bytes"):
            receiver.keys(reply)


def test_nothing_secret_is_shown() -> None:
    receiver = _receiver(choices_of(128))
    assert repr(receiver) == "BaseOtReceiver(<redacted>)"
    assert "reply" not in repr(answer(receiver.request, SESSION, SystemRandomness()))
