"""The look that finds what a lost timer would miss, over very many open incidents: how long, and how much memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot import app as product
from bot import settings
from bot.core import Core
from bot.effects import Effects
from engine.jobs import CheckSla, Sweep
from storage.tables import jobs, sla_clocks

TIMES, DUE = 10, 1_000
LATER = timedelta(days=2)
"""So long was nothing running: every promise is due."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A clock that stands still."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def lasting(self, span: timedelta) -> timedelta:
        return span


@dataclass(slots=True)
class Swept:
    """Milliseconds of each time, and by how many MB all of them together made the process's memory grow at most."""

    took: list[float]
    grown: float


async def measure(core: Core, url: str) -> dict[str, Swept]:
    """When nothing is due, when some are, and when everything is. The timers that wait are the incidents' own. Each in
    a process that has just begun: it remembers nothing, and has no memory to spare."""
    async with core.database.transaction() as tx:
        await tx.connection.execute(sa.delete(jobs).where(jobs.c.kind != CheckSla.kind))  # nobody works here
        nth = sa.select(sla_clocks.c.next_check_at).where(sla_clocks.c.next_check_at.is_not(None))
        nth = nth.order_by(sla_clocks.c.next_check_at).offset(DUE - 1).limit(1)
        some = (await tx.connection.execute(nth)).scalar_one()
    now = core.clock.now()
    moments = {"nothing is due": now, f"{DUE:,} are due": some, "all are due": now + LATER}
    return {f"a sweep, {name}": await _in_a_process(url, at) for name, at in moments.items()}


async def _in_a_process(url: str, at: datetime) -> Swept:
    sweeping = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.sweep", at.isoformat(),
        stdout=PIPE, env=os.environ | {"AW_DATABASE_URL": url},
    )  # fmt: skip
    said, _ = await sweeping.communicate()
    if sweeping.returncode:
        raise RuntimeError("the sweep failed, as it said above")
    return Swept(**json.loads(said))


async def _sweep(at: datetime) -> Swept:
    core = await product.open_core(settings.read())
    effects = Effects(replace(core, clock=Standing(at)), {}, {})
    took: list[float] = []
    before = _megabytes()
    for _ in range(TIMES):
        began = time.perf_counter()
        await effects.perform(Sweep(company_id=0, name="sla"))
        took.append((time.perf_counter() - began) * 1000)
    grown = _megabytes() - before
    await core.database.close()
    return Swept(took, grown)


def _megabytes() -> float:
    """The most that this process ever had. What getrusage says begins with the parent's, this does not."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_sweep(datetime.fromisoformat(sys.argv[1]))))))
