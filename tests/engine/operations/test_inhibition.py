"""What depends on something that is down is held under it, however long that lasts; nothing of it is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.incident import Incident, IncidentStatus
from engine.jobs import ReleaseChildren
from engine.operations import regroup, respond, still_down
from storage.pictures import PictureStore
from storage.transaction import Transaction
from tests import given
from tests.clock import TestClock
from tests.given import World, actor, alert, recovery

DOWN = "Host unreachable"


@pytest.fixture
async def site(world: World) -> World:
    """sw-01 ← host-1 ← vm-1, and till-1, till-2 on the switch."""
    needs = {
        "sw-01": (),
        "host-1": ("sw-01",),
        "vm-1": ("host-1",),
        "till-1": ("sw-01",),
        "till-2": ("sw-01",),
    }

    async def build(tx: Transaction) -> None:
        for name, on in needs.items():
            await given.asset(tx, world.acme, name, depends_on=on)
        await given.asset(tx, world.globex, "till-1", depends_on=("sw-01",))

    await world.core.write(build)
    return world


async def listed(world: World) -> list[Incident]:
    found = await world.core.read(
        lambda tx: tx.incidents.listed(company_ids=[world.acme.id], open_only=None, most=100)
    )
    return sorted(found, key=lambda one: one.id)


async def under(world: World, incident: Incident) -> dict[str, str]:
    found = await world.core.read(lambda tx: tx.grouping.joined(incident.id))
    return {key.asset: key.under for key in found}


async def due(world: World) -> list[int]:
    now = world.core.clock.now()
    claimed = await world.core.write(
        lambda tx: tx.jobs.claim(now, lease=timedelta(0), most=50, kinds=[ReleaseChildren.kind])
    )
    return [int(one.payload["incident_id"]) for one in claimed]


async def release(world: World, incident_id: int) -> None:
    await world.core.write(lambda tx: still_down.release(tx, incident_id, world.core.clock.now()))


async def told(world: World, incident_id: int) -> list[str]:
    story = await world.core.read(lambda tx: tx.timeline.of_incident(incident_id, told_only=True))
    return [one.text for one in story]


def forget(world: World) -> None:
    """As after a restart, or on another replica."""
    world.core.database._pictures = PictureStore()


async def test_hours_later_and_after_a_restart_dependants_are_held_and_own_trouble_is_not(
    site: World, clock: TestClock
) -> None:
    await site.tell(alert("sw-01", DOWN))
    clock.advance(hours=5)
    forget(site)
    await site.tell(alert("till-1", DOWN), alert("vm-1", "No ping response", tool="zabbix"))
    await site.tell(alert("till-2", "Disk / 97% full"))
    switch, disk = await listed(site)
    assert await under(site, switch) == {"till-1": "sw-01", "vm-1": "sw-01"}
    assert (switch.held, switch.firing) == (2, 3)
    assert disk.asset == "till-2" and not disk.held


async def test_another_companys_switch_explains_nothing(site: World, clock: TestClock) -> None:
    await site.tell(alert("sw-01", DOWN))
    clock.advance(minutes=20)
    await site.tell(alert("till-1", DOWN), company=site.globex)
    (switch,) = await listed(site)
    assert switch.held == 0


@pytest.mark.parametrize("later", [5, 400])
async def test_dependants_heard_of_first_are_gathered_under_what_explains_them(
    site: World, clock: TestClock, later: int
) -> None:
    await site.tell(alert("till-1", DOWN))
    clock.advance(minutes=3)
    await site.tell(alert("vm-1", DOWN))
    clock.advance(seconds=later)
    await site.tell(alert("sw-01", DOWN))
    first, second, switch = await listed(site)
    assert (switch.asset, switch.held, switch.firing) == ("sw-01", 2, 3)
    assert [one.merged_into for one in (first, second)] == [switch.id] * 2
    assert await under(site, switch) == {"till-1": "sw-01", "vm-1": "sw-01"}


async def test_all_in_one_delivery_in_any_order(site: World) -> None:
    await site.tell(alert("vm-1", DOWN), alert("till-1", DOWN), alert("sw-01", DOWN), alert("host-1", DOWN))
    found = await listed(site)
    switch = next(one for one in found if one.open)
    assert (switch.asset, switch.held, switch.firing) == ("sw-01", 3, 4)
    assert sum(one.open for one in found) == 1


async def test_what_somebody_works_on_and_what_is_old_stays_where_it_is(
    site: World, clock: TestClock
) -> None:
    await site.tell(alert("till-1", DOWN))
    clock.advance(hours=3)
    await site.tell(alert("till-2", DOWN))
    old, claimed = await listed(site)
    now = clock.now()
    await site.core.write(lambda tx: respond.claim(tx, claimed.id, actor=actor(site.kim), now=now))
    clock.advance(minutes=6)
    await site.tell(alert("sw-01", DOWN))
    old, claimed, switch = await listed(site)
    assert old.open and claimed.open and switch.held == 0


async def test_still_down_after_its_parent_came_back_is_an_incident_of_its_own(
    site: World, clock: TestClock
) -> None:
    await site.tell(alert("sw-01", DOWN))
    clock.advance(minutes=20)
    await site.tell(alert("till-1", DOWN), alert("till-2", DOWN), alert("host-1", DOWN))
    await site.tell(alert("vm-1", DOWN))
    await site.tell(recovery("till-1", DOWN), recovery("sw-01", DOWN))
    (switch,) = await listed(site)
    assert switch.open and switch.firing == 3
    clock.advance(minutes=4, seconds=59)
    assert await due(site) == []
    clock.advance(seconds=1)
    forget(site)
    assert await due(site) == [switch.id]
    await release(site, switch.id)
    await release(site, switch.id)  # at least once
    switch, *others = await listed(site)
    assert switch.status is IncidentStatus.RESOLVED and not switch.firing
    assert {(one.asset, one.firing, one.held) for one in others} == {("till-2", 1, 0), ("host-1", 2, 1)}
    host = next(one for one in others if one.asset == "host-1")
    assert await under(site, host) == {"vm-1": "host-1"}
    assert "host-1: still down after its parent sw-01 came back." in await told(site, host.id)
    assert host.assignee_id is not None
    await site.tell(alert("till-2", DOWN))
    assert [one.count for one in await listed(site) if one.asset == "till-2"] == [2]


async def test_down_again_within_the_grace_keeps_them(site: World, clock: TestClock) -> None:
    await site.tell(alert("sw-01", DOWN))
    clock.advance(minutes=20)
    await site.tell(alert("till-1", DOWN))
    await site.tell(recovery("sw-01", DOWN))
    clock.advance(minutes=1)
    await site.tell(alert("sw-01", DOWN))
    clock.advance(minutes=5)
    (switch,) = await listed(site)
    await release(site, switch.id)
    (switch,) = await listed(site)
    assert (switch.firing, switch.held) == (2, 1)


async def test_what_was_an_incident_before_comes_back_under_its_number(site: World, clock: TestClock) -> None:
    await site.tell(alert("till-1", DOWN))
    clock.advance(minutes=5)
    await site.tell(alert("sw-01", DOWN))
    await site.tell(recovery("sw-01", DOWN))
    clock.advance(minutes=5)
    first, switch = await listed(site)
    await release(site, switch.id)
    first, switch = await listed(site)
    assert first.open and first.firing == 1 and first.merged_into is None
    assert not switch.open


async def test_what_a_person_took_out_is_not_held_again(site: World, clock: TestClock) -> None:
    await site.tell(alert("sw-01", DOWN))
    clock.advance(minutes=20)
    await site.tell(alert("till-1", DOWN))
    (switch,) = await listed(site)
    (part,) = await site.core.read(lambda tx: regroup.parts(tx, switch))
    now = clock.now()
    out = await site.core.write(
        lambda tx: regroup.split(tx, switch.id, part.name, actor=actor(site.root), now=now)
    )
    await site.tell(recovery("till-1", DOWN))
    clock.advance(hours=2)
    await site.tell(alert("till-1", DOWN))
    found = await listed(site)
    assert found[0].held == 0 and {one.asset for one in found[1:]} == {"till-1"} and out.asset == "till-1"


async def test_what_explains_the_explanation_takes_all_of_it(site: World, clock: TestClock) -> None:
    await site.tell(alert("vm-1", DOWN))
    clock.advance(minutes=2)
    await site.tell(alert("host-1", DOWN))
    clock.advance(minutes=2)
    await site.tell(alert("sw-01", DOWN))
    *_, switch = await listed(site)
    assert (switch.asset, switch.held, switch.firing) == ("sw-01", 2, 3)
    assert await under(site, switch) == {"vm-1": "host-1", "host-1": "sw-01"}
