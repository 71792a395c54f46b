"""A card: what one chat message says, in elements that name meaning, not widgets. Each platform renders it natively.

Strings inside are plain text and never trusted: a renderer escapes them. What is more than plain text is a mark.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.actions.every import Action


class Tone(StrEnum):
    """What a title's dot says before a word is read."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    GOOD = "good"
    WAITING = "waiting"
    WORKING = "working"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Strong:
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    text: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the directory. `notify` mentions them where the platform can; otherwise they are only named."""

    name: str
    slack_user: str | None = None
    teams_user: str | None = None
    notify: bool = False


class When(StrEnum):
    TIME = "time"
    DATE_TIME = "date_time"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that every reader sees on their own clock."""

    at: datetime
    style: When = When.TIME


@dataclass(frozen=True, slots=True)
class Link:
    """A link to an http(s) address that is ours or the tool's own."""

    text: str
    url: str


Mark = str | Strong | Code | Person | Moment | Link
Line = tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Title:
    tone: Tone
    line: Line


@dataclass(frozen=True, slots=True)
class Facts:
    """Small print: short facts in one quiet line."""

    items: tuple[Line, ...]


class DeadlineState(StrEnum):
    RUNNING = "running"
    SOON = "soon"
    OVER = "over"
    MET = "met"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A promise with its due time: `Respond by 14:05`. A `far` one names the day too."""

    label: str
    due_at: datetime
    state: DeadlineState
    far: bool = False


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The promises of one incident in one line, with who has it and what comes next."""

    clocks: tuple[Deadline, ...]
    rest: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """A paragraph. `quiet` is for what somebody else said: it is set apart."""

    line: Line
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """Output or a script, in a fixed-width font, cut with a note when it is long. `what`: how it is called where it
    folds away."""

    text: str
    caption: str = ""
    what: str = "output"


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that is going on or has ended: a run, a verification."""

    tone: Tone
    line: Line


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of short cells under headings, such as a list of incidents."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """How something went, one bar a value. The caption says it in words, for who cannot see it."""

    values: tuple[float, ...]
    caption: Line


@dataclass(frozen=True, slots=True)
class Divider:
    pass


class Style(StrEnum):
    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Button:
    """`confirm` asks "are you sure" with these words before it acts. `reserved`: of use to the card's `deciders` alone;
    a platform that can show a card differently to some shows it to them only. `typed`: (question, answer) as it was
    given before: where the act asks, it stands in the form again."""

    label: str
    action: Action
    style: Style = Style.PLAIN
    confirm: str | None = None
    reserved: bool = False
    typed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Actions:
    """One row: at most five things to press, the rest behind ⋯."""

    buttons: tuple[Button, ...]
    more: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses to open, side by side: files that are read elsewhere."""

    items: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not done, why not, and what to do instead."""

    reason: str
    hint: str = ""
    who: tuple[Person, ...] = ()


Element = (
    Title | Facts | Deadlines | Body | Log | Progress | Table | Chart | Divider | Actions | Links | Refusal
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """`summary` is the notification and what a screen reader says. `incident` and `kind` go into its metadata."""

    summary: str
    elements: tuple[Element, ...]
    kind: str = "answer"
    incident: str = ""
    card_id: str = ""
    deciders: tuple[Person, ...] = ()


class FieldKind(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question of a form. `options` are (value, label) for a choice."""

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    value: str = ""
    hint: str = ""
    placeholder: str = ""
    optional: bool = False
    most: int = 3000
    options: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Questions before an act: a Slack modal, a Teams dialog. Its answers fill the action."""

    title: str
    submit: str
    action: Action
    fields: tuple[Field, ...]
    intro: Line = ()


@dataclass(frozen=True, slots=True)
class Said:
    """The answer is this card, for the asker alone; `instead` of the message whose button was pressed; `shared` with
    all who read the place where it was asked."""

    card: Card
    instead: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer is a form."""

    form: Form


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer is no. `fields` puts faults beside the questions of a form."""

    refusal: Refusal
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """It is done and the card shows it. `text` is said to somebody who typed a command."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Unfolding:
    """The answer grows: each card takes the place of the one before, for the asker alone."""

    cards: AsyncIterator[Card]


Reply = Unfolding | Said | Asked | Refused | Done
