"""A notice: what one person is told outside the incident's own thread, by which way, when, and together with what.

It is decided once and kept under a key; a way to people (chat, e-mail, SMS, voice, a webhook) only carries it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.company import Reach, User
from engine.hours import ALWAYS, WrongHours, business_hours


class NoticeKind(StrEnum):
    ASSIGNED = "assigned"
    WARNED = "warned"
    BREACHED = "breached"
    ESCALATED = "escalated"
    PAGED = "paged"
    HANDOFF = "handoff"
    SHIFT = "shift"
    GAP = "gap"
    CLOSED = "closed"
    GLASS = "glass"
    REVIEW = "review"
    TIME = "time"
    BOUNCED = "bounced"


class Transport(StrEnum):
    """The ways a notice can take. Those that a program is not set up for are said so at the notice."""

    CHAT = "chat"
    EMAIL = "email"
    SMS = "sms"
    VOICE = "voice"
    WEBHOOK = "webhook"


DEFAULT_REACH: Mapping[str, Reach] = {
    Transport.CHAT: Reach.ALL,
    Transport.EMAIL: Reach.ALL,
    Transport.SMS: Reach.URGENT,
}
"""How far each way may be used for somebody who has not said; one that is not named is off."""
REPORTS = "reports"
"""Beside the ways: whether somebody wants reports by mail; `all` or, as is usual, `off`."""
BY_PHONE = frozenset({Transport.SMS, Transport.VOICE})
"""For what is urgent only, whatever somebody prefers."""
NOT_IN_CHAT = frozenset({NoticeKind.ASSIGNED, NoticeKind.WARNED, NoticeKind.CLOSED})
"""What the card and its thread tell already: no direct message repeats it."""
CHAT_ONLY = frozenset({NoticeKind.TIME})
"""What is answered by a press: a mail about it would be noise."""
WHILE_OPEN = frozenset({NoticeKind.ASSIGNED, NoticeKind.WARNED, NoticeKind.BREACHED, NoticeKind.ESCALATED})
"""What is pointless once the incident is over."""
SETTLED = timedelta(minutes=5)
"""How long a client hears nothing of an end: what comes back within it was none."""
GATHER = timedelta(seconds=45)
"""How long a notice that is not urgent waits for others, to go with them."""
SPAN, MOST, RESERVED = timedelta(minutes=15), 6, 4
"""At most so many messages to one place within the span; urgent ones may use the reserve beside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """`key` says what it is about: the same key to the same place is told once. `user_id` None with an `address` is
    for a place (a channel, a URL). `batch` is the message it goes out in; `settled_at` and `outcome` say how it ended:
    `sent`, or why it was not."""

    key: str
    company_id: int
    user_id: int | None
    address: str = ""
    incident_id: int | None
    kind: NoticeKind
    transport: Transport
    urgent: bool
    text: str
    at: datetime
    due_at: datetime
    batch: str | None = None
    settled_at: datetime | None = None
    outcome: str = ""

    @property
    def id(self) -> str:
        return f"{self.transport}:{self.destination}:{self.key}"

    @property
    def destination(self) -> str:
        """Whom or where it goes to; throttled and bundled as one."""
        return self.address or f"user {self.user_id}"


def ways(
    user: User, kind: NoticeKind, *, urgent: bool, set_up: Collection[Transport] = tuple(Transport)
) -> tuple[Transport, ...]:
    """The ways to tell this person that, as they want it and as far as there are means."""
    found = []
    for transport in Transport:
        if transport not in set_up or (transport in BY_PHONE and not (user.phone and urgent)):
            continue
        reach = user.reach.get(transport, DEFAULT_REACH.get(transport, Reach.OFF))
        if reach is Reach.OFF or (reach is Reach.URGENT and not urgent):
            continue
        if (kind in NOT_IN_CHAT) if transport is Transport.CHAT else (kind in CHAT_ONLY):
            continue
        found.append(transport)
    return tuple(found)


def quiet_until(user: User, now: datetime) -> datetime | None:
    """When this person's quiet hours end, while they are on."""
    if user.quiet_hours == ALWAYS:
        return None
    try:
        hours = business_hours(user.timezone, user.quiet_hours)
    except WrongHours:
        return None
    if hours is None or not hours.open_at(now):
        return None
    return hours.closes_at(now)


def due(user: User | None, *, urgent: bool, now: datetime) -> datetime:
    """When to tell: at once what is urgent, the rest a little later together with others, and not in quiet hours."""
    if urgent:
        return now
    gathered = now + GATHER
    quiet = quiet_until(user, gathered) if user is not None else None
    return quiet or gathered


def free_at(sent: Sequence[datetime], *, urgent: bool, now: datetime) -> datetime:
    """When the next message may go to a place that got these: now, or when the oldest of too many is long ago."""
    most = MOST + (RESERVED if urgent else 0)
    recent = sorted(one for one in sent if one > now - SPAN)
    return now if len(recent) < most else recent[len(recent) - most] + SPAN


def moot(notice: Notice, *, incident_open: bool) -> bool:
    """What it says is not so any more."""
    if notice.kind is NoticeKind.CLOSED:
        return incident_open
    return notice.incident_id is not None and notice.kind in WHILE_OPEN and not incident_open
