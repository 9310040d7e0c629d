"""Many short hashes at once are those of ``hashlib``."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from protocols.errors import ParameterError
from protocols.primitives.sha256 import MAXIMUM_MESSAGE_BYTES, hash_messages


def test_the_vector_of_fips_180_4() -> None:
    """FIPS 180-4, example of a message of one block: "abc"."""
    digest = hash_messages(np.frombuffer(b"abc", np.uint8).reshape(1, 3))
    assert digest.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("length", [0, 1, 17, 54, MAXIMUM_MESSAGE_BYTES])
def test_every_message_hashes_as_hashlib_hashes_it(length: int) -> None:
    messages = np.random.default_rng(length).integers(0, 256, (300, length), dtype=np.uint8)
    assert hash_messages(messages) == b"".join(hashlib.sha256(message.tobytes()).digest() for message in messages)


@pytest.mark.parametrize("count", range(1, 35))
def test_every_number_of_messages_whatever_the_lanes(count: int) -> None:
    messages = np.random.default_rng(count).integers(0, 256, (count, 54), dtype=np.uint8)
    assert hash_messages(messages) == b"".join(hashlib.sha256(message.tobytes()).digest() for message in messages)


def test_no_messages_and_messages_that_do_not_fit() -> None:
    assert hash_messages(np.zeros((0, 54), np.uint8)) == b""
    with pytest.raises(ParameterError, match="at most 55 bytes"):
        hash_messages(np.zeros((1, 56), np.uint8))
