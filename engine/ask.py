"""One person asks another for something, who answers by a press: to take incidents over, to be there, to swap shifts.

An ask is open until it is answered or its time is up, and ends once. Until then everything stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

ASK_CARD = "ask"
ANSWER_WITHIN = timedelta(minutes=5)
"""How long a hand-off is offered, and how long a page waits before it comes again."""
MOST_PAGES = 3
"""How often a page is told in all before whoever sent it hears that nobody answered."""
MOST_OPEN = 10
"""So many asks of one person may be open at once."""
MOST_INCIDENTS = 50
"""So many incidents change hands at once."""
KEPT = timedelta(days=30)


class AskKind(StrEnum):
    HANDOFF = "handoff"
    PAGE = "page"
    SWAP = "swap"


class AskState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`asker_id` wants something of `asked_id` until `expires_at`. `told` is how often it was brought to them.
    `outcome` says in words what became of it; `facts` belong to the kind."""

    id: str
    kind: AskKind
    asker_id: int
    asked_id: int
    incidents: tuple[int, ...] = ()
    text: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: datetime
    expires_at: datetime
    state: AskState = AskState.OPEN
    settled_at: datetime | None = None
    told: int = 1
    outcome: str = ""

    @property
    def open(self) -> bool:
        return self.state is AskState.OPEN

    @property
    def cards(self) -> tuple[str, ...]:
        """The names of the messages by which it was brought to them: one for each time it was told."""
        return tuple(card_subject(self.id, number) for number in range(1, self.told + 1))


def card_subject(ask_id: str, number: int) -> str:
    return ask_id if number == 1 else f"{ask_id}.{number}"


def ask_of(subject: str) -> str:
    """Whose message that is."""
    return subject.partition(".")[0]


def labels(incidents: tuple[int, ...], most: int = 10) -> str:
    """`INC-3, INC-4 and 2 more`"""
    named = ", ".join(f"INC-{one}" for one in incidents[:most])
    return f"{named} and {len(incidents) - most} more" if len(incidents) > most else named
