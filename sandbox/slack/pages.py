"""Lists that are handed out a piece at a time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from sandbox.slack.arguments import Args
from sandbox.slack.refusal import SlackRefusal


def page(name: str, items: Sequence[Any], args: Args, *, usual: int, most: int) -> dict[str, Any]:
    """The piece asked for by `cursor` and `limit`, and the cursor of the next ("" at the end)."""
    limit = args.number("limit", usual)
    if limit < 1:
        raise SlackRefusal("invalid_limit")
    start = _start(args.text("cursor"))
    end = start + min(limit, most)
    more = end < len(items)
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if more else ""
    return {name: list(items[start:end]), "has_more": more, "response_metadata": {"next_cursor": cursor}}


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (binascii.Error, ValueError):
        raise SlackRefusal("invalid_cursor") from None
