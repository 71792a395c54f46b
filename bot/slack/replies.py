"""What is said in Slack for the replies of acts, to the one who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.card import Asked, Body, Card, Done, Refused, Reply, Said, Unfolding
from bot.slack.render import message


def spoken(reply: Reply, *, typed: bool, view: Mapping[str, Any] | None = None) -> Card | None:
    """The card that answers, if any is needed: a press that worked shows on the pressed card, but in a modal (`view`)
    nothing would show. What grows and what is asked is shown elsewhere."""
    match reply:
        case Said(card=card):
            return card
        case Refused(refusal=refused):
            return Card(summary=refused.reason, elements=(refused,))
        case Done(text):
            said = text and (typed or (view or {}).get("type") == "modal")
            return Card(summary=text, elements=(Body((text,)),)) if said else None
        case Asked() | Unfolding():
            return None


def as_one(cards: Sequence[Card]) -> Card:
    """Several answers as one."""
    elements = tuple(element for card in cards for element in card.elements)
    return Card(summary=" · ".join(card.summary for card in cards), elements=elements)


def joined(cards: Sequence[Card]) -> dict[str, Any]:
    """Several answers as one message that nobody but the asker sees: without metadata."""
    body = message(as_one(cards))
    body.pop("metadata", None)
    return body


def to_whom(replies: Sequence[Reply]) -> str:
    """The `response_type` of the answer: for all in the channel only where that was asked for."""
    return "in_channel" if any(isinstance(one, Said) and one.shared for one in replies) else "ephemeral"


def instead_of(replies: Sequence[Reply]) -> bool:
    """Does the answer stand in for the message that was pressed?"""
    return any(isinstance(one, Said) and one.instead for one in replies)
