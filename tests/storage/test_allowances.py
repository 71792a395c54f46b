"""The one statement that limits a company: it decides as the engine's arithmetic does, for any number of replicas."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.allowance import Limits, Window
from storage.database import Database
from storage.intake_tables import allowances
from storage.secrets import Vault
from tests.clock import START

COMPANY = 7


@pytest.mark.parametrize("seed", range(6))
async def test_it_decides_as_the_engine_would(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    window, now, known = Window(began_at=START), START, False
    for _ in range(60):
        now += timedelta(microseconds=chance.choice([0, 1, 900_000, 30_000_000, 60_000_000, 150_000_000]))
        if chance.random() < 0.1:
            now -= timedelta(seconds=chance.random())
        limits = Limits(rate=chance.choice([1, 5, 40, 1000]), burst=chance.choice([0, 0, 3, 9000]))
        wanted = chance.choice([1, 2, 17, 800])
        window, taken = (window if known else Window(began_at=now)).take(wanted, limits, now)
        async with database.transaction() as tx:
            found, admitted = await tx.allowances.take(COMPANY, wanted, limits, now=now)
        assert (found, admitted) == (window, taken), (now, limits, wanted)
        known = True


async def test_the_reserve_slides_with_the_window(database: Database) -> None:
    limits = Limits(rate=1)
    async with database.transaction() as tx:
        await tx.allowances.take(COMPANY, 1, limits, now=START)
        await tx.allowances.take_reserve(COMPANY, 8)
    for seconds, wanted in ((30, (8, 0)), (60, (0, 8)), (119, (0, 8)), (120, (0, 0))):
        async with database.transaction() as tx:
            window, _ = await tx.allowances.take(COMPANY, 1, limits, now=START + timedelta(seconds=seconds))
        assert (window.reserve.count, window.reserve.previous) == wanted, seconds


async def test_replicas_at_once_take_no_more_than_there_is(
    database: Database, database_url: str, vault: Vault
) -> None:
    replicas = [Database(database_url, vault) for _ in range(3)]

    async def send(replica: Database) -> int:
        taken = 0
        for _ in range(20):
            async with replica.transaction() as tx:
                taken += (await tx.allowances.take(COMPANY, 3, Limits(rate=100), now=START))[1]
        return taken

    try:
        assert sum(await asyncio.gather(*(send(one) for one in replicas for _ in range(2)))) == 100
    finally:
        for one in replicas:
            await one.close()


async def test_what_is_rolled_back_was_not_taken(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await tx.allowances.take(COMPANY, 5, Limits(rate=5), now=START)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - its own
        await fail()
    async with database.transaction() as tx:
        assert (await tx.allowances.take(COMPANY, 9, Limits(rate=5), now=START))[1] == 5


async def test_what_was_refused_is_counted_for_the_episode_and_for_ever(database: Database) -> None:
    async def refuse(requests: int, alerts: int, seconds: float) -> bool:
        async with database.transaction() as tx:
            return await tx.allowances.refuse(
                COMPANY, requests=requests, alerts=alerts, now=START + timedelta(seconds=seconds)
            )

    async with database.transaction() as tx:
        await tx.allowances.take(COMPANY, 1, Limits(rate=1), now=START)
        nothing = await tx.allowances.refused(COMPANY)
        assert nothing is not None and nothing.limited_at is None
        assert await tx.allowances.refused(COMPANY + 1) is None
    assert await refuse(2, 5, 1)
    assert not await refuse(1, 1, 4)
    async with database.transaction() as tx:
        seen = await tx.allowances.refused(COMPANY)
        assert seen is not None and (seen.requests, seen.alerts) == (3, 6)
        assert seen.limited_at == START + timedelta(seconds=1)
        assert seen.refused_at == START + timedelta(seconds=4)
    assert not await refuse(1, 1, 5)
    async with database.transaction() as tx:
        assert not await tx.allowances.end(seen), "more was refused since it was looked at"
        newer = await tx.allowances.refused(COMPANY)
        assert newer is not None and await tx.allowances.end(newer)
    assert await refuse(10, 10, 90)
    async with database.reading() as tx:
        last = await tx.allowances.refused(COMPANY)
        assert last is not None and (last.requests, last.total_requests, last.total_alerts) == (10, 14, 17)
        assert await tx.allowances.all_refused() == [], "a company that is unknown has no name"


async def test_one_row_of_a_company_locks_no_other(database: Database, backend: str) -> None:
    """On PostgreSQL two companies are decided at once; SQLite has one writer at a time anyway."""
    async with database.transaction() as tx:
        await tx.allowances.take(1, 1, Limits(rate=5), now=START)
        if backend == "postgresql":
            async with database.transaction() as other:
                assert (await other.allowances.take(2, 1, Limits(rate=5), now=START))[1] == 1
    async with database.reading() as tx:
        rows = await tx.connection.execute(sa.select(sa.func.count()).select_from(allowances))
        assert rows.scalar_one() == (2 if backend == "postgresql" else 1)
