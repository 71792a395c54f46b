"""A Button as an action of Teams. What only acts is a Universal Action; what opens something opens a dialog.

An Action.Execute cannot open a dialog, and what a dialog shows only its opener sees: acts that ask for something or
answer with a card are therefore sent as `task/fetch`.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from bot.actions import (
    Again,
    Approve,
    Cancel,
    Claim,
    ClaimAll,
    Looking,
    Reopen,
    Resume,
)
from bot.cards import Button, Style
from bot.teams.text import escape, label

Block = dict[str, Any]
AT_ONCE = (Claim, Approve, Again, Cancel, Looking, Reopen, Resume, ClaimAll)
"""Acts that are done when they are pressed and show on the card."""
_STYLES = {
    Style.PLAIN: "default",
    Style.PRIMARY: "positive",
    Style.DANGER: "destructive",
}
LABEL = 75


class Place(Enum):
    """Where a card is shown: as a message for everybody, or in a dialog for one person."""

    MESSAGE = "message"
    DIALOG = "dialog"


def button(one: Button, card_id: str, place: Place) -> Block:
    """Something to press; with a question it unfolds into the question and the true button."""
    act = _act(one, card_id, place)
    if not one.confirm:
        return act
    question = {"type": "TextBlock", "text": escape(one.confirm[:300]) or "–", "wrap": True}
    inner = {"type": "AdaptiveCard", "body": [question], "actions": [act]}
    return {"type": "Action.ShowCard", "title": label(one.label, LABEL), "card": inner}


def overflow(one: Button, card_id: str, place: Place) -> Block:
    """Behind the ⋯ of the card."""
    return {**button(one, card_id, place), "mode": "secondary"}


def _act(one: Button, card_id: str, place: Place) -> Block:
    data: Block = {"aw": one.action.verb, "value": one.action.pack()}
    if card_id:
        data["card"] = card_id
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
