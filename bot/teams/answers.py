"""The answers to invokes, as plain objects: the SDK cannot put a text into one; its own bad-request answer is a 500."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from bot.cards.card import (
    Actions,
    Asked,
    Body,
    Button,
    Card,
    Done,
    Refusal,
    Refused,
    Reply,
    Said,
    Unfolding,
)
from bot.teams.forms import act_of, asked, form_card, retyped, shown
from bot.teams.render import CARD, content
from bot.teams.text import cut, named
from engine.errors import Refused as NotAllowed

Block = dict[str, Any]
TEXT = "application/vnd.microsoft.activity.message"
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of invoke is answered. `dialog`: in a dialog, else on the card."""

    dialog: bool

    def said(self, text: str) -> Block:
        """A few words for the presser alone."""
        words = cut(named(text), _LONGEST) or "Done."
        if self.dialog:
            return {"task": {"type": "message", "value": words}}
        return {"statusCode": 200, "type": TEXT, "value": words}

    def answer(self, reply: Reply, data: Mapping[str, Any]) -> Block:
        """`data`: what the pressed button carried."""
        if self.dialog and isinstance(reply, Refused) and (card := not_done(reply, data)) is not None:
            return shown(card)
        match reply:
            case Done(text):
                return self.said(text)
            case Refused(refusal=refusal):
                return self.said(refused(refusal))
            case Asked(form):
                form = retyped(form, data)
                return asked(form) if self.dialog else self.card(form_card(form, execute=True))
            case Said(card=card):
                return shown(card) if self.dialog else self.card(content(card))
            case Unfolding():
                return self.said("It begins.")
            case _:
                assert_never(reply)

    def card(self, card: Block) -> Block:
        return {"statusCode": 200, "type": CARD, "value": card}


SHAPES = {
    "adaptiveCard/action": Shape(dialog=False),
    "task/fetch": Shape(dialog=True),
    "task/submit": Shape(dialog=True),
}


def refused(refusal: Refusal) -> str:
    """A refusal in plain words."""
    who = f" Ask {' · '.join(person.name for person in refusal.who)}." if refusal.who else ""
    return f"{refusal.reason}{who} {refusal.hint}".strip()


def not_done(reply: Refused, data: Mapping[str, Any]) -> Card | None:
    """Why what a form asked for was not done, with a way back to it and to what was typed; None where no form was sent.
    It is opened by a press, never by itself: what it asked for before may need no asking any more, and would then be
    done."""
    try:
        action, typed = act_of(data)
    except NotAllowed:
        return None
    if typed is None:
        return None
    faults = tuple(Body((text,)) for _, text in reply.fields)
    again = Button("Try again", action, typed=tuple(typed.items()))
    return Card(summary="Not done", elements=(reply.refusal, *faults, Actions((again,))))


def as_card(reply: Reply, data: Mapping[str, Any]) -> Card | None:
    """What an answer that came too late says, as a message instead."""
    match reply:
        case Said(card=card):
            return card
        case Done(text):
            return Card(summary=text or "Done.", elements=(Body((text or "Done.",)),))
        case Refused(refusal=why):
            return not_done(reply, data) or Card(summary=why.reason, elements=(why,))
        case Asked():
            late = Refusal("That took too long to open.", "Press again.")
            return Card(summary=late.reason, elements=(late,))
        case Unfolding():
            return None
        case _:
            assert_never(reply)
