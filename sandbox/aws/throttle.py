"""Request rates, one token bucket for each kind of call, as AWS limits them per account and region.

AWS publishes that there are limits and not what they are; ours are generous for people and tight for loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.aws.wire import Refusal


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second, and so many at once after a pause."""

    per_second: float
    burst: int


class Throttle:
    """`seconds`: a monotonic clock. `rates` may be changed while it is in use; "*" holds for all other calls."""

    def __init__(self, rates: dict[str, Rate], seconds: Callable[[], float]) -> None:
        self.rates = rates
        self._seconds = seconds
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, call: str) -> None:
        """One call; refuses it when the bucket is empty."""
        rate = self.rates.get(call, self.rates["*"])
        now = self._seconds()
        left, at = self._left.get(call, (float(rate.burst), now))
        left = min(float(rate.burst), left + (now - at) * rate.per_second)
        if left < 1:
            self._left[call] = (left, now)
            raise Refusal("ThrottlingException", "Rate exceeded")
        self._left[call] = (left - 1, now)
