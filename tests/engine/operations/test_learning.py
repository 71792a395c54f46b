"""What history taught outlives the process: relations, base rates and names, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.core import Core
from engine.aliases import Verdict
from engine.correlation import identify
from engine.errors import NotFound, Refused
from engine.operations import learning, naming
from storage.knowledge_tables import knowledge
from storage.pictures import PictureStore
from tests import given
from tests.clock import TestClock
from tests.given import World, results
from tests.given import alert as says


@pytest.fixture
async def world(core: Core) -> World:
    return await given.world(core)


def later(world: World, **span: float) -> None:
    clock = world.core.clock
    assert isinstance(clock, TestClock)
    clock.advance(**span)


def restart(world: World) -> None:
    """A new process knows nothing but what is stored."""
    world.core.database._pictures = PictureStore()
    world.core.database._contexts.kept.clear()


async def learn(world: World) -> learning.Lesson:
    now, number = world.core.clock.now(), world.acme.id
    seen = await world.core.read(lambda tx: learning.past(tx, number, now))
    assert seen is not None
    lesson = learning.learned(seen, now)
    await world.core.write(lambda tx: learning.settle(tx, lesson))
    return lesson


async def follow(world: World, *, restarting: bool = False) -> list[dict[str, Any]]:
    """What nobody has listed: `kestrel` goes, then `heron`, then `plover`."""
    said = []
    for name, words in (("kestrel", "Replication broken"), ("heron", "Queue stuck"), ("plover", "Jobs late")):
        said += results(await world.tell(says(name, words, severity_word="medium")))
        later(world, seconds=20)
        if restarting:
            restart(world)
    await world.tell(*(says(name, words, resolved=True) for name, words in (
        ("kestrel", "Replication broken"), ("heron", "Queue stuck"), ("plover", "Jobs late"))))  # fmt: skip
    return said


async def days(world: World, count: int) -> None:
    for number in range(count):
        await follow(world)
        later(world, hours=(7, 13, 9, 22, 5, 17, 11, 4, 14)[number % 9])


async def test_a_cascade_that_nobody_listed_is_one_incident_after_some_days(world: World) -> None:
    first = await follow(world)
    assert len({one["incident_id"] for one in first}) == 3
    later(world, hours=9)
    await days(world, 11)
    last = await follow(world)
    assert len({one["incident_id"] for one in last}) == 1
    assert "has followed kestrel within 2 min" in last[1]["reason"]


async def test_a_restart_in_the_middle_groups_as_if_there_had_been_none(world: World) -> None:
    await days(world, 11)
    await learn(world)
    restart(world)
    later(world, hours=9)
    last = await follow(world, restarting=True)
    assert len({one["incident_id"] for one in last}) == 1


async def test_an_existing_database_teaches_at_once(world: World) -> None:
    await days(world, 11)
    async with world.core.database.transaction() as tx:
        await tx.connection.execute(sa.delete(knowledge))
        assert world.acme.id in await tx.knowledge.unlearned()
    await learn(world)
    restart(world)
    async with world.core.database.transaction() as tx:
        assert await tx.knowledge.unlearned() == [world.globex.id]
    assert len({one["incident_id"] for one in await follow(world)}) == 1


async def test_what_one_company_teaches_no_other_knows(world: World) -> None:
    await days(world, 11)
    await learn(world)
    restart(world)
    there = []
    for name, words in (("kestrel", "Replication broken"), ("heron", "Queue stuck")):
        told = await world.tell(says(name, words, severity_word="medium"), company=world.globex)
        there += results(told)
        later(world, seconds=20)
    assert len({one["incident_id"] for one in there}) == 2


async def test_what_is_urgent_is_only_related(world: World) -> None:
    await days(world, 11)
    await world.tell(says("kestrel", "Replication broken", severity_word="medium"))
    later(world, seconds=20)
    (urgent,) = results(await world.tell(says("heron", "Queue stuck", severity_word="critical")))
    assert urgent["is_new"]


async def test_studying_twice_is_studying_once(world: World) -> None:
    await days(world, 4)
    first, second = await learn(world), await learn(world)
    assert first.knowledge.document == second.knowledge.document
    stored = await world.core.read(lambda tx: tx.knowledge.get(world.acme.id))
    assert stored is not None and stored.floor == second.knowledge.floor


async def with_address(world: World, times: int = 6) -> None:
    for number in range(times):
        await world.tell(says("fs-01", f"Odd thing {'abcdefgh'[number]}", labels={"ip": "10.0.3.7"}))
        later(world, hours=1)


async def asset_of(world: World, name: str) -> str:
    context = await world.core.read(lambda tx: tx.companies.context(world.acme.id))
    return identify(says(name), context).asset


async def test_an_address_is_taken_for_its_asset_and_a_person_has_the_last_word(world: World) -> None:
    await with_address(world)
    assert await asset_of(world, "10.0.3.7") == "10.0.3.7"
    assert (await learn(world)).renamed
    assert await asset_of(world, "10.0.3.7") == "fs-01"
    context = await world.core.read(lambda tx: tx.companies.context(world.globex.id))
    assert identify(says("10.0.3.7"), context).asset == "10.0.3.7"
    (alias,) = await world.core.read(lambda tx: tx.knowledge.aliases(world.acme.id))
    assert alias.words == "10.0.3.7 is taken for fs-01 (seen together 6 times, by prometheus)"
    no = replace(alias, verdict=Verdict.REFUSED, decided_by="Kim", decided_at=world.core.clock.now())

    async def refuse(tx: Any) -> None:
        await tx.knowledge.put_aliases([no])
        await tx.companies.touch(world.acme.id)

    await world.core.write(refuse)
    await with_address(world)
    assert not (await learn(world)).renamed
    assert await asset_of(world, "10.0.3.7") == "10.0.3.7"
    async with world.core.database.transaction() as tx:  # what a slow job still thinks does not count
        await tx.knowledge.put_aliases([alias])
        (kept,) = await tx.knowledge.aliases(world.acme.id)
        assert kept == no


async def test_incidents_under_both_names_are_only_related(world: World) -> None:
    await with_address(world)
    later(world, minutes=10)
    (one,) = results(await world.tell(says("10.0.3.7", "Fan broken", severity_word="medium")))
    await learn(world)
    later(world, seconds=30)
    (other,) = results(await world.tell(says("fs-01", "Printer gone", severity_word="medium")))
    assert one["incident_id"] != other["incident_id"]
    number = given.number(one["incident_id"])
    incident = await world.core.read(lambda tx: tx.incidents.get(number))
    assert incident is not None and given.number(other["incident_id"]) in incident.related


async def test_what_is_too_old_teaches_nothing(world: World) -> None:
    await days(world, 3)
    later(world, days=learning.LOOKS_BACK / timedelta(days=1) + 1)
    lesson = await learn(world)
    assert lesson.knowledge.document["relations"]["sorts"] == []


async def test_a_persons_word_is_final_and_audited(world: World) -> None:
    admin, now = given.actor(world.ada), world.core.clock.now()

    def say(name: str, asset: str, *, same: bool) -> Any:
        return world.core.write(
            lambda tx: naming.decide(tx, world.acme.id, name, asset, same=same, actor=admin, now=now)
        )

    with pytest.raises(NotFound, match="not taken for anything"):
        await say("10.0.3.7", "", same=False)
    with pytest.raises(Refused, match=r"is web-01 in the asset list"):
        await say(world.web.cloud_ref, "db-01", same=True)
    with pytest.raises(Refused, match="its own other name"):
        await say("fs-01", "FS-01", same=True)
    await say("10.0.3.7", "DB-01", same=True)
    assert await asset_of(world, "10.0.3.7") == "db-01"
    context = await world.core.read(lambda tx: tx.companies.context(world.acme.id))
    assert context.asset_called("10.0.3.7") == world.db
    await with_address(world)
    assert not (await learn(world)).renamed
    assert await asset_of(world, "10.0.3.7") == "db-01"
    await say("10.0.3.7", "fs-01", same=True)
    assert await asset_of(world, "10.0.3.7") == "fs-01"
    await say("10.0.3.7", "", same=False)
    assert await asset_of(world, "10.0.3.7") == "10.0.3.7"
    await say("10.0.3.8", "fs-01", same=True)
    with pytest.raises(Refused, match="itself a further name"):
        await say("10.0.9.9", "10.0.3.8", same=True)
