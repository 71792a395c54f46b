"""What noise cost: the time of people on what ended without a fix."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.timesheet import Rate

_NOISE = re.compile(
    r"(it was |was |just |only )?(noise\b|(a )?false (alarm|positive)|nothing to (do|fix))", re.IGNORECASE
)
"""How people begin to say that nothing had to be fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFact:
    """Minutes that somebody put into one incident: booked, or drafted only; `rate` is what its company pays."""

    incident_id: int
    minutes: int
    booked: bool
    rate: Rate | None


@dataclass(frozen=True, slots=True)
class Noise:
    """What people took and that ended without a fix: no run on it was verified, and nobody said what fixed it. Its
    `minutes` are booked ones, else drafted; `cost` by currency; `unrated` are those minutes that have no rate."""

    incidents: int = 0
    minutes: int = 0
    cost: Mapping[str, Decimal] = field(default_factory=dict)
    unrated: int = 0


def unfixed(resolution: str, by_monitoring: bool) -> bool:
    """Nobody said what fixed it: monitoring ended it, the words stayed empty, or they say that it was noise."""
    said = resolution.strip()
    return by_monitoring or not said or bool(_NOISE.match(said))


def of_incidents(ids: Sequence[int], time: Mapping[int, Sequence[TimeFact]]) -> Noise:
    """`ids`: those that were noise."""
    spent = [fact for number in ids for fact in time.get(number, ())]
    cost: dict[str, Decimal] = defaultdict(Decimal)
    for fact in spent:
        if fact.rate is not None:
            cost[fact.rate.currency] += fact.rate.cost(fact.minutes)
    unrated = sum(fact.minutes for fact in spent if fact.rate is None)
    return Noise(len(ids), sum(fact.minutes for fact in spent), dict(cost), unrated)
