"""What a peer of the correlated oblivious transfer may not send, and what it costs one that cheats."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from protocols.errors import PeerProtocolError
from protocols.primitives.oblivious_transfer.base_ot import answer
from protocols.primitives.oblivious_transfer.messages import BaseRequest, Extension
from protocols.primitives.oblivious_transfer.ot_extension import CorrelatedOtSender
from tests.support import oblivious_transfer_reference as reference
from tests.support import ristretto_reference as group
from tests.support.oblivious_transfer import DELTA, choices_of, flipped, seeded, sides, waiting

VECTORS = Path(__file__).parents[2] / "vectors/psi/rfc9496_ristretto255.json"
RFC9496: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
# RFC 9496, appendix A.2, and what it does not list: the identity; the curve's points of order 2, 4 and 8 in the form
# of Ed25519; a valid element with the topmost bit set, which libsodium would ignore.
BAD_ELEMENTS = {
    **{
        f"{kind} {place}": encoded
        for kind, listed in RFC9496["invalid"].items()
        for place, encoded in enumerate(listed)
    },
    "identity": "00" * 32,
    "order 2": "ec" + "ff" * 30 + "7f",
    "order 4": "00" * 31 + "80",
    "order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "topmost bit": RFC9496["multiples"]["2"][:-2] + f"{int(RFC9496['multiples']['2'][-2:], 16) | 0x80:02x}",
}
COUNT = 200
BLOCKS = 3
COLUMN = 16 * BLOCKS
COLUMNS_AT = 1 + 128 * 32
HASHES_AT = COLUMNS_AT + 128 * COLUMN
ONES = [index for index in range(128) if int(DELTA[index // 64]) >> index % 64 & 1]
ZEROS = sorted(set(range(128)) - set(ONES))


@cache
def _honest() -> bytes:
    """Return the extension that every sender of these tests waits for."""
    return waiting(choices_of(COUNT))[1]


def _waiting() -> CorrelatedOtSender:
    sender, _ = sides(choices_of(COUNT))
    assert sender.start() == (_request(),)
    return sender


def _refused_for_good(extension: bytes, match: str) -> None:
    sender = _waiting()
    with pytest.raises(PeerProtocolError, match=match):
        sender.receive(extension)
    assert sender.outcome() is None
    with pytest.raises(PeerProtocolError, match="BROKEN"):
        sender.receive(_honest())
    assert sender.outcome() is None


def _accepted(extension: bytes) -> bool:
    sender = _waiting()
    try:
        sender.receive(extension)
    except PeerProtocolError:
        return False
    return True


@cache
def _request() -> bytes:
    sender, _ = sides(choices_of(COUNT))
    (request,) = sender.start()
    return request


@pytest.mark.parametrize("change", ["type", "short", "long", "empty"])
def test_messages_have_one_form(change: str) -> None:
    def changed(data: bytes) -> bytes:
        return {"type": flipped(data, 0, 3), "short": data[:-1], "long": data + b"\0", "empty": b""}[change]

    extension = _honest()
    _refused_for_good(changed(extension), r"another kind|truncated|trailing")
    _, receiver = sides(choices_of(COUNT))
    receiver.start()
    request = _request()
    with pytest.raises(PeerProtocolError, match=r"another kind|truncated|trailing"):
        receiver.receive(changed(request))
    with pytest.raises(PeerProtocolError, match="BROKEN"):
        receiver.receive(request)
    assert receiver.outcome() is None


@pytest.mark.parametrize("bad", BAD_ELEMENTS.values(), ids=BAD_ELEMENTS.keys())
def test_false_elements_are_refused_on_both_sides(bad: str) -> None:
    element = bytes.fromhex(bad)
    extension = _honest()
    for place in (0, 127):
        at = 1 + 32 * place
        _refused_for_good(extension[:at] + element + extension[at + 32 :], "group element")
    request = _request()
    for place in (0, 255):
        at = 1 + 32 * place
        _, receiver = sides(choices_of(COUNT))
        receiver.start()
        with pytest.raises(PeerProtocolError, match="group element"):
            receiver.receive(request[:at] + element + request[at + 32 :])
        assert receiver.outcome() is None


@pytest.mark.parametrize("choice", [0, 1])
def test_a_pair_that_opens_to_the_identity_is_refused(choice: int) -> None:
    request = _request()
    first = request[1:33]
    own = group.encode(reference.negate(reference.mask(b"", choice, first)))
    pair = first + own if choice else own + first
    _, receiver = sides(choices_of(COUNT))
    receiver.start()
    with pytest.raises(PeerProtocolError, match="identity"):
        receiver.receive(request[:1] + pair + request[65:])


def test_another_valid_element_is_found_by_the_check() -> None:
    extension = _honest()
    other = bytes.fromhex(RFC9496["multiples"]["5"])
    _refused_for_good(extension[:1] + other + extension[33:], "same choices")


def test_another_count_or_session_does_not_fit() -> None:
    for count, session in ((COUNT + 1, b""), (COUNT, b"another run")):
        sender, _ = sides(choices_of(COUNT))
        _, receiver = sides(choices_of(count), session=session)
        receiver.start()
        (request,) = sender.start()
        (extension,) = receiver.receive(request)
        with pytest.raises(PeerProtocolError, match="same choices"):
            sender.receive(extension)


def test_an_extension_of_another_run_does_not_fit() -> None:
    _, receiver = sides(choices_of(COUNT), seed=b"another")
    sender, _ = sides(choices_of(COUNT), seed=b"another")
    receiver.start()
    (request,) = sender.start()
    (replayed,) = receiver.receive(request)
    _refused_for_good(replayed, "same choices")


@pytest.mark.parametrize("at", [0, 15, 16, 16 + 127 * 16, 128 * 16 + 15])
def test_a_changed_hash_is_refused(at: int) -> None:
    extension = _honest()
    _refused_for_good(flipped(extension, HASHES_AT + at), "same choices")


@pytest.mark.parametrize("byte", [0, COUNT // 8 - 1, COLUMN - 1])
def test_a_row_with_another_choice_in_all_columns_is_refused_unless_the_hash_knows(byte: int) -> None:
    extension = _honest()
    for column in range(128):
        extension = flipped(extension, COLUMNS_AT + column * COLUMN + byte, 0x80)
    _refused_for_good(extension, "same choices")


def test_a_column_with_another_choice_is_found_where_deltas_bit_is_one() -> None:
    """Selective failure: a forger that makes its hashes anew for columns it changed learns Δ's bit, or is caught."""
    assert _forged({}) == _honest()
    for column in (*ONES[:3], *ZEROS[:3], ONES[-1], ZEROS[-1]):
        forged = _forged({column: 5})
        assert _accepted(forged) == (column in ZEROS)


def test_a_guess_at_many_bits_is_right_as_a_whole_or_ends_the_run() -> None:
    assert _accepted(_forged(dict.fromkeys(ZEROS, 7)))
    _refused_for_good(_forged(dict.fromkeys([*ZEROS, ONES[40]], 7)), "same choices")
    assert _accepted(_forged(dict.fromkeys(ONES, 7), guess=ONES))
    wrong = [*ONES, ZEROS[0]]
    _refused_for_good(_forged(dict.fromkeys(wrong, 7), guess=wrong), "same choices")


def test_differences_in_the_rows_that_are_dropped_are_found_too() -> None:
    for row in (COUNT, 8 * COLUMN - 1):
        assert not _accepted(_forged({ONES[0]: row}))


def test_messages_decode_to_what_was_encoded() -> None:
    request = BaseRequest(_request()[1:])
    assert BaseRequest.decode(request.encode()) == request
    extension = _honest()
    assert Extension.decode(extension, BLOCKS).encode() == extension


def _forged(changes: dict[int, int], guess: Iterable[int] = ()) -> bytes:
    """Return the extension of a cheat that flips a row in some columns and guesses that Δ has ones in ``guess``."""
    honest, request = _honest(), _request()[1:]
    reply = honest[1:COLUMNS_AT]
    keys = answer(request, b"", seeded(b"seed", "receiver")).keys
    own = [reference.stream(first, COLUMN) for first, _ in keys]
    sent = [honest[at : at + COLUMN] for at in range(COLUMNS_AT, HASHES_AT, COLUMN)]
    filled = reference.exclusive_or(sent[0], own[0], reference.stream(keys[0][1], COLUMN))
    errors = {column: (1 << row).to_bytes(COLUMN, "little") for column, row in changes.items()}
    for column, error in errors.items():
        sent[column] = reference.exclusive_or(sent[column], error)
    weights = reference.weights(b"", COUNT, request, reply, b"".join(sent))
    hashed = [filled] + [reference.exclusive_or(own[i], errors[i]) if i in guess else own[i] for i in range(128)]
    hashes = [reference.column_hash(column, weights).to_bytes(16, "little") for column in hashed]
    return b"\x02" + b"".join((reply, *sent, *hashes))
