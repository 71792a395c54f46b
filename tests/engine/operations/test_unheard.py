"""Tools that never say that something is over: their incidents end when monitoring says no more."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.audit import AuditKind
from engine.incident import Incident, IncidentStatus
from engine.operations import configure, respond, snooze, unheard
from engine.operations.configure import Where
from engine.operations.heartbeats import TOOL as HEARTBEAT
from engine.setting import SETTINGS, Origin
from storage.tables import jobs as jobs_table
from storage.transaction import Transaction
from tests import given
from tests.clock import TestClock
from tests.given import World, results
from tests.given import alert as says

HOUR = timedelta(hours=1)
LOW: dict[str, Any] = {"severity_word": "warning", "tool": "mailgate"}


async def known(world: World, tool: str = "mailgate", *, days: int = 5, ends: bool = False) -> None:
    """The tool has been heard for so long."""
    now = world.core.clock.now()

    async def hear(tx: Transaction) -> None:
        tx.sources.heard(world.acme.id, tool, 3, at=now - timedelta(days=days))
        tx.sources.heard(world.acme.id, tool, 1, at=now, ends=ends)

    await world.core.write(hear)


async def look(world: World) -> datetime | None:
    """The timer rings; when it will ring again."""

    async def ring(tx: Transaction) -> None:
        key = jobs_table.c.key == f"unheard:{world.acme.id}"
        await tx.connection.execute(sa.delete(jobs_table).where(key))
        await unheard.look(tx, world.acme.id, world.core.clock.now())

    await world.core.write(ring)
    async with world.core.database.reading() as tx:
        statement = sa.select(jobs_table.c.due_at).where(jobs_table.c.key == f"unheard:{world.acme.id}")
        due: datetime | None = (await tx.connection.execute(statement)).scalar()
        return due


async def incident(world: World, number: int = 1) -> Incident:
    found = await world.core.read(lambda tx: tx.incidents.get(number))
    assert found is not None
    return found


async def lines(world: World, number: int = 1) -> list[str]:
    story = await world.core.read(lambda tx: tx.timeline.of_incident(number, told_only=True))
    return [one.text for one in story]


async def proofs(world: World, kind: AuditKind) -> list[Any]:
    async with world.core.database.reading() as tx:
        return [one.entry async for one in tx.audit.chain(world.acme.id) if one.entry.kind is kind]


async def test_it_closes_exactly_then_once_and_says_so(world: World, clock: TestClock) -> None:
    await known(world)
    await world.tell(says(**LOW))
    clock.advance(hours=2)
    await world.tell(says(**LOW))
    last = clock.now()
    clock.advance(hours=3)
    assert await look(world) == last + 20 * HOUR
    clock.advance(hours=16, minutes=59, seconds=59)
    assert await look(world) == last + 20 * HOUR and (await incident(world)).open
    clock.advance(seconds=1)
    await asyncio.gather(look(world), look(world))  # two replicas
    assert await look(world) == clock.now() + 20 * HOUR
    done = await incident(world)
    assert (done.status, done.firing, done.resolved_by) == (IncidentStatus.RESOLVED, 0, "monitoring")
    told = "Resolved: no word from monitoring for 20 h, and mailgate does not say when something is over."
    assert (await lines(world)).count(told) == 1
    assert len(await proofs(world, AuditKind.INCIDENT_RESOLVED)) == 1
    clocks = await world.core.read(lambda tx: tx.clocks.of(1))
    assert clocks and all(one.met_at is not None for one in clocks)
    (again,) = results(await world.tell(says(**LOW)))
    assert (again["incident_id"], again["is_new"]) == ("INC-1", False), "within the hour it comes back"
    assert ((await incident(world)).firing, (await incident(world)).reopened) == (1, 1)


@pytest.mark.parametrize(
    ("tool", "days", "ends"),
    [("zabbix", 30, True), ("mailgate", 1, False), (HEARTBEAT, 30, False)],
    ids=["it says when something is over", "not known for long", "our own"],
)
async def test_of_tools_that_may_say_it_nothing_closes(
    world: World, clock: TestClock, tool: str, days: int, ends: bool
) -> None:
    await known(world, tool, days=days, ends=ends)
    await world.tell(says(**LOW | {"tool": tool}))
    clock.advance(hours=30)
    await look(world)
    assert (await incident(world)).open and not (await incident(world)).asked_at


async def test_one_that_a_further_tool_will_end_waits_for_that(world: World, clock: TestClock) -> None:
    await known(world)
    await known(world, "zabbix", ends=True)
    await world.tell(says(**LOW), says(**LOW | {"tool": "zabbix"}))
    clock.advance(hours=30)
    await look(world)
    assert (await incident(world)).open
    await world.tell(given.recovery(**LOW | {"tool": "zabbix"}))
    await look(world)
    assert not (await incident(world)).open


async def test_an_owner_and_whoever_has_something_urgent_is_asked_once(
    world: World, clock: TestClock
) -> None:
    await known(world)
    await world.tell(says(**LOW))
    await world.tell(says("db-01", "Fire", tool="mailgate"))
    kim = given.actor(world.kim)
    await world.core.write(lambda tx: respond.claim(tx, 1, actor=kim, now=clock.now()))
    for _ in range(3):
        clock.advance(hours=21)
        await look(world)
    first, second = await incident(world, 1), await incident(world, 2)
    assert first.open and second.open and second.firing == 1
    asks = "Is it over? Resolve it if so."
    assert [one for one in await lines(world, 1) if asks in one] == [
        f"No word from monitoring for 20 h, and mailgate does not say when something is over. {asks}"
    ]
    (asked,) = [one for one in await lines(world, 2) if asks in one]
    assert "It stays open because it is critical." in asked
    assert len(await proofs(world, AuditKind.INCIDENT_UNHEARD)) == 2
    await world.tell(says("db-01", "Fire", tool="mailgate"))
    clock.advance(hours=21)
    await look(world)
    assert len([one for one in await lines(world, 2) if asks in one]) == 2, "it spoke meanwhile: asked anew"


async def test_what_is_quiet_on_purpose_is_looked_at_when_that_is_over(
    world: World, clock: TestClock
) -> None:
    await known(world)
    await world.tell(says(**LOW))
    until, kim = clock.now() + 40 * HOUR, given.actor(world.kim)
    await world.core.write(lambda tx: snooze.snooze(tx, 1, until=until, actor=kim, now=clock.now()))
    clock.advance(hours=25)
    assert await look(world) == until
    assert (await incident(world)).open
    clock.advance(hours=16)
    await look(world)
    assert not (await incident(world)).open


async def test_the_setting_is_inherited_can_be_never_and_a_change_is_looked_at_at_once(
    world: World, clock: TestClock
) -> None:
    await known(world)
    await world.tell(says(**LOW))
    root, setting = given.actor(world.root), SETTINGS["close_after"]

    async def put(where: Where, words: str | None) -> None:
        kept = setting.read(words) if words else None
        now = clock.now()
        await world.core.write(lambda tx: configure.put(tx, where, setting, kept, actor=root, now=now))

    await put(Where(Origin.MSP, ""), "2h")
    await put(Where(Origin.COMPANY, "acme"), "never")
    clock.advance(hours=30)
    assert await look(world) is None and (await incident(world)).open
    await put(Where(Origin.COMPANY, "acme"), None)
    async with world.core.database.reading() as tx:
        due = (await tx.connection.execute(sa.select(jobs_table.c.due_at, jobs_table.c.key))).all()
    assert (clock.now(), f"unheard:{world.acme.id}") in [tuple(one) for one in due]
    await look(world)
    assert not (await incident(world)).open
    assert any("no word from monitoring for 2 h" in one for one in await lines(world))


async def test_what_comes_once_a_day_without_recoveries_is_one_incident_a_day(
    world: World, clock: TestClock
) -> None:
    await known(world)
    seen: list[str] = []
    for day in range(6):
        (said,) = results(await world.tell(says("nas", "Backup warning", **LOW)))
        seen.append(said["incident_id"])
        clock.advance(hours=20, minutes=1)
        await look(world)
        clock.advance(hours=4, minutes=(7, -40, 25, -11, 3, 0)[day])
    assert len(set(seen)) == 6
    last = await incident(world, int(seen[-1].removeprefix("INC-")))
    assert last.course.rhythm.startswith("every day about") and last.course.until is None
