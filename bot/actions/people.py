"""Acts about people: who is there, who is called, who takes over, who did what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act


@dataclass(frozen=True, slots=True)
class Escalate(Act):
    """One level up at once; `text` is why."""

    verb: ClassVar[str] = "escalate"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ExplainLate(Act):
    """Why it is late, in the words of who had it."""

    verb: ClassVar[str] = "late"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Leave(Act):
    """The asker is away; `words` say when."""

    verb: ClassVar[str] = "leave"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Back(Act):
    """The asker is here again."""

    verb: ClassVar[str] = "back"


@dataclass(frozen=True, slots=True)
class OnCall(Act):
    """Who is on call; `words` are `me` and for how long."""

    verb: ClassVar[str] = "oncall"
    words: str = ""


@dataclass(frozen=True, slots=True)
class Handoff(Act):
    """Offer incidents to a colleague: these, or without any all that is in the asker's name. `words` are `accept`,
    `decline` or `back`, about an offer that is open."""

    verb: ClassVar[str] = "handoff"
    to: int | None = None
    incidents: tuple[int, ...] = ()
    text: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Page(Act):
    """An urgent word to one person, or to whoever is on call for the company that `text` begins with. `about` is an
    incident."""

    verb: ClassVar[str] = "page"
    to: int | None = None
    on_call: bool = False
    about: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class AcceptAsk(Act):
    """Yes to what a colleague asked; of a page: it is heard."""

    verb: ClassVar[str] = "ask_accept"
    ask: str


@dataclass(frozen=True, slots=True)
class DeclineAsk(Act):
    verb: ClassVar[str] = "ask_decline"
    ask: str


@dataclass(frozen=True, slots=True)
class Board(Act):
    """What is due soon; `company` as in Status."""

    verb: ClassVar[str] = "board"
    company: str = ""


@dataclass(frozen=True, slots=True)
class Who(Act):
    """Who works for a company, and who of them is there; `company` as in Status."""

    verb: ClassVar[str] = "who"
    company: str = ""


@dataclass(frozen=True, slots=True)
class Token(Act):
    """A token of the REST interface for the asker; `words` are how long it lasts, or `revoke`."""

    verb: ClassVar[str] = "token"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ReadAudit(Act):
    """The newest entries; `words` are a company (`msp`: the MSP's own) or an incident."""

    verb: ClassVar[str] = "audit"
    words: str = ""


@dataclass(frozen=True, slots=True)
class ShowTime(Act):
    """The asker's drafted time; `words` are an incident."""

    verb: ClassVar[str] = "time"
    words: str = ""


@dataclass(frozen=True, slots=True)
class BookTime(Act):
    """Book `minutes` of it: as they were offered, or (`sent`) as a form says, `text` being the reason."""

    verb: ClassVar[str] = "time_book"
    incident: int
    minutes: str
    text: str = ""
    sent: bool = False


@dataclass(frozen=True, slots=True)
class BookAllTime(Act):
    """All drafts of the asker, whose sum was `minutes`."""

    verb: ClassVar[str] = "time_book_all"
    minutes: str


@dataclass(frozen=True, slots=True)
class ChangeTime(Act):
    verb: ClassVar[str] = "time_change"
    incident: int


OnTime = ShowTime | BookTime | BookAllTime | ChangeTime
OnPeople = Escalate | ExplainLate | Leave | Back | OnCall | Board | Handoff | Page | AcceptAsk | DeclineAsk
OnAccess = Who | Token | ReadAudit
