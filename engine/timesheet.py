"""The time that people put into incidents: drafted from what they did, never counted along, and what it costs.

From a claim until it was resolved; where the owner did nothing for longer than the company's `time_gap`, what is beyond
that is idle and is cut out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One incident from its claim to its end. `acts` are the moments at which its owner did something."""

    incident_id: int
    company_id: int
    user_id: int
    title: str
    asset_name: str
    severity: str
    person: str
    begun_at: datetime
    ended_at: datetime
    acts: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """What an hour costs; `amount` of `currency`."""

    amount: Decimal
    currency: str

    def cost(self, minutes: int) -> Decimal:
        return (self.amount * minutes / 60).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What somebody confirmed of one stretch, once: `minutes` are booked of `drafted`; `idle` were left out of those.
    The rate is the one of that moment. `exported_at`: it is on a bill and cannot be changed any more."""

    incident_id: int
    begun_at: datetime
    ended_at: datetime
    company_id: int
    user_id: int
    minutes: int
    drafted: int
    idle: int
    rate: Rate | None
    note: str
    booked_at: datetime
    booked_by: str
    exported_at: datetime | None = None

    @property
    def cost(self) -> Decimal | None:
        return self.rate.cost(self.minutes) if self.rate else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """`minutes` of work, at least one, and `idle` minutes that are left out."""

    stretch: Stretch
    minutes: int
    idle: int
    cost: Decimal | None


def worked(stretch: Stretch, gap: timedelta) -> timedelta:
    """The time between claim and end, each silence of its owner counted up to `gap` only."""
    inside = sorted(one for one in stretch.acts if stretch.begun_at < one < stretch.ended_at)
    moments = [stretch.begun_at, *inside, stretch.ended_at]
    spans = (later - earlier for earlier, later in itertools.pairwise(moments))
    return sum((min(gap, max(_ZERO, span)) for span in spans), _ZERO)


def drafted(stretches: Sequence[Stretch], *, gap: timedelta, rate: Rate | None) -> list[Drafted]:
    found = []
    for one in stretches:
        whole, minutes = max(_ZERO, one.ended_at - one.begun_at), _minutes(worked(one, gap))
        idle = max(0, _minutes(whole) - minutes)
        found.append(
            Drafted(stretch=one, minutes=minutes, idle=idle, cost=rate.cost(minutes) if rate else None)
        )
    return found


def _minutes(span: timedelta) -> int:
    """Begun minutes count; what was done took at least one."""
    return max(1, -(-int(span.total_seconds()) // 60))


def span_words(minutes: int) -> str:
    """`38 min`, `2 h 5 min`."""
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours and left else f"{hours} h" if hours else f"{minutes} min"
