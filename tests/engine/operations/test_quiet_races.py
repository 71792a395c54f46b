"""An alert that comes while the quiet ends is held and heard, or not held: never kept for ever. Two replicas."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.core import Core
from bot.effects import Effects
from engine.alert import Alert
from engine.errors import Conflict, Transient
from engine.incident import IncidentStatus
from engine.jobs import TurnQuiet
from engine.operations import respond, silence
from engine.operations.ingest import ingest
from engine.operations.turn import turn
from engine.sla import ClockKind
from engine.suppression import QuietKind, QuietRule, Scope
from storage.database import Database
from storage.tables import alerts as alerts_table
from storage.transaction import Transaction
from tests import given
from tests.given import World, recovery, results
from tests.given import alert as says
from tests.quiet import a_wish, add, incidents, receipts, turned

HELD_BACK = 0.3
"""Seconds after which something that waits for a lock is believed to wait."""
concurrent = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
"""SQLite has one writer: there is nothing in between."""


@pytest.fixture
async def replicas(world: World, database_url: str) -> AsyncIterator[list[Core]]:
    core = world.core
    second = Database(database_url, core.database.vault)
    yield [core, replace(core, database=second, nudge=asyncio.Event())]
    await second.close()


async def tell(core: Core, world: World, *alerts: Alert) -> list[dict[str, object]]:
    one = given.delivery(world.acme, *alerts)
    (answer,) = await core.write(lambda tx: ingest(tx, [one], core.clock.now()))
    return results(answer)


async def end(core: Core, world: World, rule: QuietRule) -> None:
    actor = given.actor(world.root)
    await core.write(lambda tx: silence.end(tx, rule.id, actor=actor, now=core.clock.now()))
    await core.write(lambda tx: turn(tx, rule.id, core.clock.now()))


async def waits(work: Awaitable[object]) -> asyncio.Task[object]:
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=HELD_BACK)
    assert not done, "it should wait for the other's lock"
    return task


@concurrent
@pytest.mark.parametrize("known", [True, False])
async def test_what_is_being_held_while_it_ends_early_is_heard(world, replicas, known):
    """Either the end came first and the alert is judged again, or it was held and the end hears it."""
    rule = await add(world)
    first, second = replicas
    if known:  # the company's row is nobody's: the end does not wait for this batch
        await tell(second, world, says("elsewhere"))
    first.clock.advance(minutes=1)
    ending: list[asyncio.Task[object]] = []

    async def late() -> None:
        async with second.database.transaction() as tx:
            (answer,) = await ingest(tx, [given.delivery(world.acme, says())], first.clock.now())
            assert results(answer)[0]["suppressed_by"], "it saw the silence as it was"
            ending.append(await waits(end(first, world, rule)))

    if known:
        with pytest.raises(Conflict):
            await late()
    else:
        await late()
    await ending[0]
    (said,) = await tell(second, world, says())
    assert said["is_new"] is known and said["deduplicated"] is not known
    found = [one for one in await incidents(world) if one.asset_name == "web-01"]
    assert [one.firing for one in found] == [1]


@concurrent
async def test_what_is_being_held_while_it_ends_by_itself_is_heard_by_the_end(world, replicas):
    """The end waits for its turn: nothing is left behind in what has ended already."""
    rule = await add(world)
    first, second = replicas
    first.clock.advance(minutes=1)
    moment = first.clock.now()
    async with second.database.transaction() as tx:
        await ingest(tx, [given.delivery(world.acme, says())], moment)
        first.clock.advance(hours=2)
        ending = await waits(turned(world, rule))
    await ending
    (opened,) = await incidents(world)
    assert opened.firing == 1
    (said,) = await tell(second, world, says())
    assert said["deduplicated"], "its next try is the same incident"


@concurrent
async def test_what_was_held_just_before_it_ended_is_heard(world, replicas):
    rule = await add(world)
    async with replicas[1].database.transaction() as tx:
        await ingest(tx, [given.delivery(world.acme, says())], replicas[0].clock.now())
        await tx.flush()
        ending = await waits(end(replicas[0], world, rule))
    await ending
    (opened,) = await incidents(world)
    assert opened.firing == 1


@concurrent
async def test_a_recovery_just_before_the_end_is_not_heard_of_any_more(world, replicas):
    rule = await add(world)
    await tell(replicas[0], world, says())
    async with replicas[1].database.transaction() as tx:
        await ingest(tx, [given.delivery(world.acme, recovery())], replicas[0].clock.now())
        ending = await waits(end(replicas[0], world, rule))
    await ending
    assert await incidents(world) == []


@concurrent
async def test_a_recovery_during_the_end_ends_what_was_just_opened(world, replicas):
    rule = await add(world)
    first, second = replicas
    await tell(first, world, says())
    actor = given.actor(world.root)
    await first.write(lambda tx: silence.end(tx, rule.id, actor=actor, now=first.clock.now()))
    async with first.database.transaction() as tx:
        await turn(tx, rule.id, first.clock.now())
        recovering = await waits(tell(second, world, recovery()))
    await recovering
    (found,) = await incidents(world)
    assert found.status is IncidentStatus.RESOLVED and found.firing == 0


@concurrent
async def test_a_claim_while_planned_work_begins_keeps_both(world, replicas):
    """The response clock is met and nothing runs: whoever comes second sees what the first did."""
    first, second = replicas
    (told,) = await tell(first, world, says())
    number, kim, now = given.number(str(told["incident_id"])), given.actor(world.kim), first.clock.now()
    wish = a_wish(world, QuietKind.MAINTENANCE)
    rule = await first.write(lambda tx: silence.add(tx, wish, actor=given.actor(world.root), now=now))
    async with second.database.transaction() as tx:
        await respond.claim(tx, number, actor=kim, now=now)
        beginning = await waits(turned(world, rule))
    await beginning
    clocks = {one.kind: one for one in await first.read(lambda tx: tx.clocks.of(number))}
    assert clocks[ClockKind.RESPONSE].met_at == now and clocks[ClockKind.RESPONSE].paused_at is None
    assert clocks[ClockKind.RESOLUTION].paused_at == now


@pytest.mark.alone
async def test_a_storm_across_the_end_loses_nothing(world, replicas):
    """Alerts from two replicas while it begins, ends early and turns twice: each has an incident afterwards."""
    rule = await add(world, scope=Scope(asset="m-*"))
    names = [f"m-{number}" for number in range(30)]

    async def send(place: int) -> None:
        await asyncio.sleep(place * 0.004)
        await tell(replicas[place % 2], world, says(names[place % 30]), says(names[(place * 7) % 30]))

    async def close() -> None:
        await asyncio.sleep(0.08)
        await end(replicas[0], world, rule)

    await asyncio.gather(*(send(place) for place in range(60)), close(), close())
    for core in replicas:
        await turned(world, rule, core)
    async with world.core.database.reading() as tx:
        assert await _stuck(tx) == []
    found = await incidents(world)
    assert sorted(one.asset_name for one in found) == sorted(names)
    assert sum(one.count for one in found) == 120 and all(one.firing == 1 for one in found)


async def _stuck(tx: Transaction) -> list[str]:
    """Alerts that fire, are held, and will never be heard."""
    held = sa.and_(alerts_table.c.held_by.is_not(None), alerts_table.c.incident_id.is_(None))
    statement = sa.select(alerts_table.c.asset_name).where(held, alerts_table.c.status == "firing")
    return list((await tx.connection.execute(statement)).scalars())


async def test_timers_of_two_replicas_and_an_early_end_make_one_receipt(world, replicas):
    rule = await add(world)
    await tell(replicas[0], world, says(), says(signature="CPU high"))
    world.core.clock.advance(hours=1)
    await asyncio.gather(*(end(replicas[place % 2], world, rule) for place in range(4)))
    world.core.clock.advance(seconds=timedelta(hours=3).total_seconds())
    await asyncio.gather(*(turned(world, rule, replicas[place % 2]) for place in range(4)))
    assert len(await receipts(world)) == 1 and len(await incidents(world)) == 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_timer_that_keeps_losing_is_put_off_and_not_given_up(world, monkeypatch):
    rule = await add(world)

    async def lost(*_: object) -> None:
        raise Conflict

    monkeypatch.setattr("bot.effects.turn", lost)
    monkeypatch.setattr("bot.core.TRIES", 1)
    with pytest.raises(Transient):
        await Effects(world.core, {}, {}).perform(TurnQuiet(company_id=world.acme.id, rule_id=rule.id))
