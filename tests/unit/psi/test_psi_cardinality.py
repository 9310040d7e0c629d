"""Counting: exact, with nothing that tells which; and all that has to be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.primitives.ristretto import ORDER
from protocols.psi import batch
from protocols.psi.cardinality.blinding import SEPARATION, raise_inputs, tags_of
from protocols.psi.cardinality.client import CountClient
from protocols.psi.cardinality.messages import (
    MAXIMUM_COUNTED,
    MAXIMUM_LIST,
    TAGS_A_PART,
    BlindedSet,
    EvaluatedSet,
    Message,
    TagPart,
    decode_message,
)
from protocols.psi.cardinality.rules import check_difference, check_size
from protocols.psi.cardinality.server import CountServer
from protocols.psi.oprf import Mode
from protocols.psi.tags import TAG_BYTES
from protocols.randomness import SeededRandomness
from tests.support.given_scalars import GivenScalars
from tests.support.psi_jobs import CONTEXT, SEED, codes, committed

INVALID: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "psi" / "rfc9496_ristretto255.json").read_text()
)["invalid"]
REFUSED = [bytes(32), bytes([1]) + bytes(31), *(bytes.fromhex(each) for group in INVALID.values() for each in group)]


def _seeded(*numbers: int) -> SeededRandomness:
    return SeededRandomness(b"".join(number.to_bytes(4, "big") for number in numbers).ljust(32, b"\x00"))


def _count(inputs: list[bytes], held: list[bytes], seed: int = 0) -> int:
    """Return what the bank learns, over the encodings of all messages."""
    client, server = CountClient(inputs, _seeded(seed, 1)), CountServer(held, len(inputs), _seeded(seed, 2))
    assert server.start() == ()
    (blinded,) = client.start()
    for answer in server.receive(decode_message(blinded.encode())):
        assert client.receive(decode_message(answer.encode())) == ()
    assert server.result() == len(inputs)
    return client.result()


def _answers(inputs: list[bytes], held: list[bytes], seed: int = 0) -> tuple[CountClient, tuple[Message, ...]]:
    """Return a client that waits for its answers, and these."""
    client = CountClient(inputs, _seeded(seed, 1))
    (blinded,) = client.start()
    return client, CountServer(held, len(inputs), _seeded(seed, 2)).receive(blinded)


@pytest.mark.parametrize("seed", range(10))
def test_the_count_is_exact_at_all_overlaps(seed: int) -> None:
    drawn = _seeded(seed, 3).bytes(6)
    mine, held, common = drawn[0] + 1, drawn[1] + 1, min(drawn[2], drawn[0] + 1, drawn[1] + 1)
    inputs = codes(mine)
    standing = codes(common) + codes(held - common, first=10_000)
    assert _count(inputs, standing, seed) == len(set(inputs) & set(standing)) == common


@pytest.mark.parametrize(
    ("inputs", "held"),
    [
        (codes(1), codes(1)),
        (codes(1), codes(1, first=5)),
        (codes(30), codes(30)[::-1]),
        (codes(30), codes(30, first=30)),
        (codes(10), codes(50)),
        (codes(50), codes(10)),
        ([b"A", b"AB", b"a" * 36], [b"AB", b"B", b"A" * 36]),
    ],
    ids=["one held", "one not held", "equal", "disjoint", "contained", "containing", "mixed widths"],
)
def test_the_count_is_exact_at_the_borders(inputs: list[bytes], held: list[bytes]) -> None:
    assert _count(inputs, held) == len(set(inputs) & set(held))


def test_dummies_of_a_commitment_count_for_nothing() -> None:
    given = committed(codes(50))
    assert _count(given.inputs(0, given.padded), codes(20) + codes(100, first=900)) == 20


def test_a_padded_list_over_several_parts_is_counted_exactly() -> None:
    # One tag a part, where the bureau's machine puts 65,536 into one: the client joins parts of any size.
    client, (evaluated, whole) = _answers(codes(20), codes(15))
    assert isinstance(whole, TagPart)
    client.receive(evaluated)
    tags = [whole.tags[at : at + TAG_BYTES] for at in range(0, len(whole.tags), TAG_BYTES)]
    assert len(tags) == whole.total == 1024
    for each in tags:
        with pytest.raises(LocalProtocolError):
            client.result()
        client.receive(TagPart(whole.total, each))
    assert client.result() == 15


def test_the_same_seed_asks_the_same_bytes_and_another_attempt_others() -> None:
    given = committed(codes(5))

    def asked(attempt: int) -> bytes:
        randomness = given.seed.randomness("count", attempt)
        return CountClient(given.inputs(0, given.padded), randomness).start()[0].encode()

    assert asked(0) == asked(0)
    assert set(batch.rows(asked(0)[1:]).view("V32").ravel().tolist()).isdisjoint(
        batch.rows(asked(1)[1:]).view("V32").ravel().tolist()
    )


def test_the_blinded_set_is_all_inputs_under_one_blind_in_another_order() -> None:
    inputs = codes(64)
    (blinded,) = CountClient(inputs, _seeded(1)).start()
    blind = batch.random_scalars(1, _seeded(1))
    ordered = [row.tobytes() for row in raise_inputs(inputs, blind)]
    sent = [row.tobytes() for row in blinded.elements]
    assert sorted(sent) == sorted(ordered)
    assert sent != ordered
    assert sent != sorted(sent)


def test_the_evaluated_set_is_all_elements_under_one_key_in_another_order() -> None:
    inputs = codes(64)
    (blinded,) = CountClient(inputs, _seeded(1)).start()
    evaluated, tags = CountServer(codes(3), 64, _seeded(2)).receive(blinded)
    assert isinstance(evaluated, EvaluatedSet)
    assert isinstance(tags, TagPart)
    key = batch.random_scalars(1, _seeded(2))
    ordered = [row.tobytes() for row in batch.multiply(blinded.elements, key)]
    given = [row.tobytes() for row in evaluated.elements]
    assert sorted(given) == sorted(ordered)
    assert given != ordered  # or the bank could tell which of its elements matched
    published = {tags.tags[at : at + TAG_BYTES] for at in range(0, len(tags.tags), TAG_BYTES)}
    assert published > set(tags_of(raise_inputs(codes(3), key)))


def test_a_count_shares_no_elements_with_the_other_modes() -> None:
    assert SEPARATION not in (Mode.OPRF.hash_to_group, Mode.VOPRF.hash_to_group)
    one = batch.rows((1).to_bytes(32, "little"))
    own = raise_inputs([b"A"], one).tobytes()
    assert own not in {batch.hash_and_multiply([b"A"], mode.hash_to_group, one).tobytes() for mode in Mode}


def test_two_counts_have_two_keys() -> None:
    (blinded,) = CountClient(codes(4), _seeded(1)).start()
    first = CountServer(codes(3), 4, _seeded(2)).receive(blinded)
    second = CountServer(codes(3), 4, _seeded(3)).receive(blinded)
    for left, right in zip(first, second, strict=True):
        assert left != right
    assert isinstance(first[0], EvaluatedSet)
    assert isinstance(second[0], EvaluatedSet)
    both = {row.tobytes() for each in (first[0], second[0]) for row in each.elements}
    assert len(both) == 8


def test_the_answer_to_another_count_counts_nothing() -> None:
    """A replayed answer is of another blind: it is no answer, and no match comes of it."""
    client, _ = _answers(codes(20), codes(20), seed=1)
    _, replayed = _answers(codes(20), codes(20), seed=2)
    for message in replayed:
        client.receive(message)
    assert client.result() == 0


def test_what_comes_twice_or_out_of_order_is_refused() -> None:
    client, (evaluated, tags) = _answers(codes(4), codes(4))
    with pytest.raises(PeerProtocolError):
        client.receive(tags)
    fresh = CountClient(codes(4), _seeded(1))
    for message in (evaluated, tags):
        with pytest.raises(PeerProtocolError):
            fresh.receive(message)
    with pytest.raises(LocalProtocolError):
        fresh.result()
    client.receive(evaluated)
    with pytest.raises(PeerProtocolError):
        client.receive(evaluated)
    with pytest.raises(LocalProtocolError):
        client.result()
    client.receive(tags)
    for message in (evaluated, tags):
        with pytest.raises(PeerProtocolError):
            client.receive(message)
    with pytest.raises(LocalProtocolError):
        client.start()
    assert client.result() == client.result() == 4


def test_a_second_set_and_any_other_message_is_refused_by_the_bureau() -> None:
    (blinded,) = CountClient(codes(4), _seeded(1)).start()
    server = CountServer(codes(4), 4, _seeded(2))
    with pytest.raises(LocalProtocolError):
        server.result()
    evaluated, tags = CountServer(codes(4), 4, _seeded(3)).receive(blinded)
    for message in (evaluated, tags):
        with pytest.raises(PeerProtocolError, match="blinded elements"):
            server.receive(message)
    server.receive(blinded)
    with pytest.raises(PeerProtocolError):
        server.receive(blinded)
    with pytest.raises(LocalProtocolError):
        server.start()


def test_a_blinded_set_is_refused_by_the_bank() -> None:
    client, _ = _answers(codes(4), codes(4))
    (blinded,) = CountClient(codes(4), _seeded(9)).start()
    with pytest.raises(PeerProtocolError, match="bank alone"):
        client.receive(blinded)


@pytest.mark.parametrize("padded", [1, 3, 5, 64])
def test_another_number_of_elements_than_was_committed_to_is_refused(padded: int) -> None:
    (blinded,) = CountClient(codes(4), _seeded(1)).start()
    server = CountServer(codes(4), padded, _seeded(2))
    with pytest.raises(PeerProtocolError, match="committed"):
        server.receive(blinded)
    with pytest.raises(LocalProtocolError):
        server.result()


@pytest.mark.parametrize("count", [1, 3, 5])
def test_an_evaluated_set_of_another_size_is_refused_and_a_right_one_is_still_taken(count: int) -> None:
    client, (evaluated, tags) = _answers(codes(4), codes(4))
    other = EvaluatedSet(raise_inputs(codes(count), batch.random_scalars(1, _seeded(5))).tobytes())
    with pytest.raises(PeerProtocolError, match="another size"):
        client.receive(other)
    client.receive(evaluated)
    client.receive(tags)
    assert client.result() == 4


def test_tags_that_do_not_agree_with_what_was_announced_are_refused() -> None:
    client, (evaluated, tags) = _answers(codes(4), codes(4))
    assert isinstance(tags, TagPart)
    client.receive(evaluated)
    client.receive(TagPart(1024, tags.tags[: 1000 * TAG_BYTES]))
    rest = tags.tags[1000 * TAG_BYTES :]
    for wrong in (TagPart(1025, rest), TagPart(1023, rest[:-TAG_BYTES]), TagPart(1024, tags.tags[: 25 * TAG_BYTES])):
        with pytest.raises(PeerProtocolError, match="do not agree"):
            client.receive(wrong)
    client.receive(TagPart(1024, rest))
    assert client.result() == 4


def test_tags_that_do_not_ascend_or_stand_twice_are_refused() -> None:
    client, (evaluated, tags) = _answers(codes(4), codes(4))
    assert isinstance(tags, TagPart)
    client.receive(evaluated)
    single = [tags.tags[at : at + TAG_BYTES] for at in range(0, len(tags.tags), TAG_BYTES)]
    for wrong in ([*single[1:], single[0]], [single[0], *single[:-1]], single[::-1]):
        with pytest.raises(PeerProtocolError, match="ascending"):
            client.receive(TagPart(1024, b"".join(wrong)))
    client.receive(tags)
    assert client.result() == 4


@pytest.mark.parametrize("encoded", REFUSED)
def test_invalid_elements_are_refused_by_both_sides(encoded: bytes) -> None:
    good = raise_inputs(codes(2), batch.random_scalars(1, _seeded(5))).tobytes()
    for kind in (1, 2):
        for forged in (encoded + good, good[:32] + encoded + good[32:], good + encoded):
            with pytest.raises(PeerProtocolError, match="identity or not canonically"):
                decode_message(bytes([kind]) + forged)


def test_the_negative_of_an_element_is_another_element_and_the_topmost_bit_none() -> None:
    good = raise_inputs(codes(1), batch.random_scalars(1, _seeded(5)))
    negative = batch.multiply(good, batch.rows((ORDER - 1).to_bytes(32, "little")))
    assert isinstance(decode_message(b"\x01" + good.tobytes() + negative.tobytes()), BlindedSet)
    topmost = good.tobytes()[:31] + bytes([good.tobytes()[31] | 0x80])
    with pytest.raises(PeerProtocolError, match="canonically"):
        decode_message(b"\x01" + topmost)


@pytest.mark.parametrize("kind", [1, 2])
def test_sets_of_another_form_are_refused(kind: int) -> None:
    good = raise_inputs(codes(2), batch.random_scalars(1, _seeded(5))).tobytes()
    head = bytes([kind])
    assert decode_message(head + good).encode() == head + good
    for forged in (b"", good[:-1], good + b"\x00", good + good[:32], bytes(32 * (MAXIMUM_COUNTED + 1))):
        with pytest.raises(PeerProtocolError):
            decode_message(head + forged)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x04" + bytes(32), b"\xff"])
def test_no_kind_and_an_unknown_kind_are_refused(data: bytes) -> None:
    with pytest.raises(PeerProtocolError):
        decode_message(data)


def test_parts_of_tags_of_another_form_are_refused() -> None:
    def encoded(total: int, length: int) -> bytes:
        return b"\x03" + total.to_bytes(4, "big") + bytes(length)

    assert decode_message(encoded(2, 24)) == TagPart(2, bytes(24))
    assert decode_message(encoded(MAXIMUM_LIST, 12)).encode() == encoded(MAXIMUM_LIST, 12)
    for forged in (
        b"\x03",
        encoded(1, 0),
        encoded(0, 0),
        encoded(0, 12),
        encoded(1, 11),
        encoded(1, 13),
        encoded(1, 24),
        encoded(MAXIMUM_LIST + 1, 12),
        encoded(MAXIMUM_LIST, 12 * (TAGS_A_PART + 1)),
    ):
        with pytest.raises(PeerProtocolError):
            decode_message(forged)


def test_no_inputs_duplicates_and_too_many_are_the_callers_mistake() -> None:
    for inputs in ([], [b"A", b"A"]):
        with pytest.raises(LocalProtocolError):
            CountClient(inputs, _seeded(1))
        with pytest.raises(LocalProtocolError):
            CountServer(inputs, 1, _seeded(1))
    with pytest.raises(LocalProtocolError, match="1048576"):
        CountClient([b"A"] * (MAXIMUM_COUNTED + 1), _seeded(1))


def test_machines_show_no_code() -> None:
    client, server = CountClient(codes(4), _seeded(1)), CountServer(codes(4), 4, _seeded(2))
    client.start()
    assert codes(1)[0].decode() not in repr(client) + repr(server)


def test_a_blind_given_is_the_blind_used() -> None:
    scalar = (5).to_bytes(32, "little")
    drawn = batch.random_scalars(1, GivenScalars(scalar))
    assert raise_inputs([b"A"], drawn).tobytes() == raise_inputs([b"A"], batch.rows(scalar)).tobytes()


def test_the_job_of_a_count_has_a_stream_of_its_own() -> None:
    given = committed(codes(1))
    assert (given.context, given.seed.export_secret()) == (CONTEXT, SEED)
    assert given.seed.randomness("count", 0).bytes(64) != given.seed.randomness("oprf/blinds", 0).bytes(64)


def test_a_count_is_of_a_smallest_size() -> None:
    check_size(codes(20), 20)
    check_size(codes(21), 20)
    check_size(codes(2), 2)
    with pytest.raises(LocalProtocolError, match="at least 20"):
        check_size(codes(19), 20)
    with pytest.raises(LocalProtocolError):
        check_size([], 2)
    for minimum in (-1, 0, 1):
        with pytest.raises(ParameterError, match="two codes"):
            check_size(codes(5), minimum)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (codes(100), True),  # the same again
        (codes(100)[::-1], True),
        (codes(101), False),
        (codes(109), False),
        (codes(110), True),
        (codes(99), False),
        (codes(91), False),
        (codes(90), True),
        (codes(100, first=1), False),  # one gone, one new
        (codes(100, first=9), False),
        (codes(100, first=10), True),
        (codes(100, first=100), True),  # nothing in common
        (codes(90) + codes(9, first=500), False),  # ten gone, nine new
        (codes(91) + codes(10, first=500), False),  # nine gone, ten new
    ],
)
def test_two_counts_differ_by_nobody_or_by_enough_each_way(asked: list[bytes], allowed: bool) -> None:
    if allowed:
        check_difference(asked, [codes(100)], 10)
        return
    with pytest.raises(LocalProtocolError, match="at least 10 codes each way"):
        check_difference(asked, [codes(100)], 10)


def test_a_count_is_compared_with_every_earlier_one() -> None:
    check_difference(codes(100), [], 10)
    far, near = codes(100, first=1000), codes(99)
    for earlier in ([near, far], [far, near], [far, codes(100), near]):
        with pytest.raises(LocalProtocolError):
            check_difference(codes(100), earlier, 10)
