"""Checks of JSON values, put together from small ones; each fault names its place as Slack does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Say = Callable[[str, str], None]
"""(what is wrong, the JSON pointer to it)"""
Check = Callable[[Any, str, Say], None]


def found_by(check: Check, value: Any, at: str) -> list[str]:
    """Every fault of the value, in Slack's words."""
    faults: list[str] = []
    check(value, at, lambda what, where: faults.append(f"[ERROR] {what} [json-pointer:{where}]"))
    return faults


def string(most: int, least: int = 0) -> Check:
    def check(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, str):
            say("must be a string", at)
        elif len(value) < least:
            say(f"must be more than {least - 1} characters", at)
        elif len(value) > most:
            say(f"must be less than {most + 1} characters", at)

    return check


def pattern(shape: str, words: str) -> Check:
    def check(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, str) or not re.fullmatch(shape, value):
            say(words, at)

    return check


def web_address(most: int) -> Check:
    def check(value: Any, at: str, say: Say) -> None:
        string(most, 1)(value, at, say)
        if isinstance(value, str) and not re.match(r"(https?|slack|mailto|tel):", value):
            say("must be a valid URL", at)

    return check


def flag(value: Any, at: str, say: Say) -> None:
    if not isinstance(value, bool):
        say("must be a boolean", at)


def anything(value: Any, at: str, say: Say) -> None:
    """Slack decides; this world takes it as it is."""


def number(least: int, most: int) -> Check:
    def check(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            say("must be an integer", at)
        elif not least <= value <= most:
            say(f"must be between {least} and {most}", at)

    return check


def one_of(*words: str) -> Check:
    def check(value: Any, at: str, say: Say) -> None:
        if value not in words:
            say(f"must be one of: {', '.join(words)}", at)

    return check


def text(most: int, *, mrkdwn: bool = False, least: int = 1) -> Check:
    """A text object; plain only unless `mrkdwn`."""
    length = string(most, least)

    def check(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, Mapping):
            say("must be an object", at)
            return
        kind = value.get("type")
        if kind not in (("plain_text", "mrkdwn") if mrkdwn else ("plain_text",)):
            say("must be one of: plain_text" + (", mrkdwn" if mrkdwn else ""), f"{at}/type")
        known = {"type", "text", "emoji"} if kind == "plain_text" else {"type", "text", "verbatim"}
        _no_others(value, known, at, say)
        if "text" not in value:
            say("missing required field: text", at)
        else:
            length(value["text"], f"{at}/text", say)
        for name in ("emoji", "verbatim"):
            if name in value:
                flag(value[name], f"{at}/{name}", say)

    return check


def many(check: Check, most: int, least: int = 1) -> Check:
    def each(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, list):
            say("must be an array", at)
            return
        if len(value) > most:
            say(f"no more than {most} items allowed", at)
        if len(value) < least:
            say(f"must have at least {least} item{'s' if least > 1 else ''}", at)
        for place, one in enumerate(value):
            check(one, f"{at}/{place}", say)

    return each


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    optional = optional or {}
    every = {**required, **optional}

    def check(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, Mapping):
            say("must be an object", at)
            return
        for name in required:
            if name not in value:
                say(f"missing required field: {name}", at)
        _no_others(value, set(every), at, say)
        for name, field in every.items():
            if name in value:
                field(value[name], f"{at}/{name}", say)

    return check


def by_type(kinds: Mapping[str, Check], allowed: frozenset[str] | None = None) -> Check:
    """An object whose `type` says which check holds. `kinds` may be filled later."""

    def check(value: Any, at: str, say: Say) -> None:
        if not isinstance(value, Mapping):
            say("must be an object", at)
            return
        kind = value.get("type")
        if not isinstance(kind, str):
            say("missing required field: type", at)
        elif kind not in kinds or (allowed is not None and kind not in allowed):
            say(f"unsupported type: {kind}", f"{at}/type")
        else:
            kinds[kind](value, at, say)

    return check


def both(*checks: Check) -> Check:
    def check(value: Any, at: str, say: Say) -> None:
        for one in checks:
            one(value, at, say)

    return check


def _no_others(value: Mapping[str, Any], known: set[str], at: str, say: Say) -> None:
    for name in value:
        if name not in known:
            say(f"invalid additional property: {name}", at)
