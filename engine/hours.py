"""Business hours: which time counts towards a promise, on the wall clock of a time zone, holidays left out.

A second counts when the wall clock of the zone shows a time inside the hours of that day, whatever the clocks did that
night: an hour that autumn shows twice counts twice, one that spring skips does not count, a date that a zone skipped
altogether has no hours. Everything is worked out from facts; nothing is ever counted up.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import Refused

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = ""
"""The text of hours that never close."""
LONGEST_CLOSED = 400
"""Days in a row without an opening after which time counts around the clock: no promise waits for ever."""
MOST_RANGES, MOST_CLOSED = 50, 400
_DAY, _ZERO = timedelta(days=1), timedelta(0)
_RANGE = re.compile(
    r"(?:(?P<days>[a-z]{3}(?:\s*[-,]\s*[a-z]{3})*)\s+)?"
    r"(?P<h1>\d{1,2})(?::(?P<m1>\d\d))?\s*[-–]\s*(?P<h2>\d{1,2})(?::(?P<m2>\d\d))?"
)
_CLOSED = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")
_REGION = re.compile(r"([A-Za-z]{2})(?:-([A-Za-z0-9]{1,6}))?")
Ranges = tuple[tuple[int, int], ...]
"""From–to in minutes of the day, sorted, not touching."""


class WrongHours(ValueError):
    """These are no business hours; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """`week` is Monday to Sunday; `region` (`AT`, `AT-9`) brings its public holidays; `closed` are days of one's own,
    `2026-12-31` once or `12-24` every year."""

    timezone: str
    week: tuple[Ranges, ...]
    region: str = ""
    closed: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What `read` makes the same hours of, one spelling for each."""
        parts = [self.timezone, week_words(self.week)]
        if self.region:
            parts.append(f"holidays {self.region}")
        if self.closed:
            parts.append("closed " + " ".join(self.closed))
        return "; ".join(parts)

    def counted(self, begin: datetime, end: datetime) -> timedelta:
        """How much of the time from `begin` to `end` counts; nothing when `end` is not after `begin`."""
        total = _ZERO
        for opens, closes in self._open(begin, end):
            total += min(closes, end) - max(opens, begin)
        return total

    def after(self, begin: datetime, span: timedelta) -> datetime:
        """The first moment by which that much time has counted since `begin`."""
        if span <= _ZERO:
            return begin
        left, last = span, begin
        for opens, closes in self._open(begin, None):
            opens = max(opens, begin)
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
            last = closes
        return last + left

    def open_at(self, now: datetime) -> bool:
        return any(opens <= now < closes for opens, closes in _stretches(self, now.astimezone(UTC).date()))

    def closes_at(self, now: datetime) -> datetime:
        """When the opening that holds at `now` is over; `now` itself when it is closed, and a week on when it never
        closes."""
        last = now
        for opens, closes in self._open(now, now + timedelta(days=7)):
            if opens > last:
                break
            last = closes
        return last

    def openings(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """From when to when it is open between two moments, or reaching into them; in pieces that may touch."""
        yield from self._open(begin, end)

    def _open(self, begin: datetime, end: datetime | None) -> Iterator[tuple[datetime, datetime]]:
        day, closed = begin.astimezone(UTC).date(), 0
        while closed <= LONGEST_CLOSED:
            closed += 1
            for opens, closes in _stretches(self, day):
                if end is not None and opens >= end:
                    return
                if closes > begin:
                    closed = 0
                    yield opens, closes
            day += _DAY
            if end is not None:
                if datetime.combine(day, time(), UTC) >= end:
                    return
                closed = 0


def read(text: str) -> BusinessHours | None:
    """The hours behind `BusinessHours.text`; None for what never closes. Raises WrongHours."""
    return None if text.strip() == ALWAYS else _read(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> BusinessHours | None:
    zone, week, *more = [part.strip() for part in text.split(";")]
    region, closed = "", ""
    for part in more:
        name, _, value = part.partition(" ")
        if name == "holidays":
            region = value.strip()
        elif name == "closed":
            closed = value
        elif part:
            raise WrongHours(f"“{part[:40]}” is neither holidays nor closed days")
    return business_hours(zone, week, region=region, closed=closed)


def business_hours(timezone: str, week: str, *, region: str = "", closed: str = "") -> BusinessHours | None:
    """From what people write: `Europe/Vienna`, `mon-fri 08:00-17:00, sat 9-12`, `AT-9`, `12-24 2026-12-31`. None when
    the week is `always`. Raises WrongHours."""
    if week.strip().lower() in ("", "always", "24x7", "24×7", "24/7"):
        return None
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongHours(f"“{timezone[:40]}” is no time zone") from None
    return BusinessHours(timezone, read_week(week), read_region(region), read_closed(closed))


def read_week(text: str) -> tuple[Ranges, ...]:
    """`mon-fri 08:00-17:00, sat 9-12`; without days every day. Past midnight (`22:00-06:00`) goes on into the next
    day. Raises WrongHours."""
    minutes: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    rest, found = text.strip().lower(), 0
    while rest:
        match = _RANGE.match(rest)
        found += 1
        if match is None or found > MOST_RANGES:
            raise WrongHours(f"“{rest[:40]}” is not like mon-fri 08:00-17:00")
        begin, end = (_minutes(match[f"h{one}"], match[f"m{one}"]) for one in "12")
        if begin == end or begin == 24 * 60:
            raise WrongHours(f"“{match[0]}” has no length; write 00:00-24:00 for a whole day")
        for day in _days(match["days"] or "mon-sun"):
            if end > begin:
                minutes[day].append((begin, end))
            else:
                minutes[day].append((begin, 24 * 60))
                if end:
                    minutes[(day + 1) % 7].append((0, end))
        rest = rest[match.end() :].lstrip(" ,;\n")
    if not found:
        raise WrongHours("no hours are given")
    return tuple(_joined(one) for one in minutes)


def read_region(text: str) -> str:
    """`AT` or `AT-9`, as the `holidays` package knows it; nothing for none. Raises WrongHours."""
    if not text.strip():
        return ""
    match = _REGION.fullmatch(text.strip())
    if match is None:
        raise WrongHours(f"“{text[:20]}” is no country such as AT or US-CA")
    region = match[1].upper() + (f"-{match[2].upper()}" if match[2] else "")
    try:
        _holidays(region, 2026)
    except NotImplementedError:
        raise WrongHours(f"the public holidays of “{region}” are not known") from None
    return region


def read_closed(text: str) -> tuple[str, ...]:
    """Days of one's own, `12-24` (every year) or `2026-12-31`, separated by spaces or commas. Raises WrongHours."""
    found = []
    for word in re.split(r"[\s,]+", text.strip()):
        if not word:
            continue
        match = _CLOSED.fullmatch(word)
        try:
            if match is None:
                raise ValueError
            date(
                int(match[1] or 2028), int(match[2]), int(match[3])
            )  # 2028 is a leap year: 02-29 may be closed
        except ValueError:
            raise WrongHours(f"“{word[:20]}” is no day such as 12-24 or 2026-12-31") from None
        found.append(word)
    if len(found) > MOST_CLOSED:
        raise WrongHours(f"more than {MOST_CLOSED} closed days")
    return tuple(sorted(dict.fromkeys(found)))


def named_zone(text: str) -> str:
    """The time zone that somebody names. Raises Refused."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "Write one such as `Europe/Vienna`."
        raise Refused(f"There is no time zone “{text[:60]}”.", hint=hint, code="invalid") from None


def named_week(text: str) -> str:
    """Hours of a week as they are kept, from what somebody writes; empty for always. Raises Refused."""
    try:
        found = business_hours("UTC", text)
    except WrongHours as error:
        hint = "Such as `mon-fri 17:00-08:00`."
        raise Refused(f"“{text[:60]}” are no hours: {error}.", hint=hint, code="invalid") from None
    return week_words(found.week) if found is not None else ALWAYS


def week_words(week: Sequence[Ranges]) -> str:
    """`mon-fri 08:00-17:00, sat 09:00-12:00`: days in a row with the same hours are said together."""
    parts, day = [], 0
    while day < 7:
        last = day
        while last < 6 and week[last + 1] == week[day]:
            last += 1
        named = DAYS[day] if last == day else f"{DAYS[day]}-{DAYS[last]}"
        parts += [f"{named} {_clock(begin)}-{_clock(end)}" for begin, end in week[day]]
        day = last + 1
    return ", ".join(parts)


def _days(words: str) -> list[int]:
    found: list[int] = []
    for part in re.split(r"\s*,\s*", words):
        first, _, last = (one.strip() for one in part.partition("-"))
        try:
            begin, end = DAYS.index(first), DAYS.index(last or first)
        except ValueError:
            raise WrongHours(f"“{part[:20]}” is no day: write mon, tue, wed, thu, fri, sat, sun") from None
        found += [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]
    return found


def _minutes(hour: str, minute: str | None) -> int:
    found = int(hour) * 60 + int(minute or 0)
    if found > 24 * 60 or int(minute or 0) > 59:
        raise WrongHours(f"“{hour}:{minute or '00'}” is no time of day")
    return found


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _joined(ranges: list[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


@lru_cache(maxsize=16_384)
def _stretches(hours: BusinessHours, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """When it is open on that day of UTC, in UTC: piece by piece in which the zone's offset stays the same."""
    found: list[tuple[datetime, datetime]] = []
    for begin, end, offset in _pieces(hours.timezone, day):
        local_day = (begin + offset).date()
        while (midnight := datetime.combine(local_day, time(), UTC) - offset) < end:
            for opens, closes in _ranges(hours, local_day):
                first = max(begin, midnight + timedelta(minutes=opens))
                last = min(end, midnight + timedelta(minutes=closes))
                if first >= last:
                    continue
                if found and found[-1][1] == first:
                    found[-1] = (found[-1][0], last)
                else:
                    found.append((first, last))
            local_day += _DAY
    return tuple(found)


def _ranges(hours: BusinessHours, local_day: date) -> Ranges:
    ranges = hours.week[local_day.weekday()]
    if not ranges or _is_closed(hours, local_day):
        return ()
    return ranges


def _is_closed(hours: BusinessHours, day: date) -> bool:
    if hours.closed and (day.isoformat() in hours.closed or day.isoformat()[5:] in hours.closed):
        return True
    return bool(hours.region) and day in _holidays(hours.region, day.year)


@lru_cache(maxsize=4096)
def _pieces(timezone: str, day: date) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """The day of UTC in pieces of one offset: one piece, or two where the zone changes its clocks."""
    zone = ZoneInfo(timezone)
    begin = datetime.combine(day, time(), UTC)
    end = begin + _DAY
    marks = [begin + timedelta(hours=6 * step) for step in range(5)]
    pieces: list[tuple[datetime, datetime, timedelta]] = []
    since = begin
    for one, other in pairwise(marks):
        if _offset(zone, one) != _offset(zone, other - _SECOND):
            change = _change(zone, one, other)
            pieces.append((since, change, _offset(zone, since)))
            since = change
        elif other < end and _offset(zone, other - _SECOND) != _offset(zone, other):
            pieces.append((since, other, _offset(zone, since)))
            since = other
    pieces.append((since, end, _offset(zone, since)))
    return tuple(pieces)


_SECOND = timedelta(seconds=1)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or _ZERO


def _change(zone: ZoneInfo, begin: datetime, end: datetime) -> datetime:
    """The second in which the offset becomes another."""
    before, after = begin, end - _SECOND
    while after - before > _SECOND:
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _offset(zone, middle) == _offset(zone, begin):
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=512)
def _holidays(region: str, year: int) -> frozenset[date]:
    import holidays  # 100 ms, and only who keeps holidays needs it

    country, _, part = region.partition("-")
    with (
        warnings.catch_warnings()
    ):  # years of a lunar calendar that nobody has worked out yet: those it knows
        warnings.simplefilter("ignore", UserWarning)
        return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
