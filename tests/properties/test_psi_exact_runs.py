"""None lost, none invented: hundreds of seeded runs of both protocols give the plain intersection every time.

One seed a run; sizes that others lost items at (volepsi#7: 6789 against 7890), sizes around a power of two, lists that
are disjoint, equal and contained, codes of mixed widths, and files in which codes stand twice.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.psi_data import make_lists
from node.jobs.screening_intake import check_list
from tests.support.psi_runs import oprf_matches, vole_matches

Codes = NDArray[np.bytes_]
MATCHES = {"vole": vole_matches, "oprf": oprf_matches}
SMALL = ((1, 1), (1, 2), (2, 1), (2, 3), (3, 3), (100, 100), (100, 3), (3, 100))
KINDS = ("half", "disjoint", "equal", "own contained", "other contained", "mixed widths", "duplicates")


def lists_of(kind: str, size: int, other: int, seed: int) -> tuple[Codes, Codes]:
    """Return a portfolio and a list of about these sizes, of one kind."""
    made = make_lists(size, other, 0.0 if kind == "disjoint" else 0.5, seed)
    own, listed = made.portfolio, made.listed
    match kind:
        case "equal":
            return own, own[::-1].copy()
        case "own contained":
            return own, np.concatenate([own, listed[~np.isin(listed, own)]])
        case "other contained":
            return np.concatenate([own, listed[~np.isin(listed, own)]]), listed
        case "mixed widths":
            return _of_mixed_widths(own), _of_mixed_widths(listed)
        case "duplicates":
            return _taken_in(own, seed), listed
        case _:
            return own, listed


def _of_mixed_widths(codes: Codes) -> Codes:
    """Cut every code to a width that its last characters give, so that equal codes stay equal; drop duplicates."""
    cut = [code[8 + code[-1] % 3 :][: 1 + code[-2] % 10] for code in codes.tolist()]
    return np.array(sorted(set(cut)))


def _taken_in(codes: Codes, seed: int) -> Codes:
    """Return what a node makes of a file in which half of the codes stand again, in lower case and between blanks."""
    again = np.random.default_rng(seed).permutation(codes)[: len(codes) // 2 + 1]
    lines = [*codes.tolist(), *(b"  " + code.lower() + b"\t" for code in again.tolist())]
    checked = check_list([b"\n".join(lines)])
    assert checked.duplicates == len(again)
    return checked.codes


@pytest.mark.parametrize("protocol", MATCHES)
@pytest.mark.parametrize("kind", KINDS)
def test_small_lists_of_every_kind(protocol: str, kind: str) -> None:
    """112 runs in all: eight pairs of sizes, seven kinds, two protocols."""
    for seed, (size, other) in enumerate(SMALL):
        own, listed = lists_of(kind, size, other, seed)
        found = MATCHES[protocol](own, listed, f"{kind}/{seed}".encode())
        assert found.tolist() == np.isin(own, listed).tolist(), (kind, size, other)


@pytest.mark.parametrize("protocol", MATCHES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_sizes_at_which_others_lost_items(protocol: str, kind: str) -> None:
    for seed, (size, other) in enumerate(((6789, 7890), (7890, 6789))):
        own, listed = lists_of(kind, size, other, 100 + seed)
        found = MATCHES[protocol](own, listed, f"odd/{kind}/{seed}".encode())
        assert (found == np.isin(own, listed)).all()


@pytest.mark.parametrize(("size", "other"), [(2**16 - 1, 2**16 + 1), (2**16 + 1, 2**16 - 1)])
@pytest.mark.parametrize("protocol", MATCHES)
def test_sizes_beside_a_power_of_two(protocol: str, size: int, other: int) -> None:
    made = make_lists(size, other, 0.5, size)
    found = MATCHES[protocol](made.portfolio, made.listed, b"beside")
    assert (found == np.isin(made.portfolio, made.listed)).all()


@pytest.mark.parametrize("tens", range(10))
def test_a_hundred_runs_at_two_to_the_sixteen(tens: int) -> None:
    """Once in many runs is what a wrong bound or a lost corner costs: ten seeds a test, ten tests."""
    for seed in range(10 * tens, 10 * tens + 10):
        made = make_lists(2**16, 2**16, 0.5, 1000 + seed)
        found = vole_matches(made.portfolio, made.listed, seed.to_bytes(2, "big"))
        assert (found == np.isin(made.portfolio, made.listed)).all(), seed
