"""A Button as an action of Teams. What only acts is a Universal Action; what opens something opens a dialog.

An Action.Execute cannot open a dialog, and what a dialog shows only its opener sees: acts that ask for something or
answer with a card are therefore sent as `task/fetch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from bot.actions.companies import ApplySetting, KeepSetting, PostReport, SendReport
from bot.actions.incidents import Claim, Reopen, Resume
from bot.actions.quiet import ConfirmQuiet, ConfirmQuietAll, DropQuiet
from bot.actions.runs import Again, Approve, Cancel, Looking
from bot.actions.storms import ClaimAll, DismissOutbreak
from bot.cards.card import Actions, Button, Style
from bot.teams.text import escape, label

Block = dict[str, Any]
AT_ONCE = (
    *(
        Claim,
        Approve,
        Again,
        Cancel,
        Looking,
        Reopen,
        Resume,
        ClaimAll,
        DismissOutbreak,
        PostReport,
        SendReport,
    ),
    *(ConfirmQuiet, ConfirmQuietAll, DropQuiet, ApplySetting, KeepSetting),
)
"""Acts that are done when they are pressed and show on the card; the last ones take the question's place."""
_STYLES = {
    Style.PLAIN: "default",
    Style.PRIMARY: "positive",
    Style.DANGER: "destructive",
}
LABEL = 75
MINE = "mine_of_card"
"""The verb of who wants their own view of a card; it does nothing."""
MOST_VIEWS = 60
"""People whose clients may ask by themselves."""


class Place(Enum):
    """Where a card is shown: as a message for everybody, in its place for one of its deciders, or in a dialog for one
    person."""

    MESSAGE = "message"
    MINE = "mine"
    DIALOG = "dialog"


def row(actions: Actions, card_id: str, place: Place) -> list[Block]:
    """What is reserved for some stands in their own view; everybody else sees one button that asks for it."""
    hidden = card_id and place is Place.MESSAGE and any(one.reserved for one in actions.buttons)
    buttons = [one for one in actions.buttons if not (hidden and one.reserved)]
    asks = [decide(card_id)] if hidden else []
    shown = [button(one, card_id, place) for one in buttons[: 5 - len(asks)]]
    more = [overflow(one, card_id, place) for one in (*buttons[5 - len(asks) :], *actions.more)]
    return [{"type": "ActionSet", "actions": [*asks, *shown, *more]}] if asks or shown or more else []


def decide(card_id: str) -> Block:
    """Asks for one's own view of a card."""
    asked = _asks_for_mine(card_id)
    return {**asked, "fallback": {"type": "Action.Submit", "title": asked["title"], "data": asked["data"]}}


def refresh(card_id: str, accounts: Sequence[str]) -> Block:
    """The clients of these ask for it by themselves."""
    return {"action": _asks_for_mine(card_id), "userIds": list(accounts[:MOST_VIEWS])}


def _asks_for_mine(card_id: str) -> Block:
    data = {"aw": MINE, "card": card_id}
    return {"type": "Action.Execute", "title": "Decide…", "verb": f"aw:{MINE}", "data": data}


def button(one: Button, card_id: str, place: Place) -> Block:
    """Something to press; with a question it unfolds into the question and the true button."""
    act = _act(one, card_id, place)
    if not one.confirm:
        return act
    question = {"type": "TextBlock", "text": escape(one.confirm[:300]) or "–", "wrap": True}
    inner = {"type": "AdaptiveCard", "body": [question], "actions": [act]}
    style = _STYLES[one.style]
    return {"type": "Action.ShowCard", "title": label(one.label, LABEL), "style": style, "card": inner}


def overflow(one: Button, card_id: str, place: Place) -> Block:
    """Behind the ⋯ of the card."""
    return {**button(one, card_id, place), "mode": "secondary"}


def _act(one: Button, card_id: str, place: Place) -> Block:
    data: Block = {"aw": one.action.verb, "value": one.action.pack()}
    if card_id:
        data["card"] = card_id
    if one.typed:
        data["typed"] = dict(one.typed)
    title, style = label(one.label, LABEL), _STYLES[one.style]
    if place is Place.DIALOG:
        return {"type": "Action.Submit", "title": title, "style": style, "data": data}
    if not isinstance(one.action, AT_ONCE):
        fetch = {**data, "msteams": {"type": "task/fetch"}}
        return {"type": "Action.Submit", "title": title, "style": style, "data": fetch}
    return {
        "type": "Action.Execute",
        "title": title,
        "style": style,
        "verb": f"aw:{one.action.verb}",
        "data": data,
        "fallback": {"type": "Action.Submit", "title": title, "data": data},
    }
