"""A Form as a dialog's card, and what was typed in it back as text. The act it fills travels in its button as ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, assert_never

from bot.actions.every import Action, unpack
from bot.cards.card import Body, Card, Field, FieldKind, Form
from bot.teams.buttons import Place
from bot.teams.render import CARD, content
from bot.teams.text import clean, escape, label
from engine.errors import Refused

Block = dict[str, Any]
_MARK = "f:"
"""Before the names of questions, so that none can stand in for the act."""
_TITLE, _LABEL, _PLACEHOLDER, _OPTION, _OPTIONS = 60, 200, 150, 75, 100


def dialog(title: str, card: Block) -> Block:
    """The answer to a `task/fetch` or `task/submit` that shows this."""
    info = {"title": label(title, _TITLE), "height": "medium", "width": "medium"}
    return {"task": {"type": "continue", "value": {**info, "card": {"contentType": CARD, "content": card}}}}


def shown(card: Card) -> Block:
    """A dialog that shows a card."""
    return dialog(card.summary, content(card, Place.DIALOG))


def asked(form: Form) -> Block:
    """A dialog that asks."""
    return dialog(form.title, form_card(form))


def form_card(form: Form, *, execute: bool = False) -> Block:
    """`execute`: in the place of a message, where the act is a Universal Action."""
    body: list[Block] = []
    if form.intro:
        body += content(Card(summary=form.title, elements=(Body(form.intro),)), Place.DIALOG)["body"]
    for field in form.fields:
        body.append(_input(field))
        if field.hint:
            body.append(_note(field.hint, isSubtle=True, size="Small"))
    names = [field.name for field in form.fields]
    data = {"aw": form.action.verb, "value": form.action.pack(), "form": names}
    send: Block = {"type": "Action.Submit", "title": label(form.submit, _LABEL), "data": data}
    if execute:
        send = {**send, "type": "Action.Execute", "verb": f"aw:{form.action.verb}", "fallback": send}
    return {
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body,
        "actions": [{**send, "style": "positive"}],
    }


def act_of(data: Any) -> tuple[Action, dict[str, str] | None]:
    """The act of a pressed button or a sent form, and what was typed; None without a form. Raises Refused."""
    if not isinstance(data, Mapping) or not isinstance(data.get("aw"), str):
        raise Refused("This button is not mine.", hint="Use the newest card.", code="unknown_button")
    action = unpack(data["aw"], str(data.get("value") or ""))
    names = data.get("form")
    if not isinstance(names, list):
        return action, None
    # what was left empty is not always sent
    return action, {str(name): clean(str(data.get(f"{_MARK}{name}") or "")) for name in names}


def retyped(form: Form, data: Mapping[str, Any]) -> Form:
    """The form with what was typed into it before, when the pressed button carries that."""
    typed = data.get("typed")
    if not isinstance(typed, Mapping):
        return form
    fields = [
        replace(one, value=clean(str(typed[one.name]))) if one.name in typed else one for one in form.fields
    ]
    return replace(form, fields=tuple(fields))


def _input(field: Field) -> Block:
    made: Block = {
        "id": f"{_MARK}{field.name}",
        "label": label(field.label, _LABEL),
        "isRequired": not field.optional,
        "errorMessage": "Please say something here.",
    }
    if field.placeholder:
        made["placeholder"] = label(field.placeholder, _PLACEHOLDER)
    match field.kind:
        case FieldKind.TEXT | FieldKind.LONG_TEXT:
            text = {"type": "Input.Text", "isMultiline": field.kind is FieldKind.LONG_TEXT}
            return {**made, **text, "maxLength": field.most, "value": clean(field.value)[: field.most]}
        case FieldKind.CHOICE:
            options = field.options[:_OPTIONS]
            choices = [{"title": label(words, _OPTION), "value": one} for one, words in options]
            chosen = {"value": field.value} if field.value in [one for one, _ in options] else {}
            return {**made, "type": "Input.ChoiceSet", "style": "compact", "choices": choices, **chosen}
        case _:
            assert_never(field.kind)


def _note(text: str, **how: Any) -> Block:
    return {"type": "TextBlock", "text": escape(text[:600]) or "–", "wrap": True, **how}
