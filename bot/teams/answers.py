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
    Element,
    Refusal,
    Refused,
    Reply,
    Said,
    Unfolding,
)
from bot.teams.forms import act_of, asked, form_card, shown
from bot.teams.render import CARD, content
from bot.teams.text import cut
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
        words = cut(text, _LONGEST) or "Done."
        if self.dialog:
            return {"task": {"type": "message", "value": words}}
        return {"statusCode": 200, "type": TEXT, "value": words}

    def not_done(self, reply: Refused, data: Any) -> Block:
        """Why not; after a form with a way back to it. It is opened by a press, never by itself: what it asked for
        before may need no asking any more, and would then be done."""
        faults = tuple(Body((text,)) for _, text in reply.fields)
        elements: tuple[Element, ...] = (reply.refusal, *faults)
        try:
            action, typed = act_of(data)
        except NotAllowed:
            typed = None
        if typed is None:
            return self.said(refused(reply.refusal))
        return shown(Card(summary="Not done", elements=(*elements, Actions((Button("Try again", action),)))))

    def answer(self, reply: Reply) -> Block:
        match reply:
            case Done(text):
                return self.said(text)
            case Refused(refusal=refusal):
                return self.said(refused(refusal))
            case Asked(form):
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


def as_card(answer: Mapping[str, Any]) -> Card | None:
    """What an answer that came too late says, for a message instead."""
    task = answer.get("task")
    text = (
        task.get("value") if isinstance(task, dict) and task.get("type") == "message" else answer.get("value")
    )
    if isinstance(text, str):
        return Card(summary=text, elements=(Body((text,)),))
    late = Refusal("That took too long to open.", "Press again.")
    return Card(summary=late.reason, elements=(late,))
