"""When reports go out: at an hour of a wall clock, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.report_times import ReportTime, ReportTimes

KIND = ReportTime()
VIENNA = "Europe/Vienna"


def at(text: str, zone: str = VIENNA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def times(text: str) -> ReportTimes:
    found = KIND.typed(KIND.read(text))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "after", "next_", "last"),
    [
        ("weekly mon 8:00", "2026-11-24 10:00", "2026-11-30 08:00", "2026-11-23 08:00"),
        ("weekly mon 08:00", "2026-11-23 08:00", "2026-11-30 08:00", "2026-11-23 08:00"),
        ("monthly 08:00", "2026-11-24 10:00", "2026-12-01 08:00", "2026-11-01 08:00"),
        ("monthly 08:00", "2026-03-01 07:59", "2026-03-01 08:00", "2026-02-01 08:00"),
        ("weekly sun 02:30", "2026-03-28 12:00", "2026-03-29 03:30", "2026-03-22 02:30"),  # there is no 02:30
    ],
)
def test_the_next_and_the_last(text: str, after: str, next_: str, last: str) -> None:
    assert times(text).next(at(after), VIENNA) == at(next_)
    assert times(text).last(at(after), VIENNA) == at(last)


def test_every_hour_of_three_years_lies_between_its_last_and_its_next() -> None:
    for text in ("weekly sun 02:30", "monthly 00:00"):
        one, now = times(text), at("2026-01-01 00:00")
        for _ in range(3 * 366 * 24 // 5):
            now += timedelta(hours=5)
            assert one.last(now, VIENNA) <= now < one.next(now, VIENNA)
            assert one.last(one.next(now, VIENNA), VIENNA) == one.next(now, VIENNA)


def test_what_is_covered_is_whole_days_of_the_clock() -> None:
    assert times("monthly 08:00").covers(at("2028-03-01 08:00"), VIENNA) == (29, at("2028-03-01 00:00"))
    assert times("weekly mon 08:00").covers(at("2026-11-23 08:00"), VIENNA) == (7, at("2026-11-23 00:00"))


def test_off_is_never() -> None:
    assert KIND.typed(KIND.read("off")) is None
    assert KIND.words("") == "off"


@pytest.mark.parametrize(
    "text", ["daily 08:00", "weekly foo 08:00", "monthly 25:00", "monthly", "weekly 08:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words are the setting's own
        KIND.read(text)
