"""The jobs that call and tell people; `engine.jobs` has all kinds together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Look at one incident's chain of escalation: call who is due to be called, and wait for the next."""

    kind: ClassVar[str] = "escalate"
    company_id: int
    incident_id: int

    @property
    def key(self) -> str:
        return f"escalate:{self.incident_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginLeave:
    """Somebody's leave begins: what they were offered goes to others."""

    kind: ClassVar[str] = "begin_leave"
    company_id: int
    user_id: int

    @property
    def key(self) -> str:
        return f"leave:{self.user_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Tell one destination, by one way, all that waits for it: `engine.notice`. Both name the rows to look at."""

    kind: ClassVar[str] = "notify"
    company_id: int
    transport: str
    destination: str

    @property
    def key(self) -> str:
        return f"notify:{self.transport}:{self.destination}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindReview:
    """Remind those who have to sign what was started by break-glass, once a day until one of them has."""

    kind: ClassVar[str] = "remind_review"
    company_id: int
    run_id: str

    @property
    def key(self) -> str:
        return f"run:{self.run_id}:review"


@dataclass(frozen=True, slots=True, kw_only=True)
class BringAsk:
    """Bring what one person asks of another to them, as a direct message that can be answered."""

    kind: ClassVar[str] = "bring_ask"
    company_id: int
    ask_id: str
    number: int = 1

    @property
    def key(self) -> str:
        return f"ask:{self.ask_id}:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAsk:
    """The time for an answer is up: it ends, or is told again."""

    kind: ClassVar[str] = "end_ask"
    company_id: int
    ask_id: str

    @property
    def key(self) -> str:
        return f"ask:{self.ask_id}:end"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShift:
    """Somebody else may be on call in a rotation: whoever it is now gets the digest, and the next hand-over is waited
    for."""

    kind: ClassVar[str] = "change_shift"
    company_id: int
    rotation_id: int

    @property
    def key(self) -> str:
        return f"shift:{self.rotation_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindTime:
    """Say once to one person that time of theirs is drafted and not booked."""

    kind: ClassVar[str] = "remind_time"
    company_id: int
    user_id: int

    @property
    def key(self) -> str:
        return f"time:{self.user_id}"
