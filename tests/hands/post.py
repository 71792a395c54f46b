"""What a person sees in either product: messages, and forms that are open."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.faults import Do


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message as it was when it was looked at. `text`: all of it, without markup, people as `@Kim`, times in UTC.
    `buttons`: what can be pressed, by the acts' verbs, what is behind ⋯ included. `thread`: the message that began its
    thread; "" when it did itself. `card`: our own name for it. `raw`: as the platform has it."""

    id: str
    place: str
    thread: str = ""
    text: str
    card: str = ""
    kind: str = ""
    incident: str = ""
    buttons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    raw: Any = field(repr=False, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    value: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    """Value → label, of a choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenForm:
    """A form that is open for somebody."""

    title: str
    text: str
    questions: Mapping[str, Question]
    raw: Any = field(repr=False, default=None)


class Hand(Protocol):
    """What scenarios see and do in one product. People by their short names, places by the company's or `msp`."""

    name: str

    def place(self, where: str) -> str:
        """A channel's own id."""
        ...

    def posts(self, where: str) -> list[Post]:
        """What the bot wrote into a channel, oldest first, without threads."""
        ...

    def replies(self, where: str) -> list[Post]:
        """What the bot wrote into the threads of a channel."""
        ...

    def direct(self, who: str) -> list[Post]:
        """Notices to this person alone."""
        ...

    def whispers(self, who: str) -> list[Post]:
        """Answers that only this person sees."""
        ...

    def answers(self, who: str) -> list[Post]:
        """The same, and where a channel has no message for one person: what was said in it that they had done."""
        ...

    def form(self, who: str) -> Awaitable[OpenForm | None]: ...

    def press(self, who: str, post: Post, verb: str, *, value: str | None = None) -> Awaitable[None]:
        """`value`: of a button that is no longer there, or was changed on its way."""
        ...

    def submit(self, who: str, values: Mapping[str, str]) -> Awaitable[str]:
        """Send the open form, what is not named as it stands there; what the person then reads, "" when it closed."""
        ...

    def command(self, who: str, where: str, words: str) -> Awaitable[Post | None]:
        """The first answer that this person sees, if one comes."""
        ...

    def mention(self, who: str, post: Post, words: str) -> Awaitable[None]:
        """Words to the bot in that message's thread."""
        ...

    def reply(self, who: str, post: Post, words: str) -> Awaitable[None]:
        """Words to nobody in that message's thread."""
        ...

    def alone(self, who: str, words: str) -> Awaitable[None]:
        """Words to the bot alone."""
        ...

    def delete(self, post: Post) -> None: ...

    def fail(self, call: str, do: Do | str, **how: Any) -> None:
        """The next calls go wrong: `post` or `edit`."""
        ...

    def calls(self, call: str, where: str | None = None) -> int:
        """How often the bot has called that, whatever came of it."""
        ...

    def refused(self) -> int:
        """How often it was told that it is too fast."""
        ...


VERB = re.compile(r"^aw:")


def verb_of(text: str) -> str:
    return VERB.sub("", text)
