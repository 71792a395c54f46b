"""What people have typed and chosen in a form, as Slack keeps it, and what Slack itself asks them to mend first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.slack.blocks import elements_of
from sandbox.slack.elements import options_of
from sandbox.slack.state import View

Values = dict[str, dict[str, Any]]

_KEPT = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "overflow": ("selected_option", ""),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
}
"""Element type → where its value stands, and where its value stood at first."""


def filled(element: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """The state of one element for a plain value: text, an option's value, or a list of them. None leaves what it had
    at first. Raises LookupError for an option that is not there."""
    kind = str(element["type"])
    if isinstance(given, Mapping):
        return {"type": kind, **given}
    name, first = _KEPT[kind]
    if given is None:
        value = element.get(first)
    elif name == "selected_option":
        value = option(element, given)
    elif name == "selected_options":
        value = [option(element, one) for one in given]
    else:
        value = given
    if value is None and name.endswith("s"):
        value = []
    return {"type": kind, name: value}


def option(element: Mapping[str, Any], value: str) -> dict[str, Any]:
    """The option with this value. An external menu's options are not on record: one is made up."""
    offered: list[dict[str, Any]] = options_of(element)
    for one in offered:
        if one.get("value") == value:
            return one
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": value, "emoji": True}, "value": value}
    raise LookupError(f"there is no option {value!r}; there are {[one.get('value') for one in offered]}")


def values_of(view: View, given: Mapping[str, Any]) -> Values:
    """The state of a whole form. `given`: by block_id or action_id, plain values or Slack's own objects."""
    values: Values = {}
    for block in view["blocks"]:
        for element in elements_of(block):
            if element["type"] in _KEPT:
                plain = given.get(block["block_id"], given.get(element["action_id"]))
                if isinstance(plain, Mapping) and element["action_id"] in plain:
                    plain = plain[element["action_id"]]
                if block["type"] == "input" or plain is not None:
                    values.setdefault(block["block_id"], {})[element["action_id"]] = filled(element, plain)
    return values


def completed(view: View, values: Mapping[str, Any]) -> Values:
    """What a client sent, and null for each field that it left out."""
    whole: Values = {block: dict(fields) for block, fields in values.items()}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            fields = whole.setdefault(block["block_id"], {})
            fields.setdefault(element["action_id"], filled({**element, **_EMPTY}, None))
    return whole


_EMPTY = {first: None for _, first in _KEPT.values() if first}


def to_mend(view: View, values: Values) -> dict[str, str]:
    """Block id → what Slack's own client asks for before it sends the form."""
    faults: dict[str, str] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = values[block["block_id"]][element["action_id"]].get(_KEPT[element["type"]][0])
        if not value and not block.get("optional"):
            faults[block["block_id"]] = "Please complete this required field."
        elif isinstance(value, str) and len(value) < element.get("min_length", 0):
            faults[block["block_id"]] = f"Please enter at least {element['min_length']} characters."
        elif isinstance(value, str) and len(value) > element.get("max_length", 3000):
            faults[block["block_id"]] = f"Please enter {element.get('max_length', 3000)} characters or fewer."
        elif value and element["type"] == "number_input" and not _is_number(str(value), element):
            faults[block["block_id"]] = "Please enter a valid number."
    return faults


def _is_number(text: str, element: Mapping[str, Any]) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    least, most = float(element.get("min_value", "-inf")), float(element.get("max_value", "inf"))
    return least <= number <= most and (bool(element["is_decimal_allowed"]) or number.is_integer())
