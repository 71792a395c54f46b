"""When a channel gets more new incidents than it can take cards: numbers only, decided from what the database holds.

A swell rises by one with every new incident and sinks by one every ten seconds. Beyond `CARDS` it is a storm: one
live board shows all of it, and only the first critical keeps a card of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from engine.alert import Severity

STORM_CARD = "storm"
CARDS = 3
"""New incidents in quick succession that still get a card each."""
SINKS = timedelta(seconds=10)
"""How long a swell takes to sink by one incident: six a minute, evenly, are no storm."""
BETWEEN_CARDS = timedelta(seconds=1)
"""How far apart the first cards of a swell are posted; what becomes a storm meanwhile is on the board instead."""
CRITICAL_EVERY = timedelta(minutes=2)
"""In a storm at most one critical in this time gets a card of its own; the others stand at the board's top."""
QUIET = timedelta(minutes=5)
"""How long hardly anything may be alerted before a storm is over."""
CARDS_AFTERWARDS = 5
"""How many of those that are still open and unclaimed get a card of their own when a storm is over, worst first."""
SHORTEST, LONGEST = timedelta(seconds=2), timedelta(seconds=10)
MOST_SAMPLES = 240
MINUTE = timedelta(minutes=1)
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """An incident that wants a card in a channel: a new one, or one that came back or became critical while only a
    board showed it. `counted_from` is how many alerts it had before that."""

    card_id: str
    severity: Severity
    at: datetime
    counted_from: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel as incidents that arrive in it see it: how high the swell is and its last cards, when a critical
    last got a card out of turn, and the board of the storm that is on."""

    platform: str
    channel: str
    company_id: int
    swell_at: datetime
    swell: tuple[Newcomer, ...] = ()
    critical_at: datetime | None = None
    storm_id: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        return (self.platform, self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What happened in one channel while it was too much for cards. Its incidents are those whose cards name its
    board. `samples` are (seconds since it began, alerts until then): what the board's curve is drawn from; `tally` is
    how it ended."""

    id: str
    company_id: int
    platform: str
    channel: str
    began_at: datetime
    over_at: datetime | None = None
    samples: tuple[tuple[float, int], ...] = ()
    tally: StormTally | None = None

    @property
    def card_id(self) -> str:
        return f"{STORM_CARD}:{self.id}:{self.platform}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where one newcomer is shown: on the board, or by a card of its own, and when. An urgent card does not wait for
    its turn."""

    on_board: bool
    urgent: bool = False
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What became of newcomers, in their order. `begins` says that a storm begins with them: the caller names it."""

    channel: Channel
    arrivals: tuple[Arrival, ...]
    begins: bool = False


def arrive(channel: Channel, newcomers: Sequence[Newcomer], now: datetime) -> Placed:
    if channel.swell_at <= now:
        channel = replace(channel, swell_at=now, swell=())
    before = (channel.swell_at - now) / SINKS
    storm = channel.storm_id is not None or before + len(newcomers) > CARDS
    urgent = _first_critical(channel, newcomers, now)
    arrivals = []
    for place, _ in enumerate(newcomers):
        waits = timedelta(0) if place == urgent else BETWEEN_CARDS * (before + place)
        arrivals.append(Arrival(on_board=storm and place != urgent, urgent=place == urgent, after=waits))
    after = replace(
        channel,
        swell_at=min(channel.swell_at + SINKS * len(newcomers), now + SINKS * (CARDS + 1)),
        swell=(*channel.swell, *newcomers)[-CARDS:] if not storm else channel.swell,
        critical_at=channel.critical_at if urgent is None else now,
    )
    return Placed(channel=after, arrivals=tuple(arrivals), begins=storm and channel.storm_id is None)


def _first_critical(channel: Channel, newcomers: Sequence[Newcomer], now: datetime) -> int | None:
    """The place of the one that gets a card of its own whatever else goes on."""
    if channel.critical_at is not None and now - channel.critical_at < CRITICAL_EVERY:
        return None
    return next((place for place, one in enumerate(newcomers) if one.severity is Severity.CRITICAL), None)


def pause_of(storm: Storm, now: datetime) -> timedelta:
    """How long the board stands before it is edited again: 2 s at first, longer as the storm goes on, at most 10 s;
    afterwards the recap is not in a hurry."""
    if storm.over_at is not None:
        return LONGEST
    return min(LONGEST, max(SHORTEST, (now - storm.began_at) / 2))


def sampled(storm: Storm, alerts: int, now: datetime) -> Storm:
    """With one more point of the curve; old ones are thinned out, so that it stays small however long it lasts."""
    at = round((now - storm.began_at).total_seconds(), 1)
    samples = (*(one for one in storm.samples if one[0] < at), (at, alerts))
    if len(samples) > MOST_SAMPLES:
        samples = (*samples[: MOST_SAMPLES // 2 : 2], *samples[MOST_SAMPLES // 2 :])
    return replace(storm, samples=samples)


def alerts_until(storm: Storm, seconds: float) -> float:
    """How many alerts there had been so many seconds after it began, between two samples by straight line."""
    if seconds <= 0:
        return 0.0
    before_at, before = 0.0, 0.0
    for at, alerts in storm.samples:
        if at >= seconds:
            share = (seconds - before_at) / (at - before_at) if at > before_at else 1.0
            return before + (alerts - before) * max(0.0, share)
        before_at, before = at, float(alerts)
    return before


def curve(storm: Storm, *, bars: int = 24) -> tuple[timedelta, tuple[int, ...]]:
    """(how long one bar is, alerts in each bar) from the beginning to the last sample, at most `bars` of them."""
    lasted = max((at for at, _ in storm.samples), default=0.0)
    width = next(
        (one for one in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800) if one * bars >= lasted), 3600
    )
    count = min(bars, max(1, -(-int(lasted * 10) // (width * 10))))
    edges = [alerts_until(storm, width * place) for place in range(count + 1)]
    return timedelta(seconds=width), tuple(round(later - sooner) for sooner, later in pairwise(edges))


def busiest_minute(storm: Storm) -> int:
    """The most alerts in any minute."""
    minute = MINUTE.total_seconds()
    found = [alerts - alerts_until(storm, at - minute) for at, alerts in storm.samples]
    return round(max(found, default=0))


def sparkline(values: Sequence[float]) -> str:
    """One block a value, the highest of them full."""
    top = max(values, default=0)
    if top <= 0:
        return _BLOCKS[0] * len(values)
    last = len(_BLOCKS) - 1
    return "".join(_BLOCKS[min(last, max(0, math.ceil(round(value / top * last, 6))))] for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One line of a ranking: a problem or an asset, how many incidents and alerts it has."""

    name: str
    incidents: int
    alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StormTally:
    """What the rows of a storm's incidents add up to. `held` maps a person's number to their open incidents,
    `severities` and `open_severities` count incidents by severity, `with_card` those with a card of their own,
    `hidden` the open ones without."""

    incidents: int
    alerts: int
    open: int
    untouched: int
    severities: Mapping[str, int]
    open_severities: Mapping[str, int]
    signatures: int
    assets: int
    top_signatures: tuple[Share, ...]
    top_assets: tuple[Share, ...]
    held: Mapping[int, int]
    with_card: int
    hidden: int
    last_alert_at: datetime
