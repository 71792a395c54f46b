"""Block Kit as Slack checks it: the blocks of a message and the views of modals and App Home.

Limits: Slack's reference of blocks and views. The total of a message's blocks (13,200 characters) stands in no
reference; Slack refuses beyond about that with msg_blocks_too_long.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.slack import elements
from sandbox.slack.refusal import SlackRefusal
from sandbox.slack.rich_text import RICH_TEXT, TABLE
from sandbox.slack.shapes import (
    Check,
    Say,
    both,
    by_type,
    flag,
    found_by,
    many,
    one_of,
    shape,
    string,
    text,
    web_address,
)

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_CHARACTERS = 13_200
MARKDOWN_CHARACTERS = 12_000
VIEW_BYTES = 250_000

_INSIDE = by_type(
    {
        "image": elements.ELEMENTS["image"],
        "plain_text": text(2000),
        "mrkdwn": text(2000, mrkdwn=True),
    }
)


def _block(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    return shape({"type": string(50), **required}, {"block_id": string(255, 1), **(optional or {})})


def _says_something(value: Any, at: str, say: Say) -> None:
    if "text" not in value and "fields" not in value:
        say("must have at least one of: text, fields", at)


def _one_picture(value: Any, at: str, say: Say) -> None:
    if ("image_url" in value) == ("slack_file" in value):
        say("must have exactly one of: image_url, slack_file", at)


def _lengths_agree(value: Any, at: str, say: Say) -> None:
    field = value.get("element")
    if isinstance(field, Mapping):
        least, most = field.get("min_length"), field.get("max_length")
        if isinstance(least, int) and isinstance(most, int) and least > most:
            say("min_length must be less than or equal to max_length", f"{at}/element")


BLOCKS: dict[str, Check] = {
    "section": both(
        _block(
            {},
            {
                "text": text(3000, mrkdwn=True),
                "fields": many(text(2000, mrkdwn=True), 10),
                "accessory": elements.in_section,
                "expand": flag,
            },
        ),
        _says_something,
    ),
    "header": _block({"text": text(150)}),
    "divider": _block({}),
    "image": both(
        _block(
            {"alt_text": string(2000, 1)},
            {
                "image_url": web_address(3000),
                "slack_file": shape({}, {"id": elements.ID, "url": web_address(3000)}),
                "title": text(2000),
            },
        ),
        _one_picture,
    ),
    "context": _block({"elements": many(_INSIDE, 10)}),
    "actions": _block({"elements": many(elements.in_actions, 25)}),
    "context_actions": _block({"elements": many(elements.in_context_actions, 5)}),
    "input": both(
        _block(
            {"label": text(2000), "element": elements.in_input},
            {"hint": text(2000), "optional": flag, "dispatch_action": flag},
        ),
        _lengths_agree,
    ),
    "rich_text": RICH_TEXT,
    "markdown": _block({"text": string(MARKDOWN_CHARACTERS, 1)}),
    "table": TABLE,
    "alert": _block(
        {"text": text(3000, mrkdwn=True)}, {"level": one_of("default", "info", "warning", "error", "success")}
    ),
}

_EVERYWHERE = frozenset({"section", "header", "divider", "image", "context", "actions", "input", "rich_text"})
_IN_MESSAGE = by_type(BLOCKS, _EVERYWHERE | {"context_actions", "markdown", "table", "alert"})
_IN_VIEW = by_type(BLOCKS, _EVERYWHERE | {"alert"})


def check_message(blocks: list[Any]) -> None:
    """Raises invalid_blocks with each fault, or msg_blocks_too_long."""
    faults = found_by(both(many(_IN_MESSAGE, MESSAGE_BLOCKS, 0), _once), blocks, "/blocks")
    if sum(1 for one in blocks if _is(one, "table")) > 1:
        faults.append("[ERROR] only one table allowed [json-pointer:/blocks]")
    markdown = sum(len(str(one.get("text"))) for one in blocks if _is(one, "markdown"))
    if markdown > MARKDOWN_CHARACTERS:
        faults.append(
            f"[ERROR] must be less than {MARKDOWN_CHARACTERS + 1} characters [json-pointer:/blocks]"
        )
    for place, one in enumerate(blocks):
        if _is(one, "input") and _is(one.get("element"), "file_input"):
            faults.append(f"[ERROR] unsupported type: file_input [json-pointer:/blocks/{place}/element/type]")
    if faults:
        errors = [fault.removeprefix("[ERROR] ") for fault in faults]
        raise SlackRefusal("invalid_blocks", faults, errors=errors)
    if len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MESSAGE_CHARACTERS:
        raise SlackRefusal("msg_blocks_too_long")


_VIEW: dict[str, Check] = {"type": one_of("modal", "home"), "blocks": many(_IN_VIEW, VIEW_BLOCKS, 0)}
_ANY_VIEW: dict[str, Check] = {
    "private_metadata": string(3000),
    "callback_id": string(255),
    "external_id": string(255),
}
_MODAL = shape(
    {**_VIEW, "title": text(24)},
    {
        **_ANY_VIEW,
        "submit": text(24),
        "close": text(24),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)
_HOME = shape(_VIEW, {**_ANY_VIEW, "title": text(24), "submit": text(24), "close": text(24)})


def check_view(view: Mapping[str, Any], kind: str) -> None:
    """`kind`: modal or home. Raises view_too_large, or invalid_arguments with each fault."""
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        raise SlackRefusal("view_too_large")
    faults = found_by(_MODAL if kind == "modal" else _HOME, view, "/view")
    if view.get("type") in ("modal", "home") and view.get("type") != kind:
        faults.append(f"[ERROR] must be one of: {kind} [json-pointer:/view/type]")
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        faults += found_by(_once, blocks, "/view/blocks")
        if kind == "modal" and "submit" not in view and any(_is(one, "input") for one in blocks):
            faults.append(
                "[ERROR] must define `submit` to use an `input` block in modals [json-pointer:/view]"
            )
        if sum(1 for one in parts(blocks) if one.get("focus_on_load") is True) > 1:
            faults.append("[ERROR] only one element may have focus_on_load [json-pointer:/view/blocks]")
    if faults:
        raise SlackRefusal("invalid_arguments", faults)


def _once(blocks: Any, at: str, say: Say) -> None:
    """block_ids are unique in a surface, action_ids in a block."""
    seen: set[str] = set()
    for place, block in enumerate(blocks if isinstance(blocks, list) else []):
        if not isinstance(block, Mapping):
            continue
        name = block.get("block_id")
        if isinstance(name, str) and name in seen:
            say(f"block_id {name} already exists", f"{at}/{place}/block_id")
        elif isinstance(name, str):
            seen.add(name)
        actions: set[str] = set()
        for element in elements_of(block):
            action = element.get("action_id")
            if isinstance(action, str) and action in actions:
                say(f"action_id {action} already exists in this block", f"{at}/{place}")
            elif isinstance(action, str):
                actions.add(action)


def parts(blocks: Any) -> Iterator[dict[str, Any]]:
    """Every element that can be pressed or filled, in order."""
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, Mapping):
            yield from elements_of(block)


def elements_of(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    listed = block.get("elements")
    inside = (
        listed if block.get("type") in ("actions", "context_actions") and isinstance(listed, list) else []
    )
    for element in [*inside, block.get("accessory"), block.get("element")]:
        if isinstance(element, dict) and element.get("type") != "image":
            yield element


def named(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same blocks with the block_ids and action_ids that Slack makes up where there are none."""
    copied: list[dict[str, Any]] = json.loads(json.dumps(blocks))
    for block in copied:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in elements_of(block):
            element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return copied


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, Mapping) and block.get("type") == kind
