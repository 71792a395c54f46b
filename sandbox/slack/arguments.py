"""The arguments of one Web API call, however they came: query, form or JSON body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.slack.refusal import SlackRefusal, missing


@dataclass(frozen=True, slots=True)
class Args:
    """`origin`: scheme, host and port under which this world was called."""

    values: Mapping[str, Any]
    origin: str = ""

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool | dict | list):
            raise SlackRefusal("invalid_arguments", [f"[ERROR] must be a string [json-pointer:/{name}]"])
        return str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise missing(name)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.values.get(name) or default)
        except (TypeError, ValueError):
            where = f"[ERROR] must be an integer [json-pointer:/{name}]"
            raise SlackRefusal("invalid_arguments", [where]) from None

    def names(self, name: str) -> list[str]:
        """A list, or words with commas between."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(one) for one in value]
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def structure(self, name: str, kind: type, error: str) -> Any:
        """A JSON value, given as such or as its text; None when not given. Raises `error` when it is not a `kind`."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise SlackRefusal(error) from None
        if not isinstance(value, kind):
            raise SlackRefusal(error)
        return value


async def read(request: web.Request) -> dict[str, Any]:
    """Every argument of a call. Raises invalid_json, json_not_object, invalid_form_data or invalid_post_type."""
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            given = json.loads(await request.read() or b"{}")
        except ValueError:
            raise SlackRefusal("invalid_json") from None
        if not isinstance(given, dict):
            raise SlackRefusal("json_not_object")
        return values | given
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        if await request.read():
            raise SlackRefusal("invalid_post_type")
        return values
    try:
        form = await request.post()
    except ValueError:
        raise SlackRefusal("invalid_form_data") from None
    return values | {name: value for name, value in form.items() if isinstance(value, str)}
