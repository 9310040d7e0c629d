"""What a worker answers to a count: the true number to the bank's machine, and a refusal to anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from node.lists.counting import answer_count
from node.lists.listfile import ListContent, write_list
from node.policy.uscc import valid_code
from protocols.errors import PeerProtocolError
from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi.cardinality.client import CountClient
from protocols.psi.cardinality.messages import EvaluatedSet, TagPart, decode_message
from protocols.randomness import SeededRandomness

LISTED, LABEL_BYTES = 50, 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    codes = np.array(sorted(valid_code(number) for number in range(LISTED)), dtype="S18")
    write_list(tmp_path / "a.list", ListContent(codes, np.full((LISTED, LABEL_BYTES), 7, np.uint8)))
    return tmp_path / "a.list"


def inputs(first: int, count: int) -> list[bytes]:
    return [valid_code(number).encode() for number in range(first, first + count)]


def client(codes: list[bytes]) -> tuple[CountClient, bytes]:
    """Return a bank's machine and its message."""
    machine = CountClient(codes, SeededRandomness(bytes(32)))
    (message,) = machine.start()
    return machine, message.encode()


@pytest.mark.parametrize(("first", "matches"), [(0, 20), (40, 10), (60, 0)])
def test_the_bank_counts_what_is_on_the_list(path: Path, first: int, matches: int) -> None:
    machine, message = client(inputs(first, 20))
    for answer in answer_count(path, LISTED, LABEL_BYTES, 20, message):
        machine.receive(decode_message(answer))
    assert machine.result() == matches


def test_every_answer_has_a_fresh_key(path: Path) -> None:
    _, message = client(inputs(0, 20))
    first, second = (answer_count(path, LISTED, LABEL_BYTES, 20, message) for _ in range(2))
    sets = [decode_message(answers[0]) for answers in (first, second)]
    tags = [decode_message(answers[1]) for answers in (first, second)]
    assert all(isinstance(each, EvaluatedSet) for each in sets)
    assert all(isinstance(each, TagPart) for each in tags)
    elements = [{row.tobytes() for row in each.elements} for each in sets if isinstance(each, EvaluatedSet)]
    assert elements[0] & elements[1] == set()
    assert tags[0] != tags[1]


def test_what_is_no_blinded_set_of_the_opened_size_is_refused(path: Path) -> None:
    _, message = client(inputs(0, 20))
    point = message[1 : 1 + POINT_BYTES]
    for bad, padded in [
        (message, 19),
        (message, 21),
        (b"", 20),
        (message[:-1], 20),
        (b"\x02" + message[1:], 20),
        (message[:-POINT_BYTES] + point, 20),
        (message[:-POINT_BYTES] + bytes(POINT_BYTES), 20),
        (message[:-POINT_BYTES] + b"\xff" * POINT_BYTES, 20),
    ]:
        with pytest.raises(PeerProtocolError):
            answer_count(path, LISTED, LABEL_BYTES, padded, bad)
