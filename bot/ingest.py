"""Group commit: whatever waits shares one transaction, and each sender is answered after it is durable.

One writer drains the queue. While it commits, others gather; when nothing waits, nobody does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.core import Core
from bot.doors.gate import Gate
from bot.doors.hearing import Hearing
from bot.faults import fault_code
from engine.errors import Conflict
from engine.operations.ingest import Answer, Delivery, ingest
from storage import dialect
from storage.transaction import Transaction

log = structlog.get_logger()
MOST_ALERTS = 512
"""Alerts of one transaction, unless a single delivery has more."""
MOST_WAITING = 20_000
"""Alerts in the queue; beyond that senders are told to come back."""


class Full(Exception):
    """More waits than can be stored soon: not accepted, send again."""


class Away(Exception):
    """The database does not take writes now: not accepted, send again."""


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    answer: asyncio.Future[Answer]


class Intake:
    def __init__(self, core: Core, *, most_waiting: int = MOST_WAITING) -> None:
        self.gate = Gate(core)
        self._hearing = Hearing(core)
        self._core = core
        self._most = most_waiting
        self._queue: deque[_Waiting] = deque()
        self._alerts = 0
        self._used: dict[str, datetime] = {}
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="intake")

    async def stop(self) -> None:
        """Take nothing more, store what was taken."""
        self._stopped = True
        self._wake.set()
        if self._writer is not None:
            await self._writer
        await self.gate.close()
        await self._hearing.close()

    async def submit(self, delivery: Delivery) -> Answer:
        """The answer, once it is committed. Raises Full or Away when nothing was accepted. A caller that goes away
        does not undo it."""
        count = len(delivery.alerts)
        if self._stopped or self._alerts + count > self._most:
            raise Full
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._alerts += count
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.answer

    async def first_answer(self, company_id: int, ids: Sequence[str]) -> Answer | None:
        """What a delivery of one of these names was told, if it was: without a place in the queue."""
        found = await self._core.read(lambda tx: tx.deliveries.answers([(company_id, name) for name in ids]))
        body = next(iter(found.values()), None)
        return None if body is None else Answer(body=body, replayed=True)

    def note_use(self, key_id: str, at: datetime) -> None:
        """Have it stored with the next commit that a key was used; nobody waits for it."""
        self._used[key_id] = at
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(0)  # whoever arrived in the same instant comes along
            while self._queue or self._used:
                batch = self._next()
                try:
                    await self._store(batch)
                finally:
                    self._alerts -= sum(len(one.delivery.alerts) for one in batch)
            if self._stopped:
                return

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        alerts = 0
        while self._queue and alerts < MOST_ALERTS:
            batch.append(self._queue.popleft())
            alerts += len(batch[-1].delivery.alerts)
        return batch

    async def _store(self, batch: list[_Waiting]) -> None:
        """One transaction for all; when that fails for a reason of its own, half each, until only the bad one does."""
        used, self._used = self._used, {}
        try:
            await self._commit(batch, used)
        except Exception as error:  # noqa: BLE001 - every waiting sender must get an answer
            if not batch:
                log.warning("the last use of keys was not stored", error=str(error))
            elif dialect.is_gone(error) or dialect.is_retryable(error):
                log.warning("the database does not take alerts", senders=len(batch), error=str(error))
                _fail(batch, Away())
            elif len(batch) == 1:
                _fail(batch, self._only(batch[0], error))
            else:
                middle = len(batch) // 2
                await self._store(batch[:middle])
                await self._store(batch[middle:])

    async def _commit(self, batch: list[_Waiting], used: dict[str, datetime]) -> None:
        deliveries = [one.delivery for one in batch]

        async def act(tx: Transaction) -> list[Answer]:
            if used:
                await tx.companies.keys_used(used)
            return await ingest(tx, deliveries, self._core.clock.now()) if deliveries else []

        answers = await self._core.write(act)
        self._hearing.hear(deliveries, answers, self._core.clock.now())
        for one, answer in zip(batch, answers, strict=True):
            if answer.turned_away is not None:
                self.gate.learn(one.delivery.company_id, answer.turned_away.shut)
            if not one.answer.done():
                one.answer.set_result(answer)

    @staticmethod
    def _only(one: _Waiting, error: Exception) -> Exception:
        """What the one sender is told whose delivery alone cannot be stored."""
        if isinstance(error, Conflict):  # every try lost a race: not this body's fault
            return Away()
        fault_code(error, where="intake", company=one.delivery.company_id)
        return error


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)
            one.answer.exception()  # a caller that went away must not leave a warning
