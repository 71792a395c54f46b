"""Calling goes on when a hand is taken off: given back, given on, reopened; and not before somebody had their time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from engine.operations import clocks, escalate, respond
from storage.tables import jobs
from tests.clock import TestClock
from tests.engine.operations.test_respond import do
from tests.given import World, number, results
from tests.given import alert as says

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
HALF_HOUR = timedelta(minutes=30)


async def due(world: World, incident: int) -> datetime | None:
    """When its chain is looked at next."""
    key = f"escalate:{incident}"
    found = await world.core.read(
        lambda tx: tx.connection.execute(sa.select(jobs.c.due_at).where(jobs.c.key == key))
    )
    at: datetime | None = found.scalar()
    return at


async def looked(world: World, incident: int) -> None:
    """What the worker does with the two timers."""
    now = world.core.clock.now()

    async def checks(tx):
        await tx.connection.execute(sa.delete(jobs))
        await clocks.check(tx, incident, now=now)

    async def follows(tx):
        await tx.connection.execute(sa.delete(jobs))
        await escalate.follow(tx, incident, now=now)

    await world.core.write(checks)
    await world.core.write(follows)


async def calls(world: World, incident: int) -> list[int]:
    return [one.step + 1 for one in await world.core.read(lambda tx: tx.escalations.of(incident))]


@pytest.fixture
async def late(world: World, clock: TestClock) -> int:
    """Late to be resolved: the company's admins were called, and Kim claimed it after that."""
    incident = number(results(await world.tell(says()))[0]["incident_id"])
    await do(world, respond.claim, incident, world.kim)
    clock.advance(hours=4)
    await looked(world, incident)
    assert await calls(world, incident) == [2]
    clock.advance(minutes=1)
    await do(world, respond.note, incident, world.kim, text="at it")
    clock.advance(minutes=40)
    await looked(world, incident)
    assert await calls(world, incident) == [2], "Kim was heard of"
    return incident


async def test_given_back_the_next_level_is_called_after_its_time(world, clock, late):
    await do(world, respond.unclaim, late, world.kim, reason="ill")
    assert await due(world, late) == clock.now(), "it is looked at again at once"
    await looked(world, late)
    assert await calls(world, late) == [2], "Bob, who got it, has half an hour"
    assert await due(world, late) == clock.now() + HALF_HOUR
    clock.advance(minutes=30)
    await looked(world, late)
    assert await calls(world, late) == [2, 3]


async def test_given_on_and_not_taken_it_goes_on_as_well(world, clock, late):
    await do(world, respond.assign, late, world.root, to=world.bob.id)
    await looked(world, late)
    assert await due(world, late) == clock.now() + HALF_HOUR
    clock.advance(minutes=10)
    await do(world, respond.claim, late, world.bob)
    clock.advance(minutes=20)
    await looked(world, late)
    assert await calls(world, late) == [2], "Bob is at it"
    assert await due(world, late) == clock.now() - timedelta(minutes=20) + timedelta(hours=4), (
        "until he is silent"
    )
    clock.advance(hours=4)
    await looked(world, late)
    assert await calls(world, late) == [2, 2], "the silence ends, the same level is called again"


@pytest.mark.parametrize("by_alert", [True, False])
async def test_reopened_it_is_late_still(world, clock, late, by_alert):
    await do(world, respond.resolve, late, world.kim)
    clock.advance(minutes=5)
    await looked(world, late)
    assert await calls(world, late) == [2]
    if by_alert:
        assert number(results(await world.tell(says()))[0]["incident_id"]) == late
    else:
        await do(world, respond.reopen, late, world.root)
    assert await due(world, late) == clock.now()


async def test_it_is_said_that_it_is_late_before_anybody_is_called(world, clock):
    incident = number(results(await world.tell(says()))[0]["incident_id"])
    clock.advance(minutes=30)
    await world.core.write(lambda tx: escalate.follow(tx, incident, now=clock.now()))
    assert await calls(world, incident) == []
    await looked(world, incident)
    assert await calls(world, incident) == [1]
