"""Many escalations over two replicas that die, stand still and disagree about the time: none missed, none doubled.

`make bench-escalations` runs 10,000; AW_ESCALATIONS says how many.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from bot.clock import DatabaseClock
from bot.core import Core
from bot.worker import Worker
from engine.access import SYSTEM
from engine.alert import Severity
from engine.audit import TimelineKind
from engine.company import Role
from engine.incident import Incident, IncidentStatus
from engine.jobs import CheckSla
from engine.operations import configure
from engine.setting import SETTINGS, Origin
from engine.sla import ClockKind, SlaClock
from storage.database import Database
from storage.people_tables import escalations
from storage.tables import timeline
from storage.transaction import Transaction
from tests import given

COUNT = int(os.environ.get("AW_ESCALATIONS", "120"))
A_SECOND, COMPANIES = 20, 25
JUMP = timedelta(seconds=1)


class JumpingClock(DatabaseClock):
    """The database's time, wrong by what a test says until it is read again."""

    off = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.off


class Replica:
    """One replica's worker. `kill` ends it as a process ends: nothing that it had begun is finished."""

    def __init__(self, core: Core, clock: JumpingClock) -> None:
        self.core, self.clock = core, clock
        self.start()

    def start(self) -> None:
        self.worker = Worker(self.core, {}, {})
        self.task = asyncio.create_task(self.worker.run())

    async def kill(self) -> None:
        dying = {self.task, *self.worker._running}
        while dying:  # a wait that ends just then can swallow the first try
            for task in dying:
                task.cancel()
            _, dying = await asyncio.wait(dying, timeout=0.5)

    async def stop(self) -> None:
        self.worker.stop()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def pair(core: Core, database_url: str) -> AsyncIterator[list[Replica]]:
    made, opened = [], []
    for _ in range(2):
        database, clock = Database(database_url, core.database.vault), JumpingClock()
        await clock.agree(database)
        opened.append(database)
        made.append(Replica(replace(core, database=database, clock=clock, nudge=asyncio.Event()), clock))
    yield made
    for one in made:
        await one.stop()
    for database in opened:
        await database.close()


async def prepare(core: Core) -> None:
    """Incidents whose promise to respond is broken one after the other, so many a second."""
    clock = JumpingClock()
    await clock.agree(core.database)
    now = clock.now()

    async def people(tx: Transaction) -> list[int]:
        where, setting = configure.Where(Origin.MSP), SETTINGS["escalation"]
        chain = setting.read("response company_admin")
        await configure.put(tx, where, setting, chain, actor=SYSTEM, now=now)
        where, setting = configure.Where(Origin.MSP), SETTINGS["escalation_repeat"]
        await configure.put(tx, where, setting, 0, actor=SYSTEM, now=now)
        ids = []
        for number in range(COMPANIES):
            company = await given.company(tx, f"c{number}", slack_channel=None)
            await given.user(tx, f"Admin {number}", Role.COMPANY_ADMIN, company, slack_user=None)
            ids.append(company.id)
        return ids

    ids = await core.write(people)
    begin = now + timedelta(seconds=2 + COUNT / 2000)

    async def some(tx: Transaction, first: int) -> None:
        drafts = [
            draft(number, ids[number % COMPANIES], now) for number in range(first, min(first + 500, COUNT))
        ]
        for place, incident in enumerate(await tx.incidents.open(drafts)):
            assert incident is not None
            due_at = begin + timedelta(seconds=(first + place) / A_SECOND)
            tx.clocks.put(
                SlaClock(
                    incident_id=incident.id,
                    company_id=incident.company_id,
                    kind=ClockKind.RESPONSE,
                    started_at=now,
                    target=due_at - now,
                    warn_before=timedelta(0),
                )
            )
            tx.jobs.put(CheckSla(company_id=incident.company_id, incident_id=incident.id), due_at=due_at)

    for first in range(0, COUNT, 500):
        await core.write(partial(some, first=first))


def draft(number: int, company_id: int, now: datetime) -> Incident:
    return Incident(
        id=0,
        company_id=company_id,
        correlation_key=f"host-{number}|down",
        title="Down",
        asset=f"host-{number}",
        asset_name=f"host-{number}",
        signature="down",
        category="availability",
        severity=Severity.HIGH,
        status=IncidentStatus.NEW,
        opened_at=now,
        last_alert_at=now,
        opened_reason="a test",
    )


async def trouble(pair: list[Replica], dice: random.Random) -> None:
    """One after the other: a kill in the middle of things, a clock that jumps, a replica that stands still."""
    while True:
        await asyncio.sleep(dice.uniform(2, 8))
        one = dice.choice(pair)
        match dice.randrange(3):
            case 0:
                await one.kill()
                await asyncio.sleep(dice.uniform(0, 0.5))
                one.start()
            case 1:
                one.clock.off = dice.choice([-JUMP, JUMP])
                await asyncio.sleep(dice.uniform(0.2, 1))
                one.clock.off = timedelta(0)
            case _:  # no task of it runs, as in a process that was stopped; its leases end meanwhile
                await one.kill()
                await asyncio.sleep(dice.uniform(0.5, 2))
                one.start()


@pytest.mark.alone
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_none_is_missed_and_none_is_doubled(core: Core, pair: list[Replica]):
    await prepare(core)
    making = asyncio.create_task(trouble(pair, random.Random(7)))
    found: list[tuple[int, float]] = []
    for _ in range(int((COUNT / A_SECOND + 90) / 0.5)):
        await asyncio.sleep(0.5)
        async with core.database.reading() as tx:
            made = sa.select(escalations.c.incident_id, escalations.c.at, escalations.c.due_at)
            rows = list(await tx.connection.execute(made))
        if len(rows) >= COUNT:
            break
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    for one in pair:
        if one.task.done():
            one.start()
    await asyncio.sleep(1)
    async with core.database.reading() as tx:
        rows = list(await tx.connection.execute(made))
        told = sa.select(timeline.c.incident_id).where(timeline.c.kind == TimelineKind.ESCALATED.value)
        lines = Counter((await tx.connection.execute(told)).scalars())
    found = [(row.incident_id, (row.at - row.due_at).total_seconds()) for row in rows]
    calls = Counter(number for number, _ in found)
    assert len(calls) == COUNT, f"{COUNT - len(calls)} missed"
    assert set(calls.values()) == {1}, "doubled"
    assert lines == calls, "each is told once"
    late = sorted(span for _, span in found)
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"{COUNT:,} escalations: 0 missed, 0 doubled, late p50 {p50:.2f} s, p99 {p99:.2f} s, worst {late[-1]:.2f} s"
    )
    assert p99 < 20
