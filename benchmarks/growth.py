"""What an alert costs while a thousand, and while a million incidents are open, and a look at the clocks due."""

from __future__ import annotations

import json
import random
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from rich.table import Table

from bot import app as product
from bot.core import Core
from bot.settings import Settings
from engine.access import Actor, Via
from engine.company import Company
from engine.operations import directory
from engine.operations.ingest import Delivery, ingest
from integrations.sources import generic
from storage.transaction import Transaction

BATCH, BATCHES = 64, 60
PREFILL = 20_000
SEED = 7


def line(number: int) -> dict[str, object]:
    letters = "".join(chr(97 + number // 26**place % 26) for place in range(5))
    return {"asset_name": f"host-{letters}", "signature": "disk almost full", "severity": "high"}


@dataclass(slots=True)
class Cost:
    """Microseconds of processor time per alert, and milliseconds of one look for due clocks."""

    opened: int
    repeat: float
    new: float
    sweep: float


async def _company(core: Core) -> int:
    async def provision(tx: Transaction) -> int:
        actor = Actor(user=None, via=Via.CLI)
        company = Company(id=0, slug="bench", name="Bench")
        now = core.clock.now()
        made = await directory.add_company(tx, company, with_hmac=False, actor=actor, now=now)
        return made.company.id

    return await core.write(provision)


async def _take(core: Core, company_id: int, numbers: range | list[int]) -> None:
    alerts = tuple(generic.parse(json.loads(json.dumps([line(number) for number in numbers])), {}))
    delivery = Delivery(company_id=company_id, alerts=alerts)
    await core.write(partial(ingest, deliveries=[delivery], now=core.clock.now()))


async def _timed(core: Core, company_id: int, batches: list[list[int]]) -> float:
    began = time.process_time()
    for numbers in batches:
        await _take(core, company_id, numbers)
    return (time.process_time() - began) / sum(map(len, batches)) * 1e6


async def _sweep(core: Core) -> float:
    async def look(tx: Transaction) -> int:
        return len(await tx.clocks.awaited(core.clock.now() + timedelta(seconds=1)))

    began = time.perf_counter()
    await core.read(look)
    return (time.perf_counter() - began) * 1000


async def costs(most: int) -> list[Cost]:
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        core = await product.open_core(Settings(aw_database_url=f"sqlite+aiosqlite:///{folder}/growth.db"))
        company_id = await _company(core)
        found: list[Cost] = []
        opened = 0
        for step in [one for one in (1_000, 10_000, 100_000, 1_000_000) if one <= most]:
            while opened < step:
                await _take(core, company_id, range(opened, min(step, opened + 500)))
                opened = min(step, opened + 500)
            async with core.database.transaction() as tx:
                await tx.connection.execute(sa.text("DELETE FROM jobs"))  # nobody works here
            repeats = [[chance.randrange(opened) for _ in range(BATCH)] for _ in range(BATCHES)]
            repeat = await _timed(core, company_id, repeats)
            fresh = [list(range(opened + BATCH * one, opened + BATCH * (one + 1))) for one in range(10)]
            new = await _timed(core, company_id, fresh)
            opened += BATCH * 10
            found.append(Cost(step, repeat, new, await _sweep(core)))
        await core.database.close()
    return found


async def table(most: int) -> Table:
    shown = Table(
        "open incidents", "µs per repeated alert", "µs per new incident", "ms per look for due clocks"
    )
    for cost in await costs(most):
        shown.add_row(f"{cost.opened:,}", f"{cost.repeat:.0f}", f"{cost.new:.0f}", f"{cost.sweep:.2f}")
    return shown
