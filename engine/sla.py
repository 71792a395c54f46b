"""Service levels: how long a company's incidents may wait, and what has been crossed when.

Time is recomputed from facts (started, paused, met) and never counted up. Source of the defaults: PRODUCT, §9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.alert import Severity
from engine.hours import ALWAYS, read


class ClockKind(StrEnum):
    RESPONSE = "response"
    RESOLUTION = "resolution"


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    WARNED = "warned"
    BREACHED = "breached"
    MISSED = "missed"


class Threshold(StrEnum):
    WARNING = "warning"
    BREACH = "breach"


Pause = tuple[datetime, datetime]
_ZERO = timedelta(0)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

DEFAULT_TARGETS: Mapping[Severity, tuple[timedelta, timedelta]] = {
    Severity.CRITICAL: (30 * _MINUTE, 4 * _HOUR),
    Severity.HIGH: (2 * _HOUR, 8 * _HOUR),
    Severity.MEDIUM: (8 * _HOUR, 24 * _HOUR),
    Severity.LOW: (24 * _HOUR, 48 * _HOUR),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaPolicy:
    """Per severity: time to respond and time to resolve. What is not named, or nothing long, has no clock. `hours` is
    the text of the business hours in which time counts, empty for around the clock; `around_the_clock` are severities
    for which it always counts."""

    targets: Mapping[Severity, tuple[timedelta, timedelta]] = field(default_factory=lambda: DEFAULT_TARGETS)
    warning: timedelta = timedelta(minutes=30)
    hours: str = ALWAYS
    around_the_clock: frozenset[Severity] = frozenset()

    def target(self, severity: Severity, kind: ClockKind) -> timedelta | None:
        both = self.targets.get(severity)
        if both is None:
            return None
        return (both[0] if kind is ClockKind.RESPONSE else both[1]) or None

    def hours_of(self, severity: Severity) -> str:
        return ALWAYS if severity in self.around_the_clock else self.hours

    def warn_before(self, target: timedelta) -> timedelta:
        """How long before the due time to warn: the policy's time, but at most half of a short target."""
        return min(self.warning, target / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaClock:
    """One promise about one incident. `pauses` are the stretches that did not count, in order, those that are over;
    `paused_at` begins the one that is going on. `hours` are those that were agreed when the clock began."""

    incident_id: int
    company_id: int
    kind: ClockKind
    started_at: datetime
    target: timedelta
    warn_before: timedelta
    hours: str = ALWAYS
    pauses: tuple[Pause, ...] = ()
    paused_at: datetime | None = None
    met_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None

    @property
    def due_at(self) -> datetime:
        """When the promise is broken, if nothing pauses it any more."""
        return self._counted_out(self.target)

    @property
    def warn_at(self) -> datetime:
        return self._counted_out(self.target - self.warn_before)

    @property
    def running(self) -> bool:
        return self.met_at is None and self.paused_at is None

    def left(self, now: datetime) -> timedelta:
        """How much of the promised time is left at `now`, in time that counts; negative once it is over."""
        return self.target - self._counted(now)

    def next_check_at(self) -> datetime | None:
        """When this clock next crosses something, or None when it cannot."""
        if not self.running or self.breached_at is not None:
            return None
        return self.due_at if self.warned_at is not None else self.warn_at

    def state(self, now: datetime) -> ClockState:
        if self.met_at is not None:
            return ClockState.MET if self.met_at <= self.due_at else ClockState.MISSED
        if self.paused_at is not None:
            return ClockState.PAUSED
        if now >= self.due_at:
            return ClockState.BREACHED
        return ClockState.WARNED if now >= self.warn_at else ClockState.RUNNING

    def _counted_out(self, span: timedelta) -> datetime:
        """The moment by which so much time has counted."""
        hours, since, left = read(self.hours), self.started_at, span
        for begin, end in self.pauses:
            ran = hours.counted(since, begin) if hours else begin - since
            if ran >= left:
                break
            left -= max(_ZERO, ran)
            since = end
        return hours.after(since, left) if hours else since + left

    def _counted(self, now: datetime) -> timedelta:
        """How much time has counted by `now`."""
        hours, since, total = read(self.hours), self.started_at, _ZERO
        stops = [*self.pauses, (self.paused_at, now)] if self.paused_at is not None else self.pauses
        for begin, end in (*stops, (now, now)):
            begin = min(begin, now)
            if begin > since:
                total += hours.counted(since, begin) if hours else begin - since
            since = max(since, end)
        return total


def start_clock(
    *,
    policy: SlaPolicy,
    severity: Severity,
    kind: ClockKind,
    incident_id: int,
    company_id: int,
    now: datetime,
) -> SlaClock | None:
    target = policy.target(severity, kind)
    if target is None:
        return None
    return SlaClock(
        incident_id=incident_id,
        company_id=company_id,
        kind=kind,
        started_at=now,
        target=target,
        warn_before=policy.warn_before(target),
        hours=policy.hours_of(severity),
    )


def risk(clocks: Iterable[SlaClock]) -> int:
    """How the promises that are not kept yet stand: 2 when one is broken, 1 when one was warned of, else 0."""
    waiting = [one for one in clocks if one.met_at is None]
    if any(one.breached_at is not None for one in waiting):
        return 2
    return int(any(one.warned_at is not None for one in waiting))


def crossed(clock: SlaClock, now: datetime) -> tuple[Threshold, ...]:
    """The thresholds this running clock has newly crossed by `now`, mildest first."""
    if not clock.running:
        return ()
    found: list[Threshold] = []
    due_at = clock.due_at
    if clock.warned_at is None and due_at > now >= clock.warn_at:
        found.append(Threshold.WARNING)
    if clock.breached_at is None and now >= due_at:
        found.append(Threshold.BREACH)
    return tuple(found)


def meet(clock: SlaClock, now: datetime) -> SlaClock:
    return clock if clock.met_at is not None else replace(pausing_ended(clock, now), met_at=now)


def reopen(clock: SlaClock, now: datetime) -> SlaClock:
    """The clock runs on; the time during which the incident counted as resolved does not count against it."""
    if clock.met_at is None:
        return clock
    return replace(clock, pauses=_with(clock.pauses, clock.met_at, now), met_at=None)


def pause(clock: SlaClock, now: datetime) -> SlaClock:
    return replace(clock, paused_at=now) if clock.running else clock


def pausing_ended(clock: SlaClock, now: datetime) -> SlaClock:
    if clock.paused_at is None:
        return clock
    return replace(clock, pauses=_with(clock.pauses, clock.paused_at, now), paused_at=None)


def rebase(clock: SlaClock, policy: SlaPolicy, severity: Severity) -> SlaClock:
    """The same clock under another severity: same start and pauses, other target and hours."""
    target = policy.target(severity, clock.kind)
    if target is None:
        return clock
    warn_before, hours = policy.warn_before(target), policy.hours_of(severity)
    return replace(clock, target=target, warn_before=warn_before, hours=hours)


def _with(pauses: tuple[Pause, ...], begin: datetime, end: datetime) -> tuple[Pause, ...]:
    """One stretch more; one that goes on from the last, or into it, is part of it."""
    if end <= begin:
        return pauses
    if pauses and begin <= pauses[-1][1]:
        return (*pauses[:-1], (pauses[-1][0], max(pauses[-1][1], end)))
    return (*pauses, (begin, end))
