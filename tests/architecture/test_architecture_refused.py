"""The table of what set intersection refuses names tests that are there."""

from __future__ import annotations

import re

import pytest

from tests.support.sources import ROOT

PAGE = ROOT / "protocols/psi/refused.md"
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", PAGE.read_text("utf-8"))))


def test_the_page_names_many_tests() -> None:
    assert len(NAMED) > 50


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_named_test_exists(file: str, test: str) -> None:
    (found,) = (ROOT / "tests").rglob(file)
    assert not test or f"\ndef {test}(" in found.read_text("utf-8")


def test_every_row_names_one() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert [row for row in rows if "test_" not in row and not row.endswith("| tests |")] == []
