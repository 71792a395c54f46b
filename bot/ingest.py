"""Group commit: whatever waits shares one transaction, and each sender is answered after it is durable.

One writer drains the queue. While it commits, others gather; when nothing waits, nobody does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.core import Core
from bot.faults import fault_code
from engine.operations.ingest import Answer, Delivery, ingest
from storage import dialect
from storage.transaction import Transaction

MOST_ALERTS = 512
"""Alerts of one transaction."""
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
        self._core = core
        self._most = most_waiting
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._alerts = 0
        self._writer: asyncio.Task[None] | None = None
        self._stopped = False

    async def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="intake")

    async def stop(self) -> None:
        """Take nothing more, store what was taken."""
        self._stopped = True
        if self._writer is not None:
            await self._queue.join()
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    async def submit(self, delivery: Delivery) -> Answer:
        """The answer, once it is committed. Raises Full or Away when nothing was accepted. A caller that goes away
        does not undo it."""
        if self._stopped or self._alerts + len(delivery.alerts) > self._most:
            raise Full
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._alerts += len(delivery.alerts)
        self._queue.put_nowait(waiting)
        return await asyncio.shield(waiting.answer)

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            alerts = len(batch[0].delivery.alerts)
            while alerts < MOST_ALERTS and not self._queue.empty():
                batch.append(self._queue.get_nowait())
                alerts += len(batch[-1].delivery.alerts)
            try:
                await self._store(batch)
            finally:
                self._alerts -= alerts
                for _ in batch:
                    self._queue.task_done()

    async def _store(self, batch: list[_Waiting]) -> None:
        """One transaction for all; when that fails for a reason of its own, one each, so that only the bad one does."""
        try:
            await self._commit(batch)
        except Exception as error:  # noqa: BLE001 - every waiting sender must get an answer
            if dialect.is_gone(error) or dialect.is_retryable(error):
                _fail(batch, Away())
            elif len(batch) == 1:
                fault_code(error, where="intake", company=batch[0].delivery.company_id)
                _fail(batch, error)
            else:
                for one in batch:
                    await self._store([one])

    async def _commit(self, batch: list[_Waiting]) -> None:
        deliveries = [one.delivery for one in batch]

        async def act(tx: Transaction) -> list[Answer]:
            return await ingest(tx, deliveries, self._core.clock.now())

        answers = await self._core.write(act)
        for one, answer in zip(batch, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)


def _fail(batch: list[_Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)
            one.answer.exception()  # a caller that went away must not leave a warning
