"""Acts on one incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.actions.act import Act


@dataclass(frozen=True, slots=True)
class Claim(Act):
    verb: ClassVar[str] = "claim"
    incident: int


@dataclass(frozen=True, slots=True)
class Unclaim(Act):
    verb: ClassVar[str] = "unclaim"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Note(Act):
    """`text` None asks for it with a form; so in the other acts."""

    verb: ClassVar[str] = "note"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Resolve(Act):
    """`sent`: by a form."""

    verb: ClassVar[str] = "resolve"
    incident: int
    text: str | None = None
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Reopen(Act):
    verb: ClassVar[str] = "reopen"
    incident: int
    text: str | None = ""


@dataclass(frozen=True, slots=True)
class Assign(Act):
    verb: ClassVar[str] = "assign"
    incident: int
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Merge(Act):
    """The incident becomes part of `to`."""

    verb: ClassVar[str] = "merge"
    incident: int
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Split(Act):
    """`part` is the name of what goes out of it again (`engine.operations.regroup.Part`); empty asks which."""

    verb: ClassVar[str] = "split"
    incident: int
    part: str = ""


@dataclass(frozen=True, slots=True)
class Snooze(Act):
    """`text` says for how long, in people's words."""

    verb: ClassVar[str] = "snooze"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Hold(Act):
    """The client is waited for; `text` says for what."""

    verb: ClassVar[str] = "hold"
    incident: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Resume(Act):
    """The client has answered; `text` says what."""

    verb: ClassVar[str] = "resume"
    incident: int
    text: str | None = ""


@dataclass(frozen=True, slots=True)
class Why(Act):
    verb: ClassVar[str] = "why"
    incident: int


@dataclass(frozen=True, slots=True)
class Details(Act):
    verb: ClassVar[str] = "details"
    incident: int


@dataclass(frozen=True, slots=True)
class Show(Act):
    """The incident's card, for the asker."""

    verb: ClassVar[str] = "show"
    incident: int


@dataclass(frozen=True, slots=True)
class Inquire(Act):
    """A person's own question about an incident."""

    verb: ClassVar[str] = "inquire"
    incident: int
    text: str = ""
