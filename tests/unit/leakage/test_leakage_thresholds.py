"""What passes and what does not, at the very limit, and the words that say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from protocols.leakage.measure import Leakage, bound, measure
from protocols.leakage.population import Sensitivity
from protocols.leakage.thresholds import Thresholds, View, impossible, judge
from tests.support.leakage import field

DEFAULT = Thresholds()
FIELDS = [field("turnover", (0, 3, 7), (0.5, 0.3, 0.2)), field("age", (0, 2), (0.6, 0.4))]
LEAKAGE = measure(FIELDS)


def leaking(sensitivity: Sensitivity, **figures: float) -> Leakage:
    still = replace(LEAKAGE.fields[0], sensitivity=sensitivity, gain=0, run_gain=0, disclosed_share=0, run_share=0)
    found = replace(still, **figures)  # type: ignore[arg-type]  # names of figures only
    return replace(LEAKAGE, fields=(found,), distinct_scores=10)


def test_the_defaults_are_the_agreement_s() -> None:
    assert (DEFAULT.sensitive_gain, DEFAULT.ordinary_gain, DEFAULT.disclosed_share) == (0.30, 0.55, 0.40)
    assert DEFAULT.distinct_scores == 2**11


@pytest.mark.parametrize(("sensitivity", "limit"), [(Sensitivity.SENSITIVE, 0.30), (Sensitivity.ORDINARY, 0.55)])
@pytest.mark.parametrize("figure", ["gain", "run_gain"])
def test_gain_by_sensitivity(sensitivity: Sensitivity, limit: float, figure: str) -> None:
    assert judge(leaking(sensitivity, **{figure: limit}), DEFAULT) == ()
    (finding,) = judge(leaking(sensitivity, **{figure: limit + 1e-9}), DEFAULT)
    assert (finding.field, finding.figure, finding.threshold) == ("turnover", figure, limit)


@pytest.mark.parametrize("figure", ["disclosed_share", "run_share"])
def test_share_of_members_given_away(figure: str) -> None:
    assert judge(leaking(Sensitivity.ORDINARY, **{figure: 0.4}), DEFAULT) == ()
    (finding,) = judge(leaking(Sensitivity.ORDINARY, **{figure: 0.41}), DEFAULT)
    assert (finding.figure, finding.value, finding.threshold) == (figure, 0.41, 0.40)


def test_disclosable_fields_are_exempt() -> None:
    assert judge(leaking(Sensitivity.DISCLOSABLE, gain=1, run_gain=1, disclosed_share=1, run_share=1), DEFAULT) == ()


def test_the_number_of_scores_is_judged_once() -> None:
    many = replace(leaking(Sensitivity.ORDINARY), distinct_scores=2049)
    assert judge(replace(many, distinct_scores=2048), DEFAULT) == ()
    (finding,) = judge(many, DEFAULT)
    assert (finding.field, finding.value, finding.threshold) == ("", 2049, 2048)
    assert finding.text == (
        "the number of distinct scores is 2049, over the threshold 2048; "
        "coarser points (multiples of a number 2 times as large) or fewer fields would help"
    )
    assert [judge(many, DEFAULT, view) for view in View if view is not View.INDEPENDENT] == [()] * 3


@pytest.mark.parametrize("view", list(View))
def test_a_finding_names_field_figure_value_threshold_and_a_remedy(view: View) -> None:
    findings = judge(leaking(Sensitivity.SENSITIVE, gain=0.4567), DEFAULT, view)
    (text,) = [finding.text for finding in findings]
    assert text.startswith("field turnover: the average gain")
    assert "is 0.457, over the threshold 0.300; " in text
    assert text.endswith("would help")
    assert ("rank correlation" in text) is (view is View.CORRELATED)
    assert ("own fields" in text) is (view is View.GIVEN_BANK_FIELDS)
    assert ("of the combination" in text) is (view is View.COMBINATION)


def test_a_model_over_one_field_and_one_that_cannot_be_measured_are_refused() -> None:
    single = judge(measure([field("x", (0, 1, 2), (0.4, 0.3, 0.3))]), DEFAULT)
    assert [finding.figure for finding in single] == ["gain", "disclosed_share"]
    assert " of b0 is 1.000" in next(finding.text for finding in single if finding.figure == "disclosed_share")
    packed = judge(bound([field(f"f{place}", (0, 2**place), (0.5, 0.5)) for place in range(30)]), DEFAULT)
    assert {finding.field for finding in packed} == {"", *(f"f{place}" for place in range(30))}
    assert "the worst conceivable: coarser points would help" in packed[1].text


def test_thresholds_that_some_model_meets() -> None:
    assert impossible(DEFAULT) is None
    assert impossible(DEFAULT, max_bits=24, max_models=3) is None
    assert impossible(Thresholds(0.01, 0.01, 0.01, 3), max_bits=2, max_models=1) is None
    assert impossible(Thresholds(1, 1, 1, 2), max_bits=1) is None


def test_what_is_possible_is_possible() -> None:
    """A model with three scores under the hardest thresholds that are let through."""
    fields = [field("x", (0, 1), (0.991, 0.009)), field("y", (0, 1), (0.991, 0.009))]
    assert judge(measure(fields), Thresholds(0.01, 0.01, 0.01, 3)) == ()


@pytest.mark.parametrize(
    ("thresholds", "more", "member"),
    [
        (Thresholds(sensitive_gain=0), {}, "sensitive_gain"),
        (Thresholds(ordinary_gain=-0.1), {}, "ordinary_gain"),
        (Thresholds(disclosed_share=float("nan")), {}, "disclosed_share"),
        (Thresholds(disclosed_share=1.5), {}, "disclosed_share"),
        (Thresholds(distinct_scores=1), {}, "distinct_scores"),
        (Thresholds(distinct_scores=2), {}, "distinct_scores"),
        (DEFAULT, {"max_models": 0}, "max_models_per_enterprise"),
        (DEFAULT, {"max_bits": 0}, "max_bits_per_enterprise"),
        (DEFAULT, {"max_bits": 1}, "max_bits_per_enterprise"),
        (Thresholds(disclosed_share=1), {"max_bits": 0}, "max_bits_per_enterprise"),
    ],
)
def test_thresholds_that_no_model_can_meet(thresholds: Thresholds, more: dict[str, int], member: str) -> None:
    said = impossible(thresholds, **more)
    assert said is not None
    assert said.startswith(f"{member}: ")
