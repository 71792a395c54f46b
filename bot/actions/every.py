"""Every act there is, and the one behind a pressed button."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from bot.actions.act import IDS, LONGEST_VALUE
from bot.actions.articles import OnArticle
from bot.actions.companies import Aliases, OnClouds, OnLetter, OnReport, OnSetting, SendTest
from bot.actions.incidents import (
    Assign,
    Claim,
    Details,
    Hold,
    Inquire,
    Merge,
    Note,
    Reopen,
    Resolve,
    Resume,
    Show,
    Snooze,
    Split,
    Unclaim,
    Why,
)
from bot.actions.people import OnAccess, OnPeople, OnTime
from bot.actions.questions import Question, Share
from bot.actions.quiet import OnQuiet
from bot.actions.runs import Decide, OnRun, Run
from bot.actions.storms import OnOutbreak, OnStorm
from engine.errors import Refused

OnIncident = (
    Claim
    | Unclaim
    | Note
    | Resolve
    | Reopen
    | Assign
    | Merge
    | Split
    | Snooze
    | Hold
    | Resume
    | Run
    | Why
    | Details
    | Show
)

Action = (
    OnIncident
    | OnRun
    | OnLetter
    | OnQuiet
    | OnSetting
    | OnStorm
    | OnReport
    | OnOutbreak
    | OnPeople
    | OnTime
    | SendTest
    | Aliases
    | OnAccess
    | OnArticle
    | Inquire
    | OnClouds
    | Decide
    | Question
    | Share
)

_BY_VERB: dict[str, Any] = {
    kind.verb: kind
    for group in (
        OnIncident,
        OnRun,
        OnLetter,
        OnQuiet,
        OnSetting,
        OnStorm,
        OnReport,
        OnOutbreak,
        OnPeople,
        OnTime,
        OnArticle,
        Question,
    )
    for kind in get_args(group)
}

VERBS = frozenset(_BY_VERB)


def unpack(verb: str, value: str) -> Action:
    """The act behind a pressed button. Raises Refused for a verb or value that no button of this version has."""
    kind = _BY_VERB.get(verb)
    if kind is None:
        raise Refused(
            "This button is from another version.", hint="Use the newest card.", code="unknown_button"
        )
    names = [field.name for field in fields(kind) if field.name in IDS]
    parts = value.split("|") if value else []
    if len(parts) != len(names) or len(value) > LONGEST_VALUE:
        raise _unreadable()
    values: dict[str, Any] = {}
    for name, part in zip(names, parts, strict=True):
        if name in ("incident", "letter", "quiet", "outbreak", "article"):
            if not (part.isascii() and part.isdigit() and 0 < len(part) < 19):
                raise _unreadable()
            values[name] = int(part)
        else:
            values[name] = part
    act: Action = kind(**values)
    return act


def _unreadable() -> Refused:
    return Refused("This button cannot be read.", hint="Use the newest card.", code="unknown_button")
