"""The look that finds what a lost timer would miss: it reads what is due, not what is open."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from bot.core import Core
from bot.effects import Effects
from engine.jobs import CheckSla, Sweep
from engine.report_jobs import SendReports
from storage.clocks import awaiting
from storage.companies import Companies
from storage.dialect import microseconds
from storage.tables import jobs
from tests import given
from tests.clock import TestClock
from tests.given import World


async def sweep(core: Core) -> None:
    await Effects(core, {}, {}).perform(Sweep(company_id=0, name="sla"))


async def kinds(core: Core) -> set[str]:
    async with core.database.reading() as tx:
        return set((await tx.connection.execute(sa.select(jobs.c.kind))).scalars())


async def test_no_company_is_read_whole_for_it(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its machines, people and rules: a sweep over hundreds of companies would be seconds late with that."""
    async with core.database.transaction() as tx:
        for name in ("a", "b", "c"):
            await given.company(tx, name, slack_channel=None)
    read: list[Any] = []
    kept = Companies._read_context

    async def reading(self: Companies, company_id: int) -> Any:
        read.append(company_id)
        return await kept(self, company_id)

    monkeypatch.setattr(Companies, "_read_context", reading)
    await sweep(core)
    assert read == []
    assert SendReports.kind in await kinds(core), "and yet each company's report is planned"


async def test_what_is_due_is_found_by_its_index(world: World, clock: TestClock) -> None:
    core = world.core
    await world.tell(given.alert("web-01"))
    now = clock.advance(hours=48)
    async with core.database.transaction() as tx:
        assert len(await tx.clocks.awaited(now)) == 2, "to respond to it, and to resolve it"
        if core.database.sqlite:
            explain = "EXPLAIN QUERY PLAN"
        else:  # a table this small would be read whole
            explain = "EXPLAIN"
            for name in ("seqscan", "bitmapscan", "sort"):
                await tx.connection.exec_driver_sql(f"SET LOCAL enable_{name} = off")
        asked = awaiting(now, 1000).compile()
        values = asked.params | {"next_check_at_1": microseconds(now)}
        plan = [str(row) for row in await tx.connection.execute(sa.text(f"{explain} {asked}"), values)]
        await tx.connection.execute(sa.delete(jobs))  # the timers are lost
    assert any("ix_sla_clocks_next" in line for line in plan), plan
    assert not any(word in line for line in plan for word in ("Sort", "B-TREE")), (
        "the index has the order, too"
    )
    await sweep(core)
    assert CheckSla.kind in await kinds(core)
