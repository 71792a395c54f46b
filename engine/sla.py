"""Service levels: how long a company's incidents may wait, and what has been crossed when.

Time is recomputed from facts (started, paused, met) and never counted up. Source of the defaults: PRODUCT, §9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.alert import Severity


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


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

DEFAULT_TARGETS: Mapping[Severity, tuple[timedelta, timedelta]] = {
    Severity.CRITICAL: (30 * _MINUTE, 4 * _HOUR),
    Severity.HIGH: (2 * _HOUR, 8 * _HOUR),
    Severity.MEDIUM: (8 * _HOUR, 24 * _HOUR),
    Severity.LOW: (24 * _HOUR, 48 * _HOUR),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaPolicy:
    """Per severity: time to respond and time to resolve. Severities that are not named have no clock."""

    targets: Mapping[Severity, tuple[timedelta, timedelta]] = field(default_factory=lambda: DEFAULT_TARGETS)
    warning: timedelta = timedelta(minutes=30)

    def target(self, severity: Severity, kind: ClockKind) -> timedelta | None:
        both = self.targets.get(severity)
        if both is None:
            return None
        return both[0] if kind is ClockKind.RESPONSE else both[1]

    def warn_before(self, target: timedelta) -> timedelta:
        """How long before the due time to warn: the policy's time, but at most half of a short target."""
        return min(self.warning, target / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaClock:
    """One promise about one incident. `paused` is the time that did not count so far."""

    incident_id: int
    company_id: int
    kind: ClockKind
    started_at: datetime
    target: timedelta
    warn_before: timedelta
    paused: timedelta = timedelta(0)
    paused_at: datetime | None = None
    met_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None

    @property
    def due_at(self) -> datetime:
        return self.started_at + self.target + self.paused

    @property
    def running(self) -> bool:
        return self.met_at is None and self.paused_at is None

    def next_check_at(self) -> datetime | None:
        """When this clock next crosses something, or None when it cannot."""
        if not self.running or self.breached_at is not None:
            return None
        return self.due_at if self.warned_at is not None else self.due_at - self.warn_before

    def state(self, now: datetime) -> ClockState:
        if self.met_at is not None:
            return ClockState.MET if self.met_at <= self.due_at else ClockState.MISSED
        if self.paused_at is not None:
            return ClockState.PAUSED
        if now >= self.due_at:
            return ClockState.BREACHED
        return ClockState.WARNED if now >= self.due_at - self.warn_before else ClockState.RUNNING


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
    )


def crossed(clock: SlaClock, now: datetime) -> tuple[Threshold, ...]:
    """The thresholds this running clock has newly crossed by `now`, mildest first."""
    if not clock.running:
        return ()
    found: list[Threshold] = []
    if clock.warned_at is None and clock.due_at > now >= clock.due_at - clock.warn_before:
        found.append(Threshold.WARNING)
    if clock.breached_at is None and now >= clock.due_at:
        found.append(Threshold.BREACH)
    return tuple(found)


def meet(clock: SlaClock, now: datetime) -> SlaClock:
    return clock if clock.met_at is not None else replace(pausing_ended(clock, now), met_at=now)


def reopen(clock: SlaClock, now: datetime) -> SlaClock:
    """The clock runs on; the time during which the incident counted as resolved does not count against it."""
    if clock.met_at is None:
        return clock
    return replace(clock, paused=clock.paused + (now - clock.met_at), met_at=None)


def pause(clock: SlaClock, now: datetime) -> SlaClock:
    return replace(clock, paused_at=now) if clock.running else clock


def pausing_ended(clock: SlaClock, now: datetime) -> SlaClock:
    if clock.paused_at is None:
        return clock
    return replace(clock, paused=clock.paused + (now - clock.paused_at), paused_at=None)


def rebase(clock: SlaClock, policy: SlaPolicy, severity: Severity) -> SlaClock:
    """The same clock under another severity: same start, other target."""
    target = policy.target(severity, clock.kind)
    if target is None:
        return clock
    return replace(clock, target=target, warn_before=policy.warn_before(target))
