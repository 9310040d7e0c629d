"""Intersection over a vector OLE against parties that do anything: exact, deviations refused, overfitting charged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.psi_data import make_lists
from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.blocks import Blocks, encode_blocks
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.primitives.vole.silent import CORRECTIONS
from protocols.psi.vole import hashes
from protocols.psi.vole.buckets import BucketPlan, charged_in_buckets
from protocols.psi.vole.items import pack
from protocols.psi.vole.messages import (
    CoinCommitment,
    CoinOpening,
    CoinShare,
    Message,
    VoleFrame,
    decode_message,
)
from protocols.psi.vole.parameters import (
    VoleIntersectionParameters,
    charged_codes,
    overfitting_limit,
)
from protocols.psi.vole.receiver import VoleIntersectionReceiver
from protocols.psi.vole.sender import VoleIntersectionSender
from protocols.psi.vole.table import EncodedTable, rows_of
from protocols.psi.vole.table_core import positions
from protocols.psi.vole.table_shape import TableShape
from tests.support.psi_vole import pair, run

Codes = NDArray[np.bytes_]
CURIOUS, MALICIOUS = SecurityProfile
LISTS = make_lists(300, 400, 0.5, 5)
PARAMETERS = VoleIntersectionParameters.for_counts(300, 400, bytes(range(32)), MALICIOUS)


# ---- exact


def check(own: Codes, other: Codes, seed: bytes = b"seed", *, ideal: bool = True) -> None:
    sizes = max(1, len(own)), max(1, len(other))
    parameters = VoleIntersectionParameters.for_counts(*sizes, seed.ljust(32, b"."), MALICIOUS)
    receiver, sender = pair(pack(own), pack(other), parameters, seed, ideal=ideal)
    run(receiver, sender)
    assert (receiver.result() == np.isin(own, other)).all()
    assert sender.result() == parameters.receiver_size


@pytest.mark.parametrize("ideal", [True, False], ids=["dealt", "silent"])
@pytest.mark.parametrize(
    ("size", "other"), [(1, 1), (1, 3), (2, 2), (3, 1), (100, 100), (6789, 7890), (7890, 6789)], ids=str
)
def test_sizes(size: int, other: int, ideal: bool) -> None:
    for number, match in enumerate((0.0, 0.5, 1.0)):
        lists = make_lists(size, other, match, number)
        check(lists.portfolio, lists.listed, bytes([number + 1]), ideal=ideal)


@pytest.mark.parametrize(("size", "other"), [(2**16 - 1, 2**16 + 1), (2**16 + 1, 2**16 - 1)])
def test_sizes_around_a_power_of_two(size: int, other: int) -> None:
    lists = make_lists(size, other, 0.5, 16)
    check(lists.portfolio, lists.listed, ideal=False)


def test_equal_contained_disjoint_and_empty() -> None:
    lists = make_lists(500, 500, 0.0, 1)
    none = np.empty(0, lists.portfolio.dtype)
    for own, other in (
        (lists.portfolio, lists.portfolio),
        (lists.portfolio[:100], lists.portfolio),
        (lists.portfolio, lists.portfolio[:100]),
        (lists.portfolio, lists.listed),
        (lists.portfolio, none),
        (none, lists.listed),
    ):
        check(own, other)


def test_work_ahead_of_the_coin_changes_nothing() -> None:
    receiver, sender = machines()

    def change(side: str, message: Message) -> Message:
        if isinstance(message, CoinOpening):
            receiver.work_ahead()
            receiver.work_ahead()
        return message

    run(receiver, sender, change)
    assert (receiver.result() == np.isin(LISTS.portfolio, LISTS.listed)).all()


# ---- hashes and sizes


def test_values_and_tags_are_those_of_sha_256() -> None:
    items, opened = pack(LISTS.portfolio), pack(LISTS.listed[:300])
    value, tag = PARAMETERS.key("value"), PARAMETERS.key("tag")
    values, tags = hashes.values(PARAMETERS, items), hashes.tags(PARAMETERS, opened, items)
    for row in (0, 7, 299):
        x, z = encode_blocks(items[row]), encode_blocks(opened[row])
        assert encode_blocks(values[row]) == hashlib.sha256(value + x).digest()[:16]
        assert encode_blocks(tags[row]) == hashlib.sha256(tag + z + x).digest()[:16]


def test_tags_have_kappa_bits_and_runs_of_profiles_other_names() -> None:
    curious = replace(PARAMETERS, security=CURIOUS)
    assert PARAMETERS.tag_bytes == 16
    assert curious.tag_bytes < 16
    assert PARAMETERS.run != curious.run


# ---- messages


def machines(
    parameters: VoleIntersectionParameters = PARAMETERS,
) -> tuple[VoleIntersectionReceiver, VoleIntersectionSender]:
    return pair(pack(LISTS.portfolio), pack(LISTS.listed), parameters, b"seed")


def conversation() -> list[tuple[str, Message]]:
    said: list[tuple[str, Message]] = []

    def keep(side: str, message: Message) -> Message:
        said.append((side, message))
        return message

    run(*machines(), keep)
    return said


SAID = conversation()
PLACES = range(len(SAID))


def test_the_order_of_messages() -> None:
    assert [(side[0], type(message).__name__) for side, message in SAID] == [
        ("s", "CoinCommitment"),
        ("s", "VoleFrame"),  # request of the transfers
        ("r", "VoleFrame"),
        ("s", "VoleFrame"),  # corrections
        ("r", "VoleFrame"),  # challenge
        ("s", "VoleFrame"),  # proof
        ("r", "CoinShare"),
        ("r", "MaskedTable"),
        ("s", "CoinOpening"),
        ("s", "TagList"),
    ]


def changed_at(place: int, change: Callable[[Message], Message]) -> Callable[[str, Message], Message]:
    numbers = iter(PLACES)
    return lambda _side, message: change(message) if next(numbers, None) == place else message


@pytest.mark.parametrize("place", PLACES)
def test_bytes_that_are_no_message(place: int) -> None:
    encoded = SAID[place][1].encode()
    for broken in (encoded[:-1], encoded + b"\x00", b"", encoded[:5], b"\x09" + encoded[1:]):
        with pytest.raises(PeerProtocolError):
            decode_message(broken)


@pytest.mark.parametrize("place", PLACES)
def test_a_message_of_another_run(place: int) -> None:
    with pytest.raises(PeerProtocolError, match="another run"):
        run(*machines(), changed_at(place, lambda message: replace(message, run=bytes(16))))


FRAMES, OTHERS = range(1, 6), (0, 6, 7, 8, 9)


@pytest.mark.parametrize(("place", "other"), [*permutations(OTHERS, 2), *product(FRAMES, OTHERS)])
def test_a_message_in_the_place_of_another(place: int, other: int) -> None:
    """Refused, or what should have come is missing: there is no result either way."""
    receiver, sender = machines()
    with suppress(PeerProtocolError):
        run(receiver, sender, changed_at(place, lambda _: SAID[other][1]))
    with pytest.raises(LocalProtocolError):
        receiver.result()


@pytest.mark.parametrize("place", PLACES)
def test_a_message_that_comes_twice_ends_the_run(place: int) -> None:
    receiver, sender = machines()
    receiver.start()
    sender.start()
    for number, (side, message) in enumerate(SAID):
        machine = sender if side == "receiver" else receiver
        machine.receive(message)
        if number == place:
            for again in (message, SAID[-1][1], SAID[7][1]):
                with pytest.raises(PeerProtocolError):
                    machine.receive(again)
            return


@pytest.mark.parametrize("place", PLACES)
def test_a_peer_that_stops(place: int) -> None:
    receiver, sender = machines()
    receiver.start()
    sender.start()
    for side, message in SAID[:place]:
        (sender if side == "receiver" else receiver).receive(message)
    with pytest.raises(LocalProtocolError):
        receiver.result()


# ---- deviations


def test_a_share_that_is_not_the_one_committed_to() -> None:
    receiver, sender = machines()

    def change(side: str, message: Message) -> Message:
        return replace(message, share=bytes(16)) if isinstance(message, CoinOpening) else message

    with pytest.raises(PeerProtocolError, match="not the one it committed to"):
        run(receiver, sender, change)
    with pytest.raises(PeerProtocolError):
        receiver.receive(SAID[8][1])
    with pytest.raises(LocalProtocolError):
        receiver.result()


def test_the_table_waits_for_the_commitment() -> None:
    """A sender that could choose its share after it has seen the receiver's would choose w."""
    receiver, _ = pair(pack(LISTS.portfolio), pack(LISTS.listed), PARAMETERS, b"seed", ideal=True)
    assert receiver.start() == ()
    answers = receiver.receive(CoinCommitment(PARAMETERS.run, bytes(32)))
    assert [type(answer).__name__ for answer in answers] == ["CoinShare", "MaskedTable"]


@pytest.mark.parametrize("missing", [CoinShare, CoinOpening])
def test_a_coin_with_a_side_that_names_no_share(missing: type[Message]) -> None:
    receiver, sender = machines()
    receiver.start()
    sender.start()
    refused: list[str] = []
    for side, message in SAID:
        if isinstance(message, missing):
            continue
        try:
            (sender if side == "receiver" else receiver).receive(message)
        except PeerProtocolError as fault:
            refused.append(str(fault))
    expected = "came without a share of the coin" if missing is CoinShare else "came before the coin was opened"
    assert [fault for fault in refused if fault.endswith(expected)]
    with pytest.raises(LocalProtocolError):
        (sender if missing is CoinShare else receiver).result()


def test_there_is_no_coin_among_those_who_follow_the_protocol() -> None:
    parameters = replace(PARAMETERS, security=CURIOUS)
    for message in (CoinCommitment(parameters.run, bytes(32)), CoinOpening(parameters.run, bytes(16))):
        receiver, _ = machines(parameters)
        receiver.start()
        with pytest.raises(PeerProtocolError):
            receiver.receive(message)
    _, sender = machines(parameters)
    sender.start()
    with pytest.raises(PeerProtocolError):
        sender.receive(CoinShare(parameters.run, bytes(16)))


def test_sides_of_different_profiles_are_in_different_runs() -> None:
    receiver, _ = machines()
    _, sender = machines(replace(PARAMETERS, security=CURIOUS))
    with pytest.raises(PeerProtocolError, match="another run"):
        run(receiver, sender)


def test_false_corrections_of_the_vector_ole_never_meet_a_table() -> None:
    """Both sums of every level of every tree: none of the guesses at a position is right."""
    receiver, sender = machines()
    tables: list[Message] = []

    def change(side: str, message: Message) -> Message:
        if side == "receiver" and not isinstance(message, VoleFrame):
            tables.append(message)
        if side == "sender" and isinstance(message, VoleFrame) and message.payload[:1] == CORRECTIONS:
            return replace(message, payload=CORRECTIONS + bytes(byte ^ 1 for byte in message.payload[1:]))
        return message

    with pytest.raises(PeerProtocolError, match="check of the vector OLE failed"):
        run(receiver, sender, change)
    assert tables == []


def test_shares_and_commitments_of_another_length() -> None:
    for kind, wrong in ((CoinCommitment, 31), (CoinShare, 15), (CoinOpening, 17)):
        with pytest.raises(ParameterError):
            kind(PARAMETERS.run, bytes(wrong))


# ---- a receiver that fits more into its table than it says


def overfitted(candidates: Blocks, values: Blocks, shape: TableShape, seed: bytes) -> tuple[list[int], Blocks]:
    """Return which of the candidates one table can hold, found by elimination, and the table."""
    rows = rows_of(candidates, shape, seed)
    basis: dict[int, tuple[int, int]] = {}
    fitted = []
    for number, where in enumerate(positions(rows.places, shape).tolist()):
        row = sum(1 << place for place in where) | int(rows.dense[number]) << shape.sparse
        value = int(values[number, 0]) | int(values[number, 1]) << 64
        while row and row.bit_length() - 1 in basis:
            known = basis[row.bit_length() - 1]
            row, value = row ^ known[0], value ^ known[1]
        if row:
            basis[row.bit_length() - 1] = row, value
            fitted.append(number)
    table = [0] * shape.size
    for place in sorted(basis):
        row, value = basis[place]
        for other in range(place):
            if row >> other & 1:
                value ^= table[other]
        table[place] = value
    return fitted, np.array([[block & (2**64 - 1), block >> 64] for block in table], np.uint64)


def test_an_overfitting_receiver_tests_as_many_codes_as_it_is_charged_for() -> None:
    """It shows a set of 64 and learns of 422 codes: every row meets all thirds, so two blocks are lost."""
    padded = 64
    parameters = VoleIntersectionParameters(padded, 1_024, bytes(32), security=MALICIOUS)
    lists = make_lists(1_500, 1_000, 0.5, 8)
    candidates, seed = pack(lists.portfolio), bytes(16)
    fitted, blocks = overfitted(candidates, hashes.values(parameters, candidates), parameters.shape, seed)
    receiver, sender = pair(candidates[:1], pack(lists.listed), parameters, b"seed")
    started: list[bool] = []

    def cheat(side: str, message: Message) -> Message:
        if not started:  # after the start, before anything is answered
            started.append(True)
            receiver._items = candidates[fitted]
            receiver._table = EncodedTable(seed, blocks, 0)
        return message

    run(receiver, sender, cheat)
    assert (receiver.result() == np.isin(lists.portfolio[fitted], lists.listed)).all()
    assert len(fitted) == parameters.shape.size - 2
    assert padded < len(fitted) <= charged_codes(MALICIOUS, padded) == parameters.shape.size


@pytest.mark.parametrize("padded", [1, 64, 1_024, 2**20, 2**24])
def test_the_charge_is_the_table_and_no_table_holds_much_more(padded: int) -> None:
    size = VoleIntersectionParameters(padded, 1, bytes(32), security=MALICIOUS).shape.size
    assert charged_codes(MALICIOUS, padded) == size
    assert charged_codes(CURIOUS, padded) == padded
    assert size <= overfitting_limit(size, 27) <= 1.25 * size + 8
    assert overfitting_limit(size, 27) <= overfitting_limit(size) <= 2 * size


def test_a_set_in_buckets_is_charged_bucket_by_bucket() -> None:
    assert charged_in_buckets(None, 1_000, 4) == charged_in_buckets(CURIOUS, 1_000, 4) == 1_000
    plan = BucketPlan(9_000, 9_000, 4, bytes(32), MALICIOUS)
    assert charged_in_buckets(MALICIOUS, 9_000, 4) == 4 * plan.parameters(bytes(32)).shape.size
    assert charged_in_buckets(MALICIOUS, 1_000, 0) == charged_codes(MALICIOUS, 1_000)
