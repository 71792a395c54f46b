"""Alerts joining incidents by evidence, incidents becoming one, and people putting together and taking apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.cards.incident import cause_line
from bot.core import Core
from engine.errors import NotFound, Refused
from engine.incident import Incident, IncidentStatus
from engine.operations import regroup, respond
from engine.operations.ingest import ingest
from engine.sla import ClockKind
from storage.database import Database
from storage.pictures import PictureStore
from storage.tables import alerts as alerts_table
from storage.tables import incidents as incidents_table
from tests import given
from tests.clock import TestClock
from tests.given import World, results
from tests.given import alert as says


def later(world: World, **span: float) -> None:
    clock = world.core.clock
    assert isinstance(clock, TestClock)
    clock.advance(**span)


async def incidents(world: World) -> dict[str, Incident]:
    """Every incident by its number, merged ones too."""
    async with world.core.database.reading() as tx:
        ids = list((await tx.connection.execute(sa.select(incidents_table.c.id))).scalars())
        return {one.label: one for one in (await tx.incidents.get_many(ids)).values()}


async def depending(world: World, name: str, *needs: str) -> None:
    await world.core.write(lambda tx: given.asset(tx, world.acme, name, depends_on=needs))


async def cascade(world: World) -> list[dict[str, Any]]:
    """A database is gone, and what depends on it follows."""
    for name in ("shop", "till", "stock"):
        await depending(world, name, "db-01")
    said = []
    for name, signature in (
        ("db-01", "Host unreachable"),
        ("shop", "HTTP 500"),
        ("till", "Queue stuck"),
        ("stock", "Sync late"),
    ):
        later(world, seconds=5)
        said += results(await world.tell(says(name, signature)))
    return said


async def test_what_depends_on_what_is_down_is_part_of_one_incident(world: World) -> None:
    said = await cascade(world)
    assert [one["incident_id"] for one in said] == ["INC-1"] * 4
    assert [one["is_new"] for one in said] == [True, False, False, False]
    assert "depends on db-01" in said[1]["reason"]
    (found,) = (await incidents(world)).values()
    assert (found.held, found.count, found.firing, found.asset) == (3, 4, 4, "db-01")
    async with world.core.database.reading() as tx:
        joined = await tx.grouping.joined(found.id)
    assert [one.asset for one in joined] == ["shop", "till", "stock"]
    assert all("depends on db-01" in one.reason or "db-01" in one.reason for one in joined)


async def test_a_joined_problem_repeats_recovers_and_comes_back_where_it_belongs(world: World) -> None:
    await cascade(world)
    (again,) = results(await world.tell(says("shop", "HTTP 500")))
    assert (again["incident_id"], again["deduplicated"]) == ("INC-1", True)
    await world.tell(given.recovery("shop", "HTTP 500"))
    assert (await incidents(world))["INC-1"].firing == 3
    (back,) = results(await world.tell(says("shop", "HTTP 500")))
    assert back["incident_id"] == "INC-1"
    for name, signature in (
        ("db-01", "Host unreachable"),
        ("shop", "HTTP 500"),
        ("till", "Queue stuck"),
        ("stock", "Sync late"),
    ):
        await world.tell(given.recovery(name, signature))
    found = (await incidents(world))["INC-1"]
    assert found.status is IncidentStatus.RESOLVED and found.firing == 0


async def test_what_has_nothing_to_do_with_it_stays_apart(world: World) -> None:
    await cascade(world)
    (other,) = results(await world.tell(says("printer", "Toner low")))
    assert other["is_new"] and other["incident_id"] == "INC-2"


async def test_what_joins_a_newcomer_of_the_same_batch_names_its_real_number(world: World) -> None:
    await depending(world, "shop", "db-01")
    said = results(await world.tell(says("db-01", "Host unreachable"), says("shop", "HTTP 500")))
    assert [one["incident_id"] for one in said] == ["INC-1", "INC-1"]
    assert "INC-1" in said[1]["reason"] and "INC--" not in said[1]["reason"]
    async with world.core.database.reading() as tx:
        (joined,) = await tx.grouping.joined(1)
    assert "INC-1" in joined.reason


async def test_never_across_companies(world: World) -> None:
    """Both have a db-01 that goes down at the same time."""
    await cascade(world)
    (other,) = results(await world.tell(says("db-01", "Host unreachable"), company=world.globex))
    assert other["is_new"]
    assert {one.company_id for one in (await incidents(world)).values()} == {world.acme.id, world.globex.id}


async def test_a_process_that_starts_anew_knows_what_was_stored(world: World, database_url: str) -> None:
    await depending(world, "shop", "db-01")
    await world.tell(says("db-01", "Host unreachable"))
    fresh = Database(database_url, world.core.database.vault)
    core = replace(world.core, database=fresh)
    try:
        one = given.delivery(world.acme, says("shop", "HTTP 500"))
        (answer,) = await core.write(lambda tx: ingest(tx, [one], core.clock.now()))
    finally:
        await fresh.close()
    assert results(answer)[0]["incident_id"] == "INC-1"


async def test_a_failed_transaction_leaves_no_memory_of_it(world: World) -> None:
    await depending(world, "shop", "db-01")

    async def fail(tx: Any) -> None:
        await ingest(
            tx, [given.delivery(world.acme, says("db-01", "Host unreachable"))], world.core.clock.now()
        )
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await world.core.write(fail)
    (said,) = results(await world.tell(says("shop", "HTTP 500")))
    assert said["is_new"], "what it depends on was never heard of"


async def split(world: World, label: str, part: str, actor: Any = None) -> Incident:
    who = given.actor(actor or world.kim)
    return await world.core.write(
        lambda tx: regroup.split(tx, given.number(label), part, actor=who, now=world.core.clock.now())
    )


async def merge(world: World, label: str, into: str, actor: Any = None) -> Incident:
    who = given.actor(actor or world.kim)
    return await world.core.write(
        lambda tx: regroup.merge(
            tx, given.number(label), into=given.number(into), actor=who, now=world.core.clock.now()
        )
    )


async def parts(world: World, label: str) -> list[regroup.Part]:
    async with world.core.database.reading() as tx:
        incident = await tx.incidents.get(given.number(label))
        assert incident is not None
        return list(await regroup.parts(tx, incident))


async def test_a_joined_problem_can_be_split_out_and_does_not_come_back(world: World) -> None:
    await cascade(world)
    till = next(one for one in await parts(world, "INC-1") if one.title.startswith("till"))
    out = await split(world, "INC-1", till.name)
    found = await incidents(world)
    assert (out.label, out.asset, out.status, out.count) == ("INC-2", "till", IncidentStatus.NEW, 1)
    assert (found["INC-1"].held, found["INC-1"].count, found["INC-1"].firing) == (2, 3, 3)
    async with world.core.database.reading() as tx:
        clocks = await tx.clocks.of(out.id)
    assert {one.kind for one in clocks} == set(ClockKind)
    later(world, seconds=20)
    (again,) = results(await world.tell(says("till", "Queue stuck")))
    assert again["incident_id"] == "INC-2"
    (late,) = results(await world.tell(says("shop", "HTTP 500")))
    assert late["incident_id"] == "INC-1"


async def test_merge_and_split_undo_each_other(world: World) -> None:
    await world.tell(says("alpha", "Fire"), says("bravo", "Flood"), says("bravo", "Flood"))
    before = await incidents(world)
    kept = await merge(world, "INC-2", "INC-1")
    assert (kept.label, kept.count, kept.firing, kept.held) == ("INC-1", 3, 2, 1)
    merged = (await incidents(world))["INC-2"]
    assert (merged.open, merged.merged_into, merged.count, merged.firing) == (False, 1, 0, 0)
    async with world.core.database.reading() as tx:
        assert all(clock.paused_at is not None for clock in await tx.clocks.of(2))
    (said,) = results(await world.tell(says("bravo", "Flood")))
    assert said["incident_id"] == "INC-1"
    (part,) = await parts(world, "INC-1")
    assert part.name == "INC-2"
    back = await split(world, "INC-1", "INC-2")
    after = await incidents(world)
    assert (back.label, back.count, back.firing, back.merged_into) == ("INC-2", 3, 1, None)
    assert back.status is before["INC-2"].status
    assert (after["INC-1"].count, after["INC-1"].firing, after["INC-1"].held) == (1, 1, 0)
    async with world.core.database.reading() as tx:
        assert all(clock.paused_at is None for clock in await tx.clocks.of(2))
        places = (await tx.connection.execute(sa.select(alerts_table.c.incident_id))).scalars()
        assert sorted(places) == [1, 2]
    (said,) = results(await world.tell(says("bravo", "Flood")))
    assert said["incident_id"] == "INC-2"


async def test_a_merge_within_a_merge_comes_out_as_it_went_in(world: World) -> None:
    await world.tell(says("alpha", "Fire"), says("bravo", "Flood"), says("carol", "Storm"))
    await merge(world, "INC-3", "INC-2")
    await merge(world, "INC-2", "INC-1")
    assert (await incidents(world))["INC-1"].held == 2
    assert [one.name for one in await parts(world, "INC-1")] == ["INC-2"]
    back = await split(world, "INC-1", "INC-2")
    assert (back.count, back.held) == (2, 1)
    last = await split(world, "INC-2", "INC-3")
    found = await incidents(world)
    assert [(one.count, one.held, one.open) for one in found.values()] == [(1, 0, True)] * 3
    assert last.label == "INC-3"


async def test_who_may_not_and_what_makes_no_sense_is_refused(world: World) -> None:
    await world.tell(says("alpha", "Fire"), says("bravo", "Flood"))
    await world.tell(says("alpha", "Fire"), company=world.globex)
    for actor in (world.vera, world.eve):
        with pytest.raises(Refused):
            await merge(world, "INC-2", "INC-1", actor)
    with pytest.raises(NotFound):
        await merge(world, "INC-1", "INC-3", world.kim)
    with pytest.raises(NotFound):
        await merge(world, "INC-1", "INC-3", world.root)
    with pytest.raises(Refused, match="itself"):
        await merge(world, "INC-1", "INC-1")
    await world.core.write(
        lambda tx: respond.resolve(tx, 2, actor=given.actor(world.kim), now=world.core.clock.now())
    )
    with pytest.raises(Refused, match="not open"):
        await merge(world, "INC-2", "INC-1")
    with pytest.raises(Refused, match="no such part"):
        await split(world, "INC-1", "INC-2")


async def claim(world: World, number: int) -> None:
    actor, now = given.actor(world.kim), world.core.clock.now()
    await world.core.write(lambda tx: respond.claim(tx, number, actor=actor, now=now))


async def test_two_incidents_that_people_work_on_are_not_merged_by_themselves(world: World) -> None:
    """Each was claimed before the evidence came; they are only said to belong together."""
    await depending(world, "shop", "db-01")
    await world.tell(says("shop", "HTTP 500"))
    later(world, minutes=20)
    await world.tell(says("db-01", "Host unreachable"))
    for number in (1, 2):
        await claim(world, number)
    for _ in range(6):
        later(world, seconds=10)
        await world.tell(says("shop", "HTTP 500"), says("db-01", "Host unreachable"))
    found = await incidents(world)
    assert all(one.open and one.merged_into is None for one in found.values())


@pytest.fixture
async def replicas(world: World, database_url: str) -> AsyncIterator[list[Core]]:
    second = Database(database_url, world.core.database.vault)
    yield [world.core, replace(world.core, database=second, nudge=asyncio.Event())]
    await second.close()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
async def test_two_replicas_see_one_cascade(world: World, replicas: list[Core]) -> None:
    """Each hears half of it; both find the same incident."""
    for name in ("shop", "till", "stock", "mail"):
        await depending(world, name, "db-01")
    first, second = replicas
    now = first.clock.now()

    async def tell(core: Core, name: str, signature: str) -> str:
        one = given.delivery(world.acme, says(name, signature))
        (answer,) = await core.write(lambda tx: ingest(tx, [one], now))
        return str(results(answer)[0]["incident_id"])

    root = await tell(first, "db-01", "Host unreachable")
    found = await asyncio.gather(
        tell(second, "shop", "HTTP 500"),
        tell(first, "till", "Queue stuck"),
        tell(second, "stock", "Sync late"),
        tell(first, "mail", "Relay refused"),
    )
    assert set(found) == {root}
    (one,) = (await incidents(world)).values()
    assert one.held == 4


async def test_the_believed_cause_is_stored_with_how_sure_it_is_and_outlives_a_restart(world: World) -> None:
    await cascade(world)
    await world.tell(says("shop", "HTTP 500"))
    before = (await incidents(world))["INC-1"]
    asset, _, why = before.cause.partition(": ")
    assert asset in ("db-01", "shop") and "it says `" in why and 45 <= before.confidence <= 100
    world.core.database._pictures = PictureStore()
    later(world, minutes=40)  # beyond what a picture is drawn from
    await world.tell(says("shop", "HTTP 500"))
    after = (await incidents(world))["INC-1"]
    assert (after.cause, after.confidence, after.count) == (before.cause, before.confidence, before.count + 1)


async def test_what_is_silent_itself_is_named_where_all_that_hangs_below_it_alarms(world: World) -> None:
    for name in ("alpha", "bravo", "corax", "delta"):
        await depending(world, name, "sw-9")
    kim, now = given.actor(world.kim), world.core.clock.now()
    for name in ("alpha", "bravo", "corax"):
        await world.tell(says(name, "Answers slowly"))
    for number in [one.id for one in (await incidents(world)).values() if one.id != 1 and one.open]:
        await world.core.write(lambda tx, n=number: regroup.merge(tx, n, into=1, actor=kim, now=now))  # type: ignore[misc]
    world.core.database._pictures = PictureStore()
    await world.tell(says("bravo", "Answers slowly"))
    found = (await incidents(world))["INC-1"]
    assert found.cause == "sw-9: silent itself; 3 of 4 assets that depend on it alarm"
    assert found.confidence == 56
    assert "".join(map(str, cause_line(found, 200)[::2])) == (
        "likely cause: , silent itself (0.56): 3 of 4 assets that depend on it alarm"
    )
