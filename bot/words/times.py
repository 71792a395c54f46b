"""Times as people type them: `2h`, `tomorrow 8am`, `sat 22:00-02:00 weekly`, `2026-12-01 22:00 4h`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from engine.errors import Refused
from engine.schedule import DAYS, Schedule, between, checked_rule, instant, wall

SERIES = timedelta(days=365)
"""How long a series goes on when nobody says until when."""
MORNING = time(8)
"""What "tomorrow" means when no time is said."""
_DAY = timedelta(days=1)
_SPAN = re.compile(
    r"(?:(\d{1,4})w(?:eeks?)?)?(?:(\d{1,4})d(?:ays?)?)?(?:(\d{1,4})h(?:ours?|rs?)?)?(?:(\d{1,5})m(?:in(?:ute)?s?)?)?"
)
_UNITS = {"w": 10080, "d": 1440, "h": 60, "m": 1}
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?(am|pm)?")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PLACES = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "last": -1,
}
_SETS = {
    "weekdays": (0, 1, 2, 3, 4),
    "workdays": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
    "weekends": (5, 6),
    "daily": (0, 1, 2, 3, 4, 5, 6),
    "nightly": (0, 1, 2, 3, 4, 5, 6),
}
_AGAIN = {"daily": "DAILY", "weekly": "WEEKLY", "monthly": "MONTHLY", "yearly": "YEARLY"}
_EVERY_OTHER = {"biweekly", "fortnightly"}


@dataclass(frozen=True, slots=True)
class Until:
    """When it is over, how many words said so, and whether that was a moment (or a length, from whenever it begins)."""

    at: datetime
    words: int
    moment: bool


def span(words: Sequence[str]) -> tuple[timedelta, int] | None:
    """The length that these words begin with: `90m`, `1h30m`, `2 h`; and how many words it took."""
    if not words:
        return None
    word = words[0].lower()
    found = _SPAN.fullmatch(word)
    if found is not None and any(found.groups()):
        minutes = sum(int(n or 0) * unit for n, unit in zip(found.groups(), _UNITS.values(), strict=True))
        return timedelta(minutes=minutes), 1
    if word.isdigit() and len(word) < 5 and len(words) > 1:
        unit = _SPAN.fullmatch(f"{word}{words[1].lower()}")
        if unit is not None and any(unit.groups()) and words[1].isalpha():
            return timedelta(minutes=int(word) * _UNITS[words[1][0].lower()]), 2
    return None


def clock_time(word: str) -> time | None:
    """`8am`, `8:30pm`, `18:00`, `noon`; a bare number is no time."""
    word = word.lower()
    if word in ("noon", "midnight"):
        return time(12) if word == "noon" else time(0)
    found = _CLOCK.fullmatch(word)
    if found is None or not (found.group(2) or found.group(3)):
        return None
    hour, minute = int(found.group(1)), int(found.group(2) or 0)
    if found.group(3):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found.group(3) == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def weekday(word: str) -> int | None:
    word = word.lower().rstrip(".")
    found = [place for place, name in enumerate(_WEEKDAYS) if len(word) >= 3 and name.startswith(word)]
    return found[0] if found else {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}.get(word)


def until(words: Sequence[str], now: datetime, timezone: str) -> Until | None:
    """When these words say it is over: a length from now, or a moment on the zone's clock."""
    skipped = 1 if words and words[0].lower() in ("until", "till", "for") else 0
    words = words[skipped:]
    length = span(words)
    if length is not None:
        return Until(now + length[0], length[1] + skipped, False)
    if not words:
        return None
    local = wall(now, timezone)
    day = _date(words[0], local.date())
    at = clock_time(words[1] if day is not None and len(words) > 1 else words[0])
    if day is None and at is None:
        return None
    if day is None:
        assert at is not None
        moment = datetime.combine(local.date(), at)
        return Until(instant(moment if moment > local else moment + _DAY, timezone), 1 + skipped, True)
    moment = datetime.combine(day, at or MORNING)
    if moment <= local and weekday(words[0]) is not None:
        moment += 7 * _DAY
    return Until(instant(moment, timezone), (2 if at is not None else 1) + skipped, True)


def _date(word: str, today: date) -> date | None:
    """`today`, `tomorrow`, a weekday (today's own counts), `2026-12-01`."""
    word = word.lower()
    if word in ("today", "tonight", "tomorrow"):
        return today + (_DAY if word == "tomorrow" else timedelta(0))
    found = weekday(word)
    if found is not None:
        return today + timedelta(days=(found - today.weekday()) % 7)
    try:
        return date.fromisoformat(word) if re.fullmatch(r"2[01]\d{2}-\d{2}-\d{2}", word) else None
    except ValueError:
        return None


@dataclass(slots=True)
class _Plan:
    """What was understood so far. `days` are weekdays; `place` is the n-th of a month."""

    day: date | None = None
    days: tuple[int, ...] = ()
    place: int | None = None
    begin: time | None = None
    length: timedelta | None = None
    on_the_wall: bool = False
    again: str = ""
    every: int = 1
    rule: str = ""
    until: datetime | None = None


def window(words: Sequence[str], now: datetime, timezone: str) -> tuple[Schedule, int] | None:
    """The time that these words begin with, and how many they are; None when they do not begin with one.

    Raises Refused when they do and cannot be understood.
    """
    if words and words[0].lower() == "now":
        skipped = 2 if len(words) > 1 and words[1].lower() == "for" else 1
        length = span(words[skipped:])
        if length is None:
            raise Refused("For how long?", hint="For example `now 4h`.", code="invalid")
        return between(now, now + length[0]), skipped + length[1]
    plan, taken = _Plan(), 0
    while taken < len(words):
        used = _understood(plan, words[taken:], now, timezone)
        if not used:
            break
        taken += used
    if not taken:
        return None
    return _schedule(plan, now, timezone), taken


def _understood(plan: _Plan, words: Sequence[str], now: datetime, timezone: str) -> int:
    """How many of the words told something about the plan."""
    word = words[0].lower().strip(",")
    used = _day_words(plan, words, wall(now, timezone).date()) or _clock_words(plan, words)
    if used:
        return used
    if word in _AGAIN or word in _EVERY_OTHER or word == "once":
        plan.again = "once" if word == "once" else _AGAIN.get(word, "WEEKLY")
        plan.every = 2 if word in _EVERY_OTHER else plan.every
        return 1
    if word == "every" and len(words) > 2 and words[1].isdigit() and len(words[1]) < 3:
        unit = words[2].lower().rstrip("s")
        names = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}
        if unit in names:
            plan.again, plan.every = names[unit], int(words[1])
            return 3
    if word.startswith(("rrule=", "rrule:")):
        plan.rule = words[0][6:]
        return 1
    if word in ("until", "till") and plan.begin is not None:
        end = until(words, now, timezone)
        if end is not None:
            plan.until = end.at
            return end.words
    return 0


def _day_words(plan: _Plan, words: Sequence[str], today: date) -> int:
    if plan.day is not None or plan.days:
        return 0
    word = words[0].lower().strip(",")
    if word in ("every", "on") and len(words) > 1:
        return 1 + used if (used := _day_words(plan, words[1:], today)) else 0
    if word in _PLACES and len(words) > 1 and (found := weekday(words[1])) is not None:
        plan.place, plan.days = _PLACES[word], (found,)
        return 2
    if word in _SETS:
        plan.days, plan.again = _SETS[word], "DAILY" if len(_SETS[word]) == 7 else "WEEKLY"
        return 1
    parts = [weekday(part) for part in re.split(r"[,/+]", word)]
    if re.fullmatch(r"[a-z]+-[a-z]+", word):
        first, last = (weekday(part) for part in word.split("-"))
        if first is not None and last is not None:
            parts = [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    named = tuple(part for part in parts if part is not None)
    if named and len(named) == len(parts):
        plan.days = tuple(sorted(set(named)))
        plan.again = plan.again or ("WEEKLY" if len(plan.days) > 1 else "")
        return 1
    plan.day = _date(word, today)
    return 1 if plan.day is not None else 0


def _clock_words(plan: _Plan, words: Sequence[str]) -> int:
    """`22:00-02:00`, `22:00 - 02:00`, `22:00 4h`, `22:00 for 4h`."""
    if plan.begin is not None:
        return 0
    used = 2 if words[0].lower() in ("at", "from") and len(words) > 1 else 1
    word = words[used - 1].lower()
    if "-" in word or "–" in word:
        begin, end = (clock_time(part) for part in re.split("[-–]", word, maxsplit=1))
        return used if _range(plan, begin, end) else 0
    first = clock_time(word)
    rest = words[used:]
    if first is None:
        return 0
    if len(rest) > 1 and rest[0] in ("-", "–", "to") and _range(plan, first, clock_time(rest[1])):
        return used + 2
    skipped = 1 if rest and rest[0].lower() == "for" else 0
    length = span(rest[skipped:])
    if length is None:
        raise Refused(f"From {word} for how long?", hint="Write `22:00-02:00` or `22:00 4h`.", code="invalid")
    plan.begin, plan.length = first, length[0]
    return used + skipped + length[1]


def _range(plan: _Plan, begin: time | None, end: time | None) -> bool:
    if begin is None or end is None:
        return False
    some = date(2000, 1, 1)
    length = datetime.combine(some, end) - datetime.combine(some, begin)
    plan.begin, plan.length, plan.on_the_wall = (
        begin,
        length if length > timedelta(0) else length + _DAY,
        True,
    )
    return True


def _schedule(plan: _Plan, now: datetime, timezone: str) -> Schedule:
    if plan.begin is None or plan.length is None:
        raise Refused("From when to when?", hint="For example `sat 22:00-02:00`.", code="invalid")
    local = wall(now, timezone)
    day = plan.day or local.date()
    first = datetime.combine(day, plan.begin)
    rule = plan.rule or _rule(plan, day)
    if rule:
        try:
            rule = checked_rule(rule, first)
        except ValueError as error:
            raise Refused(f"That rule cannot be used: {error}.", code="invalid") from None
        end = plan.until or now + SERIES
        made = Schedule(
            first=first - _DAY if plan.day is None and plan.every == 1 and not plan.rule else first,
            length=plan.length,
            timezone=timezone,
            rule=rule,
            until=end,
            on_the_wall=plan.on_the_wall,
        )
        return _begun(made, now)
    if plan.days:
        first += timedelta(days=(plan.days[0] - day.weekday()) % 7)
    if plan.day is None and first + plan.length <= local:
        first += (7 if plan.days else 1) * _DAY
    return Schedule(first=first, length=plan.length, timezone=timezone, on_the_wall=plan.on_the_wall)


def _begun(schedule: Schedule, now: datetime) -> Schedule:
    """From the first stretch that is not over yet."""
    ahead = next((one for one in schedule.stretches if one.ends_at > now), None)
    if ahead is None:
        return schedule
    local = wall(ahead.starts_at, schedule.timezone)
    return replace(schedule, first=datetime.combine(local.date(), schedule.first.time()))


def _rule(plan: _Plan, day: date) -> str:
    if plan.again == "once" or not (plan.again or plan.place):
        return ""
    again = plan.again or "MONTHLY"
    every = f";INTERVAL={plan.every}" if plan.every > 1 else ""
    if again == "WEEKLY":
        days = plan.days or (day.weekday(),)
        return f"FREQ=WEEKLY{every};BYDAY={','.join(DAYS[one] for one in days)}"
    if again == "MONTHLY" and plan.days:
        place = plan.place or 1
        return f"FREQ=MONTHLY{every};BYDAY={','.join(f'{place}{DAYS[one]}' for one in plan.days)}"
    return f"FREQ={again}{every}"
