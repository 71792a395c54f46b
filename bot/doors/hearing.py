"""Who spoke, counted beside the hot path: gathered in memory, written once a second in a transaction of its own.

A process that is killed loses a second of counts, and no alert.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from bot.core import Core
from bot.faults import fault_code
from engine.operations.ingest import Answer, Delivery
from engine.operations.sources import counted, ended
from storage import dialect
from storage.transaction import Transaction

WRITE_EVERY = 1.0
MOST_WAITING = 20_000
"""Counts that wait for a database that is away; more are not kept."""

Heard = tuple[int, str]


class Hearing:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._heard: Counter[Heard] = Counter()
        self._last: dict[Heard, datetime] = {}
        self._ends: set[Heard] = set()
        self._writing: asyncio.Task[None] | None = None

    def hear(self, deliveries: Sequence[Delivery], answers: Sequence[Answer], at: datetime) -> None:
        found = counted(deliveries, answers)
        if not found or len(self._heard) > MOST_WAITING:
            return
        self._heard.update(found)
        self._last.update(dict.fromkeys(found, at))
        self._ends |= ended(deliveries, answers)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon(), name="hearing")

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write()

    async def _write_soon(self) -> None:
        while self._heard:
            await asyncio.sleep(WRITE_EVERY)
            await self._write()
        self._writing = None

    async def _write(self) -> None:
        heard, last = self._heard, self._last
        ends = self._ends
        self._heard, self._last, self._ends = Counter(), {}, set()
        if not heard:
            return

        async def act(tx: Transaction) -> None:
            for (company_id, tool), count in heard.items():
                place = (company_id, tool)
                tx.sources.heard(company_id, tool, count, at=last[place], ends=place in ends)

        try:
            await self._core.write(act)
        except (Exception, asyncio.CancelledError) as error:  # whatever it is, they stay counted here
            self._heard.update(heard)
            self._last = last | self._last
            self._ends |= ends
            if isinstance(error, asyncio.CancelledError):
                raise
            if not (dialect.is_gone(error) or dialect.is_retryable(error)):
                fault_code(error, where="counting who spoke")
