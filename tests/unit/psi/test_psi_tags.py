from __future__ import annotations

from math import isclose

import numpy as np
import pytest

from protocols.errors import ParameterError, PeerProtocolError
from protocols.psi.oprf import derive_key_pair, evaluate
from protocols.psi.tags import (
    MAXIMUM_TAGS,
    TAG,
    TAG_BYTES,
    TagSet,
    ascending,
    check_false_match,
    distinct,
    evaluate_tags,
    false_match_log2,
    padded_count,
    publish,
    tag,
    truncate,
)
from protocols.randomness import SeededRandomness

KEY = derive_key_pair(bytes(range(32)), b"a test")


def _number(value: int) -> bytes:
    return value.to_bytes(TAG_BYTES, "big")


def test_a_tag_is_the_first_twelve_bytes_of_the_output() -> None:
    output = evaluate(KEY, b"a")
    assert tag(output) == output[:12]
    assert evaluate_tags(KEY.export_secret(), [b"b", b"a"]) == tag(evaluate(KEY, b"b")) + tag(output)
    with pytest.raises(ParameterError):
        tag(output[:12])


def test_the_false_match_bound_is_the_union_bound() -> None:
    assert isclose(false_match_log2(10**6, 10**8), -49.5, abs_tol=0.1)
    assert false_match_log2(0, 10) == float("-inf")
    assert false_match_log2(2**28, 2**28) == -40.0
    check_false_match(2**28, 2**28)
    with pytest.raises(ParameterError, match="2\\^-40"):
        check_false_match(2**28, 2**28 + 1)


@pytest.mark.parametrize(
    ("count", "padded"),
    [(0, 1024), (1, 1024), (1024, 1024), (1025, 2048), (16_384, 16_384), (100_000, 102_400), (10**6, 1_015_808)],
)
def test_padding(count: int, padded: int) -> None:
    assert padded_count(count) == padded


def test_a_set_beyond_the_bound_is_refused() -> None:
    assert padded_count(MAXIMUM_TAGS) == MAXIMUM_TAGS
    with pytest.raises(ParameterError):
        padded_count(MAXIMUM_TAGS + 1)


def test_bytes_compare_unsigned_and_whole() -> None:
    edge = [0, 1, 255, 256, 0x61 << 88, (0x61 << 88) + 1, 0x80 << 88, (1 << 96) - 1]
    tags = TagSet.from_bytes(b"".join(map(_number, edge)))
    assert tags.contains([_number(value) for value in edge]) == [True] * len(edge)
    absent = [2, 254, 257, (0x61 << 88) + 2, (0x62 << 88), (1 << 96) - 2]
    assert tags.contains([_number(value) for value in absent]) == [False] * len(absent)
    assert tags.contains([]) == []
    assert TagSet.from_bytes(b"").contains([_number(1)]) == [False]


@pytest.mark.parametrize("values", [[2, 1], [1, 1], [1, 3, 2]])
def test_tags_out_of_order_or_twice_are_refused(values: list[int]) -> None:
    with pytest.raises(PeerProtocolError, match="ascending"):
        TagSet.from_bytes(b"".join(map(_number, values)))


def test_half_a_tag_is_refused() -> None:
    with pytest.raises(PeerProtocolError, match="truncated"):
        TagSet.from_bytes(_number(1) + b"\0")
    with pytest.raises(ParameterError):
        TagSet.from_bytes(_number(1)).contains([b"short"])


def test_published_tags_hold_the_set_hide_its_size_and_are_sorted() -> None:
    inputs = [str(index).encode() for index in range(1500)]
    secret = KEY.export_secret()
    slices = [evaluate_tags(secret, inputs[1000:]), evaluate_tags(secret, inputs[:1000])]
    data = publish(slices, len(inputs), SeededRandomness(bytes(32)))
    tags = TagSet.from_bytes(data)  # checks the order
    assert len(tags) == padded_count(1500) == 2048
    assert all(tags.contains([tag(evaluate(KEY, one)) for one in inputs]))
    # What is not of the set is fresh: nothing of it comes again with other randomness.
    again = publish(slices, len(inputs), SeededRandomness(bytes([1]) * 32))
    cut = {data[at : at + 12] for at in range(0, len(data), 12)}
    assert len(cut & {again[at : at + 12] for at in range(0, len(again), 12)}) == 1500


def test_a_lost_slice_is_noticed() -> None:
    with pytest.raises(ParameterError, match="one tag per input"):
        publish([evaluate_tags(KEY.export_secret(), [b"a"])], 2, SeededRandomness(bytes(32)))


def test_a_source_of_randomness_that_repeats_itself_is_noticed() -> None:
    class Constant:
        def bytes(self, count: int) -> bytes:
            return bytes(count)

    with pytest.raises(ParameterError, match="repeats"):
        publish([], 0, Constant())


def test_tags_are_cut_from_whole_outputs_only() -> None:
    outputs = np.arange(192, dtype=np.uint8).reshape(3, 64)
    assert truncate(outputs).tobytes() == b"".join(tag(row.tobytes()) for row in outputs)
    assert truncate(outputs[::2, :]).tobytes() == tag(outputs[0].tobytes()) + tag(outputs[2].tobytes())
    for other in (outputs[:, :63], outputs[0]):
        with pytest.raises(ParameterError, match="64 bytes"):
            truncate(other)


def test_an_array_of_tags_is_looked_up_as_a_list_is() -> None:
    tags = TagSet.from_bytes(_number(1) + _number(256) + _number(2**95))
    asked = [_number(value) for value in (0, 1, 255, 256, 257, 2**95, 2**96 - 1)]
    held = tags.held(np.frombuffer(b"".join(asked), TAG))
    assert held.tolist() == tags.contains(asked) == [False, True, False, True, False, True, False]
    assert TagSet.from_bytes(b"").held(np.frombuffer(_number(1), TAG)).tolist() == [False]


@pytest.mark.parametrize("tied", [False, True])
def test_tags_are_put_in_order_by_all_their_bytes_and_kept_once(tied: bool) -> None:
    drawn = np.random.default_rng(7).integers(0, 256, (500, TAG_BYTES), dtype=np.uint8)
    drawn[0], drawn[1, -1] = 0, 0
    if tied:
        drawn[100:400, :8] = drawn[100:103, :8].repeat(100, axis=0)  # equal in the bytes that are looked at first
    tags = np.concatenate([drawn, drawn[::3]]).view(TAG)[:, 0]
    expected = sorted(row.tobytes() for row in tags.view(np.uint8).reshape(-1, TAG_BYTES))
    assert tags[ascending(tags)].tobytes() == b"".join(expected)
    assert distinct(tags).tobytes() == b"".join(sorted(set(expected)))
    assert distinct(tags[:0]).tobytes() == b""
