"""Codes of real organisations and the misprint in GB 32100-2015; recomputed here by a second, naive reading."""

import pytest

from node.policy import uscc

VALID = ("91350100M000100Y43", "11320000MB151840XJ", "91110000600037341L")
MISPRINT = "91350100M000100Y4Z"  # the example as the standard prints it: Z is not even in its alphabet


@pytest.mark.parametrize("code", VALID)
def test_real_codes_are_valid(code: str) -> None:
    assert uscc.validate(code) == code
    assert uscc.check_many([code]).tolist() == [True]


def test_the_standards_misprint_is_refused() -> None:
    with pytest.raises(ValueError, match="without I, O, S, V and Z"):
        uscc.validate(MISPRINT)
    assert uscc.check_many([MISPRINT]).tolist() == [False]


@pytest.mark.parametrize("code", VALID)
def test_the_check_characters_follow_from_the_standards_formulas(code: str) -> None:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    total = sum(alphabet.index(c) * 3**i % 31 for i, c in enumerate(code[:17]))
    assert alphabet[(31 - total % 31) % 31] == code[17]
    subject = sum(int(c, 36) * w for c, w in zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    rest = 11 - subject % 11
    assert {10: "X", 11: "0"}.get(rest, str(rest)) == code[16]


def test_the_made_up_series_agrees_with_codes_made_elsewhere() -> None:
    # The first two rows of a public small-business data set that was given codes by another programme.
    assert [uscc.valid_code(n) for n in (0, 1)] == ["91330100MA1000009E", "91330100MA10000179"]
