"""How many requests a company may send: a window that slides, counted in two halves.

What the last window took still counts, less and less while this one goes on. A reserve beside it lets criticals in
while the rest is refused. Pure arithmetic in whole microseconds; `storage.allowances` says the same in SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)
LEAST_RESERVE = 10
_MICROSECOND = timedelta(microseconds=1)
_WHOLE = WINDOW // _MICROSECOND
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`rate` requests a minute, and `burst` more in a storm."""

    rate: int
    burst: int = 0

    @property
    def most(self) -> int:
        return self.rate + self.burst

    @property
    def reserve(self) -> int:
        """Requests with a critical alert that still enter in a minute when nothing else does."""
        return max(LEAST_RESERVE, self.rate // 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What was taken in this window and in the one before."""

    count: int = 0
    previous: int = 0

    def free(self, most: int, elapsed: int) -> int:
        """How many more fit, `elapsed` microseconds into the window."""
        used = self.count * _WHOLE + self.previous * (_WHOLE - elapsed)
        return max(0, most * _WHOLE - used) // _WHOLE

    def opens_after(self, most: int, elapsed: int) -> int:
        """Microseconds from the window's beginning to the moment at which one more fits, if nobody else comes."""
        if self.free(most, elapsed):
            return elapsed
        if self.count < most:
            return _WHOLE - (most - self.count - 1) * _WHOLE // self.previous
        return 2 * _WHOLE - (most - 1) * _WHOLE // self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A company's counters. A window begins with the first request after a quiet time, so that a storm that begins
    then gets exactly what it may."""

    began_at: datetime
    lane: Lane = Lane()
    reserve: Lane = Lane()

    def rolled(self, now: datetime) -> Window:
        """The window that `now` is in."""
        age = now - self.began_at
        if age < WINDOW:
            return self
        if age < 2 * WINDOW:
            lanes = [Lane(previous=one.count) for one in (self.lane, self.reserve)]
            return Window(began_at=self.began_at + WINDOW, lane=lanes[0], reserve=lanes[1])
        return Window(began_at=now)

    def free(self, limits: Limits, now: datetime) -> int:
        here = self.rolled(now)
        return here.lane.free(limits.most, here._elapsed(now))

    def reserve_free(self, limits: Limits, now: datetime) -> int:
        here = self.rolled(now)
        return here.reserve.free(limits.reserve, here._elapsed(now))

    def take(self, wanted: int, limits: Limits, now: datetime) -> tuple[Window, int]:
        """The window after the request for `wanted`, and how many of them it took."""
        here = self.rolled(now)
        taken = min(wanted, here.free(limits, now))
        return replace(here, lane=replace(here.lane, count=here.lane.count + taken)), taken

    def entered(self, count: int) -> Window:
        """So many more through the reserve, of a window that is rolled."""
        return replace(self, reserve=replace(self.reserve, count=self.reserve.count + count))

    def shut(self, limits: Limits, now: datetime) -> Shut:
        """When each lane takes one more."""
        here = self.rolled(now)
        elapsed = here._elapsed(now)
        return Shut(
            limits=limits,
            opens_at=here.began_at + here.lane.opens_after(limits.most, elapsed) * _MICROSECOND,
            reserve_opens_at=here.began_at + here.reserve.opens_after(limits.reserve, elapsed) * _MICROSECOND,
        )

    def _elapsed(self, now: datetime) -> int:
        """A replica whose clock is a little behind the one that began the window counts as its beginning."""
        return max(0, (now - self.began_at) // _MICROSECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """A company that sent more than it may under `limits`: when it may again, and when one with a critical alert
    may. Others sending meanwhile make it later, never earlier."""

    limits: Limits
    opens_at: datetime
    reserve_opens_at: datetime

    def wait(self, now: datetime, *, critical: bool = False) -> int:
        """Whole seconds after which a request is taken, if nobody else sends."""
        opens_at = min(self.opens_at, self.reserve_opens_at) if critical else self.opens_at
        return max(1, -((now - opens_at) // _SECOND))

    def both(self, now: datetime) -> bool:
        """Neither lane takes anything now."""
        return now < self.opens_at and now < self.reserve_opens_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What was refused: since the limit was reached this time (`limited_at`, None when it is not), and ever."""

    company_id: int
    limited_at: datetime | None
    refused_at: datetime | None
    requests: int
    alerts: int
    total_requests: int
    total_alerts: int
