"""A silence of an incident covers all that it holds, what joins it meanwhile too, and nothing that left it."""

from __future__ import annotations

import pytest

from engine.errors import NotFound
from engine.operations import regroup, silence
from engine.suppression import Scope, resting_until
from tests import given
from tests.clock import TestClock
from tests.engine.operations.test_grouping import cascade, depending, incidents
from tests.given import World, results
from tests.given import alert as says
from tests.quiet import a_wish, add, due, fresh, receipts, turned


async def held(world: World, *pairs: tuple[str, str]) -> list[str | None]:
    said = results(await world.tell(*(says(name, signature) for name, signature in pairs)))
    return [one["suppressed_by"] for one in said]


async def test_every_key_of_an_incident_is_silenced_and_those_that_join_while_it_lasts(
    world: World, clock: TestClock
) -> None:
    await cascade(world)
    rule = await add(world, scope=Scope(incident=1))
    assert rule.scope.words == "all of INC-1"
    said = await held(world, ("db-01", "Host unreachable"), ("shop", "HTTP 500"), ("till", "Queue stuck"))
    assert said == ["silence 1"] * 3
    assert await held(world, ("shop", "Fan loud")) == [None], (
        "another problem of the same asset is no part of it"
    )
    await depending(world, "print", "db-01")
    (joins,) = results(await world.tell(says("print", "Spooler stuck")))
    assert (joins["incident_id"], joins["suppressed_by"]) == ("INC-1", None)
    (again,) = await held(world, ("print", "Spooler stuck"))
    assert again == "silence 1"
    (foreign,) = results(await world.tell(says("shop", "HTTP 500"), company=world.globex))
    assert foreign["is_new"]
    context = await world.core.read(lambda tx: tx.companies.context(world.acme.id))
    found = await incidents(world)
    assert resting_until(found["INC-1"], context, clock.now()) is not None
    assert (await fresh(world, rule)).held == 4


async def test_what_is_split_out_meanwhile_is_heard_at_once_and_the_rest_at_the_end(
    world: World, clock: TestClock
) -> None:
    await cascade(world)
    rule = await add(world, scope=Scope(incident=1))
    assert await held(world, ("shop", "HTTP 500"), ("till", "Queue stuck")) == ["silence 1"] * 2
    kim = given.actor(world.kim)

    async def split(tx):
        source = await tx.incidents.get(1)
        part = next(one for one in await regroup.parts(tx, source) if one.title.startswith("shop"))
        return await regroup.split(tx, 1, part.name, actor=kim, now=clock.now())

    out = await world.core.write(split)
    assert await due(world, f"quiet:{rule.id}") == clock.now()
    await turned(world, rule)
    await turned(world, rule)  # a timer may ring twice
    found = await incidents(world)
    assert (found[out.label].count, found["INC-1"].count) == (2, 3), (
        "what was held of it is heard, nothing else"
    )
    assert await held(world, ("shop", "HTTP 500"), ("till", "Queue stuck")) == [None, "silence 1"]
    assert await due(world, f"quiet:{rule.id}") == (await fresh(world, rule)).schedule.over_at
    clock.advance(hours=2)
    await turned(world, rule)
    ((text, _),) = await receipts(world)
    assert "silence 1 is over: all of INC-1, 2 h until" in text
    assert (await incidents(world))["INC-1"].count == 5


async def test_ending_it_hears_every_key_and_a_merged_incident_stays_silent(
    world: World, clock: TestClock
) -> None:
    await cascade(world)
    await world.tell(says("nas", "Disk slow"))
    kim = given.actor(world.kim)
    rule = await add(world, scope=Scope(incident=1))
    await world.core.write(lambda tx: regroup.merge(tx, 1, into=2, actor=kim, now=clock.now()))
    assert await held(world, ("shop", "HTTP 500"), ("nas", "Disk slow")) == ["silence 1", None]
    clock.advance(minutes=5)
    await world.core.write(lambda tx: silence.end(tx, rule.id, actor=kim, now=clock.now()))
    await turned(world, rule)
    assert await held(world, ("shop", "HTTP 500"), ("db-01", "Host unreachable")) == [None, None]
    ((text, _),) = await receipts(world)
    assert "Still firing and heard now: INC-2." in text


async def test_another_companys_number_is_no_number_and_a_preview_counts_all_keys(
    world: World, clock: TestClock
) -> None:
    await cascade(world)
    kim = given.actor(world.kim)
    wish = a_wish(world, scope=Scope(incident=1))
    _, seen = await world.core.read(lambda tx: silence.look(tx, wish, actor=kim, now=clock.now()))
    assert seen.alerts == 4 and {one.asset for one in seen.lines} == {"db-01", "shop", "till", "stock"}
    (said,) = results(await world.tell(says(), company=world.globex))
    theirs = a_wish(world, scope=Scope(incident=int(said["incident_id"].removeprefix("INC-"))))
    with pytest.raises(NotFound):
        await world.core.write(lambda tx: silence.add(tx, theirs, actor=kim, now=clock.now()))
