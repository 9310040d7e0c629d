"""The cost model: the choice turns with the sizes, the line, the tags that are held and the speed of the arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.codes import ScreeningMode, ScreeningProtocol
from node.jobs.screening_choice import choose_protocol
from node.jobs.screening_cost import SCREENINGS_OF_AN_EPOCH, WITH_VECTORS, WITHOUT_VECTORS, Sizes, estimate
from node.jobs.screening_line import ASSUMED, Line

OPRF, VOLE = ScreeningProtocol.OPRF, ScreeningProtocol.VOLE
FAST = Line(0.0005, 125e6)


def chosen(codes: int, list_items: int, line: Line = ASSUMED, *, held: bool = False) -> ScreeningProtocol:
    return choose_protocol(ScreeningMode.CODES, Sizes(codes, list_items, held), line)


def test_the_choice_turns_with_the_banks_size() -> None:
    assert [chosen(2**power, 2**20, held=True) for power in (6, 10, 12)] == [OPRF] * 3
    assert [chosen(2**power, 2**20, held=True) for power in (16, 18, 20)] == [VOLE] * 3


def test_the_choice_turns_with_the_lists_size() -> None:
    assert chosen(2**16, 2**16) is VOLE
    assert chosen(2**16, 2**23, held=True) is OPRF


def test_the_choice_turns_with_the_rate_of_the_line() -> None:
    """A run of vole carries two megabytes whatever its size; a thousand codes of oprf carry a fifteenth of one."""
    slow = replace(FAST, bytes_a_second=250e3)
    assert chosen(4_096, 4_096, FAST) is VOLE
    assert chosen(4_096, 4_096, slow) is OPRF


def test_the_choice_turns_with_the_delay_of_the_line() -> None:
    """Many batches wait many times, one conversation four times."""
    sizes, rates = Sizes(2**16, 2**20, tags_held=True), replace(WITHOUT_VECTORS, oprf_bank=10e-6, oprf_bureau=10e-6)
    assert estimate(sizes, replace(ASSUMED, round_trip_seconds=0.001), rates).faster is OPRF
    assert estimate(sizes, replace(ASSUMED, round_trip_seconds=1.0), rates).faster is VOLE


def test_the_choice_turns_with_tags_that_are_held() -> None:
    assert chosen(1_024, 2**20, FAST) is VOLE
    assert chosen(1_024, 2**20, FAST, held=True) is OPRF


def test_tags_cost_their_evaluation_and_download_once_for_all_screenings_of_an_epoch() -> None:
    fresh, held = (estimate(Sizes(64, 2**20, known), ASSUMED) for known in (False, True))
    whole = 2**20 * (WITHOUT_VECTORS.oprf_listed / 2 + 12 / ASSUMED.bytes_a_second)
    assert (fresh.oprf_seconds - held.oprf_seconds) * SCREENINGS_OF_AN_EPOCH == pytest.approx(whole)
    assert fresh.vole_seconds == held.vole_seconds


def test_faster_arithmetic_moves_the_border_towards_oprf() -> None:
    sizes = Sizes(2**15, 2**20, tags_held=True)
    assert estimate(sizes, ASSUMED, WITHOUT_VECTORS).faster is VOLE
    assert estimate(sizes, ASSUMED, WITH_VECTORS).faster is OPRF


@pytest.mark.parametrize("grown", [Sizes(2_000, 10_000), Sizes(1_000, 20_000)])
def test_more_never_takes_less(grown: Sizes) -> None:
    small, large = estimate(Sizes(1_000, 10_000), ASSUMED), estimate(grown, ASSUMED)
    assert large.oprf_seconds > small.oprf_seconds
    assert large.vole_seconds > small.vole_seconds
    worse = estimate(Sizes(1_000, 10_000), Line(1.0, 1e5))
    assert worse.oprf_seconds > small.oprf_seconds
    assert worse.vole_seconds > small.vole_seconds


@pytest.mark.parametrize("line", [Line(0.0, 1e12), Line(10.0, 1e3)])
@pytest.mark.parametrize("codes", [64, 2**20])
def test_modes_with_one_protocol_have_no_choice(codes: int, line: Line) -> None:
    assert choose_protocol(ScreeningMode.LABELS, Sizes(codes, 2**20), line) is OPRF
    assert choose_protocol(ScreeningMode.COUNT, Sizes(codes, 2**20), line) is ScreeningProtocol.CARDINALITY
