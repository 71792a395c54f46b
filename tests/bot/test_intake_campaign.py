"""What was answered 202 is there, once, whatever happens to the server, to PostgreSQL and to the disk meanwhile.

Real processes of `aw serve`, senders that repeat a delivery until it is taken, as monitoring tools do. AW_INTAKE_KILLS
and AW_INTAKE_STOPS say how often there is trouble; `make bench-intake-trouble` has 500 kills and 20 stops.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.clock import DatabaseClock
from engine.access import Actor, Via
from engine.company import Company
from engine.operations import directory
from storage.database import Database
from storage.secrets import Vault
from storage.tables import alerts, deliveries, incidents
from storage.transaction import Transaction
from tests.bot.shell import environment
from tests.conftest import SECRET_KEY, a_cluster
from tests.ports import free_port
from tests.waits import eventually

KILLS = int(os.environ.get("AW_INTAKE_KILLS", "3"))
STOPS = int(os.environ.get("AW_INTAKE_STOPS", "3"))
SENDERS, PLACES, PROBLEMS = 12, 40, 7
BACK_WITHIN = 5.0
"""Seconds from when the trouble is over until alerts are taken again; a process that is killed has to start first."""
UNTIL_STARTED = 30.0

pytestmark = pytest.mark.alone


@dataclass
class Server:
    """One replica in a process of its own, always on the same port."""

    database_url: str
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        changes = {
            "AW_DATABASE_URL": self.database_url,
            "AW_SECRET_KEY": SECRET_KEY,
            "AW_PORT": str(self.port),
            "AW_AI": "off",
        }
        nowhere = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", env=environment(**changes), stdout=nowhere, stderr=nowhere
        )

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid


@dataclass
class Senders:
    """Each sends one delivery after the other, and each of them until it is taken."""

    port: int
    key: str
    told: dict[str, str] = field(default_factory=dict)
    """The alert that each delivery became, as the 202 said."""
    refused: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    taken_at: float = 0.0
    stopping: bool = False
    numbers: int = 0

    async def send(self, http: aiohttp.ClientSession) -> None:
        while not self.stopping:
            number, self.numbers = self.numbers, self.numbers + 1
            await self.until_taken(http, f"delivery-{number}", number)

    async def until_taken(self, http: aiohttp.ClientSession, name: str, number: int) -> None:
        body = {"asset_name": f"host-{number % PLACES}", "signature": f"Fault {number % PROBLEMS}"}
        while True:
            try:
                async with http.post(
                    f"http://127.0.0.1:{self.port}/api/webhooks/alerts",
                    json=body,
                    headers={"X-API-Key": self.key, "X-Delivery-ID": name},
                ) as answer:
                    if answer.status == 202:
                        said = (await answer.json())["results"][0]["alert_id"]
                        if self.told.setdefault(name, said) != said:
                            self.wrong.append(f"{name} was {self.told[name]} and is {said}")
                        self.taken_at = asyncio.get_running_loop().time()
                        return
                    self.refused[answer.status] += 1
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                self.refused[0] += 1
            await asyncio.sleep(0.05)

    async def taken_after(self, since: float, within: float) -> float:
        """Seconds from that moment until the next delivery was taken."""
        loop = asyncio.get_running_loop()
        while self.taken_at <= since:
            assert loop.time() - since < within, f"nothing was taken for {within:.0f} s: {self.refused}"
            await asyncio.sleep(0.01)
        return self.taken_at - since


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, Vault([SECRET_KEY]))
    try:
        yield database
    finally:
        await database.close()


async def a_key(url: str) -> str:
    async with opened(url) as database:
        clock = DatabaseClock()
        await clock.agree(database)

        async def provision(tx: Transaction) -> str:
            company = Company(id=0, slug="acme", name="Acme", rate_limit=10**9)
            actor = Actor(user=None, via=Via.CLI)
            return (
                await directory.add_company(tx, company, with_hmac=False, actor=actor, now=clock.now())
            ).api_key

        async with database.transaction() as tx:
            return await provision(tx)


async def campaign(url: str, trouble: Callable[[Server, Senders], Awaitable[str]]) -> str:
    """Send while there is trouble; then everything that was told has to be true. What happened, in words."""
    server = Server(url)
    senders = Senders(server.port, await a_key(url))
    await server.start()
    timeout = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            sending = [asyncio.create_task(senders.send(http)) for _ in range(SENDERS)]
            try:
                await senders.taken_after(asyncio.get_running_loop().time(), UNTIL_STARTED)
                words = await trouble(server, senders)
            finally:
                senders.stopping = True
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.gather(*sending), UNTIL_STARTED)
            for number in random.Random(5).sample(range(senders.numbers), min(50, senders.numbers)):
                await senders.until_taken(http, f"delivery-{number}", number)
    finally:
        await server.kill()
    assert senders.wrong == [], "a repeat gets the first answer again"
    assert len(senders.told) == senders.numbers, "each was taken in the end"
    await check(url, senders)
    return f"{senders.numbers:,} deliveries, {dict(senders.refused)} refused meanwhile; {words}"


async def check(url: str, senders: Senders) -> None:
    async with opened(url) as database, database.reading() as tx:
        there = set(map(str, (await tx.connection.execute(sa.select(alerts.c.id))).scalars()))
        kept = (await tx.connection.execute(sa.select(sa.func.count()).select_from(deliveries))).scalar_one()
        counted = (await tx.connection.execute(sa.select(sa.func.sum(incidents.c.count)))).scalar_one()
    missing = set(senders.told.values()) - there
    assert not missing, f"{len(missing)} were answered 202 and are not there"
    assert kept == senders.numbers, f"{kept} kept of {senders.numbers} deliveries"
    assert counted == senders.numbers, f"the incidents count {counted} alerts of {senders.numbers}"


async def test_a_server_that_is_killed_again_and_again(database_url: str, capsys: Any):
    dice, back = random.Random(11), []

    async def kills(server: Server, senders: Senders) -> str:
        loop = asyncio.get_running_loop()
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0.05, 0.8))
            await server.kill()
            since = loop.time()
            await server.start()
            back.append(await senders.taken_after(since, UNTIL_STARTED))
        return f"{KILLS} kills, back after {sorted(back)[len(back) // 2]:.1f} s (median), {max(back):.1f} s (most)"

    words = await campaign(database_url, kills)
    with capsys.disabled():
        print(f"\n  {words}")


async def test_postgresql_that_stops_at_once(capsys: Any):
    cluster = a_cluster()
    try:
        async with opened(cluster.url()) as database:
            await database.migrate()
        dice, back = random.Random(12), []

        async def stops(_server: Server, senders: Senders) -> str:
            loop = asyncio.get_running_loop()
            for _ in range(STOPS):
                await asyncio.sleep(dice.uniform(0.3, 1.5))
                await asyncio.to_thread(cluster.crash)
                await asyncio.sleep(dice.uniform(0.0, 1.0))
                await asyncio.to_thread(cluster.start)
                back.append(await senders.taken_after(loop.time(), UNTIL_STARTED))
            return f"{STOPS} stops, back after {max(back):.1f} s at most"

        words = await campaign(cluster.url(), stops)
    finally:
        cluster.stop()
    with capsys.disabled():
        print(f"\n  {words}")
    assert max(back) < BACK_WITHIN


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_disk_that_is_full(database_url: str, capsys: Any):
    path = Path(database_url.removeprefix("sqlite+aiosqlite:///"))

    async def full(server: Server, senders: Senders) -> str:
        loop = asyncio.get_running_loop()
        grown = max(one.stat().st_size for one in path.parent.glob(f"{path.name}*"))
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (grown + 64 * 1024, resource.RLIM_INFINITY))
        await eventually(lambda: senders.refused[503] >= 3 * SENDERS, what="a disk that is full")
        before = len(senders.told)
        await asyncio.sleep(1.0)
        assert len(senders.told) - before < 10, "hardly anything fits any more"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        back = await senders.taken_after(loop.time(), UNTIL_STARTED)
        assert server.process is not None and server.process.returncode is None, "it was never started anew"
        assert back < BACK_WITHIN
        await asyncio.sleep(0.5)
        return f"full, then back after {back:.1f} s without a restart"

    words = await campaign(database_url, full)
    with capsys.disabled():
        print(f"\n  {words}")
