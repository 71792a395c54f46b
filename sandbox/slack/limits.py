"""Slack's rate limits: per method and minute by tier, and about one post a second per channel with short bursts."""

from __future__ import annotations

import time

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
_TIER_OF = {
    "chat.update": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "views.open": 4,
    "views.push": 4,
    "views.update": 4,
    "views.publish": 4,
    "conversations.create": 2,
    "conversations.list": 2,
    "conversations.setTopic": 2,
    "conversations.invite": 3,
    "conversations.join": 3,
    "conversations.info": 3,
    "conversations.history": 3,
    "conversations.replies": 3,
    "conversations.members": 4,
    "users.info": 4,
    "users.list": 2,
    "users.lookupByEmail": 3,
    "reactions.add": 3,
}
POST_BURST, POSTS_PER_SECOND = 6.0, 1.0


class Buckets:
    def __init__(self) -> None:
        self._filled: dict[str, tuple[float, float]] = {}

    def take(self, method: str, channel: str) -> int | None:
        """None when the call may go; otherwise the seconds to wait."""
        if method == "chat.postMessage":
            return self._take(f"post:{channel}", POST_BURST, POSTS_PER_SECOND)
        tier = _TIER_OF.get(method)
        if tier is None:
            return None
        per_minute = float(TIERS[tier])
        return self._take(method, per_minute, per_minute / 60)

    def _take(self, name: str, most: float, rate: float) -> int | None:
        now = time.monotonic()
        tokens, at = self._filled.get(name, (most, now))
        tokens = min(most, tokens + (now - at) * rate)
        if tokens >= 1:
            self._filled[name] = (tokens - 1, now)
            return None
        self._filled[name] = (tokens, now)
        return max(1, int((1 - tokens) / rate + 0.999))
