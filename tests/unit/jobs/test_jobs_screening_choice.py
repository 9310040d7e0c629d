"""Which protocol a screening runs on, and that protocol vole takes what one run holds and no more."""

from __future__ import annotations

import pytest

from node.codes import Code, ScreeningMode, ScreeningProtocol
from node.errors import Refusal
from node.jobs.screening_calls import PROTOCOLS_OF_MODE
from node.jobs.screening_choice import choose_buckets, choose_protocol
from node.jobs.screening_cost import Sizes
from protocols.psi.vole.parameters import MAXIMUM_SIZE, VoleIntersectionParameters

LARGE = MAXIMUM_SIZE + 1
OTHERS = [each for each in ScreeningProtocol if each is not ScreeningProtocol.VOLE]


@pytest.mark.parametrize("mode", list(ScreeningMode))
@pytest.mark.parametrize("codes", [1, 10**3, 10**6, LARGE])
@pytest.mark.parametrize("list_items", [1024, 10**6, LARGE])
def test_the_chosen_protocol_is_one_of_the_mode_and_takes_the_sizes(
    mode: ScreeningMode, codes: int, list_items: int
) -> None:
    chosen = choose_protocol(mode, Sizes(codes, list_items))
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
    assert choose_protocol(ScreeningMode.CODES, Sizes(codes, list_items)) is expected


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
