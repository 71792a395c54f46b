"""When a report goes out by itself: every week or every month, at an hour of a wall clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.hours import DAYS

_TIMES = re.compile(r"(?:weekly\s+(?P<day>[a-z]{3})|monthly)\s+(?P<hour>\d{1,2}):(?P<minute>\d\d)")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class ReportTimes:
    """`weekday` 0 is Monday; without one it is the first of each month."""

    at: time
    weekday: int | None = None

    @property
    def text(self) -> str:
        every = "monthly" if self.weekday is None else f"weekly {DAYS[self.weekday]}"
        return f"{every} {self.at:%H:%M}"

    def _on(self, day: date, zone: ZoneInfo) -> datetime | None:
        fits = day.day == 1 if self.weekday is None else day.weekday() == self.weekday
        return datetime.combine(day, self.at, zone).astimezone(UTC) if fits else None

    def next(self, after: datetime, timezone: str) -> datetime:
        zone = ZoneInfo(timezone)
        today = after.astimezone(zone).date()
        every = (self._on(today + timedelta(days=step), zone) for step in range(_LONGEST))
        return next(one for one in every if one is not None and one > after)

    def last(self, now: datetime, timezone: str) -> datetime:
        zone = ZoneInfo(timezone)
        today = now.astimezone(zone).date()
        every = (self._on(today - timedelta(days=step), zone) for step in range(_LONGEST))
        return next(one for one in every if one is not None and one <= now)

    def covers(self, at: datetime, timezone: str) -> tuple[int, datetime]:
        """So many whole days of that clock, up to the midnight before: seven, or the month that is over."""
        zone = ZoneInfo(timezone)
        today = at.astimezone(zone).date()
        days = 7 if self.weekday is not None else (today - timedelta(days=1)).day
        return days, datetime.combine(today, time(), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class ReportTime:
    """The kind of a setting: `off`, or when."""

    @property
    def expects(self) -> str:
        return "`monthly 08:00` (the first of the month), `weekly mon 08:00`, or `off`"

    def read(self, words: str) -> str:
        if words == "off":
            return ""
        return _read(words).text

    def holds(self, kept: Any) -> bool:
        return isinstance(kept, str) and (not kept or _TIMES.fullmatch(kept) is not None)

    def words(self, kept: Any) -> str:
        return kept or "off"

    def typed(self, kept: Any) -> ReportTimes | None:
        return _read(kept) if kept else None


def _read(words: str) -> ReportTimes:
    found = _TIMES.fullmatch(words)
    day = found["day"] if found else None
    if found is None or (day is not None and day not in DAYS):
        raise ValueError
    return ReportTimes(
        time(int(found["hour"]), int(found["minute"])), None if day is None else DAYS.index(day)
    )
