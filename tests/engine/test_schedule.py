"""Recurrence on the wall clock, held against a walk through every minute that knows nothing of RRULEs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.schedule import Schedule, Stretch, as_before, between, checked_rule, instant

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


def schedule(first: str, rule: str, *, until: str = "2027-01-01", **changes) -> Schedule:
    values: dict[str, Any] = {
        "length": 4 * HOUR,
        "timezone": "Europe/Vienna",
        "on_the_wall": True,
        "until": at(until),
    }
    start = naive(first)
    return Schedule(first=start, rule=checked_rule(rule, start), **values | changes)


SATURDAYS = schedule("2026-03-07 22:00", "FREQ=WEEKLY")


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-03-07 20:59", False),
        ("2026-03-07 21:00", True),
        ("2026-03-08 00:59", True),
        ("2026-03-08 01:00", False),
        ("2026-03-28 21:00", True),  # the night the clocks go forward
        ("2026-04-04 20:00", True),  # and the Saturday after it, an hour earlier in UTC
        ("2026-04-04 19:59", False),
        ("2026-02-28 22:00", False),  # before the first
    ],
)
def test_saturday_nights_follow_the_wall_clock(moment, inside):
    assert (SATURDAYS.at(at(moment)) is not None) is inside


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Vienna", "2026-03-29 02:30", "2026-03-29 01:30"),  # skipped: by the offset before the gap
        ("Europe/Vienna", "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("America/New_York", "2026-03-08 02:30", "2026-03-08 07:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45"),  # a shift of half an hour
        ("Asia/Kathmandu", "2026-05-01 00:00", "2026-04-30 18:15"),
        ("UTC", "2026-05-01 00:00", "2026-05-01 00:00"),
    ],
)
def test_a_local_time_is_an_instant_as_the_calendar_standard_says(zone, local, utc):
    assert instant(naive(local), zone) == at(utc)


def test_an_hour_that_spring_skips_is_still_an_hour_of_work():
    nightly = schedule("2026-03-20 02:00", "FREQ=DAILY", length=HOUR)
    assert nightly.at(at("2026-03-29 01:30")) == Stretch(at("2026-03-29 01:00"), at("2026-03-29 02:00"))


def test_by_the_stopwatch_or_by_the_wall():
    night = "2026-10-24 22:00"
    by_wall = schedule(night, "FREQ=WEEKLY", length=6 * HOUR)
    by_watch = schedule(night, "FREQ=WEEKLY", length=6 * HOUR, on_the_wall=False)
    (wall, *_), (watch, *_) = by_wall.stretches, by_watch.stretches
    assert wall.ends_at - wall.starts_at == 7 * HOUR, "until 04:00 on the night that is an hour longer"
    assert watch.ends_at - watch.starts_at == 6 * HOUR


def test_once_is_from_one_instant_to_another():
    once = between(at("2026-03-04 09:00"), at("2026-03-04 11:00"))
    assert once.stretches == (Stretch(at("2026-03-04 09:00"), at("2026-03-04 11:00")),)
    assert once.at(at("2026-03-04 10:59")) and not once.at(at("2026-03-04 11:00"))
    assert once.after(at("2026-03-04 08:59")) and not once.after(at("2026-03-04 09:00"))
    assert once.over_at == at("2026-03-04 11:00") and not once.unbroken


def test_a_series_ends_where_it_is_told_to():
    few = schedule("2026-03-07 22:00", "FREQ=WEEKLY", until="2026-03-21 21:00")
    assert [one.starts_at for one in few.stretches] == [at("2026-03-07 21:00"), at("2026-03-14 21:00")]


def test_windows_that_run_into_one_another_are_noticed():
    assert schedule("2026-03-07 22:00", "FREQ=DAILY", length=24 * HOUR).unbroken
    assert not schedule("2026-03-07 22:00", "FREQ=DAILY", length=23 * HOUR).unbroken


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("rrule:freq=weekly", "FREQ=WEEKLY;BYDAY=SA"),
        ("FREQ=WEEKLY;BYDAY=MO,TU", "FREQ=WEEKLY;BYDAY=MO,TU"),
        ("FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=7"),
        ("FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYDAY=2TU"),
        ("FREQ=YEARLY", "FREQ=YEARLY;BYMONTHDAY=7;BYMONTH=3"),
        ("FREQ=DAILY;INTERVAL=2", "FREQ=DAILY;INTERVAL=2"),
    ],
)
def test_a_rule_is_kept_in_plain_form(said, plain):
    assert checked_rule(said, naive("2026-03-07 22:00")) == plain


@pytest.mark.parametrize(
    "said",
    [
        "",
        "weekly",
        "FREQ=SECONDLY",
        "FREQ=HOURLY",
        "FREQ=WEEKLY;COUNT=3",
        "FREQ=WEEKLY;UNTIL=20270101T000000Z",
        "FREQ=WEEKLY;BYHOUR=3",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=99999999999",
        "FREQ=WEEKLY;FREQ=DAILY",
        "FREQ=MONTHLY;BYMONTHDAY=x",
        "FREQ=WEEKLY\nEXRULE:FREQ=DAILY",
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(said):
    with pytest.raises(ValueError, match=r".+"):
        checked_rule(said, naive("2026-03-07 22:00"))


@given(
    st.text(max_size=60)
    | st.from_regex(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;[A-Z]{5,10}=[-0-9A-Z,]{1,9}){0,3}")
)
def test_no_text_breaks_the_rules(text):
    start = naive("2026-03-07 22:00")
    try:
        rule = checked_rule(text, start)
    except ValueError:
        return
    assert len(Schedule(first=start, length=HOUR, rule=rule, until=at("2027-03-01")).stretches) <= 366


FIRST = date(2026, 3, 1)


def nth(day: date, weekday: int, place: int) -> bool:
    return day.weekday() == weekday and (day.day - 1) // 7 == place - 1


RULES: dict[str, Callable[[date], bool]] = {
    "FREQ=DAILY": lambda day: day >= FIRST,
    "FREQ=DAILY;INTERVAL=3": lambda day: (day - FIRST).days % 3 == 0,
    "FREQ=WEEKLY;BYDAY=SA,SU": lambda day: day.weekday() >= 5,
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR": lambda day: day.weekday() < 5,
    "FREQ=MONTHLY;BYDAY=-1SU": lambda day: day.weekday() == 6 and (day + 7 * DAY).month != day.month,
    "FREQ=MONTHLY;BYDAY=2SU": lambda day: nth(day, 6, 2),
    "FREQ=MONTHLY;BYMONTHDAY=29": lambda day: day.day == 29,
}
CHANGES = {
    "Europe/Vienna": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "America/Santiago": (date(2026, 4, 4), date(2026, 9, 6)),  # at midnight
    "Asia/Kolkata": (date(2026, 6, 15),),  # never
    "UTC": (date(2026, 6, 15),),
}


@cache
def walk(zone: str, around: date) -> tuple[Mapping[datetime, datetime], datetime]:
    """What the wall clock shows at every minute of eight days, each with the first moment it does."""
    begin = datetime(around.year, around.month, around.day, tzinfo=UTC) - 4 * DAY
    info, seen = ZoneInfo(zone), dict[datetime, datetime]()
    for minute in range(8 * 1440):
        moment = begin + minute * MINUTE
        seen.setdefault(moment.astimezone(info).replace(tzinfo=None), moment)
    return seen, begin


def first_shown(seen: Mapping[datetime, datetime], local: datetime) -> datetime:
    """For a time that is skipped: counted on from the last one that was shown."""
    known = local.replace(fold=0)
    while known not in seen:
        known -= MINUTE
    return seen[known] + (local - known)


@settings(max_examples=60, deadline=None)
@given(
    zone_and_change=st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days]),
    rule=st.sampled_from(sorted(RULES)),
    hour=st.integers(0, 23),
    minute=st.sampled_from([0, 15, 30, 59]),
    length=st.integers(1, 22 * 60),
    on_the_wall=st.booleans(),
)
@example(("Europe/Vienna", date(2026, 3, 29)), "FREQ=DAILY", 2, 30, 30, True)
@example(("Europe/Vienna", date(2026, 10, 25)), "FREQ=DAILY", 1, 30, 90, True)
@example(("Australia/Lord_Howe", date(2026, 10, 4)), "FREQ=WEEKLY;BYDAY=SA,SU", 2, 0, 20, True)
@example(("America/Santiago", date(2026, 9, 6)), "FREQ=DAILY", 0, 0, 60, True)
def test_every_minute_agrees_with_a_walk_through_all_minutes(
    zone_and_change, rule, hour, minute, length, on_the_wall
):
    zone, change = zone_and_change
    first = datetime.combine(FIRST, time(hour, minute))
    made = Schedule(
        first=first,
        length=length * MINUTE,
        timezone=zone,
        rule=checked_rule(rule, first),
        until=at("2027-01-01"),
        on_the_wall=on_the_wall,
    )
    seen, begin = walk(zone, change)
    matches = RULES[rule]
    covered: set[datetime] = set()
    for offset in range(-2, 3):
        day = change + offset * DAY
        if not matches(day):
            continue
        start = datetime.combine(day, time(hour, minute))
        from_ = first_shown(seen, start)
        to = from_ + length * MINUTE
        if on_the_wall and (shown := first_shown(seen, start + length * MINUTE)) > from_:
            to = shown
        while from_ < to:
            covered.add(from_)
            from_ += MINUTE
    looked_at = [begin + (2 * 1440 + 1440 + one) * MINUTE for one in range(2 * 1440)]
    wrong = [one for one in looked_at if (made.at(one) is not None) != (one in covered)]
    assert not wrong, f"{len(wrong)} minutes differ, the first {wrong[0]}"


@settings(max_examples=40, deadline=None)
@given(
    rule=st.sampled_from([*RULES, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "FREQ=MONTHLY;INTERVAL=2;BYDAY=1MO"]),
    offset=st.integers(0, 400),
    hour=st.integers(0, 23),
)
def test_what_a_pattern_would_have_covered_is_the_pattern_itself(rule, offset, hour):
    """Moved back, it meets its own future without a seam: the same rule begun earlier."""
    first = datetime.combine(date(2026, 1, 1), time(hour)) + offset * DAY
    made = Schedule(
        first=first,
        length=HOUR,
        timezone="Europe/Vienna",
        rule=checked_rule(rule, first),
        until=at("2028-01-01"),
    )
    now = made.stretches[0].starts_at
    earlier = as_before(made, now - 90 * DAY, made.stretches[min(3, len(made.stretches) - 1)].ends_at)
    shared = [one for one in earlier.stretches if one.starts_at >= now]
    assert shared == list(made.stretches[: len(shared)]) and shared
    assert earlier.stretches[0].starts_at <= now - 60 * DAY or "MONTHLY" in rule
    assert all(one.starts_at < two.starts_at for one, two in pairwise(earlier.stretches))
