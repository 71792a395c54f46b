"""The time by which leases, timers and expiries are measured: the database's, so that replicas agree.

In a demo it may run faster: everything that waits for a time then waits as much less, and what keeps a process alive
(leases, pauses before another try) asks how long it really lasts.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from storage.database import Database

FASTEST = 120
_PACE = re.compile(r"(\d{1,3})@(\d{9,11})")


@dataclass(frozen=True, slots=True)
class Pace:
    """Time that runs `speed` times as fast since a moment, for whoever reads the same database's time."""

    speed: int = 1
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @classmethod
    def read(cls, text: str) -> Pace:
        """`60@1764000000`: since that second, sixty times as fast; nothing is as it is. Raises ValueError."""
        if not text:
            return cls()
        found = _PACE.fullmatch(text)
        if found is None or not 1 <= int(found.group(1)) <= FASTEST:
            raise ValueError(f"use SPEED@SECONDS, at most {FASTEST} times as fast")
        return cls(int(found.group(1)), datetime.fromtimestamp(int(found.group(2)), UTC))

    @property
    def text(self) -> str:
        return f"{self.speed}@{int(self.since.timestamp())}"

    def shown(self, at: datetime) -> datetime:
        """What the faster clock shows at a moment."""
        return at if self.speed == 1 else self.since + (at - self.since) * self.speed


class Clock(Protocol):
    def now(self) -> datetime: ...

    def lasting(self, span: timedelta) -> timedelta:
        """By how much the clock moves on while that much time really passes."""
        ...


class DatabaseClock:
    """The database's time, read now and then and carried on by this machine's monotonic clock in between."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._at = datetime.now(UTC)
        self._mono = time.monotonic()

    def now(self) -> datetime:
        return self._pace.shown(self._at + timedelta(seconds=time.monotonic() - self._mono))

    def lasting(self, span: timedelta) -> timedelta:
        return span * self._pace.speed

    async def agree(self, database: Database) -> None:
        """Take over the database's time. Called at start and every minute."""
        before = time.monotonic()
        at = await database.now()
        self._mono = (before + time.monotonic()) / 2
        self._at = at
