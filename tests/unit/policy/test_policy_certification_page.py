"""docs/certification.md says what the agreement and the measurement say: its terms, defaults and worked example."""

from __future__ import annotations

import re

import pytest

from node.policy.agreement import Certification
from protocols.leakage.measure import measure
from protocols.leakage.population import FieldPoints, Sensitivity
from tests.support.sources import ROOT

PAGE = (ROOT / "docs/certification.md").read_text(encoding="utf-8")


def example(most: int) -> tuple[FieldPoints, FieldPoints]:
    sales = FieldPoints("sales", Sensitivity.SENSITIVE, ("low", "middle", "high"), (0, 10, most), (0.5, 0.3, 0.2))
    return sales, FieldPoints("level", Sensitivity.ORDINARY, ("bad", "good"), (0, 10), (0.6, 0.4))


def test_every_term_stands_there_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| `([0-9.]+)` \|", PAGE, re.MULTILINE))
    assert rows == {name: str(value) for name, value in Certification().to_body().items()}


def test_the_small_example_is_worked_out_rightly() -> None:
    leakage = measure(example(25))
    sales = leakage.fields[0]
    stated = re.search(r"the gain is ([0-9.]+)\. .*?share is ([0-9.]+)\. There are (\d+) distinct", PAGE, re.DOTALL)
    assert stated is not None
    assert (sales.gain, sales.disclosed_share) == pytest.approx((float(stated[1]), float(stated[2])))
    assert leakage.distinct_scores == int(stated[3])
    assert f"distinct scores, {leakage.score_bits:.2f} bits" in PAGE
    assert [round(each.disclosed_share, 2) for each in sales.bins] == [30 / 50, 12 / 30, 1.0]


def test_the_example_with_coarser_points_too() -> None:
    stated = re.search(r"more often \(gain\s+([0-9.]+)\)", PAGE)
    assert stated is not None
    assert measure(example(20)).fields[0].gain == pytest.approx(float(stated[1]))
