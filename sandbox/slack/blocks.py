"""Block Kit as Slack checks it: what is too long, unknown or missing is refused, with the place named.

Limits: Slack's reference for blocks and elements.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MESSAGE_CHARACTERS = 13_200
ACTIONS_ELEMENTS = 25

Faults = Iterator[str]


def message_faults(blocks: Any) -> list[str]:
    """What is wrong with a message's blocks; [] when nothing is."""
    if not isinstance(blocks, list):
        return ["must be an array"]
    if len(blocks) > MESSAGE_BLOCKS:
        return [f"no more than {MESSAGE_BLOCKS} items allowed [json-pointer:/blocks]"]
    return [*_blocks(blocks, _MESSAGE), *_doubled(blocks)]


def view_faults(view: Any) -> list[str]:
    """What is wrong with a modal or a home tab."""
    if not isinstance(view, dict):
        return ["must be an object"]
    faults: list[str] = []
    kind = view.get("type")
    if kind not in ("modal", "home"):
        faults.append("must be modal or home [json-pointer:/view/type]")
    if kind == "modal":
        faults += _text(view.get("title"), "/view/title", 24, plain=True)
        for name in ("submit", "close"):
            if name in view:
                faults += _text(view[name], f"/view/{name}", 24, plain=True)
    if len(view.get("private_metadata", "")) > 3000:
        faults.append("must be less than 3001 characters [json-pointer:/view/private_metadata]")
    if len(view.get("callback_id", "")) > 255:
        faults.append("must be less than 256 characters [json-pointer:/view/callback_id]")
    blocks = view.get("blocks")
    if not isinstance(blocks, list) or len(blocks) > VIEW_BLOCKS:
        return [*faults, f"must be an array of up to {VIEW_BLOCKS} [json-pointer:/view/blocks]"]
    if kind == "modal" and "submit" not in view and any(one.get("type") == "input" for one in blocks):
        faults.append("missing required field: submit [json-pointer:/view]")
    if len(json.dumps(view)) > 250_000:
        faults.append("view is larger than 250 KB")
    return [*faults, *_blocks(blocks, _VIEW), *_doubled(blocks)]


def too_long(blocks: list[Any]) -> bool:
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MESSAGE_CHARACTERS


def _doubled(blocks: list[Any]) -> Faults:
    ids = [one["block_id"] for one in blocks if isinstance(one, dict) and one.get("block_id")]
    if len(ids) != len(set(ids)):
        yield "`block_id` must be unique [json-pointer:/blocks]"


def _blocks(blocks: list[Any], known: dict[str, Callable[[dict[str, Any], str], Faults]]) -> Faults:
    for number, block in enumerate(blocks):
        at = f"/blocks/{number}"
        if not isinstance(block, dict) or block.get("type") not in known:
            kind = block.get("type") if isinstance(block, dict) else block
            yield f"unsupported type: {kind} [json-pointer:{at}/type]"
            continue
        if len(str(block.get("block_id", ""))) > 255:
            yield f"must be less than 256 characters [json-pointer:{at}/block_id]"
        yield from known[block["type"]](block, at)


def _text(text: Any, at: str, most: int, *, plain: bool = False) -> Faults:
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        yield f"missing required field: text [json-pointer:{at}]"
        return
    if plain and text["type"] != "plain_text":
        yield f"must be plain_text [json-pointer:{at}/type]"
    yield from _length(text.get("text"), f"{at}/text", most)
    extra = set(text) - {"type", "text", "emoji", "verbatim"}
    if extra or ("emoji" in text and text["type"] == "mrkdwn"):
        yield f"invalid additional property: {', '.join(sorted(extra)) or 'emoji'} [json-pointer:{at}]"


def _length(value: Any, at: str, most: int, *, least: int = 1) -> Faults:
    if not isinstance(value, str):
        yield f"must be a string [json-pointer:{at}]"
    elif len(value) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}]"
    elif len(value) < least:
        yield f"must be more than {least - 1} characters [json-pointer:{at}]"


def _section(block: dict[str, Any], at: str) -> Faults:
    if "text" not in block and not block.get("fields"):
        yield f"missing required field: text [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", 3000)
    fields = block.get("fields", [])
    if len(fields) > 10:
        yield f"no more than 10 items allowed [json-pointer:{at}/fields]"
    for number, one in enumerate(fields):
        yield from _text(one, f"{at}/fields/{number}", 2000)
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _header(block: dict[str, Any], at: str) -> Faults:
    yield from _text(block.get("text"), f"{at}/text", 150, plain=True)


def _context(block: dict[str, Any], at: str) -> Faults:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        yield f"must have 1 to 10 items [json-pointer:{at}/elements]"
        return
    for number, one in enumerate(elements):
        where = f"{at}/elements/{number}"
        yield from (_image(one, where) if one.get("type") == "image" else _text(one, where, 2000))


def _image(block: dict[str, Any], at: str) -> Faults:
    if not block.get("image_url") and not block.get("slack_file"):
        yield f"missing required field: image_url [json-pointer:{at}]"
    yield from _length(block.get("image_url", "x"), f"{at}/image_url", 3000)
    yield from _length(block.get("alt_text"), f"{at}/alt_text", 2000)


def _actions(block: dict[str, Any], at: str) -> Faults:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= ACTIONS_ELEMENTS:
        yield f"must have 1 to {ACTIONS_ELEMENTS} items [json-pointer:{at}/elements]"
        return
    ids = [one.get("action_id") for one in elements if isinstance(one, dict) and one.get("action_id")]
    if len(ids) != len(set(ids)):
        yield f"`action_id` must be unique in a block [json-pointer:{at}/elements]"
    for number, one in enumerate(elements):
        yield from _element(one, f"{at}/elements/{number}")


def _nothing(_block: dict[str, Any], _at: str) -> Faults:
    return iter(())


def _input(block: dict[str, Any], at: str) -> Faults:
    yield from _text(block.get("label"), f"{at}/label", 2000, plain=True)
    if "hint" in block:
        yield from _text(block["hint"], f"{at}/hint", 2000, plain=True)
    yield from _element(block.get("element") or {}, f"{at}/element")


def _rich_text(block: dict[str, Any], at: str) -> Faults:
    parts = block.get("elements")
    if not isinstance(parts, list) or not parts:
        yield f"missing required field: elements [json-pointer:{at}]"
        return
    for number, part in enumerate(parts):
        kinds = ("rich_text_section", "rich_text_preformatted", "rich_text_quote", "rich_text_list")
        if part.get("type") not in kinds:
            yield f"unsupported type: {part.get('type')} [json-pointer:{at}/elements/{number}/type]"
        for inner in part.get("elements", []):
            if inner.get("type") == "text":
                yield from _length(inner.get("text"), f"{at}/elements/{number}/text", 100_000)


def _markdown(block: dict[str, Any], at: str) -> Faults:
    yield from _length(block.get("text"), f"{at}/text", 12_000)


def _table(block: dict[str, Any], at: str) -> Faults:
    rows = block.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 100 or any(len(row) > 20 for row in rows):
        yield f"must have 1 to 100 rows of at most 20 cells [json-pointer:{at}/rows]"


def _options(options: Any, at: str, most: int, value: int) -> Faults:
    if not isinstance(options, list) or not 1 <= len(options) <= most:
        yield f"must have 1 to {most} items [json-pointer:{at}]"
        return
    for number, one in enumerate(options):
        yield from _text(one.get("text"), f"{at}/{number}/text", 75)
        yield from _length(one.get("value"), f"{at}/{number}/value", value)


def _element(element: dict[str, Any], at: str) -> Faults:
    kind = element.get("type")
    if kind not in _ELEMENTS:
        yield f"unsupported type: {kind} [json-pointer:{at}/type]"
        return
    if kind != "image":
        yield from _length(element.get("action_id", "x"), f"{at}/action_id", 255)
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{at}/confirm")
    if "placeholder" in element:
        yield from _text(element["placeholder"], f"{at}/placeholder", 150, plain=True)
    if kind == "button":
        yield from _text(element.get("text"), f"{at}/text", 75, plain=True)
        yield from _length(element.get("value", "x"), f"{at}/value", 2000, least=0)
        yield from _length(element.get("url", ""), f"{at}/url", 3000, least=0)
        if element.get("style", "primary") not in ("primary", "danger"):
            yield f"must be primary or danger [json-pointer:{at}/style]"
    elif kind == "overflow":
        yield from _options(element.get("options"), f"{at}/options", 5, 150)
    elif kind in ("static_select", "multi_static_select") and "option_groups" not in element:
        yield from _options(element.get("options"), f"{at}/options", 100, 150)
        first = element.get("initial_option")
        if first is not None and first not in element["options"]:
            yield f"must be one of the options [json-pointer:{at}/initial_option]"
    elif kind in ("radio_buttons", "checkboxes"):
        yield from _options(element.get("options"), f"{at}/options", 10, 150)
    elif kind == "plain_text_input":
        most = element.get("max_length", 3000)
        if not isinstance(most, int) or not 1 <= most <= 3000:
            yield f"must be 1 to 3000 [json-pointer:{at}/max_length]"
        else:
            yield from _length(element.get("initial_value", ""), f"{at}/initial_value", most, least=0)
    elif kind == "image":
        yield from _image(element, at)


def _confirm(confirm: dict[str, Any], at: str) -> Faults:
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        yield from _text(confirm.get(name), f"{at}/{name}", most)


_ELEMENTS = frozenset(
    {
        "button",
        "overflow",
        "static_select",
        "multi_static_select",
        "users_select",
        "multi_users_select",
        "conversations_select",
        "channels_select",
        "external_select",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "radio_buttons",
        "checkboxes",
        "plain_text_input",
        "number_input",
        "email_text_input",
        "url_text_input",
        "image",
        "workflow_button",
        "rich_text_input",
        "file_input",
    }
)
_MESSAGE: dict[str, Callable[[dict[str, Any], str], Faults]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "image": _image,
    "actions": _actions,
    "divider": _nothing,
    "input": _input,
    "rich_text": _rich_text,
    "markdown": _markdown,
    "table": _table,
    "file": _nothing,
    "video": _nothing,
    "alert": _nothing,
    "context_actions": _actions,
}
_VIEW = _MESSAGE
