"""When a storm begins, what keeps a card of its own, and what the board's curve says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alert import Severity
from engine.storm import (
    BETWEEN_CARDS,
    CARDS,
    CRITICAL_EVERY,
    LONGEST,
    MOST_SAMPLES,
    SINKS,
    Channel,
    Newcomer,
    Placed,
    Storm,
    alerts_until,
    arrive,
    busiest_minute,
    curve,
    pause_of,
    sampled,
    sparkline,
)
from tests.clock import START

CALM = Channel(platform="slack", channel="C1", company_id=1, swell_at=START)
STORM = Storm(id="s1", company_id=1, platform="slack", channel="C1", began_at=START)


def some(count: int, severity: Severity = Severity.HIGH, *, first: int = 1) -> list[Newcomer]:
    return [Newcomer(card_id=f"c{first + one}", severity=severity, at=START) for one in range(count)]


def own(placed: Placed) -> int:
    return sum(not one.on_board for one in placed.arrivals)


def after(seconds: float):
    return START + timedelta(seconds=seconds)


def test_few_get_a_card_each_a_little_apart():
    placed = arrive(CALM, some(CARDS), START)
    assert own(placed) == CARDS and not placed.begins
    assert [one.after for one in placed.arrivals] == [BETWEEN_CARDS * place for place in range(CARDS)]


def test_one_more_in_the_same_instant_is_a_storm():
    placed = arrive(CALM, some(CARDS + 1), START)
    assert placed.begins and own(placed) == 0


def test_one_more_a_moment_later_is_a_storm_that_counts_the_swell():
    first = arrive(CALM, some(CARDS), START)
    placed = arrive(first.channel, some(1, first=9), after(1))
    assert placed.begins and own(placed) == 0
    assert [one.card_id for one in placed.channel.swell] == ["c1", "c2", "c3"]


def test_the_same_number_spread_out_is_none():
    channel = CALM
    for number in range(60):
        placed = arrive(channel, some(1), START + SINKS * number)
        assert own(placed) == 1 and placed.arrivals[0].after == timedelta(0)
        channel = placed.channel
    assert channel.storm_id is None


def test_the_first_critical_never_waits_and_never_goes_on_the_board():
    placed = arrive(CALM, [*some(20), *some(3, Severity.CRITICAL, first=50)], START)
    [urgent] = [one for one in placed.arrivals if not one.on_board]
    assert urgent.urgent and urgent.after == timedelta(0)
    assert placed.arrivals.index(urgent) == 20


def test_in_a_storm_a_critical_gets_a_card_now_and_then():
    channel = replace(CALM, storm_id="s1")
    placed = arrive(channel, some(1, Severity.CRITICAL), START)
    assert own(placed) == 1
    soon = arrive(placed.channel, some(1, Severity.CRITICAL), after(30))
    assert own(soon) == 0
    later = arrive(soon.channel, some(1, Severity.CRITICAL), START + CRITICAL_EVERY)
    assert own(later) == 1 and not later.begins


def test_a_storm_does_not_pile_up_a_swell_that_would_outlast_it():
    placed = arrive(CALM, some(10_000), START)
    assert placed.channel.swell_at <= START + SINKS * (CARDS + 1)


arrivals = st.lists(
    st.tuples(st.floats(0, 20), st.integers(1, 6), st.sampled_from(list(Severity))), max_size=60
)


@given(arrivals)
@settings(max_examples=300)
def test_whatever_arrives_few_cards_are_posted_and_no_first_critical_is_missed(steps):
    channel, at, posted, critical_seen = CALM, START, [], None
    for pause, count, severity in steps:
        at += timedelta(seconds=pause)
        placed = arrive(channel, some(count, severity), at)
        channel = placed.channel
        if placed.begins:
            channel = replace(channel, storm_id="s1", swell=())
        posted += [at] * own(placed)
        if severity is Severity.CRITICAL and critical_seen is None:
            critical_seen = at
            assert placed.arrivals[0].urgent
        assert len(placed.arrivals) == count
        assert all(one.after <= BETWEEN_CARDS * (CARDS + count) for one in placed.arrivals)
    for moment in posted:
        minute = [one for one in posted if timedelta(0) <= one - moment < timedelta(minutes=1)]
        assert len(minute) <= CARDS + 1 + timedelta(minutes=1) // SINKS


def test_the_board_is_edited_ever_more_rarely():
    pauses = [pause_of(STORM, after(seconds)) for seconds in (0, 3, 10, 20, 600)]
    assert pauses == sorted(pauses) and pauses[0] == timedelta(seconds=2) and pauses[-1] == LONGEST


def test_the_curve_is_what_the_samples_say():
    storm = STORM
    for seconds, alerts in ((2, 20), (4, 100), (8, 100)):
        storm = sampled(storm, alerts, after(seconds))
    assert alerts_until(storm, 1) == 10 and alerts_until(storm, 3) == 60 and alerts_until(storm, 99) == 100
    width, bars = curve(storm)
    assert width == timedelta(seconds=1) and bars == (10, 10, 40, 40, 0, 0, 0, 0)
    assert busiest_minute(storm) == 100


def test_a_long_curve_has_wide_bars_and_the_right_busiest_minute():
    storm = STORM
    for minute in range(1, 61):
        storm = sampled(storm, minute * 10 + (500 if minute >= 30 else 0), after(minute * 60))
    width, bars = curve(storm)
    assert width == timedelta(minutes=5) and len(bars) == 12 and sum(bars) == 1100
    assert busiest_minute(storm) == 510


@given(st.lists(st.integers(0, 50), min_size=1, max_size=2 * MOST_SAMPLES))
@settings(max_examples=50)
def test_samples_stay_few_and_the_last_is_kept(steps):
    storm, total = STORM, 0
    for number, step in enumerate(steps, 1):
        total += step
        storm = sampled(storm, total, after(number * 3))
        assert len(storm.samples) <= MOST_SAMPLES and storm.samples[-1][1] == total
    assert abs(sum(curve(storm)[1]) - total) <= 24, "rounded per bar"


@pytest.mark.parametrize(
    ("values", "drawn"),
    [((), ""), ((0, 0), "▁▁"), ((1,), "█"), ((0, 1, 100), "▁▂█"), ((50, 100), "▅█"), ((1e-9, 0), "█▁")],
)
def test_a_sparkline_shows_little_as_little_and_nothing_as_nothing(values, drawn):
    assert sparkline(values) == drawn
