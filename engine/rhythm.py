"""How often a source usually speaks, learned from its own history, and from when on its silence means something.

Counts per hour are laid on a grid of local days (cut where the source is quietest, so that a night stays whole), and
for busy sources of blocks of a few hours. A place in the week where it spoke more often than not is expected. Silence
is called after so many expected places in a row without a word that, going by this source's own misses, chance would
make it happen less than once in many source-months. What misses too often to tell is left alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

WEEKS = 10
"""How far back it looks."""
LEAST_DAYS, LEAST_ACTIVE, LEAST_ACTIVE_WEEKLY = 14, 10, 6
LEAST_PEERS = 3
CHANCE = 0.004
"""False calls a source may make in a month by chance, on each grid."""
_HALF_LIFE = 28.0
_EXPECTED = 0.5
_POOL = 0.3
_MOST_MISSING = {24: 9, 4: 18}
_LEAST_MISSING = {24: 2, 4: 3}


class Unit(StrEnum):
    NIGHT = "night"
    DAY = "day"
    WORKDAY = "working day"
    WEEK = "week"
    HOURS = "hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """A source that can be judged. It sends `low` to `high` per unit; when it says nothing until `quiet_at`, that is
    `misses` expected units in a row without a word."""

    unit: Unit
    low: int
    high: int
    misses: int
    quiet_at: datetime
    workdays_only: bool = False

    @property
    def usual(self) -> str:
        """`3–6 a night`."""
        amount = f"{_round(self.low)}–{_round(self.high)}" if self.high > self.low else f"{self.high}"
        return f"{amount} a {'day' if self.unit is Unit.HOURS else self.unit.value}"


@dataclass(frozen=True, slots=True)
class Unsteady:
    """Nothing can be said about its silence: it is too new, or too irregular."""

    why: str


def judge(counts: Mapping[int, int], zone: ZoneInfo, *, closed: Set[date] = frozenset()) -> Rhythm | Unsteady:
    """`counts` are messages by hour since 1970; `closed` are days on which nobody of its kind speaks."""
    if not counts:
        return Unsteady("nothing heard yet")
    last = max(counts)
    recent = {hour: count for hour, count in counts.items() if hour > last - WEEKS * 168}
    if last - min(recent) < LEAST_DAYS * 24:
        return Unsteady("no rhythm yet: less than two weeks of history")
    days = _Grid(recent, zone, 24, closed)
    found = [
        one for grid in (days, _Grid(recent, zone, 4, closed)) if (one := _judged(grid, days)) is not None
    ]
    if not found:
        return Unsteady("no rhythm: it speaks too irregularly")
    return min(found, key=lambda rhythm: rhythm.quiet_at)


def _judged(grid: _Grid, days: _Grid) -> Rhythm | None:
    if not grid.enough:
        return None
    misses = grid.misses_that_tell()
    if misses is None:
        return None
    low, high = days.usual
    unit = days.unit if grid.hours == 24 else Unit.HOURS
    workdays = days.workdays_only
    return Rhythm(
        unit=unit, low=low, high=high, misses=misses, quiet_at=grid.over(misses), workdays_only=workdays
    )


@dataclass
class _Grid:
    """One source's history on places of `hours` length; a place is numbered by its local day and block."""

    counts: Mapping[int, int]
    zone: ZoneInfo
    hours: int
    closed: Set[date] = field(default_factory=frozenset)

    @cached_property
    def _local(self) -> list[tuple[datetime, int]]:
        zone = self.zone
        return [
            (datetime.fromtimestamp(hour * 3600, zone).replace(tzinfo=None), count)
            for hour, count in sorted(self.counts.items())
        ]

    @cached_property
    def cut(self) -> int:
        """The hour at which its days begin: in the middle of its longest quiet stretch."""
        seen = Counter(at.hour for at, _ in self._local)
        around = [sum(seen[(hour + step) % 24] for step in (-2, -1, 0, 1)) for hour in range(24)]
        least = min(around)
        return _middle([hour for hour in range(24) if around[hour] == least])

    @cached_property
    def places(self) -> dict[int, int]:
        """Place → messages in it, in order of time."""
        found: dict[int, int] = {}
        shift, per_day = timedelta(hours=self.cut), 24 // self.hours
        for at, count in self._local:
            moved = at - shift
            place = moved.toordinal() * per_day + moved.hour // self.hours
            found[place] = found.get(place, 0) + count
        return found

    @cached_property
    def firsts(self) -> list[int]:
        """For each day on which it spoke: how many hours after its cut it spoke first."""
        found: dict[int, int] = {}
        shift = timedelta(hours=self.cut)
        for at, _ in self._local:
            moved = at - shift
            found.setdefault(moved.toordinal(), moved.hour)
        return sorted(found.values())

    @cached_property
    def _next_date(self) -> int:
        """1 when what a day holds happens mostly after midnight."""
        return int(self.firsts[len(self.firsts) // 2] + self.cut >= 24)

    def _date(self, place: int) -> int:
        return place // (24 // self.hours) + (self._next_date if self.hours == 24 else 0)

    def kind(self, place: int) -> tuple[int, int]:
        """(weekday, block): the place in the week."""
        return (self._date(place) + 6) % 7, place % (24 // self.hours)

    def shut(self, place: int) -> bool:
        return bool(self.closed) and date.fromordinal(self._date(place)) in self.closed

    @cached_property
    def expected(self) -> frozenset[tuple[int, int]]:
        """Where in the week it spoke more often than not; newer weeks count more, thin ones lean on similar days."""
        first, last = min(self.places), max(self.places)
        per_day = 24 // self.hours
        seen: dict[tuple[int, int], list[float]] = {}
        pooled: dict[tuple[bool, int], list[float]] = {}
        for place in range(first, last + 1):
            if self.shut(place):
                continue
            weight = 0.5 ** ((last - place) / per_day / _HALF_LIFE)
            spoke = weight if place in self.places else 0.0
            weekday, block = self.kind(place)
            for table, key in ((seen, (weekday, block)), (pooled, (weekday >= 5, block))):
                sums = table.setdefault(key, [0.0, 0.0])  # type: ignore[arg-type]
                sums[0] += spoke
                sums[1] += weight
        found = set()
        for (weekday, block), (spoke, whole) in seen.items():
            near = pooled[(weekday >= 5, block)]
            share = (spoke + _POOL * near[0] / near[1]) / (whole + _POOL)
            if share >= _EXPECTED:
                found.add((weekday, block))
        return frozenset(found)

    def due(self, place: int) -> bool:
        return self.kind(place) in self.expected and not self.shut(place)

    @cached_property
    def gaps(self) -> list[int]:
        """Between each two places in which it spoke: how many expected ones it missed."""
        spoke = list(self.places)
        return [
            sum(self.due(place) for place in range(before + 1, after)) if after - before > 1 else 0
            for before, after in pairwise(spoke)
        ]

    @property
    def enough(self) -> bool:
        weekly = len({weekday for weekday, _ in self.expected}) <= 2
        least = LEAST_ACTIVE_WEEKLY if weekly and self.hours == 24 else LEAST_ACTIVE
        whole = {24: 1, 4: 6}[self.hours]
        return bool(self.expected) and sum(map(self.due, self.places)) >= least * whole

    def misses_that_tell(self) -> int | None:
        """How many expected places in a row without a word are no chance any more; None when no number is.

        Gaps that would have told already, going by the others, were outages and do not count.
        """
        gaps = sorted(self.gaps)
        for outages in (2, 1):
            told = self._tells(gaps[:-outages]) if len(gaps) > outages else None
            if told is not None and gaps[-outages] >= told:
                return told
        return self._tells(gaps)

    def _tells(self, gaps: Sequence[int]) -> int | None:
        missed = sum(gaps)
        whole = missed + sum(map(self.due, self.places))
        worst = max(gaps, default=0)
        per_month = 30 * 24 / self.hours * len(self.expected) / (7 * 24 / self.hours)
        chance = missed / whole
        runs = sum(gap > 0 for gap in gaps)
        again = max(chance, (missed - runs + 0.2) / (missed + 1.0))
        for misses in range(_LEAST_MISSING[self.hours], _MOST_MISSING[self.hours] + 1):
            if misses <= worst:
                continue
            if per_month * chance * again ** (misses - 1) <= CHANCE:
                return misses
        return None

    def over(self, misses: int) -> datetime:
        """When that many expected places have passed since it last spoke."""
        place, left = max(self.places), misses
        while left:
            place += 1
            left -= self.due(place)
        per_day = 24 // self.hours
        day, block = divmod(place, per_day)
        start = datetime.combine(date.fromordinal(day), datetime.min.time())
        passed = self._spoken_by if self.hours == 24 else self.hours
        return (start + timedelta(hours=self.cut + block * self.hours + passed)).replace(tzinfo=self.zone)

    @cached_property
    def _spoken_by(self) -> int:
        """Hours after a day's cut by which it has spoken on nearly every day, and one more."""
        latest = self.firsts[min(len(self.firsts) - 1, math.floor(len(self.firsts) * 0.98))]
        return min(24, latest + 2)

    @property
    def usual(self) -> tuple[int, int]:
        """What four of five days had lately."""
        newest = sorted(list(self.places.values())[-28:])
        return newest[len(newest) // 10], newest[(len(newest) - 1) * 9 // 10]

    @property
    def workdays_only(self) -> bool:
        weekdays = {weekday for weekday, _ in self.expected}
        return len(weekdays) >= 3 and not weekdays & {5, 6}

    @property
    def unit(self) -> Unit:
        if len({weekday for weekday, _ in self.expected}) == 1:
            return Unit.WEEK
        hour = (self.firsts[len(self.firsts) // 2] + self.cut) % 24
        if hour >= 20 or hour < 6:
            return Unit.NIGHT
        return Unit.WORKDAY if self.workdays_only else Unit.DAY


def closed_days(peers: Sequence[Set[date]], *, until: date) -> frozenset[date]:
    """Days up to and including `until` on which sources that keep working days were silent together: at most a third
    of these peers spoke, each known by the days on which it did. Public holidays need no calendar then, and neither
    does the week between the years."""
    known = [(min(days), days) for days in peers if days]
    if len(known) < LEAST_PEERS:
        return frozenset()
    found = set()
    day = min(first for first, _ in known)
    while day <= until:
        there = [days for first, days in known if first <= day]
        if (
            day.weekday() < 5
            and len(there) >= LEAST_PEERS
            and 3 * sum(day in one for one in there) <= len(there)
        ):
            found.add(day)
        day += timedelta(days=1)
    return frozenset(found)


_NUMBERS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


def silence_words(
    company: str, tool: str, rhythm: Rhythm, last_at: datetime, now: datetime, zone: ZoneInfo
) -> str:
    """`Acme's Veeam usually sends 3–6 a night; 0 for two nights. It last spoke Friday 02:14.`"""
    if rhythm.unit is Unit.HOURS:
        since = f"nothing for {int((now - last_at).total_seconds() // 3600)} h"
    else:
        since = f"0 for {_number(rhythm.misses)} {rhythm.unit.value}s"
    at = last_at.astimezone(zone)
    day = f"{at:%A}" if now - last_at < timedelta(days=6) else f"on {at:%A} {at.day} {at:%B}"
    return f"{company}'s {tool} usually sends {rhythm.usual}; {since}. It last spoke {day} {at:%H:%M}."


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else f"{count}"


def _round(count: int) -> int:
    """Two figures are enough for a large number."""
    size = 10 ** max(0, len(f"{count}") - 2)
    return int(round(count / size) * size)


def _middle(hours: Sequence[int]) -> int:
    """The middle of the longest stretch of these hours around the clock."""
    best: list[int] = []
    for start in hours:
        stretch = [start]
        while (stretch[-1] + 1) % 24 in hours and len(stretch) < 24:
            stretch.append((stretch[-1] + 1) % 24)
        if len(stretch) > len(best):
            best = stretch
    return best[len(best) // 2]
