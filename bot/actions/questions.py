"""Questions: read, never written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act
from bot.actions.incidents import Details, Show, Why
from bot.actions.people import Board, OnCall, Who


@dataclass(frozen=True, slots=True)
class Help(Act):
    verb: ClassVar[str] = "help"


@dataclass(frozen=True, slots=True)
class ShowGuide(Act):
    """How a tool is connected; `name` empty: which guides there are."""

    verb: ClassVar[str] = "guide"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Status(Act):
    """`company` empty: the channel's company, or all that the asker sees."""

    verb: ClassVar[str] = "status"
    company: str = ""


@dataclass(frozen=True, slots=True)
class ListOpen(Act):
    verb: ClassVar[str] = "list"
    company: str = ""


@dataclass(frozen=True, slots=True)
class Mine(Act):
    verb: ClassVar[str] = "mine"


@dataclass(frozen=True, slots=True)
class Home(Act):
    """What waits for the asker."""

    verb: ClassVar[str] = "home"


@dataclass(frozen=True, slots=True)
class WhoAmI(Act):
    verb: ClassVar[str] = "whoami"


READS = Status | ListOpen | Who | OnCall | Board | Why | Details | Show
"""What may be shared where it was asked: what is of one company."""


@dataclass(frozen=True, slots=True)
class Share(Act):
    """The answer to a question, for all who read the place where it is asked."""

    verb: ClassVar[str] = "share"
    of: READS


Question = Help | Home | ShowGuide | Status | ListOpen | Mine | WhoAmI
