"""A heartbeat: something that promises to call every so often. What it says moves it; silence makes it late."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

DEFAULT_EVERY = timedelta(hours=24)
SHORTEST, LONGEST = timedelta(seconds=30), timedelta(days=366)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SPAN = re.compile(r"(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s?)?")


class HeartbeatState(StrEnum):
    NEW = "new"
    UP = "up"
    LATE = "late"
    FAILED = "failed"

    @property
    def well(self) -> bool:
        return self in (HeartbeatState.NEW, HeartbeatState.UP)


class Signal(StrEnum):
    """What a call says: it is done, it began, or it went wrong."""

    OK = "ok"
    START = "start"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """`since` is when it began to be expected, `last_at` its last good call, `started_at` a start not ended yet."""

    company_id: int
    name: str
    every: timedelta
    grace: timedelta
    since: datetime
    state: HeartbeatState = HeartbeatState.NEW
    last_at: datetime | None = None
    started_at: datetime | None = None

    @property
    def due_at(self) -> datetime:
        """When it is late. What has begun has its grace to end, from its start or from when it should have called."""
        expected = (self.last_at or self.since) + self.every
        return (min(expected, self.started_at) if self.started_at else expected) + self.grace


def heard(heartbeat: Heartbeat, signal: Signal, now: datetime) -> Heartbeat:
    """The heartbeat after a call. A call that arrives behind a newer one changes nothing back."""
    match signal:
        case Signal.START:
            return replace(heartbeat, started_at=now)
        case Signal.OK:
            last = max(now, heartbeat.last_at or now)
            return replace(heartbeat, state=HeartbeatState.UP, last_at=last, started_at=None)
        case Signal.FAIL:
            return replace(heartbeat, state=HeartbeatState.FAILED, started_at=None)


def missed(heartbeat: Heartbeat, now: datetime) -> bool:
    """It was well and its time is over."""
    return heartbeat.state.well and now >= heartbeat.due_at


def usual_grace(every: timedelta) -> timedelta:
    """A quarter of the time between calls, between one minute and one hour."""
    return min(max(every / 4, timedelta(minutes=1)), timedelta(hours=1))


def valid_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def span_of(text: str) -> timedelta | None:
    """`90s`, `15m`, `24h`, `1d12h` or plain seconds; None for anything else and what is out of range."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return span if timedelta(seconds=1) <= span <= LONGEST else None


def span_words(span: timedelta) -> str:
    """`45 s`, `15 min`, `26 h`, `3 days`: one figure, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    for size, word, most in ((1, "s", 90), (60, "min", 90), (3600, "h", 72)):
        if seconds < size * most:
            return f"{seconds // size} {word}"
    return f"{seconds // 86400} days"


def lateness(heartbeat: Heartbeat, company: str, now: datetime) -> str:
    """Why it is late, in one sentence."""
    name = f"Heartbeat {heartbeat.name} of {company} is late"
    if heartbeat.started_at is not None:
        return f"{name}: it began {span_words(now - heartbeat.started_at)} ago and has not ended."
    expected = f"expected every {span_words(heartbeat.every)}"
    if heartbeat.last_at is None:
        return f"{name}: {expected}, never heard since it was set up {span_words(now - heartbeat.since)} ago."
    return f"{name}: {expected}, last heard {span_words(now - heartbeat.last_at)} ago."
