"""On call: who is at a moment, who comes next, and when nobody is. Worked out from the plan, on its own wall clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from engine.hours import ALWAYS, BusinessHours, business_hours
from engine.schedule import instant, wall

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Layer:
    """`people` take turns of `days` each, from `start` on, handing over at `at`. `hours` (of a week) are those in which
    this layer counts; empty: always."""

    people: tuple[int, ...]
    days: int
    start: date
    at: time = time(9)
    hours: str = ALWAYS


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in for whoever it would be."""

    user_id: int
    begin: datetime
    end: datetime
    source: str = ""
    """The calendar that it came from; empty: a person said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One plan. The first layer that counts decides; an override goes before them, the newest first, and what people
    said before what a calendar says. `companies` are those it is for, empty: all of them.
    `hours` are those in which somebody should be on call."""

    id: int
    name: str
    timezone: str = "UTC"
    companies: frozenset[int] = frozenset()
    hours: str = ALWAYS
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()

    def serves(self, company_id: int) -> bool:
        return not self.companies or company_id in self.companies

    def is_wanted(self, now: datetime) -> bool:
        """Should somebody be on call at that moment?"""
        return _counts(self.timezone, self.hours, now)

    @property
    def people(self) -> frozenset[int]:
        """Everybody who takes a turn."""
        return frozenset(who for layer in self.layers for who in layer.people)

    def at(self, now: datetime) -> int | None:
        """Who is on call at that moment."""
        for from_a_calendar in (False, True):
            for one in reversed(self.overrides):
                if one.begin <= now < one.end and bool(one.source) is from_a_calendar:
                    return one.user_id
        for layer in self.layers:
            if layer.people and now >= _handover(self, layer, 0) and _counts(self.timezone, layer.hours, now):
                return layer.people[_turn(self, layer, now) % len(layer.people)]
        return None


@dataclass(frozen=True, slots=True)
class Shift:
    """From when to when this person is on call, None: nobody though somebody should be."""

    begin: datetime
    end: datetime
    user_id: int | None


def shifts(rotation: Rotation, begin: datetime, end: datetime) -> list[Shift]:
    """Who is on call between two moments, without those stretches in which nobody has to be."""
    marks = sorted({begin, end, *(mark for mark in _marks(rotation, begin, end) if begin < mark < end)})
    found: list[Shift] = []
    for since, until in pairwise(marks):
        who = rotation.at(since)
        if who is None and not _counts(rotation.timezone, rotation.hours, since):
            continue
        if found and found[-1].end == since and found[-1].user_id == who:
            found[-1] = Shift(found[-1].begin, until, who)
        else:
            found.append(Shift(since, until, who))
    return found


def next_shift(
    rotation: Rotation, user_id: int, now: datetime, end: datetime, *, on: date | None = None
) -> Shift | None:
    """This person's first shift that has not begun, or that one which covers part of a day on the plan's clock."""
    for shift in shifts(rotation, now, end):
        if shift.user_id != user_id or shift.begin <= now:
            continue
        first = wall(shift.begin, rotation.timezone).date()
        last = wall(shift.end - timedelta(seconds=1), rotation.timezone).date()
        if on is None or first <= on <= last:
            return shift
    return None


@dataclass(frozen=True, slots=True)
class HandOver:
    """A shift that has begun, and who was on call before it."""

    shift: Shift
    before: int | None


def handed_over(rotation: Rotation, now: datetime, *, within: timedelta) -> HandOver | None:
    """The shift that is on, if it began within that time and with somebody else than before."""
    found = shifts(rotation, now - within, now + _DAY)
    current = next((one for one in found if one.begin <= now < one.end), None)
    if current is None or current.user_id is None or current.begin <= now - within:
        return None
    earlier = rotation.at(current.begin - timedelta(seconds=1))
    return HandOver(current, earlier) if earlier != current.user_id else None


def next_change(rotation: Rotation, now: datetime, end: datetime) -> datetime | None:
    """When somebody else is on call next."""
    return next((one.begin for one in shifts(rotation, now, end) if one.begin > now), None)


def gaps(rotation: Rotation, begin: datetime, end: datetime) -> list[Shift]:
    return [one for one in shifts(rotation, begin, end) if one.user_id is None]


def _marks(rotation: Rotation, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment at which something may change."""
    for one in rotation.overrides:
        yield one.begin
        yield one.end
    for text in {rotation.hours, *(layer.hours for layer in rotation.layers)} - {ALWAYS}:
        for opens, closes in _week(rotation.timezone, text).openings(begin, end):
            yield opens
            yield closes
    for layer in rotation.layers:
        if not layer.people:
            continue
        turn = max(0, _turn(rotation, layer, begin))
        while (mark := _handover(rotation, layer, turn)) < end:
            yield mark
            turn += 1


def _turn(rotation: Rotation, layer: Layer, now: datetime) -> int:
    """How many hand-overs have been: a time that the clocks show twice hands over once."""
    local = wall(now, rotation.timezone) - datetime.combine(layer.start, layer.at)
    turn = local // (layer.days * _DAY)
    while _handover(rotation, layer, turn + 1) <= now:
        turn += 1
    while turn > 0 and _handover(rotation, layer, turn) > now:
        turn -= 1
    return turn


def _handover(rotation: Rotation, layer: Layer, turn: int) -> datetime:
    return instant(datetime.combine(layer.start + turn * layer.days * _DAY, layer.at), rotation.timezone)


def _counts(timezone: str, hours: str, now: datetime) -> bool:
    return hours == ALWAYS or _week(timezone, hours).open_at(now)


@lru_cache(maxsize=256)
def _week(timezone: str, hours: str) -> BusinessHours:
    found = business_hours(timezone, hours)
    assert found is not None  # what never closes is kept as nothing
    return found


def stretch_text(shift: Shift, timezone: str) -> str:
    """`Fri 2026-03-06 17:00 to Mon 2026-03-09 08:00`, on the rotation's clock."""
    begin, end = wall(shift.begin, timezone), wall(shift.end, timezone)
    return f"{begin:%a %Y-%m-%d %H:%M} to {end:%a %Y-%m-%d %H:%M}"
