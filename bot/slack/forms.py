"""A Form as a Slack modal, and a modal's answers back as text. The act it fills travels in private_metadata as ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import orjson

from bot.actions.every import Action, unpack
from bot.cards.card import Body, Card, Field, FieldKind, Form, Refusal
from bot.slack.render import clean, message

CALLBACK = "aw:form"
_OURS = "Alert Whisperer"
_TITLE, _LABEL, _PLACEHOLDER, _OPTION = 24, 2000, 150, 75


def modal(form: Form, *, channel: str) -> dict[str, Any]:
    """The view to open. `channel` is where a refusal is said when the modal is gone."""
    blocks: list[dict[str, Any]] = []
    if form.intro:
        intro = message(Card(summary=form.title, elements=(Body(form.intro),)))
        blocks.extend(intro["blocks"])
    blocks.extend(_input(field) for field in form.fields)
    metadata = {"verb": form.action.verb, "value": form.action.pack(), "channel": channel}
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": _plain(form.title, _TITLE),
        "submit": _plain(form.submit, _TITLE),
        "close": _plain("Cancel", _TITLE),
        "private_metadata": orjson.dumps(metadata).decode(),
        "blocks": blocks,
    }


def shown(card: Card) -> dict[str, Any]:
    """A modal that only shows a card. A long summary stands in the card itself and would be cut in the title."""
    return {
        "type": "modal",
        "title": _plain(card.summary if len(card.summary) <= _TITLE else _OURS, _TITLE),
        "close": _plain("Close", _TITLE),
        "blocks": message(card)["blocks"],
    }


def told(title: str, refusal: Refusal) -> dict[str, Any]:
    """A modal that only says something: a refusal after the form was sent."""
    blocks = message(Card(summary=refusal.reason, elements=(refusal,)))["blocks"]
    return {
        "type": "modal",
        "title": _plain(title, _TITLE),
        "close": _plain("Close", _TITLE),
        "blocks": blocks,
    }


def submitted(view: Mapping[str, Any]) -> tuple[Action, dict[str, str], str]:
    """(the act, the answers by field name, the channel) of a sent modal. Raises Refused for one that is not ours."""
    metadata = orjson.loads(view.get("private_metadata") or "{}")
    answers = {
        name: _answer(value)
        for fields in view.get("state", {}).get("values", {}).values()
        for name, value in fields.items()
    }
    action = unpack(str(metadata.get("verb", "")), str(metadata.get("value", "")))
    return action, answers, str(metadata.get("channel", ""))


def _answer(value: Mapping[str, Any]) -> str:
    chosen = value.get("selected_option") or {}
    return clean(str(value.get("value") or chosen.get("value") or ""))


def _input(field: Field) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": field.name,
        "label": _plain(field.label, _LABEL),
        "optional": field.optional,
        "element": _control(field),
        **({"hint": _plain(field.hint, _LABEL)} if field.hint else {}),
    }


def _control(field: Field) -> dict[str, Any]:
    placeholder = {"placeholder": _plain(field.placeholder, _PLACEHOLDER)} if field.placeholder else {}
    match field.kind:
        case FieldKind.TEXT | FieldKind.LONG_TEXT:
            return {
                "type": "plain_text_input",
                "action_id": field.name,
                "multiline": field.kind is FieldKind.LONG_TEXT,
                "max_length": field.most,
                **({"initial_value": field.value[: field.most]} if field.value else {}),
                **placeholder,
            }
        case FieldKind.CHOICE:
            options = [
                {"text": _plain(label, _OPTION), "value": value[:150]} for value, label in field.options[:100]
            ]
            first = next((one for one in options if one["value"] == field.value), None)
            return {
                "type": "static_select",
                "action_id": field.name,
                "options": options,
                **({"initial_option": first} if first else {}),
                **placeholder,
            }
        case _:
            assert_never(field.kind)


def _plain(text: str, most: int) -> dict[str, Any]:
    shown = clean(text)
    return {
        "type": "plain_text",
        "text": shown if len(shown) <= most else shown[: most - 1] + "…",
        "emoji": True,
    }
