"""What a bank's own calls tell of the line: bounds that tighten, and that are forgotten."""

from __future__ import annotations

import pytest

from node.jobs.screening_line import ASSUMED, FORGOTTEN_SECONDS, KEPT, LARGE_BYTES, LineObserver, Lines


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def observer(watch: Watch) -> LineObserver:
    return LineObserver(watch)


def test_a_line_of_which_nothing_is_known_is_assumed(observer: LineObserver) -> None:
    assert observer.line() == ASSUMED


def test_the_shortest_small_call_is_the_round_trip(observer: LineObserver) -> None:
    for seconds in (0.2, 0.03, 0.05):
        assert observer.fresh is (seconds != 0.05)
        observer.observe(500, seconds)
    assert observer.line().round_trip_seconds == 0.03
    observer.observe(LARGE_BYTES, 0.01)
    assert observer.line().round_trip_seconds == 0.03, "a large call times no round trip"


def test_transfers_measure_the_rate_below_and_above_what_was_assumed(observer: LineObserver) -> None:
    observer.observe(500, 0.1)
    observer.observe(10 * LARGE_BYTES, 10.1, transfer=True)
    assert observer.line().bytes_a_second == pytest.approx(LARGE_BYTES)
    observer.observe(100 * LARGE_BYTES, 1.1, transfer=True)
    assert observer.line().bytes_a_second == pytest.approx(100 * LARGE_BYTES)


def test_a_small_transfer_says_nothing_of_the_rate(observer: LineObserver) -> None:
    observer.observe(LARGE_BYTES - 1, 100.0, transfer=True)
    assert observer.line().bytes_a_second == ASSUMED.bytes_a_second


def test_what_waits_for_computation_can_raise_the_rate_and_never_lower_it(observer: LineObserver) -> None:
    observer.observe(LARGE_BYTES, 60.0)
    assert observer.line().bytes_a_second == ASSUMED.bytes_a_second
    observer.observe(100 * LARGE_BYTES, 2.0)
    assert observer.line().bytes_a_second == pytest.approx(50 * LARGE_BYTES, rel=0.01)


def test_old_observations_are_forgotten(observer: LineObserver, watch: Watch) -> None:
    observer.observe(500, 0.001)
    observer.observe(LARGE_BYTES, 1.0, transfer=True)
    watch.now += FORGOTTEN_SECONDS - 1
    assert observer.line().round_trip_seconds == 0.001
    watch.now += 2
    assert observer.line() == ASSUMED


def test_a_line_that_got_worse_is_known_after_so_many_calls(observer: LineObserver) -> None:
    observer.observe(500, 0.001)
    for _ in range(KEPT - 1):
        observer.observe(500, 0.3)
    assert observer.line().round_trip_seconds == 0.001
    observer.observe(500, 0.3)
    assert observer.line().round_trip_seconds == 0.3


def test_every_bureau_has_a_line_of_its_own(watch: Watch) -> None:
    lines = Lines(watch)
    lines.of("one").observe(500, 0.5)
    assert lines.of("one").line().round_trip_seconds == 0.5
    assert lines.of("two").line() == ASSUMED
