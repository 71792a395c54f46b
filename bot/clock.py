"""The time by which leases, timers and expiries are measured: the database's, so that replicas agree."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from storage.database import Database


class Clock(Protocol):
    def now(self) -> datetime: ...


class DatabaseClock:
    """The database's time, read now and then and carried on by this machine's monotonic clock in between."""

    def __init__(self) -> None:
        self._at = datetime.now(UTC)
        self._mono = time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._mono)

    async def agree(self, database: Database) -> None:
        """Take over the database's time. Called at start and every minute."""
        before = time.monotonic()
        at = await database.now()
        self._mono = (before + time.monotonic()) / 2
        self._at = at
