"""Many escalations over two replicas that die, stand still and disagree about the time: none missed, none doubled.

The replicas are processes (`escalating.py`): one or the other is killed (SIGKILL), stopped for longer than its lease
lasts (SIGSTOP), or has its clock wrong by seconds. `make bench-escalations` runs 10,000; AW_ESCALATIONS says how many.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.clock import DatabaseClock
from bot.core import Core
from bot.settings import child_environment
from bot.worker import LEASE
from engine.access import SYSTEM
from engine.alert import Severity
from engine.audit import TimelineKind
from engine.company import Role
from engine.incident import Incident, IncidentStatus
from engine.jobs import CheckSla
from engine.operations import configure
from engine.setting import SETTINGS, Origin
from engine.sla import ClockKind, SlaClock
from storage.people_tables import escalations
from storage.transaction import Transaction
from tests import given
from tests.bot.escalating import READY

COUNT = int(os.environ.get("AW_ESCALATIONS", "120"))
SEED = int(os.environ.get("AW_SEED", "20261124"))
A_SECOND, COMPANIES = int(os.environ.get("AW_ESCALATIONS_A_SECOND", "12")), 25
MANY = 1_000
"""From so many on, one in a hundred says something about lateness; among few, almost all meet trouble."""
MOST_LATE, MOST_LATE_OF_FEW = 5.0, 15.0
STOPPED = (LEASE.total_seconds() + 0.5, 8.0)
"""Seconds that a process stands still: its leases are over, and what it has locked it holds that long."""
MOST_WRONG = 5.0
"""Seconds by which a clock jumps: more than a lease lasts, so that a replica takes what the other one holds."""


@dataclass
class Replica:
    """One worker's process, which a new one follows when it is killed. What it logs goes into a file: nobody reads a
    pipe, and a process that writes into a full one stands still."""

    environment: dict[str, str]
    log: Path
    process: Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            begins = log.tell()
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bot.escalating", env=self.environment,
                stdin=PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        for _ in range(600):
            if READY in self.log.read_bytes()[begins:].decode().split("\n"):
                return
            assert self.process.returncode is None, self.log.read_text()[-2000:]
            await asyncio.sleep(0.1)
        raise AssertionError(f"it does not begin:\n{self.log.read_text()[-2000:]}")

    def send(self, what: signal.Signals) -> None:
        assert self.process is not None and self.process.returncode is None, "it ended by itself"
        self.process.send_signal(what)

    async def kill(self) -> None:
        """Also one that is stopped."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def jump(self, seconds: float) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n".encode())


@pytest.fixture
async def pair(core: Core, database_url: str, tmp_path: Path) -> AsyncIterator[list[Replica]]:
    environment = child_environment(
        {"AW_DATABASE_URL": database_url, "AW_SECRET_KEY": core.settings.aw_secret_key.get_secret_value()}
    )
    made = [Replica(environment, tmp_path / f"replica-{number}.log") for number in range(2)]
    yield made
    for one in made:
        await one.kill()


async def prepare(core: Core) -> datetime:
    """Incidents whose promise to respond is broken one after the other, so many a second; when the first is."""
    now = core.clock.now()

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
    begin = now + timedelta(seconds=5 + COUNT / 500)

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
    return begin


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


async def trouble(pair: list[Replica], happened: Counter[str], enough: asyncio.Event) -> None:
    """Round after round, each once in any order: a kill in the middle of things, a process that stands still until its
    leases are over, a clock that jumps."""
    dice = random.Random(SEED)
    while not enough.is_set():
        for kind in dice.sample(("kills", "stops", "jumps"), 3):
            await asyncio.sleep(dice.uniform(0.5, 3))
            one = dice.choice(pair)
            match kind:
                case "kills":
                    await one.kill()
                    await asyncio.sleep(dice.uniform(0, 0.5))
                    await one.start()
                case "stops":
                    one.send(signal.SIGSTOP)
                    await asyncio.sleep(dice.uniform(*STOPPED))
                    one.send(signal.SIGCONT)
                case _:
                    one.jump(dice.choice((-1, 1)) * dice.uniform(1, MOST_WRONG))
                    await asyncio.sleep(dice.uniform(0.5, 2))
                    one.jump(0)
            happened[kind] += 1


CALLED = sa.select(sa.func.count()).select_from(escalations)
TOLD = sa.text(
    "SELECT t.incident_id, extract(epoch FROM pg_xact_commit_timestamp(t.xmin)) * 1000000 AS at, e.due_at "
    "FROM timeline t JOIN escalations e ON e.incident_id = t.incident_id AND e.number = 1 WHERE t.kind = :kind"
)
"""When each call was there for others to see, by the server, whatever the replica's clock said."""


@pytest.mark.alone
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_none_is_missed_and_none_is_doubled(core: Core, pair: list[Replica]):
    clock = DatabaseClock()
    await clock.agree(core.database)
    core = replace(core, clock=clock)
    await asyncio.gather(*(one.start() for one in pair))
    begin = await prepare(core)
    await asyncio.sleep((begin - core.clock.now()).total_seconds())
    happened: Counter[str] = Counter()
    enough = asyncio.Event()
    making = asyncio.create_task(trouble(pair, happened, enough))
    for _ in range(int((1.2 * COUNT / A_SECOND + 90) / 0.5)):  # late is not missed
        await asyncio.sleep(0.5)
        async with core.database.reading() as tx:
            called = (await tx.connection.execute(CALLED)).scalar_one()
        if called >= COUNT or making.done():
            break
    enough.set()
    await making
    await asyncio.gather(*(one.kill() for one in pair))
    await asyncio.gather(*(one.start() for one in pair))  # a second call would come now: no lease is left
    await asyncio.sleep(LEASE.total_seconds() + 2)
    async with core.database.reading() as tx:
        calls = Counter((await tx.connection.execute(sa.select(escalations.c.incident_id))).scalars())
        rows = list(await tx.connection.execute(TOLD, {"kind": TimelineKind.ESCALATED.value}))
    missed, doubled = COUNT - len(calls), sum(calls.values()) - len(calls)
    late = sorted((float(row.at) - row.due_at) / 1_000_000 for row in rows)
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"{COUNT:,} escalations, {A_SECOND} a second, seed {SEED}, {dict(sorted(happened.items()))}: "
        f"{missed} missed, {doubled} doubled, late p50 {p50:.2f} s, p99 {p99:.2f} s, worst {late[-1]:.2f} s, "
        f"the earliest {max(0.0, -late[0]):.2f} s before its time; "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    assert (missed, doubled) == (0, 0)
    assert Counter(row.incident_id for row in rows) == calls, "each is told once"
    assert set(happened) == {"kills", "stops", "jumps"}
    assert -late[0] < MOST_WRONG + 1, "no clock said more than that"
    assert late[-1] < MOST_LATE_OF_FEW if COUNT < MANY else p99 < MOST_LATE
