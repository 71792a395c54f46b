"""`python -m benchmarks.people`: choosing among many technicians; the board and the sweep over many open incidents.

`--technicians` (1,000) and `--open` (100,000, spread over 50 companies that each have 300 ended ones).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from rich.console import Console
from rich.table import Table

from benchmarks import sweep
from benchmarks.sweep import Swept
from bot import app as product
from bot.core import Core
from bot.settings import Settings
from bot.shift.board import SHOWN, board_of
from engine.access import Actor, Via
from engine.company import Company, Role, User
from engine.operations import directory, respond
from engine.operations.ingest import Delivery, ingest
from engine.routing import Choice, Load, Wanted, choose
from integrations.sources import generic
from storage.transaction import Transaction
from tests.postgres import Cluster

SEED, TIMES, COMPANIES, ENDED, BATCH = 7, 50, 50, 300, 500
SEVERITIES = ("critical", "high", "medium", "low")
CLI = Actor(user=None, via=Via.CLI)


def routing(technicians: int) -> list[float]:
    """Milliseconds of each choice."""
    chance = random.Random(SEED)
    people = [
        User(
            id=number,
            name=f"P{number}",
            email=f"p{number}@msp.example",
            role=Role.TECHNICIAN,
            companies=frozenset({1}),
            skills=frozenset(chance.sample(["linux", "windows", "network", "database"], 2)),
            workload_limit=50,
        )
        for number in range(1, technicians + 1)
    ]
    loads = {
        one.id: Load(chance.randint(0, 40), chance.randint(0, 300), chance.randint(0, 4)) for one in people
    }
    want, now = Wanted(company_id=1, skills=frozenset({"linux", "storage"})), datetime.now(UTC)
    return [_timed(partial(choose, people, loads, want, now=now)) for _ in range(TIMES)]


def _timed(act: partial[Choice]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _alerts(company: int, numbers: range, chance: random.Random) -> Delivery:
    said = [
        {
            "asset_name": f"host-{_letters(number)}",
            "signature": "disk almost full",
            "severity": chance.choice(SEVERITIES),
        }
        for number in numbers
    ]
    return Delivery(company_id=company, alerts=tuple(generic.parse(said, {})))


def _letters(number: int) -> str:
    return "".join(chr(97 + number // 26**place % 26) for place in range(5))


async def _fill(core: Core, opened: int) -> list[Company]:
    """Companies with a past, and with their share of what is open."""
    chance, companies = random.Random(SEED), []
    for number in range(COMPANIES):
        company = Company(id=0, slug=f"c{number}", name=f"C{number}")
        made = await core.write(partial(_add, company=company, now=core.clock.now()))
        companies.append(made.company)
        share = ENDED + opened // COMPANIES
        for first in range(0, share, BATCH):
            delivery = _alerts(made.company.id, range(first, min(first + BATCH, share)), chance)
            await core.write(partial(ingest, deliveries=[delivery], now=core.clock.now()))
        await core.write(partial(_end_some, company_id=made.company.id, now=core.clock.now(), chance=chance))
    return companies


async def _add(tx: Transaction, company: Company, now: datetime) -> directory.Issued:
    return await directory.add_company(tx, company, with_hmac=False, actor=CLI, now=now)


async def _end_some(tx: Transaction, company_id: int, now: datetime, chance: random.Random) -> None:
    for incident in (await tx.incidents.listed(company_ids=[company_id], most=ENDED))[:ENDED]:
        later = now + timedelta(minutes=chance.randint(5, 600))
        await respond.resolve(tx, incident.id, actor=CLI, now=later)


async def board(core: Core, companies: list[Company]) -> list[float]:
    """Milliseconds of each look at the board of every company."""
    took = []
    now = core.clock.now() + timedelta(minutes=5)
    for _ in range(10):
        began = time.perf_counter()
        view = await core.read(lambda tx: board_of(tx, companies, offered_to=None, now=now, most=SHOWN))
        took.append((time.perf_counter() - began) * 1000)
        assert len(view.due) == SHOWN
    return took


async def _on(url: str, opened: int) -> dict[str, Swept]:
    core = await product.open_core(Settings(aw_database_url=url))
    try:
        found = {"the board": Swept(await board(core, await _fill(core, opened)), 0)}
        return found | await sweep.measure(core, url)
    finally:
        await core.database.close()


async def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.people", description=__doc__)
    parser.add_argument("--technicians", type=int, default=1_000)
    parser.add_argument("--open", type=int, default=100_000)
    given = parser.parse_args()
    shown = Table("what", "p50 ms", "slowest ms", "MB more, at most")
    rows = {f"a choice among {given.technicians:,} technicians": Swept(routing(given.technicians), 0)}

    async def on(database: str, url: str) -> None:
        for what, found in (await _on(url, given.open)).items():
            rows[f"{what}: {given.open:,} open incidents, {database}"] = found

    with tempfile.TemporaryDirectory() as folder:
        await on("SQLite", f"sqlite+aiosqlite:///{folder}/people.db")
        if (why := Cluster.missing()) is None:
            cluster = Cluster()
            cluster.start()
            try:
                await on("PostgreSQL", cluster.url())
            finally:
                cluster.stop()
        else:
            Console().print(f"not measured: PostgreSQL: {why}")
    for what, found in rows.items():
        grown = f"{found.grown:.1f}" if what.startswith("a sweep") else ""
        shown.add_row(what, f"{statistics.median(found.took):.1f}", f"{max(found.took):.1f}", grown)
    Console(width=120).print(shown)


if __name__ == "__main__":
    asyncio.run(main())
