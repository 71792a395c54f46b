"""Shifts as iCalendar (RFC 5545): written for people's calendars, and read from whatever plans them elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import Calendar, Event
from icalendar.error import BrokenCalendarProperty

from engine.oncall import Shift
from engine.schedule import instant, wall

AHEAD = timedelta(days=180)
"""How far ahead shifts are taken from a calendar."""
MOST, MOST_BYTES = 500, 1024 * 1024
_SERIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_MAIL = re.compile(r"[^@\s,;<>:]+@[^@\s,;<>:]+\.[^@\s,;<>:]+")
_DAY = timedelta(days=1)


class WrongCalendar(ValueError):
    """This is no calendar that can be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One stretch of time, and the words that say who has it: addresses first, else the title."""

    begin: datetime
    end: datetime
    addresses: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who may be meant by an entry."""

    id: int
    name: str
    email: str


def written(
    title: str, shifts: Iterable[tuple[str, Shift]], people: Mapping[int, Person], now: datetime
) -> bytes:
    """Each shift as an event, with the name of its rotation; gaps are events too, named so."""
    made = Calendar()
    made.add("prodid", "-//Alert Whisperer//on call//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", title)
    for rotation, one in shifts:
        event = Event()
        person = people.get(one.user_id) if one.user_id is not None else None
        who = person.name if person else ("NOBODY" if one.user_id is None else "unknown")
        event.add("uid", f"{rotation}-{int(one.begin.timestamp())}@oncall")
        event.add("summary", f"{rotation}: {who}")
        if person is not None:
            event.add("attendee", f"mailto:{person.email}")
        event.add("dtstamp", now)
        event.add("dtstart", one.begin)
        event.add("dtend", one.end)
        made.add_component(event)
    return bytes(made.to_ical())


def read(body: bytes, *, timezone: str, now: datetime) -> list[Entry]:
    """The entries of the next months, in order of time. Times without a zone are on the clock of `timezone`. Raises
    WrongCalendar."""
    if len(body) > MOST_BYTES:
        raise WrongCalendar("it is over 1 MiB")
    try:
        events = list(Calendar.from_ical(body).walk("VEVENT"))
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise WrongCalendar("it is no iCalendar file") from error
    try:
        return _entries(events, timezone, now)
    except BrokenCalendarProperty as error:
        raise WrongCalendar("something in it cannot be read") from error


def _entries(events: Sequence[Any], timezone: str, now: datetime) -> list[Entry]:
    moved = {(_uid(one), _at(one, "RECURRENCE-ID", timezone)) for one in events if one.get("RECURRENCE-ID")}
    found: list[Entry] = []
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        for begin, end in _times(event, timezone, now):
            if not event.get("RECURRENCE-ID") and (_uid(event), begin) in moved:
                continue
            found.append(
                Entry(begin, end, _addresses(event), " ".join(str(event.get("SUMMARY", "")).split())[:200])
            )
            if len(found) > MOST:
                raise WrongCalendar(f"it has more than {MOST} shifts in the next {AHEAD.days} days")
    return sorted(found, key=lambda one: (one.begin, one.end))


def _uid(event: Any) -> str:
    return str(event.get("UID", ""))


def _times(event: Any, timezone: str, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    begin = _at(event, "DTSTART", timezone)
    if begin is None:
        raise WrongCalendar("an event has no beginning")
    length = _length(event, begin, timezone)
    if length <= timedelta(0):
        return
    for one in _begins(event, begin, timezone, now):
        if one + length > now and one < now + AHEAD:
            yield one, one + length


def _length(event: Any, begin: datetime, timezone: str) -> timedelta:
    end = _at(event, "DTEND", timezone)
    if end is not None:
        return end - begin
    duration = event.get("DURATION")
    if duration is not None:
        length: timedelta = duration.dt
        return length
    return timedelta(0) if isinstance(event["DTSTART"].dt, datetime) else _DAY


def _begins(event: Any, begin: datetime, timezone: str, now: datetime) -> Iterator[datetime]:
    """Once, or as its rule says: on its own wall clock, so that nine o'clock stays nine o'clock."""
    rule = event.get("RRULE")
    if rule is None:
        yield begin
        return
    if isinstance(rule, list) or not set(rule.get("FREQ", [])) <= _SERIES or not rule.get("FREQ"):
        raise WrongCalendar(
            "an event comes again by a rule that is not read: daily, weekly, monthly and yearly are"
        )
    zone = _zone(event["DTSTART"].dt, timezone)
    left_out = set(_listed(event, "EXDATE", timezone))
    text = ";".join(part for part in rule.to_ical().decode().split(";") if not part.startswith("UNTIL="))
    until = rule.get("UNTIL", [None])[0]
    ends = _moment(until, zone) + (timedelta(0) if isinstance(until, datetime) else _DAY) if until else None
    try:
        series = rrulestr(text, dtstart=wall(begin, zone))
    except ValueError as error:
        raise WrongCalendar("an event comes again by a rule that cannot be read") from error
    horizon = wall(now + AHEAD, zone)
    for count, local in enumerate(series.xafter(wall(now, zone) - timedelta(days=32), inc=True)):
        one = instant(local, zone)
        if local > horizon or count > MOST or (ends is not None and one > ends):
            return
        if one not in left_out:
            yield one


def _listed(event: Any, name: str, timezone: str) -> Iterator[datetime]:
    found = event.get(name) or []
    for part in found if isinstance(found, list) else [found]:
        for one in part.dts:
            yield _moment(one.dt, timezone)


def _at(event: Any, name: str, timezone: str) -> datetime | None:
    found = event.get(name)
    return _moment(found.dt, timezone) if found is not None else None


def _moment(value: date | datetime, timezone: str) -> datetime:
    if not isinstance(value, datetime):
        return instant(datetime.combine(value, time()), timezone)
    return value.astimezone(UTC) if value.tzinfo is not None else instant(value, timezone)


def _zone(value: date | datetime, timezone: str) -> str:
    zone = getattr(value, "tzinfo", None)
    key = getattr(zone, "key", None)
    if key is not None:
        return str(ZoneInfo(key).key)
    return "UTC" if zone is not None else timezone


def _addresses(event: Any) -> tuple[str, ...]:
    found = event.get("ATTENDEE") or []
    texts = [str(one) for one in (found if isinstance(found, list) else [found])]
    texts.append(str(event.get("SUMMARY", "")))
    return tuple(
        dict.fromkeys(one.lower() for text in texts for one in _MAIL.findall(text.removeprefix("mailto:")))
    )


def whose(entry: Entry, people: Sequence[Person]) -> Person | None:
    """By an address, else by the name that its title is or ends with; nobody when several could be meant."""
    by_mail = [one for one in people if one.email.lower() in entry.addresses]
    if by_mail:
        return by_mail[0] if len(by_mail) == 1 else None
    title = entry.title.lower()
    said = title.rpartition(":")[2].strip()
    exact = [one for one in people if one.name.lower() == said]
    found = exact or [one for one in people if re.search(rf"\b{re.escape(one.name.lower())}\b", title)]
    return found[0] if len(found) == 1 else None


def nobody(entry: Entry) -> bool:
    """A gap, as it is written here: no shift at all."""
    return entry.title.endswith(": NOBODY")
