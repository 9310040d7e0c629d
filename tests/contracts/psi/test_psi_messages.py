"""What every codec of this protocol owes: round trip, size, canonical form, refusal of everything else."""

from __future__ import annotations

import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.primitives.ristretto import Point
from protocols.psi.messages import MAXIMUM_BATCH, BlindedBatch, EvaluatedBatch
from protocols.psi.oprf import hash_to_group

Batch = type[BlindedBatch] | type[EvaluatedBatch]
ELEMENTS = tuple(hash_to_group(bytes([index])) for index in range(3))

pytestmark = pytest.mark.parametrize("batch", [BlindedBatch, EvaluatedBatch])


def test_round_trip_size_and_canonical_form(batch: Batch) -> None:
    message = batch(ELEMENTS)
    encoded = message.encode()
    assert encoded == b"".join(element.encoded for element in ELEMENTS)
    assert len(encoded) == 3 * 32
    assert batch.decode(encoded) == message
    assert batch.decode(encoded).encode() == encoded


def test_every_truncation_and_every_trailing_byte_is_refused(batch: Batch) -> None:
    encoded = batch(ELEMENTS).encode()
    for length in range(len(encoded)):
        if length % 32 or length == 0:
            with pytest.raises(PeerProtocolError):
                batch.decode(encoded[:length])
    for extra in (b"\0", b"\0" * 31):
        with pytest.raises(PeerProtocolError):
            batch.decode(encoded + extra)


def test_the_identity_anywhere_is_refused(batch: Batch) -> None:
    for place in range(3):
        parts = [element.encoded for element in ELEMENTS]
        parts[place] = bytes(32)
        with pytest.raises(PeerProtocolError, match="identity"):
            batch.decode(b"".join(parts))


def test_an_encoding_that_is_not_canonical_is_refused(batch: Batch) -> None:
    first = int.from_bytes(ELEMENTS[0].encoded, "little")
    for other in (first + 2**255, 2**255 - 19, 2**256 - 1, 2**255 - 19 - first):
        with pytest.raises(PeerProtocolError, match="canonically"):
            batch.decode(other.to_bytes(32, "little") + ELEMENTS[1].encoded)


def test_the_largest_batch_is_taken_and_one_more_is_refused(batch: Batch) -> None:
    largest = ELEMENTS[0].encoded * MAXIMUM_BATCH
    assert len(batch.decode(largest).elements) == MAXIMUM_BATCH
    with pytest.raises(PeerProtocolError, match=r"1\.\.4096"):
        batch.decode(largest + ELEMENTS[0].encoded)


def test_an_oversized_batch_is_refused_before_any_element_is_looked_at(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    monkeypatch.setattr(Point, "__init__", lambda self, encoded: looked.append(encoded))
    monkeypatch.setattr("protocols.psi.batch.decode_check", looked.append)
    with pytest.raises(PeerProtocolError):
        batch.decode(bytes(32) * (MAXIMUM_BATCH + 1))
    assert looked == []


def test_none_is_refused_on_both_ways(batch: Batch) -> None:
    with pytest.raises(PeerProtocolError):
        batch.decode(b"")
    with pytest.raises(ParameterError):
        batch(())
    with pytest.raises(ParameterError):
        batch(ELEMENTS[:1] * (MAXIMUM_BATCH + 1))
