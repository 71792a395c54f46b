"""Heartbeats against several replicas at once: each silence and each recovery is told once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from engine.heartbeat import HeartbeatState, Signal
from engine.operations import heartbeats
from engine.operations.heartbeats import Beat
from tests import given
from tests.clock import TestClock

CALL = Beat(name="nightly", every=timedelta(hours=24), grace=timedelta(hours=1))


async def call(world: given.World, beat: Beat = CALL) -> None:
    now = world.core.clock.now()
    await world.core.write(lambda tx: heartbeats.beat(tx, world.acme.id, beat, now=now))


async def test_of_many_who_look_at_once_one_tells_it(world: given.World, clock: TestClock) -> None:
    await call(world)
    clock.advance(hours=26)
    now = world.core.clock.now()
    looks = (
        world.core.write(lambda tx: heartbeats.watch(tx, world.acme.id, "nightly", now=now)) for _ in range(6)
    )
    await asyncio.gather(*looks)
    incident = await world.core.read(lambda tx: tx.incidents.get(1))
    assert incident is not None and (incident.count, incident.open) == (1, True)
    assert await world.core.read(lambda tx: tx.incidents.get(2)) is None


async def test_a_call_and_the_end_of_its_time_at_once_end_well_in_either_order(
    world: given.World, clock: TestClock
) -> None:
    await call(world)
    clock.advance(hours=26)
    now = world.core.clock.now()
    await asyncio.gather(
        world.core.write(lambda tx: heartbeats.watch(tx, world.acme.id, "nightly", now=now)), call(world)
    )
    heartbeat = await world.core.read(lambda tx: tx.heartbeats.get(world.acme.id, "nightly"))
    incident = await world.core.read(lambda tx: tx.incidents.get(1))
    assert heartbeat is not None and heartbeat.state is HeartbeatState.UP
    assert incident is None or not incident.open


async def test_what_is_removed_closes_what_it_opened(world: given.World) -> None:
    await call(world, Beat(name="nightly", signal=Signal.FAIL, text="disk quota"))
    root, now = given.actor(world.root), world.core.clock.now()
    await world.core.write(lambda tx: heartbeats.remove(tx, world.acme.id, "nightly", actor=root, now=now))
    incident = await world.core.read(lambda tx: tx.incidents.get(1))
    assert incident is not None and not incident.open
    assert await world.core.read(lambda tx: tx.heartbeats.of_company(world.acme.id)) == []
