"""The sliding window against a brute-force model, and what it promises to a sender that waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.allowance import WINDOW, Lane, Limits, Window
from tests.clock import START

limits_of = st.builds(Limits, rate=st.integers(1, 60), burst=st.integers(0, 40))
pauses = st.integers(0, 150_000_000).map(lambda microseconds: timedelta(microseconds=microseconds))
steps_of = st.lists(st.tuples(pauses, st.integers(1, 90)), min_size=1, max_size=25)
Steps = Sequence[tuple[timedelta, int]]


class Remembered:
    """Every request it took, by the window it was taken in; each decision is made anew from all of them."""

    def __init__(self) -> None:
        self.began_at = START
        self.taken: list[datetime] = []

    def take(self, wanted: int, most: int, now: datetime) -> int:
        if now >= self.began_at + 2 * WINDOW:
            self.began_at = now
        elif now >= self.began_at + WINDOW:
            self.began_at += WINDOW
        count = 0
        while count < wanted and self._used(now) + 1 <= most:
            self.taken.append(now)
            count += 1
        return count

    def _used(self, now: datetime) -> Fraction:
        here = sum(self.began_at <= at for at in self.taken)
        before = sum(self.began_at - WINDOW <= at < self.began_at for at in self.taken)
        left = Fraction((self.began_at + WINDOW - now) // timedelta(microseconds=1), 60_000_000)
        return here + before * left


@given(steps_of, limits_of)
@example([(timedelta(0), 90), (WINDOW, 1), (timedelta(seconds=1), 5)], Limits(rate=60))
def test_it_takes_what_the_model_takes(steps: Steps, limits: Limits) -> None:
    model, window, now = Remembered(), Window(began_at=START), START
    for pause, wanted in steps:
        now += pause
        window, taken = window.take(wanted, limits, now)
        assert taken == model.take(wanted, limits.most, now)


@given(steps_of, limits_of)
def test_who_waits_as_told_is_taken_and_a_second_earlier_is_not(steps: Steps, limits: Limits) -> None:
    window, now = Window(began_at=START), START
    for pause, wanted in steps:
        now += pause
        window, taken = window.take(wanted, limits, now)
        if taken < wanted:
            wait = window.shut(limits, now).wait(now)
            assert wait >= 1
            assert window.take(1, limits, now + timedelta(seconds=wait))[1] == 1
            assert wait == 1 or window.take(1, limits, now + timedelta(seconds=wait - 1))[1] == 0


@given(steps_of, limits_of, st.integers(0, 30))
def test_the_reserve_opens_when_it_says(steps: Steps, limits: Limits, entered: int) -> None:
    window, now = Window(began_at=START), START
    for pause, wanted in steps:
        now += pause
        window, _ = window.take(wanted, limits, now)
        room = min(entered, window.reserve_free(limits, now))
        window = window.entered(room)
        at = window.shut(limits, now).reserve_opens_at
        assert (at <= now) == (window.reserve_free(limits, now) > 0)
        assert window.reserve_free(limits, max(at, now)) > 0
        assert at <= now or window.reserve_free(limits, at - timedelta(microseconds=1)) == 0


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_a_storm_after_quiet_gets_exactly_what_it_may_for_a_whole_minute(most: int) -> None:
    window, now, taken = Window(began_at=START), START + timedelta(hours=3, seconds=59), 0
    for _ in range(60):
        window, more = window.take(most, Limits(rate=most), now)
        taken += more
        now += timedelta(seconds=0.999)
    assert taken == most


def test_an_even_flow_below_the_limit_is_never_refused() -> None:
    window, now, limits = Window(began_at=START), START, Limits(rate=31)
    for _ in range(300):
        window, taken = window.take(1, limits, now)
        assert taken == 1
        now += timedelta(seconds=2)


@pytest.mark.parametrize(("rate", "reserve"), [(1, 10), (100, 10), (101, 10), (110, 11), (1000, 100)])
def test_the_reserve_is_a_tenth_and_ten_at_least(rate: int, reserve: int) -> None:
    assert Limits(rate=rate, burst=50).reserve == reserve


def test_a_clock_that_is_behind_gives_nothing_away() -> None:
    window, _ = Window(began_at=START).take(5, Limits(rate=5), START)
    behind = START - timedelta(seconds=2)
    assert window.take(1, Limits(rate=5), behind)[1] == 0
    assert window.shut(Limits(rate=5), behind).wait(behind) == 62 + 12


def test_a_critical_waits_for_whichever_lane_opens_first() -> None:
    limits = Limits(rate=1)
    window, _ = Window(began_at=START).take(1, limits, START)
    shut = window.shut(limits, START)
    assert shut.wait(START) == 120 and shut.wait(START, critical=True) == 1
    assert not shut.both(START)
    full = Window(began_at=START, lane=window.lane, reserve=Lane(count=10)).shut(limits, START)
    assert full.both(START) and full.wait(START, critical=True) == 66
    assert not full.both(START + timedelta(seconds=66))
