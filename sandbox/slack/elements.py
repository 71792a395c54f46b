"""Block Kit's interactive elements and the objects inside them, with Slack's limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.slack.shapes import (
    Check,
    Say,
    both,
    by_type,
    flag,
    many,
    number,
    one_of,
    pattern,
    shape,
    string,
    text,
    web_address,
)

ID = string(255, 1)
DATE = pattern(r"\d{4}-\d{2}-\d{2}", "must be a date in the form YYYY-MM-DD")
TIME = pattern(r"([01]\d|2[0-3]):[0-5]\d", "must be a time in the form HH:mm")
USER = pattern(r"[UW][A-Z0-9]+", "must be a valid user id")
CONVERSATION = pattern(r"[CDGUW][A-Z0-9]+", "must be a valid conversation id")
PLACEHOLDER = text(150)
CONFIRM = shape(
    {
        "title": text(100),
        "text": text(300, mrkdwn=True),
        "confirm": text(30),
        "deny": text(30),
    },
    {"style": one_of("primary", "danger")},
)
DISPATCH = shape({}, {"trigger_actions_on": many(one_of("on_enter_pressed", "on_character_entered"), 2)})
FILTER = shape(
    {},
    {
        "include": many(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
)


def _option(*, mrkdwn: bool = False, link: bool = False) -> Check:
    more: dict[str, Check] = {"description": text(75, mrkdwn=mrkdwn)}
    if link:
        more["url"] = web_address(3000)
    return shape({"text": text(75, mrkdwn=mrkdwn), "value": string(150, 1)}, more)


OPTION = _option()
RICH_OPTION = _option(mrkdwn=True)
GROUP = shape({"label": text(75), "options": many(OPTION, 100)})
_FOCUS: dict[str, Check] = {"focus_on_load": flag}
_SELECT: dict[str, Check] = {"placeholder": PLACEHOLDER, "confirm": CONFIRM, **_FOCUS}
_MULTI: dict[str, Check] = {**_SELECT, "max_selected_items": number(1, 1000)}


def _element(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An element with its type, and an action_id that Slack makes up when it is left out."""
    return shape({"type": string(50), **required}, {"action_id": ID, **(optional or {})})


def _chosen_are_offered(value: Any, at: str, say: Say) -> None:
    """What is chosen at first must be one of the options, letter by letter."""
    offered = options_of(value)
    for name in ("initial_option", "initial_options"):
        chosen = value.get(name)
        for one in chosen if isinstance(chosen, list) else [chosen] if chosen is not None else []:
            if one not in offered:
                say("must be one of the provided options", f"{at}/{name}")


def _one_source(value: Any, at: str, say: Say) -> None:
    if ("options" in value) == ("option_groups" in value):
        say("must have exactly one of: options, option_groups", at)


def options_of(element: Mapping[str, Any]) -> list[Any]:
    """Every option of a menu, its groups opened."""
    found = element.get("options")
    options: list[Any] = list(found) if isinstance(found, list) else []
    groups = element.get("option_groups")
    for group in groups if isinstance(groups, list) else []:
        inside = group.get("options") if isinstance(group, Mapping) else None
        options.extend(inside if isinstance(inside, list) else [])
    return options


_LISTED: dict[str, Check] = {"options": many(OPTION, 100), "option_groups": many(GROUP, 100)}
_TYPED: dict[str, Check] = {"placeholder": PLACEHOLDER, "dispatch_action_config": DISPATCH, **_FOCUS}
_LIMIT = string(20)

ELEMENTS: dict[str, Check] = {
    "button": _element(
        {"text": text(75)},
        {
            "url": web_address(3000),
            "value": string(2000),
            "style": one_of("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
        },
    ),
    "image": shape(
        {"type": string(50), "alt_text": string(2000, 1)},
        {"image_url": web_address(3000), "slack_file": shape({}, {"id": ID, "url": web_address(3000)})},
    ),
    "overflow": _element({"options": many(_option(link=True), 5)}, {"confirm": CONFIRM}),
    "static_select": both(
        _element({}, {**_SELECT, **_LISTED, "initial_option": OPTION}), _one_source, _chosen_are_offered
    ),
    "multi_static_select": both(
        _element({}, {**_MULTI, **_LISTED, "initial_options": many(OPTION, 100)}),
        _one_source,
        _chosen_are_offered,
    ),
    "external_select": _element(
        {}, {**_SELECT, "min_query_length": number(0, 1000), "initial_option": OPTION}
    ),
    "multi_external_select": _element(
        {}, {**_MULTI, "min_query_length": number(0, 1000), "initial_options": many(OPTION, 100)}
    ),
    "users_select": _element({}, {**_SELECT, "initial_user": USER}),
    "multi_users_select": _element({}, {**_MULTI, "initial_users": many(USER, 1000)}),
    "conversations_select": _element(
        {},
        {
            **_SELECT,
            "initial_conversation": CONVERSATION,
            "default_to_current_conversation": flag,
            "response_url_enabled": flag,
            "filter": FILTER,
        },
    ),
    "multi_conversations_select": _element(
        {},
        {
            **_MULTI,
            "initial_conversations": many(CONVERSATION, 1000),
            "default_to_current_conversation": flag,
            "filter": FILTER,
        },
    ),
    "channels_select": _element(
        {}, {**_SELECT, "initial_channel": CONVERSATION, "response_url_enabled": flag}
    ),
    "multi_channels_select": _element({}, {**_MULTI, "initial_channels": many(CONVERSATION, 1000)}),
    "datepicker": _element({}, {**_SELECT, "initial_date": DATE}),
    "timepicker": _element({}, {**_SELECT, "initial_time": TIME, "timezone": string(100, 1)}),
    "datetimepicker": _element(
        {}, {"initial_date_time": number(10**9, 10**10 - 1), "confirm": CONFIRM, **_FOCUS}
    ),
    "radio_buttons": both(
        _element(
            {"options": many(RICH_OPTION, 10)}, {"initial_option": RICH_OPTION, "confirm": CONFIRM, **_FOCUS}
        ),
        _chosen_are_offered,
    ),
    "checkboxes": both(
        _element(
            {"options": many(RICH_OPTION, 10)},
            {"initial_options": many(RICH_OPTION, 10), "confirm": CONFIRM, **_FOCUS},
        ),
        _chosen_are_offered,
    ),
    "plain_text_input": _element(
        {},
        {
            **_TYPED,
            "initial_value": string(3000),
            "multiline": flag,
            "min_length": number(0, 3000),
            "max_length": number(1, 3000),
        },
    ),
    "email_text_input": _element({}, {**_TYPED, "initial_value": string(3000)}),
    "url_text_input": _element({}, {**_TYPED, "initial_value": string(3000)}),
    "number_input": _element(
        {"is_decimal_allowed": flag},
        {**_TYPED, "initial_value": _LIMIT, "min_value": _LIMIT, "max_value": _LIMIT},
    ),
    "file_input": _element({}, {"filetypes": many(string(20, 1), 100), "max_files": number(1, 10)}),
    "icon_button": _element(
        {"icon": one_of("trash"), "text": text(75)},
        {
            "value": string(2000),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "visible_to_user_ids": many(USER, 1000),
        },
    ),
}
_FEEDBACK = shape({"text": text(75), "value": string(2000, 1)}, {"accessibility_label": string(75)})
ELEMENTS["feedback_buttons"] = _element({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK})

_SELECTS = frozenset(
    {"static_select", "external_select", "users_select", "conversations_select", "channels_select"}
)
_MULTIS = frozenset(f"multi_{one}" for one in _SELECTS)
_PICKERS = frozenset({"datepicker", "timepicker", "checkboxes", "radio_buttons"})

in_section = by_type(ELEMENTS, _SELECTS | _MULTIS | _PICKERS | {"button", "overflow", "image"})
in_actions = by_type(ELEMENTS, _SELECTS | _PICKERS | {"button", "overflow", "datetimepicker"})
in_input = by_type(
    ELEMENTS,
    _SELECTS
    | _MULTIS
    | _PICKERS
    | {
        "datetimepicker",
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "file_input",
    },
)
in_context_actions = by_type(ELEMENTS, frozenset({"feedback_buttons", "icon_button"}))
OPTIONS_ANSWER = both(
    shape({}, {"options": many(OPTION, 100, 0), "option_groups": many(GROUP, 100, 0)}), _one_source
)
"""What an app may answer to block_suggestion."""
