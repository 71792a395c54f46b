"""How well silent sources are noticed, on simulated companies whose truth is known.

A year of alerts of many companies: nightly backups, busy and bursty monitors, sources that keep working days, weekly
reports, irregular ones; with holidays, lone missed nights, jobs that move, and outages. Every source is judged as the
product does it, hour by hour. What is called during an outage is a detection; anything else is a false call.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from engine.rhythm import Rhythm, closed_days, judge

ZONE = ZoneInfo("Europe/Vienna")
START = datetime(2025, 6, 2, tzinfo=ZONE)
DAYS = 364
HOLIDAYS = frozenset(
    {date(2025, 6, 9), date(2025, 6, 19), date(2025, 8, 15), date(2025, 12, 8)}
    | {date(2025, 12, 24) + timedelta(days=n) for n in range(10)}
    | {date(2026, 1, 6), date(2026, 4, 6), date(2026, 5, 1), date(2026, 5, 14), date(2026, 5, 25)}
)
_HOUR = 3600


def hour_of(at: datetime) -> int:
    return int(at.timestamp()) // _HOUR


@dataclass
class Source:
    kind: str
    counts: dict[int, int] = field(default_factory=dict)
    outages: list[tuple[int, int]] = field(default_factory=list)

    @property
    def office(self) -> bool:
        return self.kind == "working days"


def simulated(kind: str, dice: random.Random) -> Source:
    """A year of one source; two of three have one or two outages after their first eight weeks."""
    source = Source(kind)
    for _ in range(dice.choice((0, 1, 2))):
        begin = hour_of(START) + dice.randrange(56, DAYS - 30) * 24 + dice.randrange(24)
        source.outages.append((begin, begin + dice.randrange(4, 16) * 24))
    counts: dict[int, int] = {}
    for at in _spoken(kind, dice):
        hour = hour_of(at)
        if not any(begin <= hour < end for begin, end in source.outages):
            counts[hour] = counts.get(hour, 0) + 1
    source.counts = dict(sorted(counts.items()))
    return source


def _days() -> Iterator[datetime]:
    for number in range(DAYS):
        yield START + timedelta(days=number)


def _spoken(kind: str, dice: random.Random) -> Iterator[datetime]:
    match kind:
        case "nightly backup":
            yield from _nightly(dice)
        case "working days":
            yield from _office(dice)
        case "busy monitor":
            yield from _poisson(dice, per_day=dice.uniform(20, 200))
        case "bursty monitor":
            yield from _bursts(dice)
        case "weekly report":
            weekday, hour = dice.randrange(7), dice.uniform(0, 23)
            for day in _days():
                if day.weekday() == weekday and dice.random() > 0.01:
                    yield day + timedelta(hours=hour + dice.uniform(-0.5, 0.5))
        case "irregular":
            yield from _poisson(dice, per_day=dice.uniform(0.1, 1.5))
        case _:
            raise ValueError(kind)


def _nightly(dice: random.Random) -> Iterator[datetime]:
    """Three to six jobs of a night; now and then a night is missed, and once the jobs move by some hours."""
    jobs, hour, width = dice.randint(1, 6), dice.uniform(20, 28), dice.uniform(0.3, 3)
    missed, moves = dice.choice((0.0, 0.0, 0.005, 0.02)), dice.randrange(60, DAYS)
    shift = dice.uniform(-4, 4)
    for number, day in enumerate(_days()):
        if dice.random() < missed:
            continue
        begin = hour + (shift if number > moves else 0)
        for _ in range(max(1, jobs + dice.randint(-1, 1))):
            yield day + timedelta(hours=begin + dice.uniform(0, width))


def _office(dice: random.Random) -> Iterator[datetime]:
    most = dice.randint(3, 25)
    for day in _days():
        if day.weekday() < 5 and day.date() not in HOLIDAYS:
            for _ in range(dice.randint(max(1, most // 3), most)):
                yield day + timedelta(hours=dice.triangular(7, 18, 11))


def _poisson(dice: random.Random, *, per_day: float) -> Iterator[datetime]:
    at, end = START, START + timedelta(days=DAYS)
    while (at := at + timedelta(days=dice.expovariate(per_day))) < end:
        yield at


def _bursts(dice: random.Random) -> Iterator[datetime]:
    """Storms of alerts, hours or days apart."""
    for begin in _poisson(dice, per_day=dice.uniform(0.7, 4)):
        at = begin
        for _ in range(dice.randint(3, 60)):
            at += timedelta(minutes=dice.expovariate(1 / 4))
            yield at


KINDS = ("nightly backup", "working days", "busy monitor", "bursty monitor", "weekly report", "irregular")


@dataclass
class Score:
    sources: int = 0
    months: float = 0.0
    judged: float = 0.0
    outages: int = 0
    found: int = 0
    false: int = 0
    delays: list[float] = field(default_factory=list)


Peers = list[dict[date, int]]
"""For each source that keeps working days: the hour at which it first spoke on each day."""


def watched(source: Source, peers: Peers, score: Score) -> None:
    """The source as the hourly job sees it: judged after each hour in which it spoke, called when its time is over."""
    hours = list(source.counts)
    ends = [*hours[1:], hour_of(START) + DAYS * 24]
    known: dict[int, int] = {}
    expected = set(source.outages)
    judged = False
    for hour, following in zip(hours, ends, strict=True):
        known[hour] = source.counts[hour]
        if following - hour >= 6 or following // 168 > hour // 168:
            called, judged = _called(known, following, peers if source.office else [])
            if called is not None:
                hit = next((one for one in source.outages if hour < one[1] and called > one[0]), None)
                if hit is None:
                    score.false += 1
                elif hit in expected:
                    expected.discard(hit)
                    score.found += 1
                    score.delays.append((called - max(hit[0], hour)) / 24)
        score.judged += (following - hour) / 720 if judged else 0
    score.outages += len(source.outages)
    score.sources += 1
    score.months += DAYS / 30


def _called(known: Mapping[int, int], following: int, peers: Peers) -> tuple[int | None, bool]:
    """(the hour at which its silence is called, if before it speaks again; can it be judged at all?)"""
    rhythm = judge(known, ZONE)
    if not isinstance(rhythm, Rhythm):
        return None, False
    called = hour_of(rhythm.quiet_at) + 1
    while called < following and rhythm.workdays_only:
        until = datetime.fromtimestamp(called * _HOUR, ZONE).date()
        spoke = [{day for day, hour in one.items() if hour < called} for one in peers]
        again = judge(known, ZONE, closed=closed_days(spoke, until=until))
        if not isinstance(again, Rhythm):
            return None, False
        if hour_of(again.quiet_at) < called:
            break
        called += 1
    return (called if called < following else None), True


def run(companies: int = 24, *, seed: int = 1) -> dict[str, Score]:
    """One source of every kind for each company, judged over the year."""
    dice = random.Random(seed)
    sources = [simulated(kind, dice) for _ in range(companies) for kind in KINDS]
    days = {id(source): _first_hours(source) for source in sources if source.office}
    scores = {kind: Score() for kind in KINDS}
    for source in sources:
        watched(source, [days[other] for other in days if other != id(source)], scores[source.kind])
    return scores


def _first_hours(source: Source) -> dict[date, int]:
    found: dict[date, int] = {}
    for hour in source.counts:
        found.setdefault(datetime.fromtimestamp(hour * _HOUR, ZONE).date(), hour)
    return found


def table(scores: Mapping[str, Score]) -> list[str]:
    rows = [
        "| source | months | judged | outages | noticed | delay, median days | false calls | months per false call |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, one in scores.items():
        delay = f"{median(one.delays):.1f}" if one.delays else "–"
        apart = f"{one.months / one.false:,.0f}" if one.false else "none"
        rows.append(
            f"| {kind} | {one.months:,.0f} | {one.judged / one.months:.0%} | {one.outages} | {one.found} "
            f"| {delay} | {one.false} | {apart} |"
        )
    return rows


if __name__ == "__main__":
    began = time.monotonic()
    found = run()
    print("\n".join(table(found)))
    months, false = sum(one.months for one in found.values()), sum(one.false for one in found.values())
    print(
        f"\n{months:,.0f} source-months, {false} false calls, {time.monotonic() - began:.0f} s, "
        f"{datetime.now(UTC):%Y-%m-%d}"
    )
