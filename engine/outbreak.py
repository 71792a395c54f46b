"""The same trouble at several companies: one parent for the MSP alone. No company ever hears of another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

OUTBREAK_CARD = "outbreak"
QUIET = timedelta(minutes=30)
"""So long after the last incident of its kind began, an outbreak is over, or once all of them are."""
LOOK_EVERY = timedelta(seconds=15)
SNUBBED = timedelta(hours=24)
"""For how long a signature is left alone after a person said that it is no outbreak."""
NOBODY = 0
"""The company id of what belongs to the MSP itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutbreakRecord:
    """`expected` is at how many companies it begins in ten minutes as a rule; `over_by` a person's name, or empty."""

    id: int
    signature: str
    title: str
    began_at: datetime
    last_at: datetime
    expected: float
    over_at: datetime | None = None
    over_by: str = ""

    @property
    def label(self) -> str:
        return f"OUT-{self.id}"

    @property
    def card_id(self) -> str:
        return f"{OUTBREAK_CARD}:{self.id}"


@dataclass(frozen=True, slots=True)
class Opened:
    """An incident that began lately, as far as outbreaks care."""

    incident_id: int
    company_id: int
    signature: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Begun:
    """One incident that began: at which company, when (seconds since 1970)."""

    company: str
    at: float


@dataclass(frozen=True, slots=True)
class MspRecord:
    """The MSP itself: how it is called, and where its own people talk."""

    name: str = ""
    slack_channel: str | None = None
    teams_conversation: str | None = None

    @property
    def channels(self) -> tuple[tuple[str, str], ...]:
        """(platform, channel)."""
        both = (("slack", self.slack_channel), ("teams", self.teams_conversation))
        return tuple((platform, channel) for platform, channel in both if channel)


def over(found: OutbreakRecord, now: datetime, *, still_open: int) -> bool:
    """Nothing of its kind began for long enough, or nothing of it is open any more and some minutes have passed."""
    calm = now - found.last_at
    return calm >= QUIET or (not still_open and calm >= QUIET / 3)


def ended(found: OutbreakRecord, now: datetime, *, by: str = "") -> OutbreakRecord:
    return replace(found, over_at=now, over_by=by)
