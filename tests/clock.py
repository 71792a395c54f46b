"""A clock that only moves when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
"""A Wednesday morning: where every test begins."""


class TestClock:
    """The clock of `bot.clock.Clock`. What takes `now` as an argument (jobs, leases) is given `clock.now()`."""

    __test__ = False

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def lasting(self, span: timedelta) -> timedelta:
        return span

    def advance(self, **span: float) -> datetime:
        """Move on, in the words of timedelta: `advance(minutes=31)`. Gives the new time."""
        self._at += timedelta(**span)
        return self._at
