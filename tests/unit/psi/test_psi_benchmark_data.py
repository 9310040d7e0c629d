"""The benchmark's lists: valid codes, distinct, and exactly the overlap that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.psi_data import COLUMN, SERIES, exact, make_lists, read_list, write_list
from node.policy.uscc import check_many


@pytest.mark.parametrize(
    ("size", "other_size", "match", "common"),
    [(1, 1, 1.0, 1), (1, 1, 0.0, 0), (2, 3, 0.5, 1), (3, 2, 1.0, 2), (678, 789, 0.5, 339), (2000, 100, 0.25, 25)],
)
def test_lists_overlap_as_asked(size: int, other_size: int, match: float, common: int) -> None:
    lists = make_lists(size, other_size, match, seed=5)
    mine, other = set(lists.portfolio.tolist()), set(lists.listed.tolist())
    assert (len(mine), len(other)) == (size, other_size) == (len(lists.portfolio), len(lists.listed))
    assert len(mine & other) == common
    assert lists.matches().tolist() == sorted(mine & other)


def test_codes_are_valid_and_come_from_many_divisions() -> None:
    codes = [code.decode() for code in make_lists(3000, 3000, 0.5, seed=6).portfolio.tolist()]
    assert check_many(codes).all()
    assert len({code[2:8] for code in codes}) > 2900


def test_lists_follow_from_the_seed_and_are_shuffled() -> None:
    lists, again, other = (make_lists(500, 500, 0.5, seed) for seed in (1, 1, 2))
    assert lists.portfolio.tolist() == again.portfolio.tolist()
    assert lists.listed.tolist() == again.listed.tolist()
    assert not set(lists.portfolio.tolist()) & set(other.portfolio.tolist())
    matched = np.isin(lists.portfolio, lists.matches())
    assert 0.3 < matched[:250].mean() < 0.7  # not one half after the other


def test_lists_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        make_lists(10, 10, 1.5, seed=1)
    with pytest.raises(ValueError, match="at most"):
        make_lists(SERIES, 2, 0.0, seed=1)


def test_a_list_comes_back_from_its_file(tmp_path: Path) -> None:
    codes = make_lists(100, 1, 0.0, seed=1).portfolio
    write_list(tmp_path / "list.csv", codes)
    text = (tmp_path / "list.csv").read_text(encoding="ascii")
    assert text.splitlines() == [COLUMN, *(code.decode() for code in codes.tolist())]
    assert read_list(tmp_path / "list.csv").tolist() == codes.tolist()


def test_an_empty_list_comes_back_from_its_file(tmp_path: Path) -> None:
    write_list(tmp_path / "list.csv", make_lists(1, 1, 0.0, seed=1).matches())
    assert exact(tmp_path / "list.csv", make_lists(1, 1, 0.0, seed=1).matches())


def test_a_result_is_exact_only_if_nothing_is_lost_invented_or_repeated(tmp_path: Path) -> None:
    lists = make_lists(50, 50, 0.5, seed=1)
    matches, foreign = lists.matches(), np.setdiff1d(lists.portfolio, lists.listed)
    results = {
        "right": np.random.default_rng(1).permutation(matches),
        "lost": matches[1:],
        "invented": np.append(matches, foreign[:1]),
        "swapped": np.append(matches[1:], foreign[:1]),
        "repeated": np.append(matches, matches[:1]),
    }
    verdicts = {}
    for name, codes in results.items():
        write_list(tmp_path / name, codes)
        verdicts[name] = exact(tmp_path / name, matches)
    assert verdicts == {name: name == "right" for name in results}
    assert not exact(tmp_path / "absent", matches)
