"""Which protocol a screening runs on, and into how many buckets vole splits the two sets."""

from __future__ import annotations

import pytest

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_calls import PROTOCOLS_OF_MODE
from node.jobs.screening_choice import check_buckets, choose_buckets, choose_protocol, choose_security
from node.jobs.screening_cost import Sizes
from node.policy.agreement import Agreement
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.buckets import BUCKET_ITEMS, MAXIMUM_BUCKETED_SIZE
from tests.support.policy import agreement
from tests.support.screening import screening_terms

LARGE = MAXIMUM_BUCKETED_SIZE + 1
OTHERS = [each for each in ScreeningProtocol if each is not ScreeningProtocol.VOLE]


@pytest.mark.parametrize("mode", list(ScreeningMode))
@pytest.mark.parametrize("codes", [1, 10**3, 10**6, LARGE])
@pytest.mark.parametrize("list_items", [1024, 10**6, LARGE])
def test_the_chosen_protocol_is_one_of_the_mode_and_takes_the_sizes(
    mode: ScreeningMode, codes: int, list_items: int
) -> None:
    chosen = choose_protocol(mode, Sizes(codes, list_items))
    assert chosen in PROTOCOLS_OF_MODE[mode]
    buckets = choose_buckets(chosen, codes, list_items)
    assert buckets == (1 if chosen is ScreeningProtocol.VOLE else 0)
    check_buckets(chosen, codes, list_items, buckets)


@pytest.mark.parametrize(
    ("codes", "list_items", "expected"),
    [
        (100, 2**20, ScreeningProtocol.OPRF),
        (2**20, 2**20, ScreeningProtocol.VOLE),
        (2**20, 1024, ScreeningProtocol.VOLE),
        (2**20, LARGE, ScreeningProtocol.OPRF),
        (LARGE, 2**20, ScreeningProtocol.OPRF),
        (10**7, 10**7, ScreeningProtocol.VOLE),
        (10**7, MAXIMUM_BUCKETED_SIZE, ScreeningProtocol.VOLE),
    ],
)
def test_few_codes_go_to_oprf_and_large_sets_to_vole(codes: int, list_items: int, expected: ScreeningProtocol) -> None:
    assert choose_protocol(ScreeningMode.CODES, Sizes(codes, list_items)) is expected


@pytest.mark.parametrize(
    ("codes", "list_items", "bucket_items", "buckets"),
    [
        (1, 1024, BUCKET_ITEMS, 1),
        (BUCKET_ITEMS, 1024, BUCKET_ITEMS, 1),
        (1, BUCKET_ITEMS, BUCKET_ITEMS, 1),
        (BUCKET_ITEMS + 1, 1, BUCKET_ITEMS, 2),
        (2**22, 2**22, BUCKET_ITEMS, 4),
        (MAXIMUM_BUCKETED_SIZE, 1, BUCKET_ITEMS, 128),
        (7168, 8192, 1024, 8),
        (MAXIMUM_BUCKETED_SIZE, 1, 1024, 4096),
    ],
)
def test_as_many_buckets_as_the_larger_side_needs(codes: int, list_items: int, bucket_items: int, buckets: int) -> None:
    assert choose_buckets(ScreeningProtocol.VOLE, codes, list_items, bucket_items) == buckets
    check_buckets(ScreeningProtocol.VOLE, codes, list_items, buckets)


@pytest.mark.parametrize(
    ("protocol", "sizes", "buckets"),
    [
        (ScreeningProtocol.VOLE, (64, 1024), 0),
        (ScreeningProtocol.VOLE, (64, 1024), 2),
        (ScreeningProtocol.VOLE, (7168, 8192), 9),
        (ScreeningProtocol.VOLE, (2**22, 1024), 3),
        (ScreeningProtocol.VOLE, (1024, 2**22), 1),
        (ScreeningProtocol.OPRF, (64, 1024), 1),
        (ScreeningProtocol.CARDINALITY, (64, 1024), 1),
    ],
)
def test_another_number_of_buckets_is_refused(
    protocol: ScreeningProtocol, sizes: tuple[int, int], buckets: int
) -> None:
    with pytest.raises(Refusal) as caught:
        check_buckets(protocol, *sizes, buckets)
    assert caught.value.code is Code.INVALID_INPUT


@pytest.mark.parametrize(
    ("codes", "list_items", "whose"),
    [(LARGE, 1024, "the codes to be screened"), (1024, LARGE, "the list"), (LARGE, LARGE, "the codes")],
)
def test_a_larger_side_is_refused_by_name_with_what_to_do(codes: int, list_items: int, whose: str) -> None:
    with pytest.raises(Refusal) as caught:
        choose_buckets(ScreeningProtocol.VOLE, codes, list_items)
    assert caught.value.code is Code.BOUND_EXCEEDED
    assert caught.value.detail.startswith(f"{whose}")
    assert "134,217,728" in caught.value.detail
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
