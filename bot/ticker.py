"""The metronome: apscheduler ticks in memory, and every periodic thing is a keyed job that one replica gets.

Its job stores fire twice when shared and block the loop (PLATFORM §7), so none is used.
"""

from __future__ import annotations

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.clock import DatabaseClock
from bot.core import Core
from bot.faults import fault_code
from engine.jobs import Job, Sweep
from engine.outbreak import LOOK_EVERY
from engine.run_jobs import RecheckRuns
from storage import dialect
from storage.transaction import Transaction


class Ticker:
    """Puts the sweep when it is due, and keeps this process's clock with the database's."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    def start(self) -> None:
        every = {"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
        seconds = self._core.settings.aw_sla_sweep_seconds
        self._scheduler.add_job(self._sweep, "interval", ["sla"], seconds=seconds, **every)
        look = LOOK_EVERY.total_seconds()
        self._scheduler.add_job(self._sweep, "interval", ["outbreaks"], seconds=look, **every)
        self._scheduler.add_job(self._agree, "interval", seconds=60, **every)
        self._scheduler.add_job(
            self._put, args=[RecheckRuns(company_id=0)]
        )  # runbooks may be of another version
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def _sweep(self, name: str) -> None:
        await self._put(Sweep(company_id=0, name=name))

    async def _put(self, job: Job) -> None:
        async def put(tx: Transaction) -> None:
            tx.jobs.put(job, due_at=self._core.clock.now())

        try:
            await self._core.write(put)
        except Exception as error:  # noqa: BLE001 - a missed tick is made up by the next
            if not dialect.is_gone(error):
                fault_code(error, where=f"putting {job.key}")

    async def _agree(self) -> None:
        if isinstance(self._core.clock, DatabaseClock):
            try:
                await self._core.clock.agree(self._core.database)
            except Exception as error:  # noqa: BLE001 - the clock runs on from its last reading
                if not dialect.is_gone(error):
                    fault_code(error, where="clock")
