"""What the Bot Connector refuses, and how often it may be called."""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from typing import Any

from aiohttp import web

LARGEST = 40_000
"""Bytes of UTF-16 of a whole activity."""
SENDING = ((7, 1.0), (8, 2.0), (60, 30.0), (1800, 3600.0))
READING = ((14, 1.0), (16, 2.0), (120, 30.0), (3600, 3600.0))
"""So many calls in so many seconds, per conversation."""
_ELEMENTS = {
    "TextBlock", "RichTextBlock", "Container", "ColumnSet", "Column", "FactSet", "Image", "ImageSet", "Table",
    "ActionSet", "Input.Text", "Input.ChoiceSet", "Input.Toggle", "Input.Date", "Input.Time", "Input.Number",
}  # fmt: skip
_ACTIONS = {
    "Action.Execute", "Action.Submit", "Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility",
}  # fmt: skip
CARD = "application/vnd.microsoft.card.adaptive"


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str = "", retry_after: int | None = None) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after

    def answer(self) -> web.Response:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        body = {"error": {"code": self.code, "message": self.message or self.code}}
        return web.json_response(body, status=self.status, headers=headers)


class Windows:
    """Counts calls; raises 429 with the time to wait."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._seen: dict[str, deque[float]] = defaultdict(deque)
        self.refused = 0

    def take(self, key: str, limits: tuple[tuple[int, float], ...]) -> None:
        if not self._on:
            return
        now, seen = time.monotonic(), self._seen[key]
        while seen and seen[0] < now - limits[-1][1]:
            seen.popleft()
        for most, seconds in limits:
            within = [at for at in seen if at > now - seconds]
            if len(within) >= most:
                self.refused += 1
                wait = max(1, round(within[0] + seconds - now + 0.5))
                raise Refusal(429, "TooManyRequests", "API calls quota exceeded", wait)
        seen.append(now)


def check_activity(activity: Any) -> dict[str, Any]:
    """As Teams does before it shows anything: the size first, then the card."""
    if not isinstance(activity, dict) or activity.get("type") != "message":
        raise Refusal(400, "BadSyntax", "Activity type is missing or unknown")
    if len(json.dumps(activity, ensure_ascii=False).encode("utf-16-le")) > LARGEST:
        raise Refusal(413, "MessageSizeTooBig", "Message size too large")
    if not activity.get("text") and not activity.get("attachments"):
        raise Refusal(400, "BadSyntax", "Activity must have text or attachments")
    for one in activity.get("attachments") or ():
        if not isinstance(one, dict) or "contentType" not in one:
            raise Refusal(400, "BadSyntax", "Attachment without a content type")
        if one["contentType"] == CARD:
            check_card(one.get("content"))
    return activity


def check_card(card: Any) -> None:
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise Refusal(400, "BadSyntax", "The content is no Adaptive Card")
    version = str(card.get("version", ""))
    if version not in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5"):
        raise Refusal(400, "BadSyntax", f"Adaptive Card version {version!r}")
    seen: set[str] = set()
    for part in card.get("body") or ():
        _check(part, seen)
    for action in card.get("actions") or ():
        _check_action(action)
    if len((card.get("refresh") or {}).get("userIds") or ()) > 60:
        raise Refusal(400, "BadArgument", "A refresh for more than 60 users")
    texts = json.dumps(card.get("body"), ensure_ascii=False)
    for entity in (card.get("msteams") or {}).get("entities") or ():
        if (
            entity.get("type") != "mention"
            or json.dumps(entity.get("text"), ensure_ascii=False)[1:-1] not in texts
        ):
            raise Refusal(400, "BadArgument", "A mention that stands nowhere in the card")


def _check(part: Any, seen: set[str]) -> None:
    if not isinstance(part, dict) or part.get("type") not in _ELEMENTS:
        raise Refusal(400, "BadSyntax", f"Unknown element {part!r:.80}")
    if "id" in part:
        if part["id"] in seen:
            raise Refusal(400, "BadSyntax", f"The id {part['id']} stands twice")
        seen.add(part["id"])
    if part["type"] == "TextBlock" and not isinstance(part.get("text"), str):
        raise Refusal(400, "BadSyntax", "TextBlock without text")
    for inner in (*(part.get("items") or ()), *(part.get("columns") or ()) * (part["type"] == "ColumnSet")):
        _check(inner, seen)
    for row in part.get("rows") or ():
        for cell in row["cells"]:
            for inner in cell["items"]:
                _check(inner, seen)
    for action in part.get("actions") or ():
        _check_action(action)


def _check_action(action: Any) -> None:
    if not isinstance(action, dict) or action.get("type") not in _ACTIONS:
        raise Refusal(400, "BadSyntax", f"Unknown action {action!r:.80}")
    if action["type"] == "Action.Execute" and not action.get("verb"):
        raise Refusal(400, "BadSyntax", "Action.Execute without a verb")
    if action["type"] == "Action.ShowCard":
        for inner in action["card"].get("actions") or ():
            _check_action(inner)
