"""The one loop that makes the outside world agree with the database: claim jobs, do them, finish or put them off.

This file holds the one broad catch: whatever a job raises, the job is put off or buried, and the loop goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot import effects
from bot.core import Core
from bot.faults import fault_code
from bot.ports import Chat
from engine.errors import Permanent, Refused, Transient
from engine.jobs import Job, PollRun, StartRun
from runbooks.ports import Executor
from storage import dialect
from storage.database import silence
from storage.jobs import Claimed

log = structlog.get_logger()
_Name = tuple[int, datetime]
LEASE = timedelta(seconds=3)
"""How long a job stays with a process that says nothing any more; a living one renews it. People wait for it when a
process dies: a call that is late must not be late by much more."""
RENEW_EVERY = 0.75
RUN_LEASE = timedelta(seconds=10)
"""The same for a run's: whoever takes it over must be sure that nothing is sent any more, and the clouds are slow
(`effects.SEND_WITHIN`)."""
RUN_KINDS = frozenset({StartRun.kind, PollRun.kind})
DEADLINE = 45.0
"""Seconds that any one job may take."""
MOST_AT_ONCE = 16
MOST_OF_A_COMPANY = 8
EACH = 3
"""At most so many jobs of one company are under way here, and so many are taken at a time: one company's storm never
takes the places of all others."""
IDLE = 0.5
"""Seconds between looks when nothing nudges and nothing known is due sooner: other replicas' work is noticed this
late at most."""
MOST_TRIES = 12
GRACE = 10.0
"""Seconds that jobs under way have to end when the program stops."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 120.0


class Worker:
    """Runs jobs of this process until stopped. Several processes may run one each on the same database."""

    def __init__(
        self,
        core: Core,
        chats: Mapping[str, Chat],
        executors: Mapping[str, Executor],
    ) -> None:
        self._core = core
        self._effects = effects.Effects(core, chats, executors)
        self._running: set[asyncio.Task[None]] = set()
        self._held: dict[_Name, Claimed] = {}
        self._leases = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._next_due: datetime | None = None
        self.healthy = True

    async def run(self) -> None:
        """Until `stop`, and then until what is under way has ended. A database that is away is waited for."""
        silence.set(LEASE)  # jobs' transactions are short, and what they lock others wait for
        renewing = asyncio.create_task(self._renew(), name="leases")
        try:
            while not self._stopping.is_set():
                self._core.nudge.clear()
                if not await self._take():
                    await self._pause(self._idle() if self.healthy else 1.0)
            await self._drain()
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _take(self) -> bool:
        """Claim what is due and begin it. Was there anything, and is there room for more?"""
        try:
            claimed = await self._claim()
            self.healthy = True
        except Exception as error:  # noqa: BLE001 - as below
            if not (dialect.is_gone(error) or dialect.is_retryable(error)):
                fault_code(error, where="claiming jobs")
            self.healthy = False
            return False
        for one in claimed:
            self._held[_name(one)] = one
            task = asyncio.create_task(self._do(one), name=one.key)
            self._running.add(task)
            task.add_done_callback(self._ended)
        return bool(claimed) and len(self._running) < MOST_AT_ONCE

    async def _renew(self) -> None:
        """Keep the leases of what is under way; the lock keeps a lease from being let go while it is renewed."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            if not self._held:
                continue
            try:
                async with self._leases:
                    self._held |= await self._renewed()
            except Exception as error:  # noqa: BLE001 - the next try comes before the lease ends
                if not (dialect.is_gone(error) or dialect.is_retryable(error)):
                    fault_code(error, where="renewing leases")

    async def _renewed(self) -> dict[_Name, Claimed]:
        """The held leases, longer; one that is not ours any more stays as it is and fences us off."""
        async with self._core.database.transaction() as tx:
            until = self._core.clock.now() + self._core.clock.lasting(LEASE)
            found = [
                (name, await tx.jobs.renew(one, until=max(until, one.leased_until)))
                for name, one in list(self._held.items())
            ]
        return {name: longer for name, longer in found if longer is not None and name in self._held}

    def stop(self) -> None:
        """Take no more jobs; `run` ends when those under way have."""
        self._stopping.set()
        self._core.nudge.set()

    async def _drain(self) -> None:
        """Let running jobs end; what does not end in time is leased by others later."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _claim(self) -> list[Claimed]:
        room, self._next_due = MOST_AT_ONCE - len(self._running), None
        if room <= 0:
            return []
        now = self._core.clock.now()
        held = Counter(one.company_id for one in self._held.values())
        busy = [company_id for company_id, count in held.items() if count >= MOST_OF_A_COMPANY]
        async with self._core.database.reading() as tx:
            due = await tx.jobs.next_due(now, until=now + timedelta(seconds=IDLE), busy=busy)
        if due is None or due > now:
            self._next_due = due
            return []
        async with self._core.database.transaction() as tx:
            lease, longer = self._core.clock.lasting(LEASE), now + self._core.clock.lasting(RUN_LEASE)
            claimed = await tx.jobs.claim(now, lease=lease, most=room, each=EACH, busy=busy)
            return [
                (await tx.jobs.renew(one, until=longer) or one) if one.kind in RUN_KINDS else one
                for one in claimed
            ]

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._core.nudge.set()

    def _idle(self) -> float:
        """Seconds to the next look: until the next job is due, as far as it is known."""
        if self._next_due is None:
            return IDLE
        return max(0.0, min(IDLE, (self._next_due - self._core.clock.now()).total_seconds()))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._core.nudge.wait(), timeout=seconds)

    async def _do(self, claimed: Claimed) -> None:
        try:
            job = claimed.job()
        except (KeyError, TypeError) as error:  # a newer replica's kind of job: leave it to that one
            await self._settle(claimed, self._later(claimed, timedelta(seconds=30), repr(error)))
            return
        try:
            await asyncio.wait_for(self._effects.perform(job), timeout=DEADLINE)
        except Exception as error:  # noqa: BLE001 - the one broad catch: no job may end the loop
            await self._settle(claimed, self._failed(claimed, job, error))
        else:
            await self._settle(claimed, self._finish(claimed))

    async def _let_go(self, claimed: Claimed) -> Claimed:
        """Its lease by its last name: it is not renewed any more, so what is written next goes by that."""
        async with self._leases:
            return self._held.pop(_name(claimed), claimed)

    async def _finish(self, claimed: Claimed) -> None:
        held = await self._let_go(claimed)
        async with self._core.database.transaction() as tx:
            await tx.jobs.finish(held)

    async def _failed(self, claimed: Claimed, job: Job, error: Exception) -> None:
        if isinstance(error, Transient) and error.retry_after is not None:
            await self._later(claimed, error.retry_after, str(error), counts=False)
            return
        final = isinstance(error, Permanent | Refused) or claimed.attempts >= MOST_TRIES
        if not final:
            if not isinstance(error, Transient | TimeoutError) and not dialect.is_gone(error):
                fault_code(error, job=claimed.key)
            pause = self._core.clock.lasting(_pause_before(claimed.attempts))
            await self._later(claimed, pause, str(error) or repr(error))
            return
        log.error("job given up", job=claimed.key, attempts=claimed.attempts, error=str(error))
        await self._effects.gave_up(job, error)
        held = await self._let_go(claimed)
        async with self._core.database.transaction() as tx:
            await tx.jobs.bury(held, error=str(error) or repr(error), now=self._core.clock.now())

    async def _later(self, claimed: Claimed, pause: timedelta, error: str, *, counts: bool = True) -> None:
        held = await self._let_go(claimed)
        async with self._core.database.transaction() as tx:
            due_at = self._core.clock.now() + pause
            await tx.jobs.later(held, due_at=due_at, error=error[:500], counts=counts)

    async def _settle(self, claimed: Claimed, writing: Coroutine[Any, Any, None]) -> None:
        """Write down how a job went; if the database is away for that, the lease ends by itself."""
        try:
            await writing
        except Exception as error:  # noqa: BLE001 - as above
            if not (dialect.is_gone(error) or dialect.is_retryable(error)):
                fault_code(error, where="settling", job=claimed.key)
        finally:
            self._held.pop(_name(claimed), None)


def _name(claimed: Claimed) -> _Name:
    """A lease by its first name: a job whose lease was lost may be taken again here while the first try goes on."""
    return claimed.id, claimed.leased_until


def _pause_before(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s … 2 min, each with jitter, so that replicas and jobs do not come back together."""
    seconds = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempts - 1, 8))
    return timedelta(seconds=seconds * random.uniform(0.7, 1.3))
