import numpy as np
import pyarrow as pa
import pytest

from node.policy import uscc

CODE = "91350100M000100Y43"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "18 characters"),
        (CODE + "0", "18 characters"),
        (CODE.replace("M", "I"), "without I, O"),
        ("91" + "35O100" + CODE[8:], "without I, O"),
        ("91A50100" + CODE[8:], "administrative division"),
        (CODE[:16] + "5" + CODE[17:], "GB 11714"),
        (CODE[:17] + "4", "GB 32100"),
        ("92" + CODE[2:], "GB 32100"),
    ],
)
def test_every_rule_is_named_without_the_value(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        uscc.validate(text)
    assert CODE[8:] not in str(caught.value)
    assert not uscc.check_many([text])[0]


def test_full_width_lower_case_and_spaces_are_normalised() -> None:
    typed = " ９１350100m000100y43\u3000"
    assert uscc.validate(typed) == CODE
    assert uscc.check_many([typed, uscc.normalise(typed)]).tolist() == [False, True]


def test_the_series_is_valid_and_distinct_and_bounded() -> None:
    codes = [uscc.valid_code(n, prefix="93", division="110000") for n in [*range(2000), 31**6 - 31**5 - 1]]
    assert len(set(codes)) == len(codes)
    assert uscc.check_many(codes).all()
    for outside in (-1, 31**6 - 31**5):
        with pytest.raises(ValueError, match="series"):
            uscc.valid_code(outside)


def test_check_many_agrees_with_validate_on_every_single_change() -> None:
    changed = [
        CODE[:place] + character + CODE[place + 1 :] for place in range(18) for character in uscc.ALPHABET + "IOZ-é"
    ]
    assert uscc.check_many(changed).tolist() == [uscc.is_valid(code) for code in changed]
    assert uscc.check_many(changed).sum() < len(changed) / 10


def test_both_check_characters_count_even_where_the_other_is_right() -> None:
    wrong_subject = [CODE[:16] + "5" + last for last in uscc.ALPHABET]
    assert not uscc.check_many(wrong_subject).any()
    assert not any(map(uscc.is_valid, wrong_subject))


def test_check_many_takes_nulls_empty_lists_arrow_slices_and_lone_surrogates() -> None:
    assert uscc.check_many([]).tolist() == []
    assert uscc.check_many([None, "", CODE]).tolist() == [False, False, True]
    assert uscc.check_many(["\ud800", CODE, None]).tolist() == [False, True, False]
    sliced = pa.array(["x", CODE, None, CODE[:17], CODE]).slice(1)
    np.testing.assert_array_equal(uscc.check_many(sliced), [True, False, False, True])
