"""A check that flaps is one open incident until it is quiet; what comes every night is expected until it is not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from benchmarks import simulated
from engine.incident import Incident
from engine.jobs import WatchPattern
from engine.operations import patterns, respond
from integrations.sources import generic
from storage.jobs import Claimed
from storage.pictures import PictureStore
from storage.transaction import Transaction
from tests.bot.rest import serving
from tests.clock import START, TestClock
from tests.given import World, actor, alert, recovery, results

LOW: dict[str, Any] = {"severity_word": "warning"}


async def newest(world: World) -> Incident:
    found = await world.core.read(
        lambda tx: tx.incidents.listed(company_ids=[world.acme.id], open_only=None, most=1)
    )
    return found[0]


async def numbers(world: World) -> list[int]:
    found = await world.core.read(
        lambda tx: tx.incidents.listed(company_ids=[world.acme.id], open_only=None, most=100)
    )
    return [one.id for one in found]


async def told(world: World, incident_id: int) -> list[str]:
    story = await world.core.read(lambda tx: tx.timeline.of_incident(incident_id, told_only=True))
    return [one.text for one in story]


async def watch(world: World, incident_id: int) -> None:
    await world.core.write(lambda tx: patterns.watch(tx, incident_id, world.core.clock.now()))


async def resolved(world: World, incident_id: int) -> None:
    now = world.core.clock.now()
    await world.core.write(lambda tx: respond.resolve(tx, incident_id, actor=actor(world.root), now=now))


async def due(world: World) -> bool:
    """Is the timer of a pattern due by now?"""
    now = world.core.clock.now()
    claimed = await world.core.write(
        lambda tx: tx.jobs.claim(now, lease=timedelta(0), most=50, kinds=[WatchPattern.kind])
    )
    return bool(claimed)


async def flap(world: World, clock: TestClock, changes: int, *, every: int = 2, **more: Any) -> None:
    for number in range(changes):
        await world.tell(recovery(**more) if number % 2 else alert(**more))
        clock.advance(minutes=every)


async def test_a_flapping_check_is_one_incident_that_closes_only_after_quiet(
    world: World, clock: TestClock
) -> None:
    await flap(world, clock, 10)
    flapping = await newest(world)
    assert flapping.open and flapping.firing == 0 and flapping.reopened == 2
    flaps = flapping.course.flaps
    assert flaps is not None and flaps.text == "flapping ×10 in 18 min"
    lines = await told(world, flapping.id)
    assert [line for line in lines if "flapping" in line] == [
        "🔁 flapping ×5 in 8 min: one incident until it has been quiet for 15 min."
    ]
    before = len(lines)
    clock.advance(minutes=8)
    await watch(world, flapping.id)  # too early: it waits on
    assert (await newest(world)).open and len(await told(world, flapping.id)) == before
    clock.advance(minutes=6)
    assert await due(world)
    await watch(world, flapping.id)
    await watch(world, flapping.id)
    done = await newest(world)
    assert not done.open and done.resolved_by == "monitoring" and done.id == flapping.id
    assert (await told(world, flapping.id))[before:] == [
        "Resolved: has stopped flapping ×10 in 18 min and has been well for 15 min."
    ]
    clocks = await world.core.read(lambda tx: tx.clocks.of(done.id))
    assert clocks and all(one.met_at is not None for one in clocks)


async def test_what_fires_when_the_flapping_ends_stays_open(world: World, clock: TestClock) -> None:
    await flap(world, clock, 9)
    clock.advance(minutes=20)
    incident = await newest(world)
    await watch(world, incident.id)
    after = await newest(world)
    assert after.open and after.firing == 1 and after.course.flapping is None
    assert (await told(world, incident.id))[-1].startswith("Has stopped flapping ×9")
    await world.tell(recovery())  # by now an ordinary incident again? it changed once more within the hour
    assert (await newest(world)).open
    clock.advance(minutes=16)
    await watch(world, incident.id)
    assert not (await newest(world)).open


async def test_the_owner_of_a_flapping_incident_is_asked_once(world: World, clock: TestClock) -> None:
    await world.tell(alert())
    incident = await newest(world)
    await world.core.write(lambda tx: respond.claim(tx, incident.id, actor=actor(world.kim), now=clock.now()))
    await flap(world, clock, 12)
    asked = [line for line in await told(world, incident.id) if "Resolve it if you agree" in line]
    assert len(asked) <= 2  # before it counted as flapping
    clock.advance(minutes=20)
    await watch(world, incident.id)
    again = [line for line in await told(world, incident.id) if "Resolve it if you agree" in line]
    assert len(again) == len(asked) + 1 and (await newest(world)).open


async def test_repeats_and_late_recoveries_are_no_changes(world: World, clock: TestClock) -> None:
    await world.tell(alert())
    for _ in range(6):
        clock.advance(minutes=1)
        await world.tell(alert(), alert())
    await world.tell(recovery(), recovery())
    incident = await newest(world)
    assert not incident.open and len(incident.course.changes) == 2
    await world.tell(recovery())
    assert len((await newest(world)).course.changes) == 2


async def test_a_restart_in_the_middle_and_another_replica_change_nothing(
    world: World, clock: TestClock
) -> None:
    for number in range(11):
        await world.tell(recovery() if number % 2 else alert())
        world.core.database._pictures = PictureStore()
        clock.advance(minutes=1)
    assert len(await numbers(world)) == 1
    incident = await newest(world)
    assert incident.open and incident.course.flapping is not None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_out_of_order_and_twice_it_is_still_one_incident(
    world: World, clock: TestClock, backend: str, seed: int
) -> None:
    chance = random.Random(seed)
    said = [recovery() if number % 2 else alert() for number in range(12)]
    for place in range(0, 12, 3):
        said[place : place + 3] = chance.sample(said[place : place + 3], 3)
    for one in said:
        await world.tell(*[one] * chance.randint(1, 2), ids=[str(chance.random())])
        clock.advance(seconds=chance.uniform(5, 120))
    assert len(await numbers(world)) == 1
    incident = await newest(world)
    clock.advance(minutes=16)
    await watch(world, incident.id)
    after = await newest(world)
    assert after.course.flapping is None and after.open is bool(after.firing)


async def test_rest_says_what_flaps_and_what_comes_in_rounds(world: World, clock: TestClock) -> None:
    await nights(world, clock, 5)
    await flap(world, clock, 6)
    async with serving(world.core) as rest:
        found = {one["title"]: one for one in (await rest.get(world.kim, "/api/incidents"))["incidents"]}
        assert found["Disk / 93% full"]["flapping"] == "flapping ×6 in 10 min"
        label = f"INC-{(await numbers(world))[1]}"
        night = await rest.get(world.kim, f"/api/incidents/{label}")
    assert night["rhythm"].endswith("each of the last 5 days") and night["flapping"] is None


async def test_the_track_is_bounded(world: World, clock: TestClock) -> None:
    await flap(world, clock, 80, every=1)
    incident = await newest(world)
    assert len(incident.course.changes) <= 20 and len(incident.track) < 1_000


NIGHT = dict(asset="nas-01", signature="Backup target slow", **LOW)


async def nights(world: World, clock: TestClock, count: int, *, lasts: int = 12) -> None:
    for _ in range(count):
        await world.tell(alert(**NIGHT))
        clock.advance(minutes=lasts)
        await world.tell(recovery(**NIGHT))
        clock.advance(minutes=24 * 60 - lasts)


async def test_what_comes_every_night_is_expected_and_calls_nobody(world: World, clock: TestClock) -> None:
    await nights(world, clock, 3)
    called = await newest(world)
    assert called.assignee_id is not None
    assert "each of the last 3" in called.course.rhythm
    await world.tell(alert(**NIGHT))
    calm = await newest(world)
    assert calm.id != called.id and calm.open and calm.assignee_id is None
    assert "comes as always" in calm.assigned_reason and "each of the last 4 days" in calm.course.rhythm
    clock.advance(minutes=11)
    await world.tell(recovery(**NIGHT))
    done = await newest(world)
    assert not done.open and not await told(world, done.id)
    assert len(await numbers(world)) == 4


async def test_the_night_it_is_not_over_as_always_somebody_gets_it(world: World, clock: TestClock) -> None:
    await nights(world, clock, 5)
    await world.tell(alert(**NIGHT))
    incident = await newest(world)
    clock.advance(minutes=12)
    await watch(world, incident.id)
    assert (await newest(world)).assignee_id is None
    clock.advance(minutes=3)
    assert await due(world)
    await watch(world, incident.id)
    after = await newest(world)
    assert after.assignee_id is not None and after.course.until is None
    (line,) = await told(world, incident.id)
    assert line.startswith("🗓 Unlike the last 5 days: not over after 15 min (12 min at most so far). For ")
    await watch(world, incident.id)
    assert len(await told(world, incident.id)) == 1


@pytest.mark.parametrize(
    ("change", "late", "unlike"),
    [
        ({"severity_word": "critical"}, 0, "critical instead of medium"),
        ({}, 7 * 60, "at 16:00 instead of about 09:00 UTC"),
    ],
)
async def test_worse_or_at_another_hour_it_comes_up_at_once(
    world: World, clock: TestClock, change: dict[str, Any], late: int, unlike: str
) -> None:
    await nights(world, clock, 5)
    clock.advance(minutes=late)
    await world.tell(alert(**NIGHT | change))
    incident = await newest(world)
    assert incident.assignee_id is not None and incident.course.until is None
    assert incident.course.unlike == f"unlike the last 5 days: {unlike}"


async def test_worse_while_it_goes_on_it_comes_up(world: World, clock: TestClock) -> None:
    await nights(world, clock, 5)
    await world.tell(alert(**NIGHT))
    clock.advance(minutes=1)
    await world.tell(alert(**NIGHT | {"severity_word": "high"}))
    incident = await newest(world)
    assert incident.assignee_id is not None and incident.course.unlike.endswith("now high")


async def test_what_is_urgent_or_was_mended_by_people_is_never_taken_as_expected(
    world: World, clock: TestClock
) -> None:
    for _ in range(5):
        await world.tell(alert(**NIGHT | {"severity_word": "high"}))
        assert (await newest(world)).assignee_id is not None
        clock.advance(minutes=10)
        await world.tell(recovery(**NIGHT))
        clock.advance(minutes=24 * 60 - 10)
    for _ in range(5):
        await world.tell(alert(asset="nas-02", signature="Queue long", **LOW))
        incident = await newest(world)
        assert incident.assignee_id is not None
        clock.advance(minutes=10)
        await resolved(world, incident.id)
        clock.advance(minutes=24 * 60 - 10)


async def test_a_series_within_the_day_is_one_incident_a_day(world: World, clock: TestClock) -> None:
    for _ in range(3 * 8):
        await world.tell(alert(**NIGHT))
        clock.advance(minutes=10)
        await world.tell(recovery(**NIGHT))
        clock.advance(minutes=170)
        world.core.database._pictures = PictureStore()
    assert len(await numbers(world)) <= 2 + 3


async def groups_of(world: World, clock: TestClock, lines: Any, *, name: str) -> dict[str, set[str]]:
    """Each burst or day of a series → the incidents it became, with the timers run when they are due."""
    groups: dict[str, set[str]] = {}
    for said, truth in lines:
        at = START + timedelta(seconds=said["timestamp"] - lines[0][0]["timestamp"])
        for job in await timers(world, at):
            clock.advance(seconds=max(0.0, (job.due_at - clock.now()).total_seconds()))
            await watch(world, job.payload["incident_id"])
        clock.advance(seconds=max(0.0, (at - clock.now()).total_seconds()))
        (found,) = results(await world.tell(*generic.parse([said], {})))
        if truth[name] and found["incident_id"]:
            groups.setdefault(truth[name], set()).add(found["incident_id"])
    return groups


async def timers(world: World, at: datetime) -> Sequence[Claimed]:
    """Those that are due by then."""

    async def take(tx: Transaction) -> Sequence[Claimed]:
        jobs = await tx.jobs.claim(at, lease=timedelta(0), most=50, kinds=[WatchPattern.kind])
        for job in jobs:
            await tx.jobs.finish(job)
        return jobs

    return await world.core.write(take)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_simulated_bursts_are_one_incident_each(world: World, clock: TestClock, backend: str) -> None:
    lines = [
        (said, {"flap_id": truth.get("flap_id")})
        for said, truth in simulated.days(seed=7)
        if said["company"] == "acme" and truth.get("flap_id")
    ][:400]
    groups = await groups_of(world, clock, lines, name="flap_id")
    assert len(groups) > 15
    assert sum(len(one) for one in groups.values()) / len(groups) <= 1.2
