"""Intersection over a vector OLE: the result is the plaintext one, at every size and of every kind of code."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.psi_data import make_lists
from protocols.psi.vole import table
from protocols.psi.vole.items import pack
from protocols.psi.vole.parameters import VoleIntersectionParameters
from tests.support.psi_vole import pair, run

Codes = NDArray[np.bytes_]


def found(own: Codes, other: Codes, seed: bytes, *, ideal: bool) -> NDArray[np.bool_]:
    parameters = VoleIntersectionParameters.for_counts(max(1, len(own)), max(1, len(other)), seed.ljust(32, b"."))
    receiver, sender = pair(pack(own), pack(other), parameters, seed, ideal=ideal)
    run(receiver, sender)
    assert sender.result() == parameters.receiver_size
    return receiver.result()


def check(own: Codes, other: Codes, seed: bytes = b"seed", *, ideal: bool = True) -> None:
    assert (found(own, other, seed, ideal=ideal) == np.isin(own, other)).all()


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


def test_many_seeds_lose_nothing_and_invent_nothing() -> None:
    for number in range(60):
        lists = make_lists(200 + number, 300, 0.3, number)
        check(lists.portfolio, lists.listed, number.to_bytes(2, "big"))


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


def test_codes_of_many_widths() -> None:
    """Beginnings of each other, odd characters, longer than what is packed: all different."""
    codes = [
        b"9", b"91", b"91-", b"-91", b"A" * 12, b"A" * 13, b"A" * 24, b"A" * 25, b"a", b"\xe7\xa8\x8e", b"0", b"00",
        b"91330100MA2ABCDE0X", b"91330100MA2ABCDE0Y", b"x\x00y", b"Z" * 36,
    ]  # fmt: skip
    own, other = np.array(codes[::2] + codes[1:4:2]), np.array(codes[::3])
    check(own, other)
    assert len(np.unique(pack(codes), axis=0)) == len(codes)


def test_a_failed_seed_is_drawn_anew_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two seeds are made to fail as a core too large does."""
    limits = iter([-1, -1])
    real = table._Encoding.write

    def failing(self: table._Encoding, blocks: NDArray[np.uint64]) -> bool:
        return False if next(limits, 0) else real(self, blocks)

    monkeypatch.setattr(table._Encoding, "write", failing)
    lists = make_lists(300, 300, 0.5, 3)
    parameters = VoleIntersectionParameters.for_counts(300, 300, bytes(32))
    receiver, sender = pair(pack(lists.portfolio), pack(lists.listed), parameters, b"seed", ideal=True)
    run(receiver, sender)
    assert (receiver.result() == np.isin(lists.portfolio, lists.listed)).all()
    assert receiver.failed_seeds == 2
