"""A key that leaves its incident: rows, counts, stories and both cards follow; people are never overruled."""

from __future__ import annotations

from typing import Any

import pytest

from engine.activity import CHATTER_AFTER
from engine.audit import AuditKind
from engine.incident import IncidentStatus
from engine.incident_jobs import SetApart
from engine.operations import regroup, respond
from engine.operations.set_apart import set_apart
from tests import given
from tests.clock import TestClock
from tests.engine.operations.test_grouping import cascade, incidents, later
from tests.given import World, recovery, results
from tests.given import alert as says

WHY = "they fire together, time after time"


async def leave(world: World, key: str, into: int | None = None, out_of: int = 1) -> None:
    job = SetApart(company_id=world.acme.id, incident_id=out_of, correlation_key=key, into=into, why=WHY)
    for _ in range(2):  # a job may be done twice
        await world.core.write(lambda tx: set_apart(tx, job, world.core.clock.now()))


async def holds(world: World) -> dict[str, set[str]]:
    """By incident: the keys of its alerts."""
    found: dict[str, set[str]] = {}
    for label, one in (await incidents(world)).items():
        if one.merged_into is None:
            async with world.core.database.reading() as tx:
                alerts = await tx.alerts.of_incident(one.id)
            found[label] = {alert.correlation_key for alert in alerts}
    return found


async def proofs(world: World) -> list[AuditKind]:
    async with world.core.database.reading() as tx:
        return [one.entry.kind async for one in tx.audit.chain(world.acme.id)]


async def lines(world: World, number: int) -> str:
    story = await world.core.read(lambda tx: tx.timeline.of_incident(number, told_only=True))
    return "\n".join(one.text for one in story)


async def test_a_key_moves_to_another_incident_and_a_split_takes_it_out(
    world: World, clock: TestClock
) -> None:
    await cascade(world)
    await world.tell(says("nas", "Fan loud", severity_word="low"))
    await leave(world, "shop|http", into=2)
    found = await incidents(world)
    assert (found["INC-1"].held, found["INC-1"].firing, found["INC-1"].count) == (2, 3, 3)
    assert (found["INC-2"].held, found["INC-2"].firing, found["INC-2"].count) == (1, 2, 2)
    assert found["INC-2"].severity == "critical", "it is as bad as what came to it"
    assert (await holds(world))["INC-2"] == {"shop|http", "nas|fan loud"}
    assert f"shop: http is part of INC-2 now: {WHY}." in await lines(world, 1)
    assert f"shop: http came from INC-1: {WHY}." in await lines(world, 2)
    assert (await proofs(world)).count(AuditKind.INCIDENT_MOVED) == 1
    (again,) = results(await world.tell(says("shop", "HTTP 500")))
    assert (again["incident_id"], again["deduplicated"]) == ("INC-2", True)
    (part,) = await world.core.read(lambda tx: regroup.parts(tx, found["INC-2"]))
    kim = given.actor(world.kim)
    out = await world.core.write(lambda tx: regroup.split(tx, 2, part.name, actor=kim, now=clock.now()))
    assert (await holds(world))[out.label] == {"shop|http"}


async def test_the_last_that_fires_may_leave_and_what_remains_is_over(world: World) -> None:
    await cascade(world)
    await world.tell(says("nas", "Fan loud"))
    for name, signature in (("db-01", "Host unreachable"), ("till", "Queue stuck"), ("stock", "Sync late")):
        await world.tell(recovery(name, signature))
    await leave(world, "shop|http", into=2)
    found = await incidents(world)
    assert found["INC-1"].status is IncidentStatus.RESOLVED and found["INC-2"].firing == 2


async def test_where_its_own_key_leaves_the_rest_goes(world: World) -> None:
    await cascade(world)
    await leave(world, "db-01|host unreachable")
    held = await holds(world)
    assert held["INC-1"] == {"db-01|host unreachable"}
    assert held["INC-2"] == {"shop|http", "till|queue stuck", "stock|sync late"}
    found = await incidents(world)
    assert (found["INC-1"].held, found["INC-2"].held) == (0, 2) and found["INC-2"].assignee_id is not None


async def test_its_own_key_goes_to_another_incident_and_the_rest_by_itself(world: World) -> None:
    await cascade(world)
    await world.tell(says("nas", "Fan loud"))
    await leave(world, "db-01|host unreachable", into=2)
    held = await holds(world)
    assert held["INC-2"] == {"db-01|host unreachable", "nas|fan loud"}
    assert held["INC-3"] == {"shop|http", "till|queue stuck", "stock|sync late"}
    assert (await incidents(world))["INC-1"].merged_into == 2


@pytest.mark.parametrize("claimed", [1, 2])
@pytest.mark.parametrize("key", ["shop|http", "db-01|host unreachable"])
async def test_what_somebody_has_claimed_stays_as_it_is(world: World, claimed: int, key: str) -> None:
    await cascade(world)
    await world.tell(says("nas", "Fan loud"))
    now = world.core.clock.now()
    await world.core.write(lambda tx: respond.claim(tx, claimed, actor=given.actor(world.kim), now=now))
    before = await holds(world)
    await leave(world, key, into=2)
    assert await holds(world) == before


async def test_what_a_person_took_apart_does_not_come_together_by_a_move(
    world: World, clock: TestClock
) -> None:
    await cascade(world)
    source = (await incidents(world))["INC-1"]
    parts = await world.core.read(lambda tx: regroup.parts(tx, source))
    kim = given.actor(world.kim)
    await world.core.write(lambda tx: regroup.split(tx, 1, parts[0].name, actor=kim, now=clock.now()))
    before = await holds(world)
    await leave(world, "till|queue stuck", into=2)
    assert await holds(world) == before


async def test_chatter_is_set_apart_by_the_front_door(world: World) -> None:
    low: dict[str, Any] = {"severity_word": "low"}
    await world.tell(says("gw", "Probe failed", **low))
    await world.tell(says("gw", "Fan loud", **low))
    kim, now = given.actor(world.kim), world.core.clock.now()
    numbers = sorted(one.id for one in (await incidents(world)).values())
    if len(numbers) == 2:
        await world.core.write(lambda tx: regroup.merge(tx, 2, into=1, actor=kim, now=now))
    span = 0.0
    while span <= CHATTER_AFTER + 120:
        later(world, seconds=40)
        span += 40
        await world.tell(says("gw", "Fan loud", **low))
    claimed = await world.core.write(
        lambda tx: tx.jobs.claim(
            world.core.clock.now(), lease=world.core.clock.now() - now, most=50, kinds=[SetApart.kind]
        )
    )
    assert [(one.payload["correlation_key"], one.payload["into"]) for one in claimed] == [
        ("gw|fan loud", None)
    ]
    assert "set apart as chatter" in claimed[0].payload["why"]
    job = claimed[0].job()
    assert isinstance(job, SetApart)
    await world.core.write(lambda tx: set_apart(tx, job, world.core.clock.now()))
    held = {label: keys for label, keys in (await holds(world)).items() if keys}
    assert sorted(map(sorted, held.values())) == [["gw|fan loud"], ["gw|probe failed"]]
