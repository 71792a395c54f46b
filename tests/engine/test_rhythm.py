"""The rhythm of a source: what is learned, from when on its silence tells, and what is left alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rhythm import run
from engine.rhythm import Rhythm, Unit, Unsteady, closed_days, judge, silence_words

VIENNA = ZoneInfo("Europe/Vienna")
MONDAY = datetime(2026, 9, 7, tzinfo=VIENNA)

Counts = dict[int, int]


def hour(at: datetime) -> int:
    return int(at.timestamp()) // 3600


def history(
    days: int, speak: Callable[[datetime], list[tuple[float, int]]], start: datetime = MONDAY
) -> Counts:
    """`speak` gives (hour of the day, messages) for each local day."""
    counts: Counts = {}
    for number in range(days):
        day = start + timedelta(days=number)
        for at, count in speak(day):
            place = hour(day + timedelta(hours=at))
            counts[place] = counts.get(place, 0) + count
    return counts


def nightly(day: datetime) -> list[tuple[float, int]]:
    return [(2 + day.day % 2, 3 + day.day % 4)]


def office(day: datetime) -> list[tuple[float, int]]:
    return [(9, 2), (14, 3)] if day.weekday() < 5 else []


def rhythm_of(counts: Counts, closed: frozenset[date] = frozenset()) -> Rhythm:
    found = judge(counts, VIENNA, closed=closed)
    assert isinstance(found, Rhythm), found
    return found


def last_of(counts: Counts) -> datetime:
    return datetime.fromtimestamp(max(counts) * 3600, VIENNA)


def test_a_nightly_source_is_silent_in_its_second_missing_night() -> None:
    counts = history(30, nightly)
    found = rhythm_of(counts)
    assert (found.unit, found.misses, found.low, found.high) == (Unit.NIGHT, 2, 3, 6)
    last = last_of(counts)
    second = last.replace(hour=0) + timedelta(days=2)
    assert second + timedelta(hours=3) < found.quiet_at <= second + timedelta(hours=6)


def test_the_silence_is_said_with_its_evidence() -> None:
    counts = history(30, nightly)
    found, last = rhythm_of(counts), last_of(counts) + timedelta(minutes=14)
    said = silence_words("Acme", "Veeam", found, last, found.quiet_at, VIENNA)
    assert said == ("Acme's Veeam usually sends 3–6 a night; 0 for two nights. It last spoke Tuesday 02:14.")
    later = silence_words("Acme", "Veeam", found, last, last + timedelta(days=9), VIENNA)
    assert later.endswith("It last spoke on Tuesday 6 October 02:14.")


def test_the_night_in_which_the_clocks_change_is_a_night_like_others() -> None:
    counts = history(60, nightly, datetime(2026, 9, 1, tzinfo=VIENNA))
    assert rhythm_of(counts).misses == 2 and len(counts) == 60


def test_weekends_are_no_silence_of_what_keeps_working_days() -> None:
    counts = history(33, office)  # the last day is a Friday
    found = rhythm_of(counts)
    assert found.workdays_only and last_of(counts).strftime("%a") == "Fri"
    assert found.quiet_at > last_of(counts).replace(hour=0) + timedelta(days=3)


def test_holidays_of_others_like_it_are_none_of_its_silence() -> None:
    counts = history(33, office)
    monday = (last_of(counts) + timedelta(days=3)).date()
    plain, rested = rhythm_of(counts), rhythm_of(counts, frozenset({monday}))
    assert plain.quiet_at + timedelta(hours=20) < rested.quiet_at


def test_a_day_on_which_most_like_it_were_silent_is_a_closed_one() -> None:
    days = {(MONDAY + timedelta(days=n)).date() for n in range(12) if n % 7 < 5}
    holiday = (MONDAY + timedelta(days=8)).date()
    until = (MONDAY + timedelta(days=13)).date()
    peers = [days - {holiday}] * 3
    assert closed_days(peers, until=until) == {holiday}
    assert closed_days([*peers, days, days], until=until) == frozenset(), "two of five did speak"
    assert closed_days(peers[:2], until=until) == frozenset(), "too few to tell"


def test_a_weekly_report_is_missed_after_its_second_week() -> None:
    counts = history(63, lambda day: [(6, 1)] if day.weekday() == 0 else [])
    found = rhythm_of(counts)
    assert found.unit is Unit.WEEK and found.misses == 2
    assert timedelta(days=14) < found.quiet_at - last_of(counts) < timedelta(days=15)


def test_a_busy_source_is_missed_within_a_day() -> None:
    counts = history(30, lambda _: [(at, 3) for at in range(24)])
    found = rhythm_of(counts)
    assert found.unit is Unit.HOURS and timedelta(hours=12) <= found.quiet_at - last_of(counts) <= timedelta(
        hours=24
    )
    now = last_of(counts) + timedelta(hours=14)
    assert "nothing for 14 h" in silence_words("Acme", "Zabbix", found, last_of(counts), now, VIENNA)


def test_what_misses_sometimes_gets_more_patience() -> None:
    steady = rhythm_of(history(56, nightly))
    lossy = rhythm_of(history(56, lambda day: [] if day.toordinal() % 11 == 0 else nightly(day)))
    assert lossy.misses > steady.misses


def test_an_earlier_outage_teaches_no_patience() -> None:
    gone = {(MONDAY + timedelta(days=n)).date() for n in range(20, 26)}
    counts = history(56, lambda day: [] if day.date() in gone else nightly(day))
    assert rhythm_of(counts).misses == 2


def test_what_is_new_or_irregular_is_left_alone() -> None:
    assert judge({}, VIENNA) == Unsteady("nothing heard yet")
    young = judge(history(13, nightly), VIENNA)
    assert isinstance(young, Unsteady) and "no rhythm yet" in young.why
    dice = random.Random(7)
    sparse = history(70, lambda _: [(dice.randrange(24), 1)] if dice.random() < 0.25 else [])
    assert isinstance(judge(sparse, VIENNA), Unsteady)


@given(
    st.dictionaries(st.integers(490_000, 492_500), st.integers(1, 10_000), max_size=80),
    st.sampled_from(["UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Apia"]),
)
def test_whatever_was_heard_a_verdict_lies_after_the_last_word(counts: Counts, zone: str) -> None:
    found = judge(counts, ZoneInfo(zone))
    if isinstance(found, Rhythm):
        assert hour(found.quiet_at) > max(counts) and found.low <= found.high
        assert found.usual
    else:
        assert found.why


@pytest.mark.parametrize("seed", [5])
def test_a_simulated_year_has_few_false_calls_and_finds_the_outages(seed: int) -> None:
    scores = run(4, seed=seed)
    months, false = sum(one.months for one in scores.values()), sum(one.false for one in scores.values())
    assert false <= months / 50
    for kind in ("nightly backup", "working days", "busy monitor"):
        assert scores[kind].found == scores[kind].outages, kind
    assert all(days <= 3.5 for days in scores["nightly backup"].delays)
