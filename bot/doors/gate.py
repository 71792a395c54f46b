"""What this replica knows about companies over their limit, so that refusing costs next to nothing.

The database decides (engine.operations.limits); what it said about a shut company holds until one of its lanes opens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

from bot.core import Core, Result
from bot.faults import fault_code
from engine.allowance import Limits, Shut
from engine.operations.limits import TurnedAway, admit_one, count_refused
from storage import dialect
from storage.transaction import Transaction

COUNT_EVERY = 1.0
"""Seconds between two writings of what was refused without asking the database."""


class TooMany(Exception):
    """More requests than the company may send: nothing was accepted. `wait` in whole seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"come back in {wait} s")
        self.wait = wait


class Gate:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._shut: dict[int, Shut] = {}
        self._refused: Counter[int] = Counter()
        self._closing = asyncio.Event()
        self._counting: asyncio.Task[None] | None = None

    def learn(self, company_id: int, shut: Shut) -> None:
        self._shut[company_id] = shut

    def shut(self, company_id: int, limits: Limits) -> Shut | None:
        """What is known to be shut for everything now, also for criticals; None: the database has to be asked."""
        found = self._shut.get(company_id)
        if found is None:
            return None
        if found.limits == limits and found.both(self._core.clock.now()):
            return found
        del self._shut[company_id]
        return None

    async def write(
        self, company_id: int, act: Callable[[Transaction], Awaitable[Result]], *, urgent: bool = False
    ) -> Result:
        """`core.write` for a request without an alert, which counts against the limit too. Raises TooMany."""

        async def counted(tx: Transaction) -> Result | TurnedAway:
            turned_away = await admit_one(tx, company_id, self._core.clock.now(), urgent=urgent)
            return await act(tx) if turned_away is None else turned_away

        result = await self._core.write(counted)
        if isinstance(result, TurnedAway):
            self.learn(company_id, result.shut)
            raise TooMany(result.wait)
        return result

    def refuse(self, company_id: int, shut: Shut) -> TooMany:
        """Count one more that is turned away here; the error to raise."""
        self._refused[company_id] += 1
        if self._counting is None:
            self._counting = asyncio.create_task(self._count_soon(), name="refused")
        return TooMany(shut.wait(self._core.clock.now()))

    async def close(self) -> None:
        """Write down what is not written yet."""
        self._closing.set()
        if self._counting is not None:
            await self._counting
        await self._count()

    async def _count_soon(self) -> None:
        while self._refused and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), COUNT_EVERY)
            await self._count()
        self._counting = None

    async def _count(self) -> None:
        counted, self._refused = self._refused, Counter()
        if not counted:
            return
        try:
            await self._core.write(lambda tx: count_refused(tx, counted, {}, self._core.clock.now()))
        except Exception as error:  # noqa: BLE001 - whatever it is, they stay counted here
            self._refused += counted
            if not (dialect.is_gone(error) or dialect.is_retryable(error)):
                fault_code(error, where="counting what was refused")
