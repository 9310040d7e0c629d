"""Comparing classes: entries, the confusion table against plain counting, and all that has to be refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

from protocols.errors import LocalProtocolError, ParameterError, PeerProtocolError
from protocols.psi.cardinality.messages import BlindedSet, EvaluatedSet, TagPart
from protocols.psi.classes.client import TableClient
from protocols.psi.classes.entries import LoanClass, Loans, check_one_class, class_code, describe, loans_of
from protocols.psi.classes.messages import ROW_BYTES, Message, RowPart, decode_message
from protocols.psi.classes.server import TableServer
from protocols.psi.classes.suppression import Table
from protocols.randomness import SeededRandomness
from tests.support.loans import confusion, loans, some


def _seeded(number: int) -> SeededRandomness:
    return SeededRandomness(bytes([number]) * 32)


def _answers(bank: Loans, bureau: Loans, size: int) -> tuple[TableClient, tuple[Message, ...]]:
    client, server = TableClient(bank, size, _seeded(1)), TableServer(bureau.entries().tolist(), size, _seeded(2))
    assert server.start() == ()
    (blinded,) = client.start()
    answers = server.receive(decode_message(blinded.encode()))
    assert server.result() == size
    return client, tuple(decode_message(each.encode()) for each in answers)


def _table(bank: dict[str, int], bureau: dict[str, int], size: int) -> Table:
    client, answers = _answers(loans(bank), loans(bureau), size)
    for answer in answers:
        client.receive(answer)
    return client.result()


# ---- entries


def test_a_loan_is_two_entries_and_comes_back_from_them_in_any_order() -> None:
    given = loans({"A": 1, "0": 5, "1-2": 3, "Z" * 17: 2})
    entries = given.entries().tolist()
    assert entries[:2] == [b"00", b"01-2"]
    assert entries[4:6] == [b"50", b"31-2"]
    assert len(set(entries)) == 8
    back = loans_of(entries[::-1])
    assert (back.ids == given.ids).all()
    assert (back.classes == given.classes).all()


def test_an_id_that_looks_like_another_ones_pair_is_none() -> None:
    """Without a place of its own for the class «1» with class 2 could be taken for the id «21»."""
    entries = loans({"1": 2, "21": 2, "221": 1}).entries().tolist()
    assert len(set(entries)) == 6
    assert loans_of(entries).ids.tolist() == [b"1", b"21", b"221"]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [b"0A"],
        [b"1A"],
        [b"0A", b"1A", b"2A"],
        [b"0A", b"0B", b"1A", b"2A"],
        [b"0A", b"1B"],
        [b"0A", b"0A", b"1A", b"1A"],
    ],
)
def test_a_loan_without_exactly_one_class_is_refused(entries: list[bytes]) -> None:
    with pytest.raises(LocalProtocolError, match="exactly one class"):
        loans_of(entries)


@pytest.mark.parametrize(
    "entry", [b"0", b"", b"6A", b"0a", b"0A ", b"0A\x00B", b"0\xe6", b"0" + 18 * b"A", b"-A", b"/A"]
)
def test_an_entry_of_another_form_is_refused(entry: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="an entry"):
        loans_of([entry, b"1" + entry[1:]])


def test_one_class_for_a_loan_over_all_comparisons() -> None:
    earlier = loans({"A": 1, "B": 2}).entries().tolist()
    check_one_class(loans({"A": 1, "C": 5}).entries().tolist(), earlier)
    with pytest.raises(LocalProtocolError, match="another class"):
        check_one_class(loans({"A": 2}).entries().tolist(), earlier)


def test_entries_for_people() -> None:
    assert describe(b"0L-1") == "L-1"
    assert describe(b"2L-1") == "L-1 special-mention"
    assert [class_code(level) for level in LoanClass] == [
        "normal", "special-mention", "substandard", "doubtful", "loss",
    ]  # fmt: skip


# ---- the table


@pytest.mark.parametrize(
    ("bank", "bureau", "size"),
    [
        (some(1), some(1), 1),
        (some(1), some(1, step=2), 32),
        (some(3), some(3, start=3), 32),
        (some(64), some(64), 64),
        (some(100), some(100, step=3), 128),
        (dict.fromkeys(some(60), 1), dict.fromkeys(some(60), 4), 64),
        (some(300), some(1_200, start=150, step=2), 320),
    ],
)
def test_exactly_what_plain_counting_gives(bank: dict[str, int], bureau: dict[str, int], size: int) -> None:
    assert (_table(bank, bureau, size) == confusion(bank, bureau)).all()


@pytest.mark.parametrize("seed", range(20))
def test_lists_by_chance(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"{chance.randrange(36**6):X}-{number}" for number in range(chance.randrange(2, 90))]
    bank, bureau = (
        {name: chance.randint(1, 5) for name in chance.sample(names, chance.randint(1, len(names)))} for _ in range(2)
    )
    assert (_table(bank, bureau, len(bank) + chance.randrange(40)) == confusion(bank, bureau)).all()


def test_the_messages_have_the_same_lengths_whatever_the_classes_are() -> None:
    """Neither side's sizes of classes are seen: one blinded set, one list of rows."""
    lengths = set()
    for bank, bureau in ((some(40), some(90)), (dict.fromkeys(some(40), 1), dict.fromkeys(some(90), 5))):
        client = TableClient(loans(bank), 64, _seeded(1))
        (blinded,) = client.start()
        answers = TableServer(loans(bureau).entries().tolist(), 64, _seeded(2)).receive(blinded)
        lengths.add((len(blinded.encode()), *(len(each.encode()) for each in answers)))
    assert lengths == {(1 + 64 * 32, 1 + 64 * 32, 1 + 4 + 1024 * ROW_BYTES)}


def test_masked_classes_look_random_to_who_did_not_ask() -> None:
    bureau = loans({f"B{number}": 1 for number in range(2_000)})
    _, answers = _answers(loans({"A": 1}), bureau, 1)
    rows = b"".join(answer.rows for answer in answers if isinstance(answer, RowPart))
    seen = np.bincount(np.frombuffer(rows, np.uint8)[ROW_BYTES - 1 :: ROW_BYTES], minlength=256)
    assert seen.max() < 40, "a byte stands there too often: about 8 of each are expected"


def test_a_table_made_again_from_the_same_stream_sends_the_same_bytes() -> None:
    first, again = (TableClient(loans(some(20)), 32, _seeded(3)).start()[0].encode() for _ in range(2))
    assert first == again
    assert first != TableClient(loans(some(20)), 32, _seeded(4)).start()[0].encode()


# ---- what is refused


def test_a_bureau_whose_list_has_two_classes_for_a_loan() -> None:
    with pytest.raises(LocalProtocolError, match="exactly one class"):
        TableServer([b"0A", b"1A", b"2A"], 1, _seeded(1))


def test_a_blinded_set_of_another_size_or_twice() -> None:
    server = TableServer(loans(some(5)).entries().tolist(), 32, _seeded(1))
    (small,) = TableClient(loans(some(5)), 16, _seeded(2)).start()
    (fitting,) = TableClient(loans(some(5)), 32, _seeded(2)).start()
    with pytest.raises(PeerProtocolError, match="as many"):
        server.receive(small)
    with pytest.raises(PeerProtocolError, match="as many"):
        server.receive(EvaluatedSet(fitting.encoded))
    server.receive(fitting)
    with pytest.raises(PeerProtocolError):
        server.receive(fitting)


def test_answers_that_are_false_or_out_of_order() -> None:
    client, (evaluated, rows) = _answers(loans(some(8)), loans(some(8)), 32)
    assert isinstance(evaluated, EvaluatedSet)
    assert isinstance(rows, RowPart)
    with pytest.raises(PeerProtocolError, match="rows came"):
        client.receive(rows)
    with pytest.raises(PeerProtocolError, match="bank alone"):
        client.receive(BlindedSet(evaluated.encoded))
    with pytest.raises(PeerProtocolError, match="another size"):
        client.receive(EvaluatedSet(evaluated.encoded[:-32]))
    client.receive(evaluated)
    with pytest.raises(PeerProtocolError):
        client.receive(evaluated)
    turned = rows.rows[ROW_BYTES : 2 * ROW_BYTES] + rows.rows[:ROW_BYTES] + rows.rows[2 * ROW_BYTES :]
    with pytest.raises(PeerProtocolError, match="ascending"):
        client.receive(RowPart(rows.total, turned))
    wrong = np.frombuffer(bytearray(rows.rows), np.uint8).reshape(-1, ROW_BYTES)
    wrong[:, -1] ^= 8
    with pytest.raises(PeerProtocolError, match="none of the five"):
        client.receive(RowPart(rows.total, wrong.tobytes()))
    client.receive(RowPart(rows.total, rows.rows[: 512 * ROW_BYTES]))
    with pytest.raises(PeerProtocolError, match="agree"):
        client.receive(RowPart(rows.total + 1, rows.rows[512 * ROW_BYTES :]))
    with pytest.raises(LocalProtocolError):
        client.result()
    client.receive(RowPart(rows.total, rows.rows[512 * ROW_BYTES :]))
    assert (client.result() == confusion(some(8), some(8))).all()


def test_a_row_that_stands_for_two_loans() -> None:
    client, (evaluated, rows) = _answers(loans({"A": 1, "B": 2}), loans({"A": 1}), 2)
    client.receive(evaluated)
    tags = client._mine[0]
    hit = next(at for at in range(2) if tags["tag"][at] in set(_tags(rows)))
    client._mine[1][hit] = tags[hit]
    with pytest.raises(PeerProtocolError, match="stands for two"):
        client.receive(rows)


def _tags(message: Message) -> list[bytes]:
    assert isinstance(message, RowPart)
    return [message.rows[at : at + 12].rstrip(b"\x00") for at in range(0, len(message.rows), ROW_BYTES)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04",
        b"\x04" + bytes(4) + bytes(13),
        b"\x04" + (1).to_bytes(4, "big") + bytes(12),
        b"\x04" + (1).to_bytes(4, "big") + bytes(26),
        b"\x04" + (2**23 + 1).to_bytes(4, "big") + bytes(13),
        b"\x05" + bytes(32),
        TagPart(1, bytes(12)).encode(),
        b"\x01" + bytes(32),
    ],
)
def test_bytes_that_are_no_message(data: bytes) -> None:
    with pytest.raises(PeerProtocolError):
        decode_message(data)


def test_sizes_that_no_table_has() -> None:
    with pytest.raises(LocalProtocolError):
        TableClient(loans(some(3)), 2, _seeded(1))
    with pytest.raises(LocalProtocolError):
        TableClient(loans({}), 2, _seeded(1))
    with pytest.raises(ParameterError):
        RowPart(1, bytes(26))
