"""What a company's past would have looked like under other rules: its stored alerts through the replay's engine.

A stored alert is one row however often its tool repeated it, so repeats are taken as spread evenly between the first
and the last. An incident ends as it did, by recovery or by the person who resolved it, and under both rules by silence
for the window. Both sides of a comparison are made so, and people are told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.replay.run import Engine, Recorded, Watch
from engine.alert import Alert, AlertStatus, StoredAlert
from engine.company import Asset
from engine.correlation import Rules
from storage.transaction import Transaction

LOOK_BACK = timedelta(days=30)
MOST_ALERTS, MOST_EVENTS = 10_000, 20_000
MOST_REPEATS = 200
"""So many repeats of one row are played, and no more than one a minute."""
MOST_EXAMPLES, MOST_NAMED = 5, 3
SLICE, PAUSE = 0.004, 0.004
"""Seconds of work, and seconds for everybody else after it: taking in alerts goes first."""
_SOON = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Event:
    """One delivery; `row` is the place of its stored alert."""

    row: int
    at: datetime
    alert: Alert


@dataclass(frozen=True, slots=True)
class Past:
    """`alerts` counts every delivery that the rows stand for. `beyond`: there were more; these are the newest."""

    rows: Sequence[StoredAlert]
    events: Sequence[Event]
    since: datetime
    alerts: int
    repeated: bool
    beyond: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One group of incidents that would be another number of incidents; `opened` are when those of the new rules
    begin, `ended` when each was heard of last."""

    label: str
    title: str
    before: int
    after: int
    opened: tuple[datetime, ...]
    ended: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Incidents under the rules of now and under the others. `joined` and `split`: how many of those of now would be
    part of another one, and how many would be more than one."""

    alerts: int
    before: int
    after: int
    joined: int
    split: int
    examples: Sequence[Example]

    def noise(self, incidents: int) -> float:
        return round(100 * (1 - incidents / self.alerts), 1) if self.alerts else 0.0


async def past(
    tx: Transaction,
    company_id: int,
    *,
    since: datetime,
    until: datetime | None = None,
    most: int = MOST_ALERTS,
) -> Past:
    """What began since then and came to an incident; held alerts are left out, as they were."""
    found = await tx.alerts.history(company_id, since=since, until=until, most=most + 1)
    rows, beyond = list(reversed(found[:most])), len(found) > most
    incidents = await tx.incidents.get_many({row.incident_id for row in rows if row.incident_id is not None})
    by_hand = {
        one.id: one.resolved_at
        for one in incidents.values()
        if one.resolved_at is not None and one.resolved_by != "monitoring"
    }
    events = sorted(
        (
            event
            for number, row in enumerate(rows)
            for event in _events(number, row, by_hand.get(row.incident_id or 0))
        ),
        key=lambda event: (event.at, event.row),
    )
    if len(events) > MOST_EVENTS:
        events, beyond = events[-MOST_EVENTS:], True
    kept = {event.row for event in events}
    return Past(
        rows=rows,
        events=events,
        since=events[0].at if events and beyond else since,
        alerts=sum(row.count for number, row in enumerate(rows) if number in kept),
        repeated=any(row.count > 1 for row in rows),
        beyond=beyond,
    )


def _events(number: int, row: StoredAlert, by_hand: datetime | None) -> list[Event]:
    """`by_hand`: when a person resolved its incident; the row itself says when its tool did."""
    alert = Alert(
        asset_name=row.asset_name,
        signature=row.title,
        tool=row.tool,
        severity_word=row.severity.value,
        message=row.message,
        dedup_key=row.dedup_key,
        labels=row.labels,
    )
    stated = row.occurred_at
    first = stated if stated is not None and abs(stated - row.first_at) < _SOON else row.first_at
    length = max(timedelta(0), row.last_at - first)
    times = max(1, min(row.count, MOST_REPEATS, 1 + int(length.total_seconds() // 60)))
    step = length / (times - 1) if times > 1 else length
    moments = [first + place * step for place in range(times)]
    found = [Event(number, at, replace(alert, occurred_at=at)) for at in moments]
    if row.status is AlertStatus.RESOLVED:
        at = max(row.last_at, moments[-1], by_hand or row.last_at)
        found.append(Event(number, at, replace(alert, status=AlertStatus.RESOLVED, occurred_at=at)))
    return found


async def replayed(
    seen: Past, rules: Rules, assets: Sequence[Asset], *, watch: Watch | None = None
) -> list[int]:
    """The incident of each event under these rules, 0 where it came to none. In slices: the loop has others to
    serve."""
    engine = Engine(rules, [replace(one, labels={}) for one in assets], follow=True, watch=watch)
    found: list[int] = []
    began = time.perf_counter()
    for event in seen.events:
        found.append(engine.take(Recorded(event.row, "", event.alert)).incident or 0)
        if time.perf_counter() - began > SLICE:
            await asyncio.sleep(PAUSE)
            began = time.perf_counter()
    return [engine.survivor(one) for one in found]


def difference(seen: Past, before: Sequence[int], after: Sequence[int]) -> Difference:
    """What the two did differently, the largest change first."""
    parts = _components(before, after)
    joined = split = 0
    examples: list[Example] = []
    for places in parts:
        olds, news = {before[place] for place in places}, {after[place] for place in places}
        if len(olds) == len(news) == 1:
            continue
        joined += max(0, len(olds) - len(news))
        split += max(0, len(news) - len(olds))
        examples.append(_example(seen, after, places, len(olds)))
    examples.sort(key=lambda one: (-abs(one.before - one.after), one.label))
    return Difference(
        alerts=seen.alerts,
        before=len(set(before) - {0}),
        after=len(set(after) - {0}),
        joined=joined,
        split=split,
        examples=examples,
    )


def _components(before: Sequence[int], after: Sequence[int]) -> list[list[int]]:
    """The events that hang together through an incident of either side."""
    into: dict[tuple[int, int], tuple[int, int]] = {}

    def root(name: tuple[int, int]) -> tuple[int, int]:
        while (up := into.setdefault(name, name)) != name:
            into[name] = into[up]
            name = into[name]
        return name

    both = [
        (place, old, new) for place, (old, new) in enumerate(zip(before, after, strict=True)) if old and new
    ]
    for _, old, new in both:
        into[root((0, old))] = root((1, new))
    parts: dict[tuple[int, int], list[int]] = {}
    for place, old, _ in both:
        parts.setdefault(root((0, old)), []).append(place)
    return list(parts.values())


def _example(seen: Past, after: Sequence[int], places: Sequence[int], before: int) -> Example:
    numbers = sorted({seen.rows[seen.events[place].row].incident_id or 0 for place in places})
    named = ", ".join(f"INC-{one}" for one in numbers[:MOST_NAMED])
    more = f" and {len(numbers) - MOST_NAMED} more" if len(numbers) > MOST_NAMED else ""
    first: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    for place in places:
        event = seen.events[place]
        first.setdefault(after[place], event.at)
        last[after[place]] = event.at
    row = seen.rows[seen.events[places[0]].row]
    return Example(
        label=named + more,
        title=f"{row.asset_name}: {row.title}",
        before=before,
        after=len(first),
        opened=tuple(first.values()),
        ended=tuple(last[one] for one in first),
    )


def of_incident(
    seen: Past, incident_id: int, found: Sequence[int]
) -> Mapping[int, tuple[datetime, datetime]]:
    """The incidents that one incident's alerts would be: when each opens, and when it is heard of last."""
    spans: dict[int, tuple[datetime, datetime]] = {}
    for event, number in zip(seen.events, found, strict=True):
        if number and seen.rows[event.row].incident_id == incident_id:
            spans[number] = (spans.get(number, (event.at, event.at))[0], event.at)
    return spans
