"""When somebody is away, as they type it: `until friday`, `mon-fri`, `3d`, `today`, `2026-12-24 2027-01-02`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from bot.words.times import clock_time, span, weekday
from engine.errors import Refused
from engine.schedule import instant, wall

_DAY = timedelta(days=1)
_ISO = re.compile(r"2[01]\d{2}-\d{2}-\d{2}")
_HINT = "For example `/aw leave until friday`, `/aw leave mon-fri`, `/aw leave 2026-12-24 2027-01-02`."


def leave(words: Sequence[str], now: datetime, timezone: str) -> tuple[datetime, datetime]:
    """From when to when, in whole days of the person's own clock unless a time is said. `until friday` ends as Friday
    begins; a range or a single day is away through its last day. Raises Refused."""
    given = [word.lower().strip(",") for word in words if word.lower() not in ("from", "to", "and")]
    today = wall(now, timezone).date()
    if given and given[0] in ("until", "till"):
        day = _until(given[1], today) if len(given) > 1 else None
        at = clock_time(given[-1]) if len(given) > 1 else None
        if day is None and at is not None:
            end = datetime.combine(today, at)
            return now, instant(end if end > wall(now, timezone) else end + _DAY, timezone)
        if day is None:
            raise Refused("Until when?", hint=_HINT, code="invalid")
        return now, instant(
            datetime.combine(day, at if at is not None and len(given) > 2 else time()), timezone
        )
    length = span(given)
    if length is not None and length[1] == len(given):
        return now, now + length[0]
    days = _days(given, today)
    if days is None:
        raise Refused("When are you away?", hint=_HINT, code="invalid")
    first, last = days
    begin = instant(datetime.combine(first, time()), timezone)
    return max(begin, now), instant(datetime.combine(last + _DAY, time()), timezone)


def day_of(words: Sequence[str], today: date) -> tuple[date | None, list[str]]:
    """The day that the first word names, and the words after it; all of them when it names none."""
    found = _day(words[0], today) if words else None
    return found, list(words[1:] if found is not None else words)


def _until(word: str, today: date) -> date | None:
    """The day that ends it: a weekday is the next one, and never today."""
    return _day(word, today if word in ("today", "tomorrow") else today + _DAY)


def _days(words: Sequence[str], today: date) -> tuple[date, date] | None:
    """The first and the last day."""
    if len(words) == 1 and (found := re.fullmatch(r"([a-z]+)[-–]([a-z]+)", words[0])):
        begins, ends = weekday(found[1]), weekday(found[2])
        if begins is None or ends is None:
            return None
        length = (ends - begins) % 7
        first = today + timedelta(days=(begins - today.weekday()) % 7)
        if (today.weekday() - begins) % 7 <= length:
            first -= timedelta(days=7) if first > today else timedelta(0)  # it is that week already
        return first, first + timedelta(days=length)
    named = [_day(word, today) for word in words]
    known = [one for one in named if one is not None]
    if not known or len(known) != len(named) or len(known) > 2 or known[-1] < known[0]:
        return None
    return known[0], known[-1]


def _day(word: str, since: date) -> date | None:
    """`today`, `tomorrow`, a weekday from `since` on, `2026-12-24`."""
    if word in ("today", "tomorrow"):
        return since if word == "today" else since + _DAY
    found = weekday(word)
    if found is not None:
        return since + timedelta(days=(found - since.weekday()) % 7)
    try:
        return date.fromisoformat(word) if _ISO.fullmatch(word) else None
    except ValueError:
        return None
