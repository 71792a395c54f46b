"""When something happens again: an RRULE on the wall clock of a time zone, as stretches of real time.

A local time becomes an instant as RFC 5545 says: one that comes twice is its first, one that is skipped in spring
counts with the offset before the gap.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST_SERIES = timedelta(days=366)
"""How long a series may go on before somebody has to want it again."""
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_PARTS = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """From the first instant that belongs to it to the first that does not, in UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Once, or by a rule until a day. `first` is a naive local time. `on_the_wall` ends each stretch when the wall
    clock shows it (22:00-02:00), otherwise it lasts `length` by the stopwatch (22:00 4h)."""

    first: datetime
    length: timedelta
    timezone: str = "UTC"
    rule: str = ""
    until: datetime | None = None
    on_the_wall: bool = False

    def at(self, now: datetime) -> Stretch | None:
        """The stretch that `now` is in."""
        found = _stretches(self)
        place = bisect_right(found, now, key=_start) - 1
        return found[place] if place >= 0 and now < found[place].ends_at else None

    def after(self, now: datetime) -> Stretch | None:
        """The first stretch that begins after `now`."""
        found = _stretches(self)
        place = bisect_right(found, now, key=_start)
        return found[place] if place < len(found) else None

    def first_unclosed(self, closed_until: datetime | None) -> Stretch | None:
        """The first stretch that ends after that; the very first when nothing was closed."""
        found = _stretches(self)
        place = bisect_right(found, closed_until, key=_end) if closed_until is not None else 0
        return found[place] if place < len(found) else None

    def last_ended(self, now: datetime) -> Stretch | None:
        """The newest stretch that is over at `now`."""
        return next((one for one in reversed(_stretches(self)) if one.ends_at <= now), None)

    @property
    def stretches(self) -> Sequence[Stretch]:
        return _stretches(self)

    @property
    def over_at(self) -> datetime:
        """When the last stretch ends; the beginning of time when there is none at all."""
        found = _stretches(self)
        return found[-1].ends_at if found else datetime.min.replace(tzinfo=UTC)

    @property
    def unbroken(self) -> bool:
        """Does a stretch begin no later than the one before it ends?"""
        found = _stretches(self)
        return any(one.ends_at >= after.starts_at for one, after in pairwise(found))


def between(starts_at: datetime, ends_at: datetime) -> Schedule:
    """Once, from one instant to another."""
    return Schedule(first=starts_at.astimezone(UTC).replace(tzinfo=None), length=ends_at - starts_at)


def instant(local: datetime, timezone: str) -> datetime:
    """The moment at which the wall clock of the zone shows this."""
    return local.replace(tzinfo=ZoneInfo(timezone), fold=0).astimezone(UTC)


def wall(at: datetime, timezone: str) -> datetime:
    """What the wall clock of the zone shows at that moment, as a naive time."""
    return at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None, fold=0)


def _start(stretch: Stretch) -> datetime:
    return stretch.starts_at


def _end(stretch: Stretch) -> datetime:
    return stretch.ends_at


@lru_cache(maxsize=4096)
def _stretches(schedule: Schedule) -> tuple[Stretch, ...]:
    if not schedule.rule:
        return (_stretch(schedule, schedule.first),)
    assert schedule.until is not None
    until = wall(schedule.until, schedule.timezone)
    found = rrulestr(schedule.rule, dtstart=schedule.first).replace(until=until + _DAY)
    made = (_stretch(schedule, local) for local in found)
    return tuple(one for one in made if one.starts_at < schedule.until)


def _stretch(schedule: Schedule, local: datetime) -> Stretch:
    starts_at = instant(local, schedule.timezone)
    ends_at = starts_at + schedule.length
    if schedule.on_the_wall:
        shown = instant(local + schedule.length, schedule.timezone)
        ends_at = (
            shown if shown > starts_at else ends_at
        )  # an hour that spring skips still is an hour of work
    return Stretch(starts_at, ends_at)


def checked_rule(text: str, first: datetime) -> str:
    """The rule in plain form, naming its days, so that it means the same from any first day. Raises ValueError."""
    parts: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise ValueError(f"“{part}” is not NAME=VALUE")
        parts[name] = value
    strange = sorted(parts.keys() - _PARTS)
    if strange:
        raise ValueError(f"{', '.join(strange)} cannot be used here; {', '.join(sorted(_PARTS))} can")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"FREQ is one of {', '.join(_FREQUENCIES)}")
    if not 1 <= _whole(parts.get("INTERVAL", "1")) <= 52:
        raise ValueError("INTERVAL is a number from 1 to 52")
    if parts["FREQ"] == "WEEKLY":
        parts.setdefault("BYDAY", DAYS[first.weekday()])
    elif parts["FREQ"] in ("MONTHLY", "YEARLY") and not parts.keys() & {"BYDAY", "BYMONTHDAY"}:
        parts["BYMONTHDAY"] = str(first.day)
    if parts["FREQ"] == "YEARLY":
        parts.setdefault("BYMONTH", str(first.month))
    rule = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        rrulestr(rule, dtstart=first)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{rule} is not a rule: {error}") from None
    return rule


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def as_before(schedule: Schedule, since: datetime, now: datetime) -> Schedule:
    """The same pattern as if it had begun before `since`, up to `now`: what it would have covered."""
    parts = dict(part.split("=") for part in schedule.rule.split(";"))
    every = int(parts.get("INTERVAL", "1"))
    early = wall(since, schedule.timezone) - 2 * _DAY
    first = schedule.first
    if parts["FREQ"] in ("DAILY", "WEEKLY"):
        step = every * (7 if parts["FREQ"] == "WEEKLY" else 1)
        behind = max(0, (first - early) // (step * _DAY) + 1)
        return replace(schedule, first=first - behind * step * _DAY, until=now)
    step = every * (12 if parts["FREQ"] == "YEARLY" else 1)
    months = first.year * 12 + first.month - 1
    while (months // 12, months % 12 + 1, 1) > (early.year, early.month, early.day):
        months -= step
    first = first.replace(year=months // 12, month=months % 12 + 1, day=1)
    return replace(schedule, first=first, until=now)
