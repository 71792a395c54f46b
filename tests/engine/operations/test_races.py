"""Two replicas, many at once: the schema and compare-and-set decide, whatever the timing. On both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.core import Core
from engine.audit import AuditKind
from engine.errors import Conflict, Refused
from engine.incident import Incident, IncidentStatus
from engine.operations import clocks as sla_clocks
from engine.operations import respond
from engine.operations.ingest import ingest
from storage.database import Database
from storage.tables import alerts, incidents
from storage.transaction import Transaction
from tests import given
from tests.clock import START, TestClock
from tests.engine.operations.test_batches import check_what_always_holds
from tests.given import World, number, results
from tests.given import alert as says


@pytest.fixture
async def replicas(world: World, database_url: str) -> AsyncIterator[list[Core]]:
    """Two processes' worth of cores on one database."""
    core = world.core
    second = Database(database_url, core.database.vault)
    yield [core, replace(core, database=second, nudge=asyncio.Event())]
    await second.close()


async def only_incident(world: World) -> Incident:
    (found,) = await world.core.read(lambda tx: tx.incidents.listed(company_ids=None, open_only=None))
    return found


async def test_the_same_alert_fifty_times_at_once_is_one_incident(world: World, replicas: list[Core]) -> None:
    async def tell(core: Core) -> object:
        deliveries = [given.delivery(world.acme, says())]
        (answer,) = await core.write(lambda tx: ingest(tx, deliveries, core.clock.now()))
        return results(answer)[0]["incident_id"]

    told = await asyncio.gather(*(tell(replicas[index % 2]) for index in range(50)))
    found = await only_incident(world)
    assert set(told) == {found.label} and (found.count, found.firing) == (50, 1)
    async with world.core.database.reading() as tx:
        kept = list((await tx.connection.execute(sa.select(alerts.c.count))).scalars())
    assert kept == [50]
    await check_what_always_holds(world.core)


async def test_the_same_delivery_at_two_replicas_is_taken_once(world: World, replicas: list[Core]) -> None:
    async def tell(core: Core) -> tuple[object, bool]:
        deliveries = [given.delivery(world.acme, says(), ids=["d-1"])]
        (answer,) = await core.write(lambda tx: ingest(tx, deliveries, core.clock.now()))
        return answer.body, answer.replayed

    told = await asyncio.gather(*(tell(replicas[index % 2]) for index in range(8)))
    assert all(body == told[0][0] for body, _ in told)
    assert [replayed for _, replayed in told].count(False) == 1
    assert (await only_incident(world)).count == 1


async def test_batches_with_the_same_problems_in_another_order_do_not_wait_in_a_ring(
    world: World, replicas: list[Core]
) -> None:
    names = [f"m-{index}" for index in range(6)]

    async def tell(core: Core, order: list[str]) -> None:
        deliveries = [given.delivery(world.acme, says(name)) for name in order]
        await core.write(lambda tx: ingest(tx, deliveries, core.clock.now()))

    for _ in range(3):
        await asyncio.gather(
            *(tell(replicas[index % 2], names if index % 2 else names[::-1]) for index in range(8))
        )
    async with world.core.database.reading() as tx:
        counts = list((await tx.connection.execute(sa.select(incidents.c.count))).scalars())
    assert counts == [24] * 6
    await check_what_always_holds(world.core)


async def test_of_many_who_claim_at_once_one_wins_and_the_others_hear_who(
    world: World, replicas: list[Core], clock: TestClock
) -> None:
    target = number(results(await world.tell(says()))[0]["incident_id"])
    people = [world.kim, world.bob, world.ada, world.root]

    async def press(core: Core, index: int) -> Incident:
        actor = given.actor(people[index % 4])
        return await core.write(lambda tx: respond.claim(tx, target, actor=actor, now=clock.now()))

    said = await asyncio.gather(
        *(press(replicas[index % 2], index) for index in range(8)), return_exceptions=True
    )
    found = await only_incident(world)
    winner = next(one for one in people if one.id == found.assignee_id)
    lost = [str(one) for one in said if isinstance(one, Refused)]
    assert lost == [f"{winner.name} claimed this 0 s ago; the card is up to date."] * 6
    assert [one for one in said if isinstance(one, Incident)] == [found] * 2, (
        "and their second press is silent"
    )
    entries = await world.core.read(lambda tx: tx.audit.of_subject(world.acme.id, found.label))
    assert [one.entry.kind for one in entries].count(AuditKind.INCIDENT_CLAIMED) == 1
    await check_what_always_holds(world.core)


async def test_a_claim_and_a_recovery_at_once_leave_no_half_of_either(
    world: World, replicas: list[Core], clock: TestClock
) -> None:
    target = number(results(await world.tell(says()))[0]["incident_id"])
    kim = given.actor(world.kim)

    async def recover() -> None:
        deliveries = [given.delivery(world.acme, given.recovery())]
        await replicas[0].write(lambda tx: ingest(tx, deliveries, clock.now()))

    async def claim() -> None:
        try:
            await replicas[1].write(lambda tx: respond.claim(tx, target, actor=kim, now=clock.now()))
        except Refused as refused:
            assert "already resolved by monitoring" in refused.reason  # noqa: PT017 - either may be first

    await asyncio.gather(recover(), claim())
    found = await only_incident(world)
    assert found.firing == 0 and found.recovered_at is not None
    assert found.status in (IncidentStatus.RESOLVED, IncidentStatus.IN_PROGRESS)
    assert found.touched == found.open
    await check_what_always_holds(world.core)


async def test_reopening_by_hand_and_by_monitoring_at_once_is_one_incident(
    world: World, replicas: list[Core], clock: TestClock
) -> None:
    target = number(results(await world.tell(says()))[0]["incident_id"])
    ada = given.actor(world.ada)
    await world.core.write(lambda tx: respond.resolve(tx, target, actor=ada, now=clock.now()))
    deliveries = [given.delivery(world.acme, says())]
    await asyncio.gather(
        replicas[0].write(lambda tx: ingest(tx, deliveries, clock.now())),
        replicas[1].write(lambda tx: respond.reopen(tx, target, actor=ada, now=clock.now())),
    )
    found = await only_incident(world)
    assert found.open and (found.id, found.reopened, found.firing) == (target, 1, 1)
    await check_what_always_holds(world.core)


@pytest.mark.parametrize("minutes", [15, 31])
async def test_each_threshold_is_told_once_whoever_looks(
    world: World, replicas: list[Core], clock: TestClock, minutes: int
) -> None:
    target = number(results(await world.tell(says()))[0]["incident_id"])
    clock.advance(minutes=minutes)
    await asyncio.gather(
        *(
            replicas[index % 2].write(lambda tx: sla_clocks.check(tx, target, now=clock.now()))
            for index in range(6)
        )
    )
    entries = await world.core.read(lambda tx: tx.audit.of_subject(world.acme.id, f"INC-{target}"))
    kind = AuditKind.SLA_WARNED if minutes == 15 else AuditKind.SLA_BREACHED
    assert [one.entry.kind for one in reversed(entries)] == [AuditKind.INCIDENT_OPENED, kind]
    lines = await world.core.read(lambda tx: tx.timeline.of_incident(target, told_only=True))
    said = ["⏱ 15 min left to respond to it.", "⏱ SLA breached: the time to respond to it (0.5 h) is over."]
    assert [line.text for line in lines] == [said[minutes // 31]]


async def test_the_next_check_waits_for_the_next_threshold(world: World, clock: TestClock) -> None:
    target = number(results(await world.tell(says()))[0]["incident_id"])
    for minutes, kinds in ((15, 1), (15, 2), (180, 3), (30, 4), (500, 4)):
        clock.advance(minutes=minutes)
        await world.core.write(lambda tx: sla_clocks.check(tx, target, now=clock.now()))
        lines = await world.core.read(lambda tx: tx.timeline.of_incident(target, told_only=True))
        assert len(lines) == kinds


async def test_a_stale_save_is_a_conflict_and_changes_nothing(world: World, clock: TestClock) -> None:
    await world.tell(says(), says("db-01"))
    async with world.core.database.reading() as tx:
        read = list(await tx.incidents.listed(company_ids=None))
    one, other = read

    async def save(tx: Transaction, *which: Incident) -> None:
        for before in which:
            await tx.incidents.save(before, replace(before, count=before.count + 1))

    await world.core.write(lambda tx: save(tx, one))
    for which in ((one,), (one, other), (other, one)):
        with pytest.raises(Conflict):
            async with world.core.database.transaction() as tx:
                await save(tx, *which)
    async with world.core.database.reading() as tx:
        now = {found.id: found.count for found in await tx.incidents.listed(company_ids=None)}
    assert now == {one.id: one.count + 1, other.id: other.count}


async def test_an_incident_may_be_saved_twice_in_one_transaction(world: World) -> None:
    await world.tell(says())

    async def twice(tx: Transaction) -> Incident:
        (found,) = await tx.incidents.listed(company_ids=None)
        first = await tx.incidents.save(found, replace(found, count=7))
        return await tx.incidents.save(first, replace(first, title="Other"))

    saved = await world.core.write(twice)
    found = await only_incident(world)
    assert found == saved and (found.count, found.title) == (7, "Other")
    await check_what_always_holds(world.core)


async def test_the_schema_allows_one_open_incident_per_problem(world: World) -> None:
    await world.tell(says())
    (found,) = await world.core.read(lambda tx: tx.incidents.listed(company_ids=None))

    async def again(tx: Transaction) -> list[Incident | None]:
        other = replace(found, company_id=world.globex.id)
        shut = replace(found, status=IncidentStatus.RESOLVED)
        return [*await tx.incidents.open([found, other]), *await tx.incidents.open([shut])]

    same, elsewhere, done = await world.core.write(again)
    assert same is None and elsewhere is not None and done is not None


async def test_the_checks_of_a_clock_run_once_per_threshold(world: World, clock: TestClock) -> None:
    """As the worker does it: claim, check in one transaction, finish in the next. No check runs before its time."""
    target = number(results(await world.tell(says()))[0]["incident_id"])
    ran = []
    for _ in range(10 * 60):
        async with world.core.database.transaction() as tx:
            claimed = await tx.jobs.claim(
                clock.now(), lease=timedelta(seconds=60), most=5, kinds=["check_sla"]
            )
        for one in claimed:
            await world.core.write(lambda tx: sla_clocks.check(tx, target, now=clock.now()))
            async with world.core.database.transaction() as tx:
                await tx.jobs.finish(one)
            ran.append(int((clock.now() - START).total_seconds() // 60))
        clock.advance(minutes=1 if claimed or len(ran) % 2 else 5)
        if clock.now() > START + timedelta(hours=5):
            break
    warned_and_breached = [15, 30, 210, 240]
    assert len(ran) == 4 and all(
        0 <= at - wanted < 5 for at, wanted in zip(ran, warned_and_breached, strict=True)
    )
    async with world.core.database.reading() as tx:
        assert not await tx.jobs.claim(clock.now(), lease=timedelta(seconds=60), most=5, kinds=["check_sla"])
