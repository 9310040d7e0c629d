from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from node.policy.values import MISSING, CodeScale, NumericScale, ValueFault, ValueRejected, ticks_from_strings

SCALE = NumericScale.build("-10", "1000.5", "0.5", integral=False)
CODES = CodeScale(("A", "B", "Ａ+", "10"))

GOOD = [
    ("0", 0),
    ("-0", 0),
    ("+0.5", 1),
    ("-10", -20),
    ("1000.5", 2001),
    ("1000.50000", 2001),
    ("007", 14),
    ("5.", 10),
    (".5", 1),
    ("1e2", 200),
    ("1.5E+2", 300),
    ("50e-1", 10),
    (" 5 ", 10),
    ("５．５", 11),
    ("0.500000000000000000000000000000000000", 1),
    ("", MISSING),
    (" \t\u3000", MISSING),
]
BAD = [
    ("1000.6", ValueFault.OUT_OF_RANGE),
    ("1001", ValueFault.OUT_OF_RANGE),
    ("-10.5", ValueFault.OUT_OF_RANGE),
    ("9223372036854775808", ValueFault.OUT_OF_RANGE),
    ("18446744073709551616", ValueFault.OUT_OF_RANGE),
    ("99999999999999999999999999999999", ValueFault.OUT_OF_RANGE),
    ("1e999", ValueFault.OUT_OF_RANGE),
    ("0.3", ValueFault.OFF_STEP),
    ("999.9", ValueFault.OFF_STEP),
    ("0.51", ValueFault.OFF_STEP),
    ("-0.509", ValueFault.OFF_STEP),
    ("0.50000000000000000000000000000001", ValueFault.OFF_STEP),
    ("1e-999", ValueFault.OFF_STEP),
    ("1e1000", ValueFault.NOT_A_NUMBER),
    ("abc", ValueFault.NOT_A_NUMBER),
    ("NaN", ValueFault.NOT_A_NUMBER),
    ("inf", ValueFault.NOT_A_NUMBER),
    ("1_000", ValueFault.NOT_A_NUMBER),
    ("1,000", ValueFault.NOT_A_NUMBER),
    ("1.2.3", ValueFault.NOT_A_NUMBER),
    ("1.5.0", ValueFault.NOT_A_NUMBER),
    ("--1", ValueFault.NOT_A_NUMBER),
    ("1-", ValueFault.NOT_A_NUMBER),
    (".", ValueFault.NOT_A_NUMBER),
    ("-", ValueFault.NOT_A_NUMBER),
    ("0x10", ValueFault.NOT_A_NUMBER),
    ("٣", ValueFault.NOT_A_NUMBER),
    ("1\x00", ValueFault.NOT_A_NUMBER),
    ("5" * 65, ValueFault.NOT_A_NUMBER),
]


@pytest.mark.parametrize(("text", "tick"), GOOD)
def test_a_number_becomes_its_tick_exactly(text: str, tick: int) -> None:
    assert SCALE.to_tick(text) == tick
    ticks, faults = ticks_from_strings(SCALE, [text])
    assert (ticks.tolist(), faults) == ([tick], {})


@pytest.mark.parametrize(("text", "fault"), BAD)
def test_what_is_no_value_has_its_fault_and_is_not_repeated(text: str, fault: ValueFault) -> None:
    with pytest.raises(ValueRejected) as caught:
        SCALE.to_tick(text)
    assert caught.value.fault is fault
    assert text == "-" or text == "." or text not in str(caught.value)
    ticks, faults = ticks_from_strings(SCALE, ["0", text])
    assert (ticks.tolist(), faults) == ([0, MISSING], {1: fault})


def test_decimals_are_taken_and_special_ones_refused() -> None:
    assert SCALE.to_tick(Decimal("2.50")) == 5
    for special in ("NaN", "Infinity", "sNaN"):
        with pytest.raises(ValueRejected, match="not a decimal number"):
            SCALE.to_tick(Decimal(special))
    with pytest.raises(ValueRejected, match="range"):
        SCALE.to_tick(Decimal("1e999999"))


def test_ticks_become_plain_decimals() -> None:
    assert [SCALE.from_tick(tick) for tick in (-20, -1, 0, 1, 20, 2001, MISSING)] == [
        "-10",
        "-0.5",
        "0",
        "0.5",
        "10",
        "1000.5",
        "",
    ]
    for outside in (-21, 2002):
        with pytest.raises(ValueRejected, match="range"):
            SCALE.from_tick(outside)


def test_a_column_keeps_rows_in_place_over_blocks() -> None:
    rows = 150_001
    texts = [f"{i % 2000}.{5 * (i % 2)}" if i % 7 else ("" if i % 2 else None) for i in range(rows)]
    texts[131_072] = "bad"
    ticks, faults = ticks_from_strings(SCALE, texts)
    expected_faults = {i for i, text in enumerate(texts) if text and (text == "bad" or i % 2000 > 1000)}
    assert set(faults) == expected_faults
    assert faults[131_072] is ValueFault.NOT_A_NUMBER
    for i in (0, 1, 65_535, 65_536, 65_537, 131_071, 150_000):
        expected = MISSING if i in faults or not texts[i] else SCALE.to_tick(texts[i] or "")
        assert ticks[i] == expected


def test_the_largest_ticks_are_exact() -> None:
    scale = NumericScale.build("-999999999999999", "999999999999999", "0.001", integral=False)
    texts = ["999999999999998.999", "-999999999999998.999", "0.001", "999999999999999.001"]
    ticks, faults = ticks_from_strings(scale, texts)
    assert ticks.tolist() == [999_999_999_999_998_999, -999_999_999_999_998_999, 1, MISSING]
    assert faults == {3: ValueFault.OUT_OF_RANGE}
    assert scale.from_tick(999_999_999_999_998_999) == texts[0]


def test_codes_become_places_and_unknown_ones_are_named_by_row() -> None:
    ticks, faults = ticks_from_strings(CODES, ["B", None, "", " A ", "Ａ", "Ａ+", "10", "10.0", "a"])
    assert ticks.tolist() == [1, MISSING, MISSING, 0, 0, 2, 3, MISSING, MISSING]
    assert faults == {7: ValueFault.UNKNOWN_CODE, 8: ValueFault.UNKNOWN_CODE}
    assert [CODES.from_tick(tick) for tick in (0, 2, MISSING)] == ["A", "Ａ+", ""]
    for outside in (-1, 4):
        with pytest.raises(ValueRejected, match="codes"):
            CODES.from_tick(outside)


@pytest.mark.parametrize("scale", [SCALE, CODES])
def test_columns_take_arrow_slices_empty_columns_and_lone_surrogates(scale: NumericScale | CodeScale) -> None:
    column = pa.array(["x", "10", None, "10"]).slice(1)
    assert ticks_from_strings(scale, column)[0].tolist() == [scale.to_tick("10"), MISSING, scale.to_tick("10")]
    assert ticks_from_strings(scale, [])[0].tolist() == []
    ticks, faults = ticks_from_strings(scale, ["10", "\ud800", None])
    assert list(faults) == [1]
    np.testing.assert_array_equal(ticks, [scale.to_tick("10"), MISSING, MISSING])


@pytest.mark.parametrize(
    ("low", "high", "step", "integral", "fault"),
    [
        ("0", "10", "0", False, "step: must be above zero"),
        ("0", "10", "-1", False, "step: must be above zero"),
        ("0", "10", "0.5", True, "step: an integer"),
        ("0.25", "10", "0.5", False, "low: is not a multiple"),
        ("0", "10.25", "0.5", False, "high: is not a multiple"),
        ("5", "4", "1", False, "high: is below low"),
        ("0", "999999999999999", "0.0001", False, "high: is too large"),
    ],
)
def test_a_scale_that_does_not_fit_names_the_member(low: str, high: str, step: str, integral: bool, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        NumericScale.build(low, high, step, integral=integral)
