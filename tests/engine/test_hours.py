"""Business hours against a counter that looks at the wall clock minute by minute."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import holidays as public
import pytest

from engine.hours import (
    BusinessHours,
    WrongHours,
    business_hours,
    read,
    read_closed,
    read_region,
    read_week,
    week_words,
)

CASES = int(os.environ.get("AW_SLA_CASES", "400"))
MINUTE = timedelta(minutes=1)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def hours(week: str, zone: str = "Europe/Vienna", **more: str) -> BusinessHours:
    found = business_hours(zone, week, **more)
    assert found is not None
    return found


OFFICE = hours("mon-fri 08:00-17:00")


@pytest.mark.parametrize(
    ("begin", "span", "due"),
    [
        ("2026-11-24 09:00", 60, "2026-11-24 10:00"),
        ("2026-11-24 16:30", 60, "2026-11-25 08:30"),
        ("2026-11-24 16:00", 60, "2026-11-24 17:00"),  # the very end still counts
        ("2026-11-24 05:00", 30, "2026-11-24 08:30"),
        ("2026-11-27 16:45", 30, "2026-11-30 08:15"),  # a Friday
        ("2026-11-28 12:00", 1, "2026-11-30 08:01"),
        ("2026-11-24 12:00", 0, "2026-11-24 12:00"),
    ],
)
def test_promises_wait_for_the_office_to_open(begin: str, span: int, due: str) -> None:
    zone = "Europe/Vienna"
    assert OFFICE.after(at(begin, zone), timedelta(minutes=span)) == at(due, zone)


def test_holidays_and_days_of_ones_own_do_not_count() -> None:
    open_all = hours("mon-sun 00:00-24:00", region="AT", closed="12-24 2026-12-30")
    begin = at("2026-12-23 23:00", "Europe/Vienna")  # 24th own, 25th and 26th public
    assert open_all.after(begin, timedelta(hours=2)) == at("2026-12-27 01:00", "Europe/Vienna")
    assert open_all.counted(
        at("2026-12-29", "Europe/Vienna"), at("2027-01-01", "Europe/Vienna")
    ) == timedelta(days=2)
    assert not open_all.open_at(at("2027-12-24 12:00", "Europe/Vienna"))
    assert open_all.open_at(at("2027-12-30 12:00", "Europe/Vienna"))


def test_what_the_clock_does_at_night_is_taken_as_the_clock_shows_it() -> None:
    """Vienna: 2026-03-29 skips 02:00–03:00, 2026-10-25 has it twice. Apia had no 2011-12-30."""
    night = hours("mon-sun 01:00-04:00")
    assert night.counted(at("2026-03-29T00:00", "Europe/Vienna"), at("2026-03-29T12:00")) == timedelta(
        hours=2
    )
    assert night.counted(at("2026-10-25T00:00", "Europe/Vienna"), at("2026-10-25T12:00")) == timedelta(
        hours=4
    )
    apia = hours("mon-sun 08:00-16:00", "Pacific/Apia")
    assert apia.counted(
        at("2011-12-29T00:00", "Pacific/Apia"), at("2012-01-01T00:00", "Pacific/Apia")
    ) == timedelta(hours=16)


def test_a_week_reads_as_it_was_written() -> None:
    for said, words in (
        ("mon-fri 8-17", "mon-fri 08:00-17:00"),
        (
            "Mon-Fri 08:00-12:00, mon-fri 13:00-17:00; sat 9-12",
            "mon-fri 08:00-12:00, mon-fri 13:00-17:00, sat 09:00-12:00",
        ),
        ("fri-mon 10:00-11:00", "mon 10:00-11:00, fri-sun 10:00-11:00"),
        ("sun 22:00-06:00", "mon 00:00-06:00, sun 22:00-24:00"),
        ("0-24", "mon-sun 00:00-24:00"),
        ("tue,thu 9-10", "tue 09:00-10:00, thu 09:00-10:00"),
        ("mon 9-12, mon 11-14", "mon 09:00-14:00"),
    ):
        assert week_words(read_week(said)) == words
        assert read_week(words) == read_week(said)
    full = hours("mon-fri 8-17", "Asia/Kolkata", region="us-ca", closed="12-24,2026-12-31 12-24")
    assert full.text == "Asia/Kolkata; mon-fri 08:00-17:00; holidays US-CA; closed 12-24 2026-12-31"
    assert read(full.text) == full
    assert read("") is None
    assert business_hours("UTC", "always") is None


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: read_week("whenever"), "whenever"),
        (lambda: read_week("mon 25:00-26:00"), "time of day"),
        (lambda: read_week("mon 9:75-10"), "time of day"),
        (lambda: read_week("mon 9-9"), "no length"),
        (lambda: read_week("xyz 9-10"), "no day"),
        (lambda: read_region("Austria"), "country"),
        (lambda: read_region("QQ"), "not known"),
        (lambda: read_closed("02-30"), "02-30"),
        (lambda: read_closed("christmas"), "christmas"),
        (lambda: business_hours("Mars/Olympus", "mon 9-10"), "time zone"),
        (lambda: read("UTC; mon 09:00-10:00; open 12-24"), "neither"),
    ],
)
def test_what_is_no_business_hours_says_why(call: object, word: str) -> None:
    with pytest.raises(WrongHours, match=word):
        call()  # type: ignore[operator]


def test_hours_that_never_open_do_not_wait_for_ever() -> None:
    never = BusinessHours("UTC", ((),) * 7)
    assert never.after(at("2026-01-01"), timedelta(hours=1)) == at("2026-01-01T01:00")
    assert never.counted(at("2026-01-01"), at("2028-01-01")) == timedelta(0)


def counted_by_minutes(given: BusinessHours, begin: datetime, minutes: int) -> Iterator[bool]:
    """Does each minute from `begin` count? Asked of the wall clock alone."""
    zone = ZoneInfo(given.timezone)
    country, _, part = given.region.partition("-")
    free = public.country_holidays(country, subdiv=part or None) if country else {}
    for number in range(minutes):
        wall = (begin + number * MINUTE).astimezone(zone)
        day = wall.date()
        minute = wall.hour * 60 + wall.minute
        shut = day in free or f"{day:%m-%d}" in given.closed or f"{day:%Y-%m-%d}" in given.closed
        yield not shut and any(opens <= minute < closes for opens, closes in given.week[day.weekday()])


def generated(chance: random.Random, zones: list[str]) -> tuple[BusinessHours, datetime, int]:
    """Any zone, any week, near a change of clocks, a leap day or a turn of the year half of the time."""
    zone = chance.choice(zones)
    year = chance.randrange(2002, 2035)
    special = [(3, 8), (3, 29), (10, 25), (11, 1), (4, 5), (2, 28), (12, 30), (9, 27)]
    month, day = (
        chance.choice(special)
        if chance.random() < 0.6
        else (chance.randrange(1, 13), chance.randrange(1, 28))
    )
    begin = datetime(year, month, day, chance.randrange(24), chance.randrange(60), tzinfo=UTC)
    if (month, day) in special and chance.random() < 0.5:  # clocks change on Sundays, most of them
        begin += timedelta(days=5 - begin.weekday())
    week = []
    for _ in range(7):
        marks = sorted(chance.sample(range(1441), chance.choice((0, 2, 2, 2, 4))))
        week.append(tuple(zip(marks[::2], marks[1::2], strict=True)))
    closed = (
        tuple(sorted({f"{month:02d}-{min(28, day + 1):02d}", f"{year}-{month:02d}-{day:02d}"}))
        if chance.random() < 0.3
        else ()
    )
    region = chance.choice(("AT", "US-CA", "IN", "DE-BY")) if chance.random() < 0.3 else ""
    return BusinessHours(zone, tuple(week), region, closed), begin, chance.randrange(1, 3 * 1440)


ZONES = sorted(available_timezones() - {"localtime", "Factory"})
"""Every zone of the IANA data; the two left out are no zones."""


@dataclass
class Covered:
    """What the generated cases had in them, so that the long run can say what it was a run of."""

    zones: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def case(self, given: BusinessHours, begin: datetime, minutes: int) -> None:
        zone = ZoneInfo(given.timezone)
        self.zones.add(given.timezone)
        walls = [(begin + number * MINUTE).astimezone(zone) for number in (0, minutes)]
        before, after = (wall.utcoffset() or timedelta(0) for wall in walls)
        self.counts["clocks put forward"] += after > before
        self.counts["clocks put back"] += after < before
        days = {walls[0].date() + timedelta(days=step) for step in range((walls[1] - walls[0]).days + 2)}
        leap = {date(day.year, 2, 29) for day in days if day.year % 4 == 0}
        self.counts["leap day"] += bool(days & leap)
        country, _, part = given.region.partition("-")
        free = public.country_holidays(country, subdiv=part or None) if country else {}
        self.counts["holiday"] += any(day in free for day in days)

    def __str__(self) -> str:
        found = ", ".join(f"{name} {count:,}" for name, count in sorted(self.counts.items()))
        return f"{CASES:,} cases, {len(self.zones)} of {len(ZONES)} zones; {found}; 0 s off"


def test_hours_agree_with_a_minute_counter() -> None:
    """`make bench-sla` for the long run. Zones whose offset is no whole minute are rounded by nobody here."""
    chance, covered = random.Random(2026), Covered()
    for number in range(CASES):
        given, begin, minutes = generated(chance, ZONES)
        covered.case(given, begin, minutes)
        counted = list(counted_by_minutes(given, begin, minutes))
        told = given.counted(begin, begin + minutes * MINUTE)
        assert told == sum(counted) * MINUTE, (number, given.text, begin, minutes)
        total = sum(counted)
        if not total:
            continue
        wanted = chance.randrange(1, total + 1)
        seen = [place for place, one in enumerate(counted) if one]
        due = begin + (seen[wanted - 1] + 1) * MINUTE
        assert given.after(begin, wanted * MINUTE) == due, (number, given.text, begin, wanted)
    print(f"business hours: {covered}")
