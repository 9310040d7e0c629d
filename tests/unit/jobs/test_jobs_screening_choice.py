"""Which protocol a screening runs on, and that protocol vole takes what one run holds and no more."""

from __future__ import annotations

import pytest

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_calls import PROTOCOLS_OF_MODE
from node.jobs.screening_choice import choose_buckets, choose_protocol, choose_security
from node.policy.agreement import Agreement
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.parameters import MAXIMUM_SIZE, VoleIntersectionParameters
from tests.support.policy import agreement
from tests.support.screening import screening_terms

LARGE = MAXIMUM_SIZE + 1
OTHERS = [each for each in ScreeningProtocol if each is not ScreeningProtocol.VOLE]


@pytest.mark.parametrize("mode", list(ScreeningMode))
@pytest.mark.parametrize("codes", [1, 10**3, 10**6, LARGE])
@pytest.mark.parametrize("list_items", [1024, 10**6, LARGE])
def test_the_chosen_protocol_is_one_of_the_mode_and_takes_the_sizes(
    mode: ScreeningMode, codes: int, list_items: int
) -> None:
    chosen = choose_protocol(mode, codes, list_items)
    assert chosen in PROTOCOLS_OF_MODE[mode]
    assert choose_buckets(chosen, codes, list_items) == (1 if chosen is ScreeningProtocol.VOLE else 0)


@pytest.mark.parametrize(
    ("codes", "list_items", "expected"),
    [
        (100, 2**20, ScreeningProtocol.OPRF),
        (2**20, 2**20, ScreeningProtocol.VOLE),
        (2**20, 1024, ScreeningProtocol.VOLE),
        (2**20, LARGE, ScreeningProtocol.OPRF),
        (LARGE, 2**20, ScreeningProtocol.OPRF),
    ],
)
def test_few_codes_go_to_oprf_and_large_sets_to_vole(codes: int, list_items: int, expected: ScreeningProtocol) -> None:
    assert choose_protocol(ScreeningMode.CODES, codes, list_items) is expected


def test_vole_is_one_bucket_up_to_the_largest_run() -> None:
    for sizes in ((1, 1024), (MAXIMUM_SIZE, 1024), (1, MAXIMUM_SIZE), (MAXIMUM_SIZE, MAXIMUM_SIZE)):
        assert choose_buckets(ScreeningProtocol.VOLE, *sizes) == 1
    VoleIntersectionParameters(MAXIMUM_SIZE, MAXIMUM_SIZE, bytes(32))


@pytest.mark.parametrize(
    ("codes", "list_items", "whose"),
    [(LARGE, 1024, "the codes to be screened"), (1024, LARGE, "the list"), (LARGE, LARGE, "the codes")],
)
def test_a_larger_side_is_refused_by_name_with_what_to_do(codes: int, list_items: int, whose: str) -> None:
    with pytest.raises(Refusal) as caught:
        choose_buckets(ScreeningProtocol.VOLE, codes, list_items)
    assert caught.value.code is Code.BOUND_EXCEEDED
    assert caught.value.detail.startswith(f"{whose}")
    assert "16,777,216" in caught.value.detail
    assert "--protocol oprf" in caught.value.remedy
    assert [choose_buckets(protocol, codes, list_items) for protocol in OTHERS] == [0] * len(OTHERS)


CURIOUS, MALICIOUS = SecurityProfile
STRICT = agreement(screening=screening_terms(vole_security=MALICIOUS).to_body())
LAX = agreement(screening=screening_terms().to_body())
NONE = agreement()


@pytest.mark.parametrize(
    ("wanted", "told", "agreements", "expected"),
    [
        (None, CURIOUS, [LAX], CURIOUS),
        (None, MALICIOUS, [LAX], MALICIOUS),
        (None, CURIOUS, [STRICT], MALICIOUS),
        (None, CURIOUS, [STRICT, LAX], CURIOUS),
        (None, CURIOUS, [STRICT, NONE], MALICIOUS),
        (None, CURIOUS, [], CURIOUS),
        (MALICIOUS, CURIOUS, [LAX], MALICIOUS),
        (CURIOUS, CURIOUS, [LAX], CURIOUS),
    ],
)
def test_a_run_of_vole_has_the_profile_that_is_wanted_or_agreed(
    wanted: SecurityProfile | None, told: SecurityProfile, agreements: list[Agreement], expected: SecurityProfile
) -> None:
    assert choose_security(wanted, told, agreements) is expected


@pytest.mark.parametrize(("told", "agreements"), [(MALICIOUS, [LAX]), (CURIOUS, [STRICT])])
def test_less_than_is_agreed_is_refused_at_the_bank_whatever_the_bureau_says(
    told: SecurityProfile, agreements: list[Agreement]
) -> None:
    with pytest.raises(Refusal) as caught:
        choose_security(CURIOUS, told, agreements)
    assert caught.value.code is Code.AGREEMENT_INACTIVE
