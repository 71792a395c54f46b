"""What Slack says when it does not do what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class SlackRefusal(Exception):
    """`error`: Slack's own word; `messages`: which field is at fault; `more`: what else stands in the answer."""

    def __init__(self, error: str, messages: Sequence[str] = (), **more: Any) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = tuple(messages)
        self.more = more

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.error, **self.more}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


class RateLimited(SlackRefusal):
    """429: come again after so many whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


def missing(*names: str) -> SlackRefusal:
    return SlackRefusal("invalid_arguments", [f"[ERROR] missing required field: {name}" for name in names])
