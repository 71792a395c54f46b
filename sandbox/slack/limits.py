"""How often a method may be called: Slack's tiers per minute, and about one post a second into each channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from sandbox.slack.refusal import RateLimited


class Tier(Enum):
    """Calls per minute of one method in one workspace."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    POSTING = 300
    FREE = 0


class Bucket:
    """`size` calls at once, then `per_second` more."""

    def __init__(self, size: float, per_second: float, now: float) -> None:
        self._size, self._rate = size, per_second
        self._left, self._at = size, now

    def take(self, now: float) -> float:
        """0 when the call may go, else the seconds until it may."""
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._rate


class Limits:
    """`clock`: seconds that only go forward. `refused` counts the calls that came too soon."""

    CHANNEL_BURST = 5

    def __init__(self, clock: Callable[[], float], *, on: bool) -> None:
        self.on = on
        self.refused = 0
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def check(self, method: str, tier: Tier, channel: str = "") -> None:
        """Raises RateLimited. `channel` counts for posting only."""
        if not self.on or tier is Tier.FREE:
            return
        now = self._clock()
        if tier is Tier.POSTING and channel:
            self._take((method, channel), self.CHANNEL_BURST, 1.0, now)
        self._take((method, ""), tier.value, tier.value / 60, now)

    def _take(self, key: tuple[str, str], size: float, per_second: float, now: float) -> None:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(size, per_second, now)
        wait = bucket.take(now)
        if wait:
            self.refused += 1
            raise RateLimited(max(1, math.ceil(wait)))
